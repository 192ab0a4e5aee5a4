# tries:  what the kernel tells of itself and of others: addresses, timers, slabs, keys, firmware
# layer:  proc, root
# expect: accepted
found=
for f in /proc/{kallsyms,timer_list,slabinfo,keys,key-users,sched_debug,vmallocinfo,pagetypeinfo,zoneinfo,buddyinfo,iomem,ioports} \
    /proc/{devices,filesystems,crypto,softirqs,swaps,vmstat,acpi,scsi,bus,fs,driver,tty,asound,latency_stats} /sys /proc/sys \
    /boot /lib/modules/"$(uname -r)"/build /var/log /var/lib/dpkg/status /proc/sysvipc /proc/net; do
    [ -e "$f" ] && [ "$(readlink "$f")" != self/net ] && found="$found $f"
done
[ -z "$found" ] && echo "CONTAINED: none" || echo "ESCAPED:$found"
