# tries:  to learn which machine, boot and disk this is
# layer:  proc, root, uts_ns
# expect: accepted
import glob
import socket
seen = 0
paths = ["/etc/machine-id", "/etc/hostname", "/proc/cmdline", "/proc/version", "/proc/sys/kernel/random/boot_id",
         "/proc/sys/kernel/hostname", "/var/lib/dbus/machine-id", "/proc/uptime", "/proc/meminfo", "/proc/cpuinfo",
         "/proc/partitions", "/proc/mounts", "/proc/self/mountinfo", "/proc/diskstats", "/proc/interrupts",
         "/proc/loadavg", "/proc/stat", "/proc/modules", "/proc/config.gz", "/proc/keys", "/proc/locks"]
paths += glob.glob("/sys/class/dmi/id/*") + glob.glob("/sys/class/net/*/address")
for path in paths:
    try:
        text = open(path, "rb").read(4000).decode(errors="replace")
    except OSError:
        continue
    print(path, text)
    seen += path.startswith(("/sys", "/proc")) and not path.startswith(("/proc/self", "/proc/mounts"))
print(socket.gethostname())
print("ESCAPED: %d facts of the host" % seen if seen or socket.gethostname() != "minos" else "CONTAINED: none")
