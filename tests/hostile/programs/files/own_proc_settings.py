# tries:  to spare itself from the memory killer, and other settings of its own /proc
# layer:  user_ns
# expect: accepted
import os
bad = []
try:
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(fd, b"-1")  # below what the keeper gave: the host would rather kill others
    bad.append("oom_score_adj")
except OSError as e:
    print(e)
for name, text in (("uid_map", "0 0 1"), ("gid_map", "0 0 1"), ("setgroups", "allow"), ("timens_offsets", "monotonic 1 0"),
                   ("loginuid", "0"), ("attr/current", "unconfined")):
    try:
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(fd, text.encode())
        bad.append(name)
    except OSError as e:
        print(name, e)
print("ESCAPED:" if bad else "CONTAINED:", bad)
