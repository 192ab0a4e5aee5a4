# tries:  to be the same user as init, or the owner of what init made
# layer:  ids
# expect: accepted
# known:  single init and what it made have the program's id
import os
bad = [os.getuid() != 1000, os.geteuid() != 1000, os.getgid() != 1000, os.getgroups() != [],
       os.stat("/").st_uid == os.getuid(), os.stat("/proc/self").st_uid == 0]
print("ESCAPED:" if any(bad) else "CONTAINED:", bad, os.getuid())
