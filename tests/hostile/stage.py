"""A host of its own for the tests: mount, network, ipc and uts namespaces in which everything that is
not there at the start is a leftover, and in which canaries are planted."""
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import socket
import stat
import struct
import sys
import threading

MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 4096, 16384, 1 << 18, 1 << 20
SHM_KEY, SHM_BYTES, IPC_CREAT = 0x4D494E4F, 4096, 0o1000
TCP_PORT, ABSTRACT_NAME = 47101, b"\0minos-canary"
# 192.0.2.0/24 is for documentation: here it is on loopback, so that a route out of a cell can be seen
# without anything leaving the machine.
OUTSIDE = "192.0.2.1"

libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, fstype, flags=0, data=""):
    if libc.mount(source.encode(), target.encode(), fstype.encode(), ctypes.c_ulong(flags),
                  data.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source} on {target}: {os.strerror(number)}")


def enter_namespaces():
    """Start this program again in namespaces of its own; returns when we are there."""
    if os.environ.get("MINOS_HOSTILE_STAGED") == "1":
        return
    os.environ["MINOS_HOSTILE_STAGED"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--ipc", "--uts", "--net", "--propagation", "private",
                          sys.executable] + sys.argv)


class Canaries:
    """Secrets that no output may show."""

    def __init__(self):
        self.texts = {}
        self.files = {}

    def new(self, what):
        text = f"{what}-{secrets.token_hex(12)}"
        self.texts[what] = text
        return text

    def known(self, what, text):
        if len(text) >= 16:
            self.texts[what] = text

    def file(self, path, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        text = self.new("file" + path.replace("/", "-"))
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n")
        os.chmod(path, mode)
        self.files[path] = (text, mode)

    def seen_in(self, text):
        return [what for what, secret in self.texts.items() if secret in text]

    def damaged(self):
        bad = []
        for path, (text, mode) in self.files.items():
            try:
                st = os.lstat(path)
                with open(path, encoding="ascii") as f:
                    same = f.read() == text + "\n"
            except (OSError, ValueError):
                same = False
            if not same or stat.S_IMODE(st.st_mode) != mode or st.st_uid != 0:
                bad.append(f"canary file {path} was changed")
        return bad


class Stage:
    def __init__(self, build, repo, more=None):
        """`more`: further folders to keep in sight, name to path; self.more has where they are."""
        self.canaries = Canaries()
        paths = {"build": build, "repo": repo, **(more or {})}
        fds = {name: os.open(path, os.O_RDONLY) for name, path in paths.items()}
        mount("none", "/", "none", MS_REC | MS_SHARED)  # so that a keeper that forgot to go private shows
        self.cover()
        self.more = {name: self.bind(fd, name) for name, fd in fds.items()}
        self.build, self.repo = self.more["build"], self.more["repo"]
        self.work = f"/tmp/minos-hostile-{secrets.token_hex(8)}"
        os.mkdir(self.work, 0o755)
        os.chdir(self.work)
        self.canaries.known("work-directory", os.path.basename(self.work))
        self.network()
        self.files()
        self.facts()
        self.ipc()
        self.sockets()

    def cover(self):
        mount("stage", "/mnt", "tmpfs", 0, "mode=0755")
        for path in ("/tmp", "/var/tmp", "/home", "/srv", "/run", "/dev/shm"):
            if os.path.isdir(path):
                mode = "0755" if path in ("/home", "/srv", "/run") else "1777"
                mount("stage", path, "tmpfs", 0, f"mode={mode}")
        for path in ("/root", "/etc"):
            upper, work = f"/mnt/upper{path}", f"/mnt/work{path}"
            os.makedirs(upper)
            os.makedirs(work)
            shutil.copystat(path, upper)
            mount("stage", path, "overlay", 0, f"lowerdir={path},upperdir={upper},workdir={work}")
        if os.path.isdir("/dev/mqueue"):
            mount("stage", "/dev/mqueue", "mqueue")

    @staticmethod
    def bind(fd, name):
        path = f"/mnt/{name}"
        os.mkdir(path)
        mount(f"/proc/self/fd/{fd}", path, "none", MS_BIND | MS_REC)
        os.close(fd)
        return path

    @staticmethod
    def network():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
            address = struct.pack("16sHH4s8x", b"lo:0", socket.AF_INET, 0, socket.inet_aton(OUTSIDE))
            fcntl.ioctl(s, 0x8916, address)  # SIOCSIFADDR; an address of class C: a route to the /24

    def files(self):
        for path, mode in (("/root/minos-canary", 0o644), ("/root/.ssh/minos-canary", 0o600),
                           ("/home/minos-canary/secret", 0o644), ("/tmp/minos-canary", 0o644),
                           ("/var/tmp/minos-canary", 0o666), ("/etc/minos-canary", 0o644),
                           ("/etc/minos/minos-canary", 0o600), ("/srv/tests/1.answer", 0o644),
                           ("/run/minos-canary", 0o666), ("/dev/shm/minos-canary", 0o666)):
            if os.path.isdir(os.path.dirname(os.path.dirname(path))):
                self.canaries.file(path, mode)
        self.environment = {**os.environ, "MINOS_HOSTILE_CANARY": self.canaries.new("environment")}

    def facts(self):
        name = self.canaries.new("hostname")
        socket.sethostname(name)
        libc.setdomainname(b"canary.example", 14)
        with open("/etc/machine-id", "w", encoding="ascii") as f:
            f.write(secrets.token_hex(16) + "\n")
        for what, path in (("boot-id", "/proc/sys/kernel/random/boot_id"),
                           ("machine-id", "/etc/machine-id"), ("cmdline", "/proc/cmdline"),
                           ("product-uuid", "/sys/class/dmi/id/product_uuid")):
            try:
                with open(path, encoding="ascii") as f:
                    self.canaries.known(what, f.read().strip())
            except OSError:
                pass  # not every host has it

    def ipc(self):
        libc.shmat.restype = ctypes.c_void_p
        self.shm_id = libc.shmget(SHM_KEY, SHM_BYTES, IPC_CREAT | 0o666)
        at = libc.shmat(self.shm_id, None, 0)
        self.shm_text = self.canaries.new("sysv-shm").encode()
        ctypes.memmove(at, self.shm_text, len(self.shm_text))
        self.shm_at = at
        libc.semget(SHM_KEY, 1, IPC_CREAT | 0o666)
        queue = libc.msgget(SHM_KEY, IPC_CREAT | 0o666)
        text = self.canaries.new("sysv-message").encode()
        libc.msgsnd(queue, ctypes.create_string_buffer(struct.pack("l", 1) + text), len(text), 0)

    def sockets(self):
        secret = self.canaries.new("socket").encode()
        self.listeners = []
        for family, address in ((socket.AF_INET, ("0.0.0.0", TCP_PORT)), (socket.AF_UNIX, ABSTRACT_NAME),
                                (socket.AF_UNIX, "/run/minos-canary.sock")):
            s = socket.socket(family)
            s.bind(address)
            if family == socket.AF_UNIX and isinstance(address, str):
                os.chmod(address, 0o777)
            s.listen(64)
            self.listeners.append(s)
            threading.Thread(target=self.answer, args=(s, secret), daemon=True).start()

    @staticmethod
    def answer(listener, secret):
        while True:
            try:
                peer, _ = listener.accept()
                peer.sendall(secret + b"\n")
                peer.close()
            except OSError as e:
                if e.errno in (errno.EBADF, errno.EINVAL):
                    return

    def damaged(self):
        bad = self.canaries.damaged()
        if ctypes.string_at(self.shm_at, len(self.shm_text)) != self.shm_text:
            bad.append("the SysV canary was overwritten")
        return bad

