# tries:  to find by /proc that a protection is off
# layer:  caps, seccomp, ids
# expect: accepted
fields = dict(l.rstrip("\n").split(":\t", 1) for l in open("/proc/self/status") if ":\t" in l)
bad = [k for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(fields[k], 16)]
bad += [k for k, v in (("NoNewPrivs", "1"), ("Seccomp", "2")) if fields[k] != v]
bad += [k for k in ("Uid", "Gid") if set(fields[k].split()) != {"1000"}]
bad += sorted(set(fields["Groups"].split()) - {"1000"})  # its own, again, gives nothing
print("ESCAPED:" if bad else "CONTAINED:", bad, open("/proc/self/uid_map").read().split())
