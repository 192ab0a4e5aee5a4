"""`minos up`: on its own directory, several at once, refusing what cannot go well."""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from unittest import mock

import host
import service

FEW = ["bash"]


def ended(words, env=None):
    """(status, standard output, standard error) of a `minos up` that must end by itself."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False,
                          env=service.clean_environment(**(env or {})))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Up(unittest.TestCase):
    def new(self, **more):
        s = service.Service(languages=FEW, **more)
        self.addCleanup(s.close)
        return s

    def test_life(self):
        """A service starts, judges, stops on SIGTERM with status 0 and leaves nothing behind"""
        s = self.new(slots=1).start()
        self.assertEqual(s.judge(language="bash", source="true")["verdict"], "accepted")
        groups = s.groups()
        self.assertTrue(groups)
        self.assertEqual(s.stop(), 0)
        s.wait_clean()
        self.assertEqual([g for g in groups if os.path.isdir(g)], [])
        with self.assertRaises(OSError):
            s.raw_socket()

    def test_early_stop(self):
        """Ctrl-C before it serves stops it with status 0 and leaves nothing behind"""
        for after_s in (0.15, 0.4, 0.8):
            s = service.Service(slots=1)  # every language: it takes a while to look at them
            self.addCleanup(s.close)
            s.process = subprocess.Popen(s.arguments(), stdout=subprocess.PIPE, cwd="/",
                                         stderr=subprocess.DEVNULL,
                                         env=service.clean_environment(MINOS_LANGUAGES=s.languages))
            time.sleep(after_s)
            groups = s.groups()
            self.assertEqual(s.stop(signal.SIGINT), 0, after_s)
            s.wait_clean()
            self.assertEqual([g for g in groups if os.path.isdir(g)], [])

    def test_installed(self):
        """What `make install` copies serves wherever it is put, with the languages beside it"""
        s = self.new(slots=1)
        root = os.path.join(s.base, "root")
        done = subprocess.run(["make", "-s", "install", f"BUILD={service.BUILD}", f"DESTDIR={root}",
                               "PREFIX=/opt/judge"], cwd=service.ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        s.languages = None  # those that it finds by itself
        with mock.patch.object(service, "MINOS", os.path.join(root, "opt/judge/bin/minos")):
            s.start()
        shipped = os.listdir(os.path.join(service.ROOT, "deploy", "languages"))
        found = s.get("/v1/languages").json()["languages"]
        self.assertEqual(sorted(row["id"] + ".yaml" for row in found), sorted(shipped))
        self.assertEqual(s.judge(language="bash", source="true")["verdict"], "accepted")
        self.assertEqual(s.stop(), 0)
        s.wait_clean()

    def test_again(self):
        """A second start on the same directory keeps the key and what was judged"""
        s = self.new(slots=1).start()
        r = s.judge(language="bash", source="echo kept")
        key = s.key
        s.stop()
        s.start()
        self.assertEqual(s.key, key)
        again = s.get(f"/v1/submissions/{r['id']}").json()
        self.assertEqual(again, r)
        s.stop()
        s.wait_clean()

    def test_queue_outlives(self):
        """What waited in the queue at a stop is judged after the next start"""
        s = self.new(slots=1).start()
        first = s.accept(language="bash", source="sleep 2")
        ids = [s.accept(language="bash", source="true") for _ in range(10)]
        s.wait_state(first, "running")
        self.assertEqual(s.stop(), 0)
        s.start()
        for ident in [first] + ids:
            self.assertEqual(s.result(ident)["verdict"], "accepted")

    def test_several(self):
        """Several services run at once, each with keys and submissions of its own"""
        all_of_them = [self.new(slots=1).start() for _ in range(3)]
        ids = [s.accept(language="bash", source=f"echo {i}") for i, s in enumerate(all_of_them)]
        for i, s in enumerate(all_of_them):
            self.assertEqual(s.result(ids[i])["tests"][0]["stdout"], f"{i}\n")
            other = all_of_them[i - 1]
            self.assertEqual(s.get("/v1/languages", key=other.key).status, 401)
            self.assertEqual(s.get(f"/v1/submissions/{ids[i - 1]}").status, 404)
        all_of_them[1].stop()
        all_of_them[1].wait_clean()
        self.assertEqual(all_of_them[0].judge(language="bash", source="true")["verdict"],
                         "accepted")

    def test_same_directory(self):
        """A second service on the same directory is refused, and the first goes on"""
        s = self.new(slots=1).start()
        status, out, err = ended(s.arguments(), {"MINOS_LANGUAGES": s.languages})
        self.assertIn(status, (2, 3))
        self.assertEqual(out, "")
        self.assertIn(s.data, err)
        self.assertEqual(s.judge(language="bash", source="true")["verdict"], "accepted")

    def test_taken_port(self):
        """A port that is taken is said plainly, and nothing stays behind"""
        s = self.new(slots=1)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            words = s.arguments()
            words[words.index("--listen") + 1] = "127.0.0.1:%d" % sock.getsockname()[1]
            status, out, err = ended(words, {"MINOS_LANGUAGES": s.languages})
        self.assertEqual((status, out), (3, ""))
        self.assertIn("in use", err)
        self.assertEqual(host.unix_sockets(s.data), [])

    def test_bad_settings(self):
        """Wrong options and settings are named, and end with status 2"""
        s = self.new(slots=1)
        for more, said in ((["--set", "worker.slot=1"], "worker.slot"),
                           (["--set", "worker.lease_ms=x"], "worker.lease_ms"),
                           (["--set", "limits.memory_bytes=1"], "limits.memory_bytes"),
                           (["--set", "nonsense"], "KEY=VALUE"), (["--slots", "-1"], "slots"),
                           (["--listen", "here"], "listen"), (["--frob"], "frob"), (["x"], "x"),
                           (["--config", "/nonexistent"], "/nonexistent")):
            status, out, err = ended(s.arguments() + more, {"MINOS_LANGUAGES": s.languages})
            self.assertEqual((status, out), (2, ""), (more, err))
            self.assertIn(said, err)

    def test_bad_file(self):
        """A wrong configuration file is refused with its name and line"""
        s = self.new(slots=1, config="worker:\n  slots: 2\n  attemps: 3\n")
        status, _, err = ended(s.arguments(), {"MINOS_LANGUAGES": s.languages})
        self.assertEqual(status, 2)
        self.assertRegex(err, r"minos\.yaml: line 3: .*attemps")

    def test_bad_language(self):
        """A wrong language file stops the start with its name and line"""
        s = self.new(slots=1, files={"bad.yaml": "id: bad\nnaem: x\n"})
        status, _, err = ended(s.arguments(), {"MINOS_LANGUAGES": s.languages})
        self.assertNotEqual(status, 0)
        self.assertRegex(err, r"bad\.yaml: line 2: .*naem")

    def test_environment(self):
        """Settings come from the file, above it the environment, above that the flags"""
        s = self.new(slots=1, config="limits:\n  cpu_time_ms: 3s\n  memory_bytes: 100M\n"
                     "  process_count: 5\n", sets=["limits.process_count=7"])
        os.environ["MINOS_TEST"] = "1"
        real = service.clean_environment
        service.clean_environment = lambda **more: {**real(**more),
                                                    "MINOS_LIMITS_MEMORY_BYTES": "200M",
                                                    "MINOS_LIMITS_PROCESS_COUNT": "6"}
        try:
            s.start()
        finally:
            service.clean_environment = real
            del os.environ["MINOS_TEST"]
        limits = s.get("/v1/limits").json()["limits"]
        self.assertEqual([limits[n]["default"] for n in ("cpu_time_ms", "memory_bytes",
                                                         "process_count")],
                         [3000, 200 << 20, 7])

    def test_anonymous(self):
        """Without keys it serves on loopback alone, and otherwise refuses to start"""
        s = self.new(slots=1, sets=["server.allow_anonymous=true"]).start()
        got = s.post("/v1/submissions?wait=20", {"language": "bash", "source": "true"}, key=None)
        self.assertEqual((got.status, got.json()["verdict"]), (200, "accepted"))
        self.assertIn(s.get("/v1/keys", key=None).status, (401, 403))
        page = s.post("/v1/submissions", {"language": "bash", "source": "true"}, key=None,
                      headers={"Origin": "http://evil.example"})
        self.assertIn(page.status, (401, 403))
        plain = s.post("/v1/submissions", b'{"language":"bash","source":"true"}', key=None,
                       headers={"Content-Type": "text/plain"})
        self.assertEqual(plain.status, 415)
        s.stop()
        words = s.arguments()
        words[words.index("--listen") + 1] = "0.0.0.0:0"
        status, out, err = ended(words, {"MINOS_LANGUAGES": s.languages})
        self.assertNotEqual(status, 0)
        self.assertEqual(out, "")
        self.assertIn("anonymous", err)

    def test_full_queue(self):
        """A full queue is a 503 with Retry-After, and nothing that was accepted is lost"""
        s = self.new(slots=1, sets=["store.queue_count_max=3"]).start()
        body = {"language": "bash", "source": "sleep 0.3"}
        got = [s.post("/v1/submissions", body) for _ in range(8)]
        statuses = [g.status for g in got]
        self.assertIn(503, statuses)
        self.assertLessEqual(set(statuses), {202, 503})
        for g in got:
            if g.status == 503:
                self.assertEqual(g.json()["type"], "urn:minos:problem:busy")
                self.assertTrue(int(g.headers["Retry-After"]) > 0)
            else:
                self.assertEqual(s.result(g.json()["id"])["verdict"], "accepted")

    def test_privileges(self):
        """Server and worker run as an ordinary user without capabilities, and cannot get any"""
        s = self.new(slots=2).start()
        pids = [s.pid_of("minos-server"), s.pid_of("minos-worker"), *s.slot_pids()]
        self.assertEqual(len(pids), 4)
        for pid in pids:
            status = dict(line.split(":\t", 1) for line in
                          host.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
            self.assertNotIn("0", status["Uid"].split())
            self.assertNotIn("0", status["Gid"].split())
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1")

    def test_closed_folder(self):
        """A directory above the data that the service's user may not enter is named, with the mend"""
        if os.geteuid() != 0:
            self.skipTest("without root the service has its starter's rights")
        folder = self.enterContext(tempfile.TemporaryDirectory())  # closed to others
        os.mkdir(f"{folder}/open")
        status, _, err = ended([service.MINOS, "up", "--data", f"{folder}/open/data", "--listen", "127.0.0.1:0"])
        self.assertNotEqual(status, 0, err)
        self.assertIn(f"may not enter {folder} on the way to {folder}/open/data: chmod o+x {folder}, or", err)

    def test_few_descriptors(self):
        """With too few descriptors each program refuses to start, and says how many it needs"""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)
        box = ("listen", "--socket", "/nonexistent/box.sock", "--uid", "65534")
        for name, least, words in (("server", 128, ()), ("worker", 128, ()), ("courier", 128, ()),
                                   ("box", 1024, box)):
            program = shutil.copy(os.path.join(os.path.dirname(service.MINOS), "minos-" + name), folder)
            done = subprocess.run(  # as a user, who cannot raise the limit
                ["sh", "-c", 'ulimit -n 40; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"',
                 "-", program, *words, "--set", "store.data_dir=/nonexistent"], timeout=60, check=False,
                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=service.clean_environment())
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(f"40 descriptors may be open (RLIMIT_NOFILE), and {least} are needed",
                          done.stderr.decode())

    def test_files(self):
        """Everything in the data directory belongs to the service and is closed to others"""
        s = self.new(slots=1).start()
        s.judge(language="bash", source="true", stdin="x" * 300000)
        owner = os.stat(s.data).st_uid
        self.assertNotEqual(owner, 0)
        for folder, names, files in os.walk(s.data):
            for name in names + files:
                st = os.lstat(os.path.join(folder, name))
                # `minos reload` talks to root's process by it
                self.assertEqual(st.st_uid, 0 if name == "up.sock" else owner, name)
                self.assertEqual(stat.S_IMODE(st.st_mode) & 0o007, 0, name)

    def test_json(self):
        """With --json what it says on standard output is JSON"""
        s = self.new(slots=1)
        with open(s.log_path, "ab") as log:
            s.process = subprocess.Popen(s.arguments() + ["--json"], stdout=subprocess.PIPE,
                                         stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                                         env=service.clean_environment(
                                             MINOS_LANGUAGES=s.languages))
        line = json.loads(s.process.stdout.readline())
        self.assertTrue(line["ready"].startswith("http://127.0.0.1:"), line)
        self.assertEqual(s.stop(), 0)

    def test_traps(self):
        """A data directory that is a link, or another's, is refused and not changed"""
        s = self.new(slots=1)
        with tempfile.TemporaryDirectory() as other:
            os.symlink(other, s.data)
            status, _, err = ended(s.arguments(), {"MINOS_LANGUAGES": s.languages})
            self.assertNotEqual(status, 0, err)
            self.assertEqual(os.listdir(other), [])
            os.unlink(s.data)
            os.mkdir(s.data)
            with open(os.path.join(s.data, "mine"), "w", encoding="ascii") as f:
                f.write("x")
            status, _, err = ended(s.arguments(), {"MINOS_LANGUAGES": s.languages})
            self.assertNotEqual(status, 0, err)
            self.assertEqual(os.listdir(s.data), ["mine"])
            self.assertEqual(os.stat(s.data).st_uid, 0)

    def test_full_disk(self):
        """On a full disk nothing that was acknowledged is lost, and it goes on afterwards"""
        s = self.new(slots=1)
        os.mkdir(s.data)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "minos-test", s.data],
                              check=False)
        if done.returncode != 0:
            self.skipTest("cannot mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", s.data], check=False)
        s.start()
        filler = os.path.join(s.data, "filler")
        fd = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                os.write(fd, b"x" * 4096)
        except OSError:
            os.close(fd)
        got = [s.post("/v1/submissions", {"language": "bash", "source": "# " + "x" * 50000})
               for _ in range(40)]
        self.assertLessEqual({g.status for g in got}, {202, 503}, got)
        self.assertIn(503, {g.status for g in got})
        os.unlink(filler)
        for g in got:
            if g.status == 202:
                self.assertEqual(s.result(g.json()["id"])["verdict"], "accepted")
        self.assertEqual(s.judge(language="bash", source="true")["verdict"], "accepted")
        self.assertEqual(s.stop(), 0)
        self.assertEqual(s.seen.left(), [])


if __name__ == "__main__":
    unittest.main()
