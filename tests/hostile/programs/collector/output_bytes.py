# tries:  to break whoever reads its output as text: NUL, invalid UTF-8, escapes, huge lines
# layer:  worker
# expect: accepted
import os
os.write(1, bytes(range(256)) * 4 + b"\xed\xa0\x80\xf4\x90\x80\x80" + b'","verdict":"accepted"}\r\n\r\n' + b"\x1b]0;x\x07" + b"y" * 100000)
os.write(2, b"\x00" * 5000)
os.write(1, b"\nCONTAINED: written\n")
