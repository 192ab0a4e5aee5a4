"""Who starts Minos: root, or an ordinary user in control groups that were given to him."""
import itertools
import os
import pwd
import subprocess

from host import CELL_IDS, read

GIVEN = ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks")
NEEDED = {"cpu", "cpuacct", "memory", "pids"}
# Made where the host does not have them: one with subordinate ids, one without. Name: (id, first subordinate).
USERS = {"mapped": (54321, 1_700_000_000), "single": (54322, None)}
ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


def make_user(name):
    """In the /etc of the stage."""
    number, first = USERS[name]
    lines = {"passwd": f"{name}:x:{number}:{number}::/tmp/{name}:/bin/sh", "group": f"{name}:x:{number}:",
             "shadow": f"{name}:*:20000:0:99999:7:::"}
    if first:
        lines.update(dict.fromkeys(("subuid", "subgid"), f"{name}:{first}:65536"))
    for file, line in lines.items():
        with open(f"/etc/{file}", "a", encoding="ascii") as f:
            f.write(line + "\n")
    os.mkdir(f"/tmp/{name}", 0o700)
    os.chown(f"/tmp/{name}", number, number)


def group_parents():
    """Where a user can be given a group: below ours of each v1 hierarchy that counts, at the top of v2 (where
    no group with processes may have groups)."""
    own = {}
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    found = []
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ", 1)
        kind, _, options = right.split()[:3]
        used = NEEDED & set(options.split(","))
        if kind == "cgroup2":
            found.append(left.split()[4])
        elif kind == "cgroup" and used:
            found.append(left.split()[4] + own[used.pop()].rstrip("/"))
    return found


class Root:
    name, rootless = "root", False

    def __init__(self, first_id):
        self.first_id, self.id_count = first_id, CELL_IDS

    def settings(self):
        return {"box.id_base": self.first_id}

    @staticmethod
    def own(path):
        pass

    @staticmethod
    def popen(argv, env, **options):
        return subprocess.Popen(argv, env=env, **options)

    @staticmethod
    def owns(_pid):
        return True

    @staticmethod
    def left():
        return []


class User:
    """Each start gets a new group in each hierarchy, which must be empty of groups afterwards."""

    serial, rootless = itertools.count(), True

    def __init__(self, name):
        if name in USERS and name not in {u.pw_name for u in pwd.getpwall()}:
            make_user(name)
        self.user = pwd.getpwnam(name)
        self.name = name
        self.groups = []
        self.first_id, self.id_count = self.user.pw_uid, 1
        for line in read("/etc/subuid").splitlines():
            who, first, count = line.strip().split(":")
            if who in (name, str(self.user.pw_uid)):
                self.first_id, self.id_count = int(first), int(count)

    @staticmethod
    def settings():
        return {}

    def own(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def give_groups(self):
        name = f"hostile-{os.getpid()}-{next(self.serial)}"
        groups = [os.path.join(parent, name) for parent in group_parents()]
        for group in groups:
            os.mkdir(group)
            for path in (os.path.join(group, file) for file in GIVEN):
                if os.path.exists(path):
                    self.own(path)
        self.groups += groups
        return groups

    def popen(self, argv, env, **options):
        enter = ["sh", "-c", ENTER, "sh", *self.give_groups(), "--", "setpriv", "--reuid", self.name,
                 "--regid", str(self.user.pw_gid), "--init-groups", "--inh-caps=-all"]
        return subprocess.Popen(enter + argv, env={**env, "HOME": self.user.pw_dir, "USER": self.name}, **options)

    def owns(self, pid):
        """Both lanes have this user's ids; the group tells whose a process is."""
        place = read(f"/proc/{pid}/cgroup")
        return any(os.path.basename(g) in place for g in self.groups)

    def left(self):
        """Groups in which something is still there; those of what still runs are no leftovers."""
        found = []
        for group in list(self.groups):
            below = [os.path.join(group, n) for n in os.listdir(group) if os.path.isdir(os.path.join(group, n))]
            if any(read(os.path.join(at, "cgroup.procs")) for at, _, _ in os.walk(group)):
                continue
            stray = [f"cgroup {at}" for at in below if os.path.basename(at) != "supervisor"]
            if not stray:
                for at in [*below, group]:
                    os.rmdir(at)
                self.groups.remove(group)
            found += stray
        return found
