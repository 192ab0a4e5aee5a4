"""What a program may have left behind on the host: snapshots and their differences."""
import os
import re
import time

CELL_IDS = 2 * (1 << 22)  # two ids a process id
SYSCTLS = ("kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "kernel/domainname",
           "kernel/shmmax", "kernel/shmall", "kernel/msgmax", "kernel/sem", "kernel/panic",
           "kernel/sysrq", "kernel/dmesg_restrict", "kernel/kptr_restrict", "kernel/pid_max",
           "kernel/randomize_va_space", "kernel/yama/ptrace_scope", "vm/overcommit_memory",
           "vm/swappiness", "fs/suid_dumpable", "fs/mqueue/msg_max", "net/ipv4/ip_forward",
           "net/ipv4/ip_unprivileged_port_start", "user/max_user_namespaces")
FOLDERS = ("/tmp", "/var/tmp", "/home", "/srv", "/run", "/dev", "/dev/shm", "/dev/mqueue", "/root", "/etc",
           "/etc/minos", "/srv/tests", "/proc/sys/fs/binfmt_misc")
GROUP = re.compile(r"minos-(\d+)-(\d+)$")
SETTLE_S = 4.0


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return default


def names(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def mounts():
    """Without the ids, which the kernel gives anew."""
    return [" ".join(line.split()[3:]) for line in read("/proc/self/mountinfo").splitlines()]


def listeners():
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "packet"):
        for line in read(f"/proc/self/net/{table}").splitlines()[1:]:
            part = line.split()
            if not table.startswith("tcp") or part[3] == "0A":
                found.append(f"{table} {part[1]}")
    for line in read("/proc/self/net/unix").splitlines()[1:]:
        part = line.split()
        if len(part) > 7 and part[7].startswith("@") and part[3] == "00010000":
            found.append(f"unix {part[7]}")
    return found


def sysv():
    found = []
    for kind in ("shm", "msg", "sem"):
        for line in read(f"/proc/sysvipc/{kind}").splitlines()[1:]:
            found.append(f"{kind} {' '.join(line.split()[:2])}")
    return found


def processes(starter):
    """Processes with ids of our cells, those that wait for a job left out."""
    found = []
    for pid in filter(str.isdigit, names("/proc")):
        status = read(f"/proc/{pid}/status")
        ids = re.search(r"^Uid:\s+(\d+)\s+(\d+)", status, re.M)
        if not ids or not any(starter.first_id <= int(i) < starter.first_id + starter.id_count for i in ids.groups()):
            continue
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("minos"):
                continue
        except OSError:
            pass  # a zombie has none, and is a leftover all the same
        found.append(f"process {pid} {status.splitlines()[0].split(None, 1)[-1]}")
    return found


def start_time(pid):
    text = read(f"/proc/{pid}/stat")
    return text.rsplit(")", 1)[1].split()[19] if text else None


def group_roots():
    roots = []
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ", 1)
        if right.split()[0] in ("cgroup", "cgroup2"):
            roots.append(left.split()[4])
    return roots


def children(pid):
    return [c for t in names(f"/proc/{pid}/task") for c in read(f"/proc/{pid}/task/{t}/children").split()]


def dead_groups(keepers):
    """Groups of keepers of ours that are no more; others on this machine may have their own."""
    found = []
    for root in group_roots():
        for folder, below, _ in os.walk(root):
            for name in list(below):
                owner = GROUP.match(name)
                if owner:
                    below.remove(name)
                    if owner[1] in keepers and start_time(owner[1]) != owner[2]:
                        found.append(f"cgroup {folder}/{name}")
    return found


class Host:
    def __init__(self, stage):
        self.stage = stage
        self.before = self.look()
        self.keepers = set()  # process ids, as texts

    def look(self):
        seen = {f"mount {m}" for m in mounts()}
        seen |= {f"listener {text}" for text in listeners()}
        seen |= {f"SysV object {text}" for text in sysv()}
        seen |= {f"sysctl {s} = {read('/proc/sys/' + s).strip()}" for s in SYSCTLS}
        seen |= {f"file {d}/{n}" for d in FOLDERS for n in names(d)}
        seen |= {f"uevent_helper {read('/sys/kernel/uevent_helper').strip()}"}
        return seen

    def rebase(self):
        """What the service itself needs (its socket...) is none of the programs' doing."""
        self.before = self.look()

    def changes(self, starter):
        now = self.look()
        found = [f"new: {x}" for x in sorted(now - self.before)]
        found += [f"gone: {x}" for x in sorted(self.before - now)]
        found += [p for p in processes(starter) if starter.owns(p.split()[1])] + self.stage.damaged() + starter.left()
        return found + dead_groups(self.keepers)

    def note_keepers(self, pid):
        """Remember the keepers below a `minos run` or `minos up`: we look for their groups later."""
        below = children(pid)
        self.keepers |= set(below)
        for child in below:
            self.keepers |= set(children(child))
        return bool(below)

    def settle(self, starter):
        """The changes that stay."""
        deadline = time.monotonic() + SETTLE_S
        found = self.changes(starter)
        while found and time.monotonic() < deadline:
            time.sleep(0.1)
            found = self.changes(starter)
        return found


def shared_memory_bytes():
    """tmpfs, memfd and SysV memory of the whole machine."""
    found = re.search(r"^Shmem:\s+(\d+) kB", read("/proc/meminfo"), re.M)
    return int(found[1]) << 10
