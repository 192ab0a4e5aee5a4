# tries:  bash's own sockets, to the planted listener on every address of this machine
# layer:  net_ns
# expect: accepted
for a in 127.0.0.1 127.0.0.2 0.0.0.0 192.0.2.1; do
    if (exec 3<>/dev/tcp/$a/47101 && head -c 60 <&3) 2>/dev/null; then
        echo "ESCAPED: connected to $a"
        exit 0
    fi
done
echo "CONTAINED: refused"
