"""One virtual machine: its processes, and what it says."""
import os
import pathlib
import platform
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import initramfs

BOOT_S = 120  # of processor time, until the command starts: a busy host gives little of it
BOOT_WALL_S = 900
SILENCE_S = 600  # a guest says every five of its seconds that it lives
KVM_BOOT_S = 20
TOOK_TOO_LONG = 124
# Without the string instructions that kernels take for fast and an emulator makes byte by byte: pages are cleared
# twelve times faster.
EMULATED_CPU = "max,-erms,-fsrm"
BOOTS = 3  # an emulated kernel may, rarely, measure a wrong clock: its init gives up, we try again


class DidNotBoot(Exception):
    """The command was never started."""


class Died(Exception):
    """The guest fell silent before the command had ended."""


def kvm_may_work():
    """Nested software virtualization (kvm_pvm) offers /dev/kvm and interprets foreign kernels: worse than none."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    modules = {path.name for path in pathlib.Path("/sys/module").glob("kvm*")}
    return "kvm_pvm" not in modules or bool(modules & {"kvm_intel", "kvm_amd"})


def start(arguments, log, pass_fds=()):
    """Start a program that ends with us, whatever ends us."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments], pass_fds=pass_fds,
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class Machine:
    def __init__(self, tools, kernel, options):
        self.tools, self.kernel, self.options = tools, kernel, options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minos-vm-"))
        self.processes = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    # --- what the guest is told ---

    def settings(self, accel):
        return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in {
            "PID1": "systemd" if self.options.systemd else "plain",
            "MODULES": self.kernel.modules,
            "SLOWNESS": 1 if accel == "kvm" else self.options.slowness,
        }.items())

    def command(self, accel):
        lines = ["export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "export HOME=/root LANG=C.UTF-8 TERM=dumb MINOS_MUST_WORK=1 MINOS_IN_VM=1",
                 f"export MINOS_TEST_SLOWNESS={1 if accel == 'kvm' else self.options.slowness}",
                 f"cd {shlex.quote(self.options.chdir)} || exit 125"]
        for pair in self.options.env:
            name, _, value = pair.partition("=")
            lines.append(f"export {name}={shlex.quote(value)}")
        return "\n".join([*lines, "exec " + shlex.join(self.options.command), ""])

    def kernel_line(self):
        # A measured clock is checked by the guest's init; `tsc=reliable` would let it run wild under load.
        words = ["console=ttyS0 panic=-1 quiet loglevel=3 nokaslr mitigations=off random.trust_cpu=on",
                 "cgroup_no_v1=all"]
        if self.options.systemd:
            words.append("systemd.unified_cgroup_hierarchy=1 systemd.firstboot=0 systemd.show_status=0 fstab=no")
        return " ".join(words + self.options.append)

    # --- its processes ---

    def share_root(self):
        """Export the host's / for reading only. Announced submounts would be automounts in the guest, which
        overlayfs refuses; without file handles each file ever seen would cost a descriptor."""
        path = self.folder / "root.sock"
        arguments = ["--shared-dir=/", "--readonly", "--sandbox=chroot", "--cache=always", "--xattr",
                     "--no-announce-submounts", "--inode-file-handles=prefer", "--log-level=error"]
        log = open(self.folder / "virtiofsd.log", "ab")
        process = start([*self.tools.command("usr/libexec/virtiofsd"), f"--socket-path={path}", *arguments], log)
        self.processes.append(process)
        until = time.monotonic() + 10
        while not path.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise DidNotBoot("the host's / could not be exported")
            time.sleep(0.02)
        return path

    def processor(self, accel):
        if accel == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        if self.options.icount is None:
            return ["-accel", "tcg,thread=multi", "-cpu", EMULATED_CPU]
        return ["-accel", "tcg,thread=single", "-icount", f"shift={self.options.icount}",
                "-rtc", "clock=vm", "-cpu", EMULATED_CPU]

    def start_qemu(self, accel, root_socket, ports):
        share = self.tools.root / "usr/share"
        arguments = [
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35,usb=off",
            "-L", share / "qemu", "-L", share / "seabios", "-L", self.tools.root / "usr/lib/ipxe/qemu",
            *self.processor(accel),
            "-smp", self.options.cpus, "-m", self.options.memory,
            "-object", f"memory-backend-memfd,id=ram,size={self.options.memory}M,share=on",
            "-machine", "memory-backend=ram",
            "-kernel", self.kernel.image, "-initrd", self.folder / "initrd", "-append", self.kernel_line(),
            "-serial", f"file:{self.folder / 'console'}",
            "-chardev", f"socket,id=root,path={root_socket}",
            "-device", "vhost-user-fs-pci,chardev=root,tag=hostroot,queue-size=1024",
            "-device", "virtio-serial-pci", *self.options.qemu]
        for name, port in ports.items():
            arguments += ["-chardev", f"socket,id={name},fd={port.fileno()}",
                          "-device", f"virtserialport,chardev={name},name={name}"]
        os.environ["QEMU_MODULE_DIR"] = str(self.tools.root / "usr/lib/x86_64-linux-gnu/qemu")
        log = open(self.folder / "qemu.log", "ab")
        qemu = start([*self.tools.command("usr/bin/qemu-system-x86_64"), *map(str, arguments)], log,
                     [port.fileno() for port in ports.values()])
        self.processes.append(qemu)
        return qemu

    # --- a boot ---

    def boot(self, accel, boot_s):
        """The command's exit status. Its output goes to our standard output as it comes."""
        initrd = initramfs.build(self.tools, self.kernel, self.settings(accel), self.command(accel))
        (self.folder / "initrd").write_bytes(initrd)
        (self.folder / "console").touch()
        pairs = {name: socket.socketpair() for name in ("output", "status")}
        qemu = self.start_qemu(accel, self.share_root(), {n: theirs for n, (_, theirs) in pairs.items()})
        for _, theirs in pairs.values():
            theirs.close()
        try:
            return self.listen(qemu, {name: ours for name, (ours, _) in pairs.items()}, boot_s)
        finally:
            for ours, _ in pairs.values():
                ours.close()
            for process in self.processes:
                process.kill()
                process.wait()
            self.processes.clear()
            for path in self.folder.glob("*.sock*"):
                path.unlink()

    def listen(self, qemu, ports, boot_s):
        status = b""
        until = time.monotonic() + BOOT_WALL_S
        started_mono_s = None
        open_ports = {port: name for name, port in ports.items()}
        while open_ports and qemu.poll() is None and time.monotonic() < until:
            ready, _, _ = select.select(list(open_ports), [], [], 1)
            for port in ready:
                data = read(port)
                if not data:
                    del open_ports[port]
                elif open_ports[port] == "output":
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                else:
                    status += data
            if started_mono_s is None and b"up\n" in status:
                started_mono_s = time.monotonic()
            if started_mono_s is None and processor_s(qemu) > boot_s:
                break
            if started_mono_s is not None and (ready or is_stopped(qemu)):
                until = min(started_mono_s + self.options.timeout, time.monotonic() + SILENCE_S)
        return self.judge(started_mono_s, status)

    def judge(self, started_mono_s, status):
        words = status.decode().split()
        if "exit" in words:
            return int(words[words.index("exit") + 1])
        if started_mono_s is None:
            raise DidNotBoot(self.last_words())
        if time.monotonic() < started_mono_s + self.options.timeout:
            raise Died(self.last_words())
        print(f"vm: the command did not end within {self.options.timeout} s:\n{self.last_words()}", file=sys.stderr)
        return TOOK_TOO_LONG

    def last_words(self):
        said = ""
        for name in ("virtiofsd.log", "qemu.log", "console"):
            path = self.folder / name
            if path.exists():
                said += "".join(path.read_text(errors="replace").splitlines(keepends=True)[-20:])
        return said or "it said nothing"

    def run(self):
        attempts = [("tcg", BOOT_S)] * BOOTS
        if self.options.accel != "tcg" and kvm_may_work():
            attempts.insert(0, ("kvm", KVM_BOOT_S))
        for accel, boot_s in attempts:
            try:
                return self.boot(accel, boot_s)
            except DidNotBoot as e:
                why = e
                print(f"vm: kernel {self.kernel.version} did not come up by {accel}", file=sys.stderr)
        raise why


def processor_s(process):
    """What it has used so far; 0 when it is gone."""
    try:
        words = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def is_stopped(process):
    """Somebody halted it, and will let it go on: it is not its fault that it is silent."""
    try:
        return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def read(port):
    try:
        return port.recv(65536)
    except ConnectionResetError:  # QEMU ended
        return b""


def end_by_signal(number, _frame):
    raise SystemExit(128 + number)


def run(tools, kernel, options):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end_by_signal)
    if platform.machine() != "x86_64":
        raise DidNotBoot("virtual machines are made for x86-64 here")
    machine = Machine(tools, kernel, options)
    try:
        return machine.run()
    finally:
        machine.close()
