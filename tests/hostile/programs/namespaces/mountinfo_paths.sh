# tries:  to learn paths of the host from the list of mounts
# layer:  mount_ns, root
# expect: accepted
cat /proc/self/mountinfo /proc/self/mounts /proc/self/mountstats
n=$(wc -l </proc/self/mountinfo)
# Five more where an ordinary user started it: he makes no devices, and the host's are mounted one by one.
if [ "$n" -gt 12 ] || grep -qE 'minos-hostile|/mnt/|/var/lib|ext4|xfs|btrfs| /work' /proc/self/mountinfo; then
    echo "ESCAPED: $n mounts"
else
    echo "CONTAINED: $n mounts, no path of the host"
fi
