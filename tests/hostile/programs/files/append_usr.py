# tries:  to change the image: programs, libraries, python's and the linker's start-up files
# layer:  image
# twice:  yes
# expect: accepted
import os
import site
done = []
for path in ("/usr/bin/hostile", "/usr/local/bin/gcc", "/usr/local/lib/x.so", "/usr/bin/env", "/etc/ld.so.preload",
             "/etc/ld.so.cache", "/etc/passwd", "/etc/profile.d/x.sh", "/lib/x", "/etc/alternatives/java", "/dev/x",
             "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper", "/proc/self/oom_score_adj/x"):
    for mode in ("ab", "r+b", "xb"):
        try:
            open(path, mode).close()
            done.append(path)
        except OSError as e:
            last = e
for a, b in (("/usr/bin/env", "/usr/bin/x"), ("/etc/passwd", "/etc/x"), ("/tmp", "/usr/tmp2")):
    try:
        os.rename(a, b)
        done.append(b)
    except OSError as e:
        last = e
print("ESCAPED:" if done else "CONTAINED:", done, last)
