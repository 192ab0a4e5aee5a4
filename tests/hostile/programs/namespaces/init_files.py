# tries:  to look into pid 1: environment, root, descriptors, maps, executable
# layer:  init, proc
# expect: accepted
import os
found = []
for pid in (1, os.getppid()):
    for name in ("environ", "root", "cwd", "exe", "fd", "maps", "mem", "ns/mnt", "stack", "auxv", "cmdline", "status",
                 "mountinfo", "root/etc/shadow", "cwd/.."):
        path = f"/proc/{pid}/{name}"
        for what, call in (("read", lambda p: open(p, "rb").read(200)), ("list", os.listdir), ("link", os.readlink)):
            try:
                found.append((path, what, call(path)))
            except OSError:
                pass
print("ESCAPED:" if found else "CONTAINED:", found)
