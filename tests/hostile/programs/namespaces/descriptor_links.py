# tries:  to see what its descriptors lead to
# layer:  descriptors
# expect: accepted
import os
links = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        links[int(fd)] = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        pass
extra = {k: v for k, v in links.items() if k > 2 and v.startswith("/") and not v.startswith(("/proc/", "/box/main"))}
print("ESCAPED:" if extra else "CONTAINED:", links)
