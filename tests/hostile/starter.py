"""Who starts Minos: root, or an ordinary user in a control group that was given to him (cgroup v2)."""
import itertools
import os
import pwd
import subprocess

from host import CELL_IDS

GROUPS = "/sys/fs/cgroup"
GIVEN = ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control")


class Root:
    name = "root"

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
    """Each start gets a new group, which must be empty of groups afterwards."""

    serial = itertools.count()

    def __init__(self, name):
        self.user = pwd.getpwnam(name)
        self.name = name
        self.groups = []
        self.first_id, self.id_count = self.user.pw_uid, 1
        with open("/etc/subuid", encoding="ascii") as f:
            for line in f:
                who, first, count = line.strip().split(":")
                if who in (name, str(self.user.pw_uid)):
                    self.first_id, self.id_count = int(first), int(count)

    @staticmethod
    def settings():
        return {}

    def own(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def popen(self, argv, env, **options):
        group = os.path.join(GROUPS, f"hostile-{os.getpid()}-{next(self.serial)}")
        os.mkdir(group)
        for name in GIVEN:
            self.own(os.path.join(group, name))
        self.groups.append(group)
        enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', group, "setpriv", "--reuid", self.name,
                 "--regid", str(self.user.pw_gid), "--init-groups", "--inh-caps=-all"]
        return subprocess.Popen(enter + argv, env={**env, "HOME": self.user.pw_dir, "USER": self.name}, **options)

    def owns(self, pid):
        """Both lanes have this user's ids; the group tells whose a process is."""
        try:
            with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                place = f.read()
        except OSError:
            return False
        return any(os.path.basename(g) in place for g in self.groups)

    def left(self):
        """Groups in which something is still there; those of what still runs are no leftovers."""
        found = []
        for group in list(self.groups):
            with open(os.path.join(group, "cgroup.events"), encoding="ascii") as f:
                if "populated 1" in f.read():
                    continue
            below = [n for n in os.listdir(group) if os.path.isdir(os.path.join(group, n))]
            found += [f"cgroup {group}/{n}" for n in below if n != "supervisor"]
            if not found:
                for n in below:
                    os.rmdir(os.path.join(group, n))
                os.rmdir(group)
                self.groups.remove(group)
        return found
