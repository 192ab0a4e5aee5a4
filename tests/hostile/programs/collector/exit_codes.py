# tries:  to look stopped by its judge: an exit code that tools use for limits and failures
# layer:  worker
# expect: runtime_error
import os
os._exit(125)
