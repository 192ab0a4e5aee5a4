# tries:  to learn the host's name in all the ways of a shell
# layer:  uts_ns
# expect: accepted
names="$(uname -n) $(hostname 2>/dev/null) ${HOSTNAME} $(cat /proc/sys/kernel/hostname 2>/dev/null)"
echo "$names"
for n in $names; do
    [ "$n" = minos ] || { echo "ESCAPED: $n"; exit; }
done
echo "CONTAINED: minos"
