# tries:  to leave start-up files for the next job: ~/.local, *.pth, sitecustomize, shell profiles
# layer:  mount_ns
# twice:  yes
# expect: accepted
import os
import site
import sys
left = 0
for path in (site.getusersitepackages() + "/usercustomize.py", site.getusersitepackages() + "/x.pth", "/box/.bashrc",
             "/box/.profile", "/box/.local/bin/gcc", "/box/sitecustomize.py", "/box/.config/pip/pip.conf", "/tmp/pip.conf"):
    if os.path.exists(path):
        print("ESCAPED:", path, "is there already")
        sys.exit()
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write("print('ESCAPED: code of the last job runs')\n")
        left += 1
    except OSError as e:
        print(path, e)
print("CONTAINED: left", left)
