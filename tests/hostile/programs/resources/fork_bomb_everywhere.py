# tries:  a bomb that forks in every process and ignores failures
# layer:  pids
# expect: process_limit
import os
import time
end = time.monotonic() + 1.2
born = 0
while time.monotonic() < end and born < 200:
    try:
        if os.fork() == 0:
            born = 0
            time.sleep(0.01)
    except OSError:
        time.sleep(0.01)
    born += 1
os._exit(1)
