# tries:  to learn how long the host has been up, by the clocks of the vDSO
# layer:  time_ns
# expect: accepted
import time
up = max(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
print("ESCAPED: up for" if up > 30 else "CONTAINED: up for", up)
