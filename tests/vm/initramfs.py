"""The first file system of a guest: busybox, the modules that its root needs, and what is to be run."""
import pathlib

GUEST = pathlib.Path(__file__).with_name("guest")

MODULES = ["virtio_pci", "virtio_console", "virtiofs", "overlay", "virtio_blk"]
FOLDERS = ["bin", "dev", "proc", "sys", "modules", "vm", "host", "top", "root"]


class Archive:
    """cpio's `newc` format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst."""

    def __init__(self):
        self.bytes = bytearray()
        self.number = 0

    def add(self, name, mode, data=b""):
        self.number += 1
        fields = [self.number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name.encode()) + 1, 0]
        self.bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self.pad()
        self.bytes += data
        self.pad()

    def pad(self):
        self.bytes += bytes(-len(self.bytes) % 4)

    def folder(self, name):
        self.add(name, 0o040755)

    def program(self, name, data):
        self.add(name, 0o100755, data)

    def link(self, name, target):
        self.add(name, 0o120777, target.encode())

    def end(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.bytes)


def module_name(path):
    return pathlib.PurePath(path).name.split(".ko")[0].replace("-", "_")


def module_files(kernel, wanted):
    """Files of these modules and of those they need, in the order of loading; built-in ones are left out."""
    needs = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[module_name(path)] = others.split()[::-1] + [path]
    ordered = dict.fromkeys(path for name in wanted for path in needs.get(name, []))
    return [kernel.modules / path for path in ordered]


def build(tools, kernel, settings, command):
    """`settings` and `command` are shell texts: the guest's /vm/settings and /vm/command."""
    archive = Archive()
    for name in FOLDERS:
        archive.folder(name)
    archive.program("bin/busybox", (tools.root / "usr/bin/busybox").read_bytes())
    archive.link("bin/sh", "busybox")
    for i, path in enumerate(module_files(kernel, MODULES)):
        archive.program(f"modules/{i:02}-{module_name(path)}.ko", tools.unpack(path.read_bytes()))
    for path in sorted(GUEST.iterdir()):
        archive.program("init" if path.name == "init" else f"vm/{path.name}", path.read_bytes())
    archive.program("vm/settings", settings.encode())
    archive.program("vm/command", command.encode())
    return archive.end()
