# tries:  to find a control group file system and to leave its group
# layer:  mount_ns, root, proc
# expect: accepted
for d in /sys/fs/cgroup /cgroup /proc/self/cgroup.procs; do
    [ -e "$d" ] && { echo "ESCAPED: $d is there"; exit; }
done
if grep -q cgroup /proc/self/mountinfo || [ -e /proc/cgroups ]; then
    echo "ESCAPED: a control group file system"
    exit
fi
echo "CONTAINED: none"
