# tries:  to find shared memory, queues and terminals of the host below /dev
# layer:  dev, mount_ns
# expect: accepted
import os
known = {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"}
extra = set(os.listdir("/dev")) - known
extra |= set(os.listdir("/dev/shm"))
print("ESCAPED:" if extra else "CONTAINED:", sorted(extra))
