# tries:  to flood its judge from children after it has ended itself
# layer:  output, pid_ns
# expect: accepted output_limit
import os
import sys
for i in range(4):
    if os.fork() == 0:
        for _ in range(400):
            os.write(1, b"x" * 65536)
        os._exit(0)
print("CONTAINED: left four writers")
