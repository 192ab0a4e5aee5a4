"""What a virtual machine is made of, fetched once as Debian packages and unpacked in a cache.

Nothing is installed. The packages come by an apt with its own lists and an empty package database, so the
host's apt state is neither used nor changed; signatures are checked against Debian's own key ring.
"""
import dataclasses
import fcntl
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import time

ARCHIVE_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Debian 12's QEMU (7.2) may hang in emulation with two processors, so Debian 13's is taken on any host, with
# all the libraries it needs.
TOOLS_SUITES = ["trixie", "trixie-security"]
TOOLS_PACKAGES = ["qemu-system-x86", "virtiofsd", "busybox-static", "kmod", "zstd", "lz4"]

KERNEL_PACKAGE = "linux-image-cloud-amd64"
KERNELS = {  # name: the suites to look in
    "6.1": ["bookworm", "bookworm-security"],
    "6.12": ["trixie", "trixie-security"],
    "backports": ["trixie-backports"],
}

PAUSES_S = (10, 60)  # between the tries of what a network may refuse for a while

# How the kernel proper may be packed inside of bzImage: its first bytes, and what unpacks them.
PACKINGS = {
    b"\x28\xb5\x2f\xfd": ["usr/bin/zstd", "-dcq"],
    b"\x02\x21\x4c\x18": ["usr/bin/lz4", "-dcq"],
    b"\xfd7zXZ": None,
}


class CannotFetch(Exception):
    """There is no virtual machine to be had here; the text says why."""


@dataclasses.dataclass
class Kernel:
    version: str
    image: pathlib.Path
    modules: pathlib.Path  # its folder lib/modules/VERSION


def run(arguments, **more):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise CannotFetch(f"{' '.join(map(str, arguments[:3]))}: {last[0]}")
    return done.stdout


class Tools:
    """The unpacked programs; each is run by its own dynamic loader, with its own libraries."""

    def __init__(self, root):
        self.root = root

    def command(self, program):
        libraries = self.root / "usr/lib/x86_64-linux-gnu"
        loader = self.root / "usr/lib64/ld-linux-x86-64.so.2"
        return [str(loader), "--library-path", str(libraries), str(self.root / program)]

    def unpack(self, packed):
        """A kernel or a module as it is in memory."""
        for magic, tool in PACKINGS.items():
            if not packed.startswith(magic):
                continue
            if tool is None:
                return lzma.decompress(packed)
            command = self.command(tool[0]) + tool[1:]
            # What follows the compressed bytes (bzImage keeps its size there) is complained about.
            return subprocess.run(command, input=packed, capture_output=True, check=False).stdout
        return packed


class Archive:
    """An apt of our own below `folder` that reads the given suites and believes that nothing is installed."""

    def __init__(self, folder, suites):
        self.folder = folder
        if not os.path.exists(ARCHIVE_KEYS):
            raise CannotFetch(f"there is no {ARCHIVE_KEYS} (package debian-archive-keyring)")
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        sites = self.host_sites()
        lines = []
        for suite in suites:
            kind = "security" if suite.endswith("-security") else "main"
            if kind in sites:
                lines.append(f"deb [signed-by={ARCHIVE_KEYS}] {sites[kind]} {suite} main\n")
        (folder / "sources.list").write_text("".join(lines))
        (folder / "apt.conf").write_text(f"""
Dir::State "{folder}"; Dir::State::status "{folder}/status"; Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache"; Dir::Log "{folder}"; Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64"; APT::Architectures {{ "amd64"; }}; APT::Install-Recommends "false";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "3"; APT::Update::Error-Mode "any";
""")
        self.environment = dict(os.environ, APT_CONFIG=str(folder / "apt.conf"), LC_ALL="C")
        self.apt("apt-get", "-qq", "update")

    @staticmethod
    def host_sites():
        """Where this host's apt finds Debian: {"main": site, "security": site}."""
        sites = {}
        for line in run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)",
                         "Created-By: Packages"]).splitlines():
            site, _, release = line.partition(" ")
            sites.setdefault("security" if release.endswith("-security") else "main", site)
        if "main" not in sites:
            raise CannotFetch("this host's apt knows no Debian archive")
        return sites

    def apt(self, *arguments, **more):
        return run(list(arguments), env=self.environment, **more)

    def unpack_with_dependencies(self, packages, root):
        self.apt("apt-get", "-qq", "-y", "--download-only", "install", *packages)
        self.unpack(self.folder / "cache/archives", root)

    def unpack_only(self, packages, root):
        self.apt("apt-get", "-qq", "download", *packages, cwd=self.folder / "cache/archives")
        self.unpack(self.folder / "cache/archives", root)

    @staticmethod
    def unpack(debs, root):
        root.mkdir()
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg-deb", "-x", str(deb), str(root)])

    def dependencies(self, package, pattern):
        listed = self.apt("apt-cache", "depends", "--recurse", "--important", package).splitlines()
        return sorted({line for line in listed if re.fullmatch(pattern, line)})


class Cache:
    """A folder that keeps tools and kernels between runs; several runs may use it at once."""

    def __init__(self):
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.folder = pathlib.Path(os.environ.get("MINOS_VM_CACHE") or f"{home}/minos-vm").absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    def kept(self, name, make):
        """The folder `name`, made by make(folder) when it is not there yet."""
        there = self.folder / name
        with open(self.folder / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not there.exists():
                self.make_patiently(there, make)
        return there

    def make_patiently(self, there, make):
        for pause_s in (*PAUSES_S, None):
            try:
                return self.make_once(there, make)
            except CannotFetch as e:
                if pause_s is None:
                    raise
                print(f"vm: {e}; again in {pause_s} s", flush=True)
                time.sleep(pause_s)

    def make_once(self, there, make):
        fresh = there.with_name(f"{there.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        try:
            make(fresh)
            shutil.rmtree(fresh / "apt")
            fresh.rename(there)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def tools(self):
        def make(folder):
            print("vm: fetching QEMU (once)", flush=True)
            Archive(folder / "apt", TOOLS_SUITES).unpack_with_dependencies(TOOLS_PACKAGES, folder / "root")
            shutil.rmtree(folder / "root/usr/share/doc", ignore_errors=True)

        return Tools(self.kept("tools", make) / "root")

    def kernel(self, name, tools):
        def make(folder):
            print(f"vm: fetching kernel {name} (once)", flush=True)
            archive = Archive(folder / "apt", KERNELS[name])
            packages = archive.dependencies(KERNEL_PACKAGE, r"linux-(image|modules|base|binary)-[0-9].*")
            archive.unpack_only(packages, folder / "root")
            root = folder / "root"
            if not (root / "lib/modules").exists():
                (root / "lib").mkdir(exist_ok=True)
                (root / "lib/modules").symlink_to("../usr/lib/modules")
            version = only(root.glob("lib/modules/*")).name
            packed = only(p for p in root.rglob("vmlinuz*") if p.is_file() and not p.is_symlink())
            (folder / "vmlinux").write_bytes(kernel_proper(packed.read_bytes(), tools))
            run(tools.command("usr/sbin/depmod") + ["-b", str(root), version])

        folder = self.kept(f"kernel-{name}", make)
        modules = only((folder / "root/lib/modules").glob("*"))
        return Kernel(modules.name, folder / "vmlinux", modules)


def only(found):
    found = list(found)
    if len(found) != 1:
        raise CannotFetch(f"the kernel's package is made otherwise than expected: {found}")
    return found[0]


def kernel_proper(bzimage, tools):
    """The ELF image in a bzImage: QEMU starts it without the unpacking, which takes seconds when emulated.

    Offsets: the kernel's Documentation/arch/x86/boot.rst (setup_sects, payload_offset, payload_length).
    """
    setup = (bzimage[0x1F1] or 4) + 1
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    image = tools.unpack(bzimage[setup * 512 + offset:][:length])
    if not image.startswith(b"\x7fELF"):
        raise CannotFetch("the kernel is packed in a way that is not known here")
    return image
