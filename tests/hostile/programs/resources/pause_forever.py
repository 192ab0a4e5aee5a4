# tries:  to wait for ever in select and on a pipe nobody writes to
# layer:  wall
# limits: wall_time_ms=500
# expect: idle_limit
import os
import select
r, w = os.pipe()
select.select([r], [], [], 3)
print("ESCAPED: waited for 3 s with a limit of 0.5")
