"""service.py - a running Minos for the API tests: starts `minos up`, speaks HTTP to it, runs the
command `minos` against it, and looks for what it or its programs leave behind on the host."""
import atexit
import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import contract
import host

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD") or os.path.join(ROOT, "build", "release")
MINOS = os.path.join(BUILD, "minos")
CONTRACT = contract.load()
PATIENCE_S = 60  # for whatever must happen, on a machine that has much else to do


class Answer:
    """An HTTP answer: status, headers (by any case), body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


def poll(what, ready, seconds=PATIENCE_S, every=0.02):
    """Wait until ready() is true, and return what it said."""
    end = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def clean_environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MINOS_")}
    env.update({k: v for k, v in more.items() if v is not None})
    return env


def text_of(value):
    """The bytes of a text field: a string, or {"base64": ...}."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    return value.encode()


class Service:
    """One `minos up` on a data directory of its own.

    languages: ids of the shipped languages it knows (None: all), so that it starts quickly.
    files: further language files, {name: text}.
    """

    def __init__(self, slots=2, languages=None, files=None, sets=(), config=""):
        self.base = tempfile.mkdtemp(prefix="minos-api-")
        os.chmod(self.base, 0o755)
        self.data = os.path.join(self.base, "d")
        self.languages = os.path.join(self.base, "languages")
        self.slots, self.sets, self.process, self.url, self.key = slots, list(sets), None, None, None
        self.log_path = os.path.join(self.base, "log")
        self.seen = host.Seen()
        self._copy_languages(languages, files or {})
        self.config = self.write_file("minos.yaml", config)
        os.mkdir(os.path.join(self.base, "none"))

    def _copy_languages(self, wanted, files):
        os.mkdir(self.languages)
        shipped = os.path.join(ROOT, "deploy", "languages")
        for name in os.listdir(shipped):
            if name.endswith(".yaml") and (wanted is None or name[:-5] in wanted):
                shutil.copy(os.path.join(shipped, name), self.languages)
        for name, text in files.items():
            self.write_file(os.path.join("languages", name), text)
        for name in os.listdir(self.languages):
            os.chmod(os.path.join(self.languages, name), 0o644)

    def write_file(self, name, text):
        path = os.path.join(self.base, name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, 0o644)
        return path

    # --- life ------------------------------------------------------------------------------------

    def arguments(self):
        words = [MINOS, "up", "--listen", "127.0.0.1:0", "--data", self.data, "--slots",
                 str(self.slots), "--config", self.config,
                 "--set", "worker.languages_dir=" + os.path.join(self.base, "none"),
                 "--set", "worker.groundwork=false",  # cells of nobody's would be looked for
                 "--set", "box.warm_burst=1"]  # and more than one that is kept warm
        for pair in self.sets:
            words += ["--set", pair]
        return words

    def environment(self):
        return {"MINOS_LANGUAGES": self.languages}

    def start(self):
        if os.geteuid() != 0 and os.environ.get("MINOS_TEST_ROOTLESS") != "1":
            raise unittest.SkipTest("needs root, or MINOS_TEST_ROOTLESS=1 in control groups that are ours")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.arguments(), stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                cwd="/", env=clean_environment(**self.environment()))
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready "):
            self.kill()
            raise AssertionError(f"`minos up` said {line!r}, and logged:\n{self.log()[-4000:]}")
        self.url = line.split()[1]
        with open(os.path.join(self.data, "admin.key"), encoding="ascii") as f:
            self.key = f.read().strip()
        self.look()
        return self

    def look(self):
        """Take note of the processes that run now, so that they can be missed later."""
        self.seen.add_tree(self.process.pid)

    def stop(self, signum=signal.SIGTERM, seconds=PATIENCE_S):
        """Ask it to stop; its exit status."""
        self.look()
        self.process.send_signal(signum)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.stdout.close()

    def kill(self):
        """kill -9 of `minos up`; the others have to notice."""
        self.look()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        """Whatever happened: nothing of it goes on running, no file stays."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.seen.alive():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.base, ignore_errors=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def pids(self, program, parent=None):
        """Pids of the children of `parent` (default: `minos up`) that run this program."""
        return [p for p in host.children(parent or self.process.pid)
                if host.command(p)[:1] == [program]]

    def pid_of(self, program):
        return self.pids(program)[0]

    def slot_pids(self):
        """Of the slots; none while their supervisor is started again."""
        return [p for up in self.pids("minos-worker") for p in self.pids("minos-worker", up)]

    def keeper_pids(self):
        return [p for up in self.pids("minos-box") for p in self.pids("minos-box", up)
                if host.command(p)[1:2] == ["listen"]]

    # --- HTTP ------------------------------------------------------------------------------------

    @property
    def address(self):
        where, port = self.url.rsplit("/", 1)[1].rsplit(":", 1)
        return where, int(port)

    def connect(self):
        return http.client.HTTPConnection(*self.address, timeout=PATIENCE_S + 30)

    def raw_socket(self):
        return socket.create_connection(self.address, timeout=PATIENCE_S)

    def request(self, method, path, body=None, key=True, headers=None):
        """body: bytes as they are, anything else as JSON. key: True the admin's, None without."""
        head = dict(headers or {})
        if key:
            head["Authorization"] = "Bearer " + (self.key if key is True else key)
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        conn = self.connect()
        try:
            conn.request(method, path, body, head)
            got = conn.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        finally:
            conn.close()
        CONTRACT.check(method, path, body, answer)
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def accept(self, key=True, headers=None, **fields):
        """Hand in a submission; its id."""
        got = self.post("/v1/submissions", fields, key=key, headers=headers)
        if got.status != 202:
            raise AssertionError(f"not accepted: {got}")
        return got.json()["id"]

    def result(self, ident, key=True, seconds=PATIENCE_S):
        """The result once it is final."""
        end = time.monotonic() + seconds
        while True:
            got = self.get(f"/v1/submissions/{ident}?wait=5", key=key)
            if got.status == 200:
                return got.json()
            if got.status != 202 or time.monotonic() > end:
                raise AssertionError(f"no final result of {ident}: {got}")

    def judge(self, key=True, **fields):
        """Hand in a submission and wait for its result."""
        return self.result(self.accept(key=key, **fields), key=key)

    def state(self, ident):
        return self.get(f"/v1/submissions/{ident}?fields=status").json()["status"]

    def wait_state(self, ident, *states):
        return poll(f"{ident} is {states}", lambda: self.state(ident) in states)

    def wait_running(self, ident):
        """Until a program of the submission really runs (its test has begun)."""
        self.wait_state(ident, "running", "done", "cancelled")
        return self.state(ident)

    # --- the command -----------------------------------------------------------------------------

    def minos(self, *words, stdin=b"", key=True, env=None, timeout=PATIENCE_S):
        """Run `minos WORDS` against this service: (status, standard output, standard error)."""
        more = {"MINOS_URL": self.url, "MINOS_KEY": self.key if key is True else key}
        more.update(env or {})
        return minos(*words, stdin=stdin, env=more, timeout=timeout)

    # --- what is left ----------------------------------------------------------------------------

    def groups(self):
        return [g for pid in self.keeper_pids() for g in host.groups_of(pid)]

    def quiet(self):
        """What is there now that an idle service has not: texts, none when all is quiet."""
        found = []
        keepers = self.keeper_pids()
        if len(keepers) != self.slots:
            found.append(f"{len(keepers)} keepers")
        for pid in keepers:
            found += host.strangers(pid)
        found += host.owned_by(keepers)
        return found

    def wait_quiet(self):
        """Wait until the cells are gone with everything in them (but those kept warm)."""
        end = time.monotonic() + 10
        while True:
            left = self.quiet()
            if not left:
                return
            if time.monotonic() > end:
                raise AssertionError("left behind: " + "; ".join(left))
            time.sleep(0.02)

    def leftovers(self):
        """What is left on the host after a stop: texts, none when all is clean."""
        found = self.seen.left()
        found += host.unix_sockets(self.data) + host.mounts(self.data)
        run = os.path.join(self.data, "run")
        killed = self.process is not None and self.process.returncode == -signal.SIGKILL
        own = {"up.sock"} if killed else set()  # nobody could remove it; the next start does
        found += [f"socket {n}" for n in os.listdir(run) if n.endswith(".sock") and n not in own]
        for folder, _, files in os.walk(self.data):
            found += [f"file {os.path.join(folder, n)}" for n in files
                      if "tmp" in os.path.join(folder, n)[len(self.data):]]
        return found

    def wait_clean(self, seconds=20):
        end = time.monotonic() + seconds
        while True:
            left = self.leftovers()
            if not left:
                return
            if time.monotonic() > end:
                raise AssertionError("left behind: " + "; ".join(left))
            time.sleep(0.05)


def minos(*words, stdin=b"", env=None, timeout=PATIENCE_S):
    """Run `minos WORDS`: (status, standard output, standard error) as texts."""
    done = subprocess.run([MINOS, *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=clean_environment(**(env or {})),
                          timeout=timeout, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(
        errors="replace")


_shared = []


def shared():
    """The service that most tests share: every language, two slots."""
    if not _shared:
        service = Service(files=EXTRA_LANGUAGES)
        _shared.append(service)
        atexit.register(service.close)
        service.start()
    elif _shared[0].process is None or _shared[0].process.poll() is not None:
        raise unittest.SkipTest("the shared service is not running")
    return _shared[0]


# Languages that only the tests have: a compiler that never ends, one that floods, tools that are
# missing, a compiler that leaves strange files.
EXTRA_LANGUAGES = {
    "endless.yaml": """
id: endless
name: A compiler that would run forever
source_file: main.txt
version: {command: [bash, --version], pattern: 'version ([0-9.]+)'}
compile:
  command: [bash, -c, 'while [ "$(cat main.txt)" != hello ]; do :; done']
  limits: {cpu_time_ms: 300ms, wall_time_ms: 5s}
run: {command: [bash, -c, 'echo "Hello, world!"']}
""",
    "sleepy.yaml": """
id: sleepy
name: A compiler that would sleep forever
source_file: main.txt
version: {command: [bash, --version], pattern: 'version ([0-9.]+)'}
compile: {command: [sleep, "1000"], limits: {wall_time_ms: 400ms}}
run: {command: ["true"]}
""",
    "missing.yaml": """
id: missing
name: A language whose tool is not installed
package: no-such-package
source_file: main.txt
version: {command: [no-such-tool, --version], pattern: '.*'}
run: {command: [no-such-tool]}
""",
    "traps.yaml": """
id: traps
name: A compiler that leaves links, a fifo and deep folders
source_file: main.txt
version: {command: [bash, --version], pattern: 'version ([0-9.]+)'}
compile:
  command:
    - bash
    - -c
    - |
      ln -s /etc/passwd link; ln -s .. up; mkfifo fifo; ln main.txt hard; mkdir -p a/b
      ln -s / a/root; cp main.txt a/b/kept
  artifacts: ["*"]
run:
  command: [bash, -c, 'find . | sort']
""",
}
