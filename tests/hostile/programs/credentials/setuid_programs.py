# tries:  to become another user by the set-id programs and file capabilities of the image
# layer:  init
# expect: accepted
import os
import stat
import subprocess
found = []
for folder in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin"):
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        try:
            mode = os.stat(path).st_mode
            caps = os.getxattr(path, "security.capability") if stat.S_ISREG(mode) else b""
        except OSError:
            caps = b""
        if stat.S_ISREG(mode) and mode & 0o6000 or caps:
            found.append(path)
for path in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/usr/bin/newgrp"):
    if os.path.exists(path):
        subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
nosuid = all("nosuid" in l.split()[5] for l in open("/proc/self/mountinfo"))
print("CONTAINED:" if nosuid else "ESCAPED:", "nosuid", nosuid, found[:5])
