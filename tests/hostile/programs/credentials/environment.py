# tries:  to find the judge's environment in its own
# layer:  init
# expect: accepted
import os
extra = sorted(set(os.environ) - {"PATH", "HOME", "LANG", "TMPDIR", "PWD", "SHLVL", "_", "LC_CTYPE", "PYTHONDONTWRITEBYTECODE",
                                  "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"})
print(open("/proc/self/environ").read())
print("ESCAPED:" if extra else "CONTAINED:", extra)
