# tries:  to walk out through an inherited directory
# layer:  descriptors
# expect: accepted
for fd in 3 4 5 6 7 8 9 10; do
    if [ -d "/dev/fd/$fd/" ] && [ -e "/dev/fd/$fd/../etc" ]; then
        echo "ESCAPED: descriptor $fd is a directory"
        exit
    fi
done
echo "CONTAINED: none is a directory"
