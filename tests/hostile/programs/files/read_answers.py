# tries:  to find expected outputs, sources and inputs of other jobs, by walking all it can see
# layer:  root, image, worker
# answer: yes
# limits: wall_time_ms=6000 cpu_time_ms=4000
# expect: wrong_answer accepted
import os
import sys
found = []
for top in ("/box", "/tmp", "/var", "/home", "/root", "/srv", "/run", "/mnt", "/opt", "/proc/self", "/shm", "/work", "/etc"):
    for folder, below, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                    text = open(path, "rb").read(1 << 20).decode(errors="replace")
            except OSError:
                continue
            if "answer" in name or "minos-canary" in name or name.endswith((".db", ".sqlite", "admin.key")):
                found.append(path)
                print(path, text[:200])
        if folder.count("/") > 6:
            del below[:]
print("ESCAPED:" if found else "CONTAINED:", found)
