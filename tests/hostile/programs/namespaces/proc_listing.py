# tries:  to see other processes and what they were started with
# layer:  pid_ns, proc
# expect: accepted
import os
pids = [p for p in os.listdir("/proc") if p.isdigit()]
for p in pids:
    for what in ("environ", "cmdline"):
        try:
            text = open(f"/proc/{p}/{what}", "rb").read().decode(errors="replace")
        except OSError:
            continue
        if int(p) == 1 and text:
            print(f"ESCAPED: {what} of pid 1: {text}")
        if int(p) != os.getpid():
            print(p, what, text)
print("ESCAPED: %d processes" % len(pids) if len(pids) > 3 else "CONTAINED: %s" % pids)
