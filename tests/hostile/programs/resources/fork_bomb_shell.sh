# tries:  the fork bomb of the shell, a few generations of it
# layer:  pids
# expect: process_limit
b() { [ "$1" -gt 6 ] && exec sleep 1; b $(($1 + 1)) & b $(($1 + 1)) & wait; }
b 0 2>/dev/null
exit 1
