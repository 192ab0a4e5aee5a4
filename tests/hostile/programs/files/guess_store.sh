# tries:  the judge's own folders: data, keys, configuration, keeper's file system
# layer:  root, mount_ns
# expect: accepted
found=
for f in /var/lib/minos /etc/minos /etc/minos/minos.yaml /run/minos /work /mnt/build /mnt/repo /data /cells /images /artifacts /host-usr \
    /var/lib/minos/minos.db /var/lib/minos/admin.key /tmp/minos-* /old_root /oldroot /.dockerenv /tmp/oldroot /tmp/newroot /newroot; do
    [ -e "$f" ] && found="$found $f"
done
[ -z "$found" ] && echo "CONTAINED: none" || echo "ESCAPED:$found"
