"""The data of a service, as its operator handles it: backup and restore while it serves, killed in
the middle, and by mistake."""
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

import service
from service import Service, poll

HELLO = {"language": "bash", "source": "read x; echo $x; echo $x >&2", "stdin": "5"}
LARGE = "x" * 200000
LEASE = ["worker.lease_ms=3s"]  # what was held when a backup was made is judged again after it


class Load(threading.Thread):
    """Hands in submissions, one after the other, and remembers what was acknowledged."""

    def __init__(self, s):
        super().__init__()
        self.s, self.acknowledged, self.enough = s, [], threading.Event()

    def run(self):
        n = 0
        while not self.enough.is_set():
            n += 1
            self.acknowledged.append(self.s.accept(**HELLO | {"stdin": f"{n} {LARGE}"}))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()


class DataTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Service(languages=["bash"], sets=LEASE)
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def place(self, name):
        return os.path.join(self.s.base, name)

    def backup(self, name, *words):
        return service.minos("backup", "--data", self.s.data, *words, self.place(name))

    def revive(self, name):
        """A service on what the backup holds."""
        two = Service(languages=["bash"], sets=LEASE)
        self.addCleanup(two.close)
        done = service.minos("restore", "--data", two.data, self.place(name))
        self.assertEqual(done[0], 0, done)
        return two.start()

    def test_round(self):
        """A backup made under load is restored: all that was acknowledged before it is there, with its verdicts"""
        before = [self.s.accept(**HELLO | {"stdin": str(n)}) for n in range(5)]
        verdicts = {i: self.s.result(i) for i in before}
        with Load(self.s) as load:
            poll("some are acknowledged", lambda: len(load.acknowledged) > 5)
            before += list(load.acknowledged)
            status, out, err = self.backup("round", "--json")
            self.assertEqual((status, err), (0, ""))
            goes_on = len(load.acknowledged)
            poll("accepts go on", lambda: len(load.acknowledged) > goes_on)
        self.assertGreaterEqual(json.loads(out)["submission_count"], len(before))
        two = self.revive("round")
        for ident, result in verdicts.items():
            self.assertEqual(two.result(ident), result)
        for ident in before:
            self.assertEqual(two.result(ident)["verdict"], "accepted")
        self.assertEqual(two.judge(**HELLO)["verdict"], "accepted")

    def test_modes(self):
        """A backup is its owner's alone, and no second one goes into its place"""
        self.assertEqual(self.backup("modes")[0], 0)
        owner = os.stat(self.s.data)
        for folder, names, files in os.walk(self.place("modes")):
            for name in [".", *names, *files]:
                st = os.stat(os.path.join(folder, name))
                self.assertEqual(st.st_mode & 0o077, 0, name)
                self.assertEqual((st.st_uid, st.st_gid), (owner.st_uid, owner.st_gid), name)
        status, _, err = self.backup("modes")
        self.assertEqual(status, 2)
        self.assertIn("does not exist yet", err)

    def test_refused(self):
        """A restore over a running service, over data, of no backup: refused, with the way out"""
        self.assertEqual(self.backup("refused")[0], 0)
        status, _, err = service.minos("restore", "--data", self.s.data, "--replace",
                                       self.place("refused"))
        self.assertEqual(status, 3)
        self.assertIn("another `minos up` serves", err)
        two = self.revive("refused")
        self.assertEqual(two.stop(), 0)
        status, _, err = service.minos("restore", "--data", two.data, self.place("refused"))
        self.assertEqual(status, 2)
        self.assertIn("--replace", err)
        status, _, err = service.minos("restore", "--data", two.data, "--replace", self.s.base)
        self.assertEqual(status, 2)
        self.assertIn("not a complete backup", err)
        for words in ((), ("a", "b")):
            self.assertEqual(service.minos("restore", *words)[0], 2)
            self.assertEqual(service.minos("backup", *words)[0], 2)
        self.assertEqual(service.minos("backup", "--data", self.place("none"), "x")[0], 2)

    def test_replace(self):
        """--replace puts the old database aside; the service then has what the backup had"""
        first = self.s.judge(**HELLO)["id"]
        self.assertEqual(self.backup("replace")[0], 0)
        two = self.revive("replace")
        later = two.judge(**HELLO)["id"]
        self.assertEqual(two.stop(), 0)
        done = service.minos("restore", "--data", two.data, "--replace", self.place("replace"))
        self.assertEqual(done[0], 0, done)
        two.start()
        self.assertEqual(two.get(f"/v1/submissions/{first}").status, 200)
        self.assertEqual(two.get(f"/v1/submissions/{later}").status, 404)

    def test_verify(self):
        """restore --verify finds each changed byte and changes nothing"""
        self.s.judge(**HELLO | {"stdin": LARGE + "v"})
        self.assertEqual(self.backup("verify")[0], 0)
        self.assertEqual(service.minos("restore", "--verify", self.place("verify"))[0], 0)
        for folder, _, files in os.walk(self.place("verify")):
            for path in (os.path.join(folder, f) for f in files if f != "admin.key"):
                at = os.path.getsize(path) // 2
                with open(path, "r+b") as f:
                    f.seek(at)
                    old = f.read(1)
                    f.seek(at)
                    f.write(bytes([old[0] ^ 1]))
                done = service.minos("restore", "--verify", self.place("verify"))
                self.assertEqual(done[0], 2, (path, done))
                with open(path, "r+b") as f:
                    f.seek(at)
                    f.write(old)
        self.assertEqual(service.minos("restore", "--verify", self.place("verify"))[0], 0)

    def test_killed(self):
        """kill -9 in the middle of backup and restore: whole or refused, and the next one succeeds"""
        for n in range(8):
            self.s.judge(**HELLO | {"stdin": f"{n}{LARGE * 10}"})
        words = [service.MINOS, "backup", "--data", self.s.data]
        began = time.monotonic()
        self.assertEqual(self.backup("killed")[0], 0)
        took = time.monotonic() - began
        for n in range(10):
            target = self.place(f"killed-{n}")
            with subprocess.Popen([*words, target], start_new_session=True,
                                  stdout=subprocess.DEVNULL, env=service.clean_environment()) as p:
                time.sleep(took * n / 10)
                p.send_signal(signal.SIGKILL)
            whole = service.minos("restore", "--verify", target)[0] == 0
            self.assertTrue(whole or not os.path.exists(os.path.join(target, "manifest")), n)
        two = Service(languages=["bash"], sets=LEASE)
        self.addCleanup(two.close)
        words = [service.MINOS, "restore", "--data", two.data, self.place("killed")]
        for n in range(10):
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=service.clean_environment()) as p:
                time.sleep(took * n / 10)
                p.send_signal(signal.SIGKILL)
            if os.path.exists(os.path.join(two.data, "minos.db")):
                break
        poll("no child is left", lambda: service.minos(
            "restore", "--replace", "--data", two.data, self.place("killed"))[0] == 0)
        two.start()
        self.assertEqual(two.judge(**HELLO)["verdict"], "accepted")
        self.assertEqual(self.s.judge(**HELLO)["verdict"], "accepted")

    # --- fsck ------------------------------------------------------------------------------------

    def fsck(self, *words, data=None):
        return service.minos("fsck", "--data", data or self.s.data, *words)

    def test_fsck_live(self):
        """fsck beside a service under load finds all well, each time, and disturbs nobody"""
        with Load(self.s) as load:
            for _ in range(5):
                status, out, err = self.fsck("--json")
                self.assertEqual((status, err), (0, ""), out)
                self.assertTrue(json.loads(out)["ok"])
            before = len(load.acknowledged)
            poll("accepts go on", lambda: len(load.acknowledged) > before)
        self.assertGreater(len(json.loads(out)["checks"]), 20)
        self.assertEqual(self.fsck("--repair")[0], 3)

    def test_fsck_finds(self):
        """fsck names what is wrong and the mend, --repair mends what is safe, and exit statuses say so"""
        self.s.judge(**HELLO | {"stdin": LARGE + "f"})
        self.assertEqual(self.backup("fsck")[0], 0)
        two = self.revive("fsck")
        two.judge(**HELLO)
        self.assertEqual(two.stop(), 0)
        self.assertEqual(self.fsck(data=two.data)[0], 0)
        db = sqlite3.connect(os.path.join(two.data, "minos.db"))
        db.execute("UPDATE blob SET refs = refs + 1")
        db.execute("UPDATE counter SET value = value + 5 WHERE id = 1")
        db.commit()
        db.close()
        status, out, _ = self.fsck(data=two.data)
        self.assertEqual(status, 1)
        self.assertIn("WRONG blob-count", out)
        self.assertIn("WRONG counter-queued", out)
        self.assertIn("mend: ", out)
        self.assertEqual(self.fsck("--repair", data=two.data)[0], 0)
        self.assertEqual(self.fsck(data=two.data)[0], 0)
        for folder, _, files in os.walk(os.path.join(two.data, "blobs")):
            for name in files:
                os.chmod(os.path.join(folder, name), 0o600)
                with open(os.path.join(folder, name), "r+b") as f:
                    f.write(b"!")
        self.assertEqual(self.fsck("--quick", data=two.data)[0], 0)
        status, out, _ = self.fsck("--repair", data=two.data)
        self.assertEqual(status, 1)
        self.assertIn("WRONG digest", out)
        self.assertEqual(self.fsck("x")[0], 2)
        self.assertEqual(self.fsck(data=self.place("none"))[0], 2)

    # --- retention -------------------------------------------------------------------------------

    def test_retention(self):
        """By count and per key, the newest stay, while the service serves, and all is well after"""
        two = Service(languages=["bash"], sets=["store.retention_count=12",
                                                "store.retention_key_count=5"])
        self.addCleanup(two.close)
        two.start()
        key = two.post("/v1/keys", {"name": "busy"}).json()["key"]
        mine = [two.accept(**HELLO) for _ in range(4)]
        busy = [two.accept(key=key, **HELLO | {"stdin": f"{n}{LARGE}"}) for n in range(20)]
        for i in mine:
            two.result(i)

        def left():
            return {r["id"] for r in two.get("/v1/submissions?limit=500").json()["submissions"]}
        poll("only what is kept is left", lambda: len(left()) == 9)
        self.assertLessEqual(set(mine), left())
        self.assertLessEqual(left(), set(mine) | set(busy))
        status, out, _ = self.fsck(data=two.data)
        self.assertEqual(status, 0, out)


if __name__ == "__main__":
    unittest.main()
