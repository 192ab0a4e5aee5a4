"""faults.py - a service whose calls can be made to fail: its programs are linked with shim.c, which reads its
rules from memory that is shared with the tests; its data folder may lie on a small disk of its own."""
import mmap
import os
import pwd
import struct
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))
# pylint: disable=wrong-import-position
import service  # noqa: E402

MINOS = os.path.join(service.BUILD, "fault", "minos")
RULES, RULE_BYTES = 16, 128
PAGE_BYTES = RULES * RULE_BYTES + 8

CALLS = {name: i + 1 for i, name in enumerate(
    ("write", "fsync", "mkdir", "rename", "link", "unlink", "fork", "open", "send"))}
ERRNO, SLOW, KILL_BEFORE, KILL_AFTER = 1, 2, 3, 4
UP, SERVER, SUPERVISOR, SLOT, BOX = 1, 2, 4, 8, 16
EVERYBODY = UP | SERVER | SUPERVISOR | SLOT | BOX


class Faults:
    """The rules of one service."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(PAGE_BYTES))
        os.chmod(path, 0o666)
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), PAGE_BYTES)

    def set(self, roles, call, action, value=0, part="", skip=0, count=-1, slot=0):
        """From now on `count` such calls (-1: all) of these programs are hit, after `skip` that are not."""
        at = slot * RULE_BYTES
        self.page[at:at + 4] = bytes(4)
        self.page[at + 4:at + RULE_BYTES] = struct.pack(
            "=IIiqqq64s24x", CALLS[call], action, value, skip, count, 0, part.encode())
        self.page[at:at + 4] = struct.pack("=I", roles)

    def hits(self, slot=0):
        at = slot * RULE_BYTES + 32
        return struct.unpack("=q", self.page[at:at + 8])[0]

    def clear(self):
        for i in range(RULES):
            self.page[i * RULE_BYTES:i * RULE_BYTES + 4] = bytes(4)

    def shift_clock(self, seconds):
        self.page[RULES * RULE_BYTES:] = struct.pack("=q", int(seconds * 1e9))


class Disk:
    """An ext4 file system in a file, mounted at a folder; fills up, runs out of inodes, turns read-only."""

    def __init__(self, folder, megabytes=24, inodes=None):
        self.folder, self.image = folder, folder + ".img"
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        more = ["-N", str(inodes)] if inodes else []
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", *more, self.image)
        os.makedirs(folder, exist_ok=True)
        try:
            run("mount", "-o", "loop", self.image, folder)
        except AssertionError as e:
            raise unittest.SkipTest(f"no disk can be made here: {e}") from None
        os.rmdir(os.path.join(folder, "lost+found"))

    def fail(self):
        """Let the kernel find an error in the file system, and turn it read-only as it then does."""
        run("mount", "-o", "remount,errors=remount-ro", self.folder)
        with open(os.path.join(self.kernel_folder(), "trigger_fs_error"), "w", encoding="ascii") as f:
            f.write("a test")

    def kernel_folder(self):
        with open("/proc/self/mountinfo", encoding="ascii") as f:
            device, = [line.split(" - ")[1].split()[1] for line in f if line.split()[4] == self.folder]
        return "/sys/fs/ext4/" + os.path.basename(device)

    def mend(self):
        """What an operator does then; nothing may use it."""
        folder = self.kernel_folder()
        run("umount", self.folder)
        service.poll("nobody's mounts hold it any more", lambda: not os.path.exists(folder), 30)
        done = subprocess.run(["e2fsck", "-f", "-y", self.image], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode > 1:  # 1: errors were corrected
            raise AssertionError(f"e2fsck: {done.returncode}")
        run("mount", "-o", "loop", self.image, self.folder)

    def free_bytes(self):
        s = os.statvfs(self.folder)
        return s.f_bavail * s.f_frsize

    def fill(self, leave=0):
        """Take all room but `leave` bytes; the file that takes it."""
        path = os.path.join(self.folder, "filler")
        with open(path, "ab") as f:
            piece = 1 << 20
            while piece >= 4096 and self.free_bytes() > leave:
                try:
                    os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, piece)
                except OSError:  # others take room at the same time
                    piece //= 2
        return path

    def take_inodes(self):
        """Empty files, until no more can be made; their folder."""
        folder = os.path.join(self.folder, "many")
        os.mkdir(folder)
        try:
            for i in range(1 << 20):
                os.close(os.open(os.path.join(folder, str(i)), os.O_CREAT | os.O_WRONLY))
        except OSError:
            pass
        return folder

    def close(self):
        run("umount", self.folder)
        os.unlink(self.image)


def service_user():
    """The ids under which `minos up` runs its server and worker."""
    try:
        entry = pwd.getpwnam("minos")
        return entry.pw_uid, entry.pw_gid
    except KeyError:
        return 1879048190, 1879048190  # server/cli/up_data.c


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stdout.decode(errors='replace')}")


class FaultyService(service.Service):
    """A service under faults; `disk` makes its data folder a small file system."""

    def __init__(self, disk=None, **more):
        super().__init__(**more)
        self.disk = None
        if disk is not None:
            self.disk = Disk(self.data, **disk)
        else:
            os.mkdir(self.data)
        os.chown(self.data, *service_user())
        self.faults = Faults(os.path.join(self.base, "faults"))
        with open(os.path.join(self.data, "faults"), "wb"):
            pass
        self.prefix = []  # of the command that starts it

    def arguments(self):
        """In mounts of its own, where the rules, which we map, lie in its data folder, to which it confines
        itself, without keeping the disk below from being taken away."""
        script = 'mount --bind "$0" "$1" && shift && exec "$@"'
        return [*self.prefix, "unshare", "--mount", "--propagation", "private", "sh", "-c", script,
                os.path.join(self.base, "faults"), os.path.join(self.data, "faults"),
                MINOS, *super().arguments()[1:]]

    def environment(self):
        return {**super().environment(), "MINOS_FAULTS": os.path.join(self.data, "faults")}

    def close(self):
        self.faults.clear()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        service.poll("its processes have ended", lambda: not self.seen.alive() or self.end_rest(), 30)
        if self.disk is not None:
            self.disk.close()
        super().close()

    def end_rest(self):
        for pid in self.seen.alive():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        return False
