# tries:  to leave names that no tool expects: bytes, newlines, 255 long, "..." and trailing blanks
# layer:  mount_ns
# twice:  yes
# expect: accepted
import os
for name in (b"\xff\xfe\x80", b"a\nb", b"x" * 255, b"...", b" ", b"-rf", b"$(reboot)", b"\x1b[2J", b"a;b|c&d", b"*"):
    for folder in (b"/box/", b"/tmp/"):
        os.makedirs(folder + name)
        open(folder + name + b"/" + name, "wb").close()
print("CONTAINED: made")
