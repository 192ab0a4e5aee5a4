#!/usr/bin/env python3
"""Writes an OCI bundle whose process runs a command as the container's root.

Usage: bundle.py FOLDER GROUP OPTIONS FIRST_ID COMMAND...

As container engines make them without --privileged: a user namespace of the caller's id and 65535 from
FIRST_ID, few capabilities (not CAP_SYS_ADMIN), no new privileges; OPTIONS, comma-separated, are what an operator
adds: `groups` (control groups for writing), `proc` (nothing in /proc is masked).
"""
import json
import os
import sys

CAPABILITIES = ["CAP_" + name for name in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETPCAP NET_BIND_SERVICE KILL SETFCAP SYS_CHROOT").split()]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
SHOWN = ["/usr", "/etc", "/var/lib", "/var/cache"]


def mount(destination, kind, *options, source=None):
    return {"destination": destination, "type": kind, "source": source or kind, "options": list(options)}


def make_root(folder):
    root = os.path.join(folder, "root")
    for name in ["proc", "dev", "sys", "tmp", *(path[1:] for path in SHOWN)]:
        os.makedirs(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", os.path.join(root, name))


def spec(group, options, first_id, command):
    ids = [{"containerID": 0, "hostID": os.geteuid(), "size": 1},
           {"containerID": 1, "hostID": first_id, "size": 65535}]
    linux = {"namespaces": [{"type": kind} for kind in ("user", "pid", "mount", "ipc", "uts", "network", "cgroup")],
             "uidMappings": ids, "gidMappings": ids, "cgroupsPath": group}
    if "proc" not in options:
        linux.update(maskedPaths=MASKED, readonlyPaths=READ_ONLY)
    quiet = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.0.0", "hostname": "container", "root": {"path": "root"}, "linux": linux,
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": command, "cwd": "/", "noNewPrivileges": True,
            "env": ["PATH=/usr/bin:/usr/sbin", "HOME=/tmp"],
            "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")}},
        "mounts": [
            mount("/proc", "proc"), mount("/dev", "tmpfs", "nosuid", "mode=755"),
            mount("/tmp", "tmpfs", "nosuid", "mode=1777"), mount("/sys", "sysfs", "ro", *quiet),
            mount("/sys/fs/cgroup", "cgroup", *quiet, *([] if "groups" in options else ["ro"])),
            *(mount(path, "none", "rbind", "ro", source=path) for path in SHOWN)]}


def main(folder, group, options, first_id, *command):
    make_root(folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as f:
        json.dump(spec(group, options.split(","), int(first_id), list(command)), f)


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
