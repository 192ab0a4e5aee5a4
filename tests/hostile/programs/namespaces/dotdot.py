# tries:  to climb above its root by "..", links of /proc and descriptors
# layer:  mount_ns, root
# expect: accepted
import os
found = []
for start in ("/", "/box", "/tmp", "/proc/self/root", "/proc/self/cwd", "/proc/1/root", "/dev/fd", "/usr", "/shm"):
    for depth in (1, 5, 40):
        base = start + "/.." * depth
        for name in ("root/minos-canary", "home/minos-canary", "old_root", "cells", "images", "artifacts", "srv",
                     "sys/kernel"):
            if os.path.lexists(f"{base}/{name}"):
                found.append(f"{base}/{name}")
print("ESCAPED:" if found else "CONTAINED:", found)
