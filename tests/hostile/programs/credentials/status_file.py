# tries:  to find by /proc that a protection is off
# layer:  caps, seccomp, ids
# expect: accepted
# known:  single the group of its own id stays in its list
fields = dict(l.rstrip("\n").split(":\t", 1) for l in open("/proc/self/status") if ":\t" in l)
bad = [k for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(fields[k], 16)]
bad += [k for k, v in (("NoNewPrivs", "1"), ("Seccomp", "2")) if fields[k] != v]
bad += [k for k in ("Uid", "Gid") if set(fields[k].split()) != {"1000"}]
print("ESCAPED:" if bad or fields["Groups"].strip() else "CONTAINED:", bad, open("/proc/self/uid_map").read().split())
