# tries:  to learn the host's control groups through a child and a thread
# layer:  cgroup_ns
# expect: accepted
import os
import threading
found = []
def look(path):
    for line in open(path):
        if not line.rstrip("\n").endswith(":/"):
            found.append(line.strip())
t = threading.Thread(target=look, args=("/proc/thread-self/cgroup",))
t.start()
t.join()
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(r, 1)
    os._exit(0)
look(f"/proc/{pid}/cgroup")
os.write(w, b"x")
os.wait()
print("ESCAPED:" if found else "CONTAINED:", found)
