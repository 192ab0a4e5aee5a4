# tries:  to leave programs that the next job's PATH finds first
# layer:  mount_ns, image
# twice:  yes
# expect: accepted
IFS=:
for d in $PATH /box /tmp; do
    [ -e "$d/left-by-hostile" ] && { echo "ESCAPED: $d/left-by-hostile"; exit; }
    for name in gcc python3 sh left-by-hostile; do
        { echo 'echo ESCAPED: a false program >&2' >"$d/$name"; } 2>/dev/null && chmod +x "$d/$name"
    done
done
hash -r
gcc --version >/dev/null 2>&1
echo "CONTAINED: only below /box and /tmp"
