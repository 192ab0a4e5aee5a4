"""What an operator does while clients go on: restarting in turn, stopping in good order, changing
settings."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import stat
import threading
import time
import unittest

import host
import service


class Clients:
    """Clients that go on asking: each a new connection for every request."""

    def __init__(self, s, count=4):
        self.s, self.stop, self.good, self.bad, self.waited = s, threading.Event(), 0, [], []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def once(self, n):
        if n % 4 == 0:
            got = self.s.get("/v1/submissions?limit=5")
            return got.status == 200, got
        if n % 4 == 1:
            got = self.s.post("/v1/submissions?wait=1", {"language": "bash", "source": "sleep 0.1"})
            if got.status in (200, 202):
                with self.lock:
                    self.waited.append(got.json()["id"])
            return got.status in (200, 202), got
        if n % 4 == 2:
            got = self.s.get("/v1/health/live")
            return got.status == 200, got
        got = self.s.post("/v1/submissions", {"language": "bash", "source": "true"})
        return got.status == 202, got

    def ask(self, n):
        while not self.stop.is_set():
            try:
                good, got = self.once(n)
            except (OSError, http.client.HTTPException) as e:
                good, got = False, repr(e)
            with self.lock:
                self.good += good
                if not good:
                    self.bad.append(got)
            time.sleep(0.005)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Restarts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = service.Service(slots=1, languages=["bash"])
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def restart(self):
        """SIGUSR2 to `minos up`; when the new server alone is there."""
        old = self.s.pid_of("minos-server")
        self.s.look()
        os.kill(self.s.process.pid, signal.SIGUSR2)
        service.poll("the server is another", lambda: self.s.pids("minos-server") and
                     old not in self.s.pids("minos-server"), 60)
        self.s.look()
        return old

    def test_rolling(self):
        """SIGUSR2 replaces the server: no connection is refused and no request fails"""
        clients = Clients(self.s)
        olds = []
        for _ in range(3):
            time.sleep(0.5)
            olds.append(self.restart())
        time.sleep(0.5)
        clients.end()
        self.assertEqual(clients.bad, [])
        self.assertGreater(clients.good, 100)
        self.assertEqual(len(set(olds)), 3)
        for ident in clients.waited:
            self.assertEqual(self.s.result(ident)["verdict"], "accepted")

    def test_waiting(self):
        """Who waits for a verdict during a restart gets it, or 202 and what is known so far"""
        got = []
        thread = threading.Thread(target=lambda: got.append(self.s.post(
            "/v1/submissions?wait=30", {"language": "bash", "source": "sleep 3"})))
        thread.start()
        service.poll("it runs", lambda: self.s.get("/v1/submissions?status=running").json()[
            "submissions"])
        self.restart()
        thread.join()
        self.assertIn(got[0].status, (200, 202))
        self.assertEqual(self.s.result(got[0].json()["id"])["verdict"], "accepted")

    def test_kept_connection(self):
        """A connection that is kept open is served once more, and told to close"""
        conn = self.s.connect()
        conn.request("GET", "/v1/health/live")
        self.assertEqual(conn.getresponse().read() != b"", True)
        old = self.s.pid_of("minos-server")
        os.kill(self.s.process.pid, signal.SIGUSR2)
        answers = 0
        while True:
            conn.request("GET", "/v1/health/live")
            got = conn.getresponse()
            got.read()
            self.assertEqual(got.status, 200)
            answers += 1
            if got.getheader("Connection") == "close":
                break
            time.sleep(0.01)
        conn.close()
        self.assertGreater(answers, 0)
        service.poll("the old one is gone", lambda: old not in self.s.pids("minos-server"))

    def test_kill(self):
        """While a server that was killed is started again, connections wait instead of being refused"""
        clients = Clients(self.s, count=1)
        time.sleep(0.2)
        before = self.s.pid_of("minos-server")
        os.kill(before, signal.SIGKILL)
        with self.s.raw_socket() as sock:  # while there is none
            sock.sendall(b"GET /v1/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertIn(b"200 OK", sock.recv(4096))
        clients.end()
        refused = [b for b in clients.bad if "Refused" in str(b)]
        self.assertEqual(refused, [])

    def test_killed_often(self):
        """A server that is killed each time soon after it serves is still soon back"""
        began = len(self.s.log())
        for i in range(8):
            pid = service.poll("there is one", lambda: self.s.pids("minos-server"))[0]
            self.assertEqual(self.s.get("/v1/health/live").status, 200)
            time.sleep(0.2 * (i % 3))  # never as long as its last pause ten times
            os.kill(pid, signal.SIGKILL)
            service.poll("it has ended", lambda p=pid: p not in self.s.pids("minos-server"))
        self.assertEqual(self.s.get("/v1/health/live").status, 200)
        pauses = [int(ms) for ms in re.findall(r"child_restart name=minos-server in_ms=(\d+)", self.s.log()[began:])]
        self.assertEqual(len(pauses), 8)
        self.assertLessEqual(max(pauses), 400, pauses)

    def test_worker_too(self):
        """After the server, worker and courier are started anew, and go on where they were"""
        service.poll("settled", lambda: len(self.s.slot_pids()) == 1)
        worker, courier = self.s.pid_of("minos-worker"), self.s.pid_of("minos-courier")
        ids = [self.s.accept(language="bash", source="sleep 0.3") for _ in range(5)]
        self.restart()
        service.poll("others", lambda: self.s.pids("minos-worker") not in ([], [worker]) and
                     self.s.pids("minos-courier") not in ([], [courier]), 60)
        for ident in ids:
            got = self.s.result(ident)
            self.assertEqual((got["verdict"], got["attempts"]), ("accepted", 1))


class Passed(unittest.TestCase):
    """The socket as systemd passes it."""

    def test_passed(self):
        """minos-server serves on the socket it is given, and leaves it open for the next"""
        s = service.Service(slots=1, languages=["bash"])
        self.addCleanup(s.close)
        s.start()
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen(64)
            address = sock.getsockname()
            for _ in range(2):
                pid = self.serve_on(sock.fileno(), s.data)
                conn = http.client.HTTPConnection(*address, timeout=30)
                conn.request("GET", "/v1/health/live")
                self.assertEqual(conn.getresponse().status, 200)
                conn.close()
                os.kill(pid, signal.SIGTERM)
                self.assertEqual(os.waitpid(pid, 0)[1], 0)
                with socket.create_connection(address, timeout=5):
                    pass  # nobody serves, and it is not refused
        s.stop()

    def serve_on(self, fd, data):
        """Start minos-server as systemd does, with the socket as descriptor 3, as the data's owner."""
        owner = os.stat(data)
        program = os.path.join(os.path.dirname(service.MINOS), "minos-server")
        pid = os.fork()
        if pid == 0:
            try:
                high = os.dup(fd)
                high = os.dup2(high, 50)
                os.dup2(high, 3)
                os.setgroups([])
                os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
                os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
                env = {**service.clean_environment(), "LISTEN_FDS": "1",
                       "LISTEN_PID": str(os.getpid())}
                os.execve(program, ["minos-server", "--set", "store.data_dir=" + data,
                                    "--set", "log.level=error"], env)
            finally:
                os._exit(99)
        return pid


class Stops(unittest.TestCase):
    """Stopping in good order: what runs has worker.stop_timeout_ms to end, then it is given back."""

    def new(self, timeout, **more):
        s = service.Service(slots=1, languages=["bash"],
                            sets=[f"worker.stop_timeout_ms={timeout}", "worker.attempts=1"], **more)
        self.addCleanup(s.close)
        return s.start()

    def test_finishes(self):
        """What ends in time keeps its only attempt, and is there at the next start"""
        s = self.new("20s")
        ident = s.accept(language="bash", source="sleep 4; echo done")
        later = s.accept(language="bash", source="echo later")
        s.wait_state(ident, "running")
        self.assertEqual(s.stop(), 0)
        self.assertIn("verdict=accepted", s.log())
        s.wait_clean()
        s.start()
        self.assertEqual(s.result(ident)["tests"][0]["stdout"], "done\n")
        self.assertEqual(s.result(ident)["attempts"], 1)
        self.assertEqual(s.result(later)["verdict"], "accepted")

    def test_given_back(self):
        """What does not end in time is given back without losing an attempt, and soon"""
        s = self.new("500ms")
        ident = s.accept(language="bash", source="sleep 6; echo again",
                         limits={"wall_time_ms": 30000})
        s.wait_state(ident, "running")
        began = time.monotonic()
        self.assertEqual(s.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn("given_back", s.log())
        s.wait_clean()
        s.start()
        got = s.result(ident)
        self.assertEqual((got["verdict"], got["attempts"]), ("accepted", 1))

    def test_worker_alone(self):
        """The same for the worker alone: it drains, gives back, and another goes on"""
        s = self.new("500ms")
        ident = s.accept(language="bash", source="sleep 6", limits={"wall_time_ms": 30000})
        s.wait_state(ident, "running")
        s.look()
        worker = s.pid_of("minos-worker")
        began = time.monotonic()
        os.kill(worker, signal.SIGTERM)
        service.poll("it is gone", lambda: host.command(worker) == [] or
                     worker not in s.pids("minos-worker"), 10)
        self.assertLess(time.monotonic() - began, 5)
        got = s.result(ident)
        self.assertEqual((got["verdict"], got["attempts"]), ("accepted", 1))
        s.look()


class Reloads(unittest.TestCase):
    """SIGHUP reads configuration and languages anew, all or nothing."""

    FIRST = "limits:\n  cpu_time_ms: 3s\n"
    LANGUAGE = """
id: {0}
name: {1}
source_file: main.txt
version: {{command: [bash, --version], pattern: 'version ([0-9.]+)'}}
run: {{command: [bash, -c, 'echo {1}']}}
"""

    def setUp(self):
        self.s = service.Service(slots=2, languages=["bash"], config=self.FIRST, sets=(
            "callbacks.ports=1-65535",))
        self.addCleanup(self.s.close)
        self.s.start()
        service.poll("slots", lambda: len(self.s.slot_pids()) == 2)

    def reload(self, event, config=None):
        """SIGHUP; wait until one more of the log's lines has this event."""
        if config is not None:
            self.s.write_file("minos.yaml", config)
        before = self.s.log().count(event)
        os.kill(self.s.process.pid, signal.SIGHUP)
        service.poll(f"another {event}", lambda: self.s.log().count(event) > before, 60)
        self.s.look()

    def limit(self, name="cpu_time_ms"):
        return self.s.get("/v1/limits").json()["limits"][name]["default"]

    def names(self):
        return {x["id"]: x["name"] for x in self.s.get("/v1/languages").json()["languages"]}

    def test_hot(self):
        """Keys that may change do, in every process; others are named and wait for a restart"""
        self.assertEqual(self.limit(), 3000)
        self.reload("minos-worker reloaded",
                    "limits:\n  cpu_time_ms: 4s\nserver:\n  threads: 5\n")
        service.poll("the server has it", lambda: self.limit() == 4000)
        for who in ("minos-server", "minos-worker", "minos-box", "minos-courier"):
            service.poll(who, lambda w=who: f"{w} reloaded changed=\"limits.cpu_time_ms\""
                         in self.s.log())
        self.assertIn('reload_needs_restart keys="server.threads"', self.s.log())
        got = self.s.judge(language="bash", source="while :; do :; done",
                           limits={"wall_time_ms": 120000})
        self.assertEqual(got["verdict"], "time_limit")
        self.assertGreater(got["usage"]["maximum"]["cpu_time_ms"], 3500)

    def test_quotas(self):
        """Quotas of keys without their own change: who asks is held to them, and what waited goes on"""
        self.reload("minos-server reloaded", "quotas:\n  concurrent_count: 1\n  queued_count: 1\n")
        service.poll("workers", lambda: self.s.log().count("minos-worker reloaded") == 1)
        made = self.s.post("/v1/keys", {"name": "k"}).json()
        mine = [self.s.accept(key=made["key"], language="bash", source="sleep 5")]
        self.s.wait_state(mine[0], "running")
        mine.append(self.s.accept(key=made["key"], language="bash", source="sleep 5"))
        got = self.s.post("/v1/submissions", {"language": "bash", "source": "x"}, key=made["key"])
        self.assertEqual((got.status, got.json()["quota"]), (429, "queued_count"))
        self.assertEqual(self.s.state(mine[1]), "queued")
        limits = self.s.get("/v1/limits", key=made["key"]).json()["quotas"]
        self.assertEqual(limits["queued_count"]["value"], 1)
        self.reload("minos-server reloaded", "quotas:\n  requests_per_second: 1000\n")
        self.s.wait_state(mine[1], "running")
        self.assertEqual(self.s.state(mine[0]), "running")
        limits = self.s.get("/v1/limits", key=made["key"]).json()["quotas"]
        self.assertEqual([limits[q]["value"] for q in ("queued_count", "requests_per_second")], [0, 1000])
        for ident in mine:
            self.assertEqual(self.s.result(ident, key=made["key"])["verdict"], "accepted")

    def test_refused(self):
        """A wrong file changes nothing, and the log names file, line and what was expected"""
        slots = set(self.s.slot_pids())
        for text, said in (("limits:\n  cpu_time_ms: 9s\nworker:\n  attempts: many\n",
                            r"minos\.yaml: line 4: worker\.attempts: expected"),
                           ("limits:\n  cpu_tme_ms: 9s\n", r"minos\.yaml: line 2: .*cpu_tme_ms"),
                           ("limits: {cpu_time_ms: 9s\n", r"minos\.yaml: line")):
            self.reload("minos-up reload_refused", text)
            self.assertRegex(self.s.log(), said)
            self.assertEqual(self.limit(), 3000)
        self.assertEqual(set(self.s.slot_pids()), slots)
        self.assertNotIn(" reloaded ", self.s.log())
        # the old one stays even for who starts anew while the file is wrong
        os.kill(next(iter(slots)), signal.SIGKILL)
        service.poll("two slots", lambda: len(set(self.s.slot_pids())) == 2 and
                     set(self.s.slot_pids()) != slots)
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")
        self.reload("minos-worker reloaded", self.FIRST.replace("3s", "5s"))
        service.poll("the server has it", lambda: self.limit() == 5000)

    def command(self, *args):
        """`minos reload`: its exit status, output and errors."""
        return self.s.minos("reload", "--data", self.s.data, *args)

    def test_command(self):
        """`minos reload` waits for the outcome and says it, in words and as JSON"""
        self.s.write_file("minos.yaml", "limits:\n  cpu_time_ms: 4s\nserver:\n  threads: 5\n")
        status, said, _ = self.command()
        self.assertEqual((status, self.limit()), (0, 4000))
        self.assertEqual(said, "reloaded\nchanged: limits.cpu_time_ms\n"
                               "waiting for a restart: server.threads\n1 of 1 languages are available\n")
        for who in ("minos-server", "minos-worker", "minos-box", "minos-courier"):
            self.assertEqual(self.s.log().count(f"{who} reloaded"), 1, who)
        self.s.write_file("minos.yaml", "limits:\n  cpu_time_ms: 9s\nworker:\n  attempts: many\n")
        status, said, error = self.command()
        self.assertEqual((status, said, self.limit()), (2, "", 4000))
        self.assertRegex(error, r"^minos reload: .*minos\.yaml: line 4: worker\.attempts: expected")
        self.assertIn(error.split(": ", 1)[1].split(";")[0].strip(), self.s.log().replace('\\"', '"'))
        status, said, _ = self.command("--json")
        got = json.loads(said)
        self.assertEqual((status, got["outcome"], got["changed"]), (2, "refused", []))
        self.s.write_file("minos.yaml", self.FIRST)
        self.s.write_file("languages/bad.yaml", "id: bad\nnaem: x\n")
        status, _, error = self.command()
        self.assertEqual((status, self.limit()), (2, 4000))
        self.assertRegex(error, r"bad\.yaml: line 2: .*naem")
        os.unlink(os.path.join(self.s.languages, "bad.yaml"))
        self.assertEqual((self.command()[0], self.limit()), (0, 3000))
        self.assertEqual(self.s.stop(), 0)
        status, _, error = self.command()
        self.assertEqual(status, 3)
        self.assertIn("no `minos up` serves from", error)
        self.assertIn("systemctl reload", error)

    def test_many_at_once(self):
        """Each of many reloads at once is answered with what was read after it was asked for"""
        got = []
        threads = [threading.Thread(target=lambda: got.append(self.command())) for _ in range(12)]
        for n, thread in enumerate(threads):
            if n == 6:
                self.s.write_file("minos.yaml", self.FIRST.replace("3s", "6s"))
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({g[0] for g in got}, {0}, got)
        self.assertEqual(self.limit(), 6000)

    def test_killed_meanwhile(self):
        """A process that dies in the middle of a reload holds nobody up, and starts with the new settings"""
        self.s.look()
        courier, got = self.s.pid_of("minos-courier"), []
        os.kill(courier, signal.SIGSTOP)
        self.s.write_file("minos.yaml", self.FIRST.replace("3s", "6s"))
        thread = threading.Thread(target=lambda: got.append(self.command()))
        thread.start()
        service.poll("the others have it", lambda: "minos-worker reloaded" in self.s.log())
        self.assertEqual(got, [])
        os.kill(courier, signal.SIGKILL)
        thread.join()
        self.assertEqual(got[0][0], 0, got)
        service.poll("another courier", lambda: self.s.pids("minos-courier") not in ([], [courier]))
        self.assertEqual(self.command()[0], 0)

    def test_strangers(self):
        """The socket of `minos reload` takes one known word, and the service user's processes not at all"""
        path = os.path.join(self.s.data, "run", "up.sock")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                     for _ in range(6)]
            for sock in socks:
                sock.connect(path)
            for sock, text in zip(socks, (b"x", b"reload\n", b"reload" * 20, b"RELOAD")):
                sock.send(text)
                self.assertEqual(sock.recv(100), b"")
            self.assertNotIn("reloading", self.s.log())
            self.assertEqual(self.command()[0], 0)
        pid = os.fork()
        if pid == 0:
            try:
                owner = os.stat(self.s.data)
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                os.setgroups([])
                os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
                os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
                sock.connect(path)
                os._exit(1)
            except PermissionError:
                os._exit(0)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_languages(self):
        """A language comes, changes and goes; a wrong one changes nothing"""
        self.s.write_file("languages/new.yaml", self.LANGUAGE.format("new", "One"))
        self.reload("minos-worker reloaded")
        service.poll("it is there", lambda: self.names().get("new") == "One", 10)
        self.assertEqual(self.s.judge(language="new", source="x")["tests"][0]["stdout"], "One\n")
        self.s.write_file("languages/bad.yaml", "id: bad\nnaem: x\n")
        self.s.write_file("languages/new.yaml", self.LANGUAGE.format("new", "Two"))
        self.reload("minos-up reload_refused")
        self.assertRegex(self.s.log(), r"bad\.yaml: line 2: .*naem")
        self.assertEqual(self.s.judge(language="new", source="x")["tests"][0]["stdout"], "One\n")
        for pid in self.s.slot_pids():  # who starts now still gets the old ones
            os.kill(pid, signal.SIGKILL)
        service.poll("two slots", lambda: len(self.s.keeper_pids()) == 2)
        self.assertEqual(self.s.judge(language="new", source="y")["tests"][0]["stdout"], "One\n")
        os.unlink(os.path.join(self.s.languages, "bad.yaml"))
        self.reload("minos-worker reloaded")
        service.poll("it is another", lambda: self.names().get("new") == "Two", 10)
        self.assertEqual(self.s.judge(language="new", source="z")["tests"][0]["stdout"], "Two\n")
        os.unlink(os.path.join(self.s.languages, "new.yaml"))
        self.reload("minos-worker reloaded")
        service.poll("it is gone", lambda: "new" not in self.names(), 10)

    def test_running(self):
        """What runs during a reload goes on to its end, in its first attempt"""
        ids = [self.s.accept(language="bash", source="sleep 3; echo whole") for _ in range(2)]
        for ident in ids:
            self.s.wait_state(ident, "running")
        old = set(self.s.slot_pids())
        self.reload("minos-worker reloaded", self.FIRST + "worker:\n  attempts: 1\n")
        for ident in ids:
            got = self.s.result(ident)
            self.assertEqual((got["tests"][0]["stdout"], got["attempts"]), ("whole\n", 1))
        service.poll("other slots", lambda: len(self.s.slot_pids()) == 2 and
                     not old & set(self.s.slot_pids()))
        self.assertEqual(self.s.stop(), 0)
        self.s.wait_clean()
        self.assertEqual([n for n in os.listdir(os.path.join(self.s.data, "run"))
                          if n.startswith("settings-")], [])


if __name__ == "__main__":
    unittest.main()
