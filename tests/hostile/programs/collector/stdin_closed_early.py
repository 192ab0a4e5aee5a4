# tries:  to break the pipe of its input in the middle
# layer:  output
# stdin:  1M
# expect: accepted
import os
os.read(0, 10)
os.close(0)
print("CONTAINED: closed")
