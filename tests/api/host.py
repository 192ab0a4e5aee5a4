"""host.py - what a Minos service and its cells have on this machine: processes, control groups,
mounts, sockets, files, System V objects. Only what belongs to given processes is looked at, since
other services may run beside."""
import os

GROUPS = "/sys/fs/cgroup"
ID_BASE = 1879048192  # box.id_base as shipped; each keeper has two ids, by its process id


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read().decode(errors="replace")
    except OSError:
        return ""


def stat(pid):
    """(parent, start time) of a process, or None."""
    text = read(f"/proc/{pid}/stat")
    if not text:
        return None
    words = text[text.rindex(")") + 2:].split()
    return int(words[1]), int(words[19])


def waited_ns(pid):
    """How long its threads that live were ready to run and had no core."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    words = [read(f"/proc/{pid}/task/{task}/schedstat").split() for task in tasks]
    return sum(int(w[1]) for w in words if w)


def is_zombie(pid):
    text = read(f"/proc/{pid}/stat")
    return text == "" or text[text.rindex(")") + 2] in "ZX"


def command(pid):
    """Its argument vector, [] when it is gone."""
    return [w for w in read(f"/proc/{pid}/cmdline").split("\0") if w]


def program(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def children(pid):
    found = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        found += [int(p) for p in read(f"/proc/{pid}/task/{task}/children").split()]
    return found


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for child in children(pid):
        found += tree(child)
    return found


def groups_of(pid):
    """Directories of the control groups that are named after this process, in all hierarchies."""
    began = stat(pid)
    return find_groups(f"minos-{pid}-{began[1]}") if began else []


def find_groups(name):
    found = []
    for parent in group_parents():
        path = os.path.join(parent, name)
        if os.path.isdir(path):
            found.append(path)
    return found


def group_parents():
    """Where the groups of keepers can be: below our own group of each hierarchy, and its parents."""
    found = []
    for line in read("/proc/self/cgroup").split():
        _, names, path = line.split(":", 2)
        mount = os.path.join(GROUPS, names.replace("name=", "")) if names else GROUPS
        for base in (mount, os.path.join(GROUPS, "unified"), GROUPS):
            place = base + path.rstrip("/")
            while place.startswith(GROUPS):
                if os.path.isdir(place) and place not in found:
                    found.append(place)
                place = os.path.dirname(place)
    return found


def cells(pid):
    """Names of the cells' groups below a keeper's, over all hierarchies."""
    names = set()
    for group in groups_of(pid):
        names |= {n for n in os.listdir(group) if os.path.isdir(os.path.join(group, n))}
    return names


def strangers(keeper):
    """What a keeper has beyond one warm cell: texts."""
    found = []
    own = program(keeper)
    for pid in tree(keeper):
        if program(pid) not in (own, "") and not is_zombie(pid):
            found.append(f"process {pid} {' '.join(command(pid))[:80]}")
    names = cells(keeper)
    if len(names) > 1:
        found.append(f"groups {sorted(names)} of keeper {keeper}")
    if len(cell_mounts(keeper)) > 1:
        found.append(f"mounts {cell_mounts(keeper)} of keeper {keeper}")
    found += [f"group {g} without a process" for g in groups_of(keeper) for n in names
              if os.path.isdir(os.path.join(g, n)) and not inhabited(os.path.join(g, n))]
    return found


def inhabited(group):
    """Whether a process is in the group or in one below it."""
    return any(read(os.path.join(folder, "cgroup.procs")) for folder, _, _ in os.walk(group))


def ids_of(keepers):
    return {ID_BASE + 2 * pid + i for pid in keepers for i in (0, 1)}


def owned_by(keepers):
    """Files and System V objects on the host that belong to a cell's ids: texts."""
    ids, found = ids_of(keepers), []
    for folder in ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue"):
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.stat(follow_symlinks=False).st_uid in ids:
                    found.append(f"file {entry.path}")
            except OSError:
                pass
    for kind in ("shm", "sem", "msg"):
        for line in read(f"/proc/sysvipc/{kind}").splitlines()[1:]:
            if ids & {int(w) for w in line.split() if w.isdigit()}:
                found.append(f"System V {kind}: {line.strip()}")
    return found


def cell_mounts(keeper):
    """The file systems of cells that a keeper has mounted."""
    points = [line.split()[4] for line in read(f"/proc/{keeper}/mountinfo").splitlines()]
    return [p for p in points if p.startswith("/cells/")]


def descriptor_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def unix_sockets(below):
    return [f"socket {line.split()[-1]}" for line in read("/proc/net/unix").splitlines()
            if line.split()[-1].startswith(below + "/")]


def mounts(below):
    found = []
    for line in read("/proc/self/mountinfo").splitlines():
        if line.split()[4].startswith(below):
            found.append(f"mount {line.split()[4]}")
    return found


class Seen:
    """Processes that were seen, by pid and start time, so that none is mistaken for another."""

    def __init__(self):
        self.processes = {}
        self.keepers = set()

    def add_tree(self, pid):
        for p in tree(pid):
            known = stat(p)
            if known is not None:
                self.processes[p] = known[1]
                if command(p)[:2] == ["minos-box", "listen"]:
                    self.keepers.add((p, known[1]))

    def alive(self):
        return [p for p, began in self.processes.items()
                if (stat(p) or (0, -1))[1] == began and not is_zombie(p)]

    def forget_dead(self):
        """Keep no account of those whose end was seen, with what they had."""
        alive = set(self.alive())
        self.processes = {p: began for p, began in self.processes.items() if p in alive}
        self.keepers = {(p, began) for p, began in self.keepers if p in alive}

    def left(self):
        found = [f"process {p} {' '.join(command(p))[:80]}" for p in self.alive()]
        for pid, began in self.keepers:
            found += [f"group {g}" for g in find_groups(f"minos-{pid}-{began}")]
        return found + owned_by([pid for pid, _ in self.keepers])
