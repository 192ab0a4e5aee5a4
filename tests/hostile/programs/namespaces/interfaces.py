# tries:  to find an interface beside its own loopback, or packets of others counted on that
# layer:  net_ns
# expect: accepted
import socket
names = [n for _, n in socket.if_nameindex()]
busy = 0
try:
    for line in open("/proc/self/net/dev"):
        name, _, rest = line.partition(":")
        if rest and int(rest.split()[1]) > 0:
            busy += 1
    for table in ("tcp", "udp", "unix"):
        busy += len(open(f"/proc/self/net/{table}").readlines()) - 1
except OSError as e:
    print(e)
print("ESCAPED:" if names != ["lo"] or busy else "CONTAINED:", names, busy)
