"""Disks that fill up, fail, are slow or lie: the client hears 503 and when to come again, the operator reads
what to do, and when the cause is gone the service goes on by itself with nothing lost."""
import os
import sqlite3
import time
import unittest

import faults
import service

NAP = {"language": "bash", "source": "read n; sleep $n; echo ok"}


class Faulty(unittest.TestCase):
    """What the tests below have in common."""

    disk, slots, sets = None, 2, ("worker.lease_ms=2s",)

    def setUp(self):
        self.s = faults.FaultyService(disk=self.disk, slots=self.slots, languages=["bash", "c17"],
                                      sets=self.sets)
        self.addCleanup(self.s.close)
        self.s.start()

    def naps(self, count, seconds="0.2"):
        """Acknowledged, and some of them on their way."""
        tests = [{"stdin": seconds, "expected_output": "ok"}] * 3
        return [self.s.accept(**NAP, tests=tests) for _ in range(count)]

    def check_judged(self, ids, verdict="accepted"):
        for ident in ids:
            r = self.s.result(ident)
            self.assertEqual((r["status"], r["verdict"]), ("done", verdict), r["message"])

    def check_refused(self, **fields):
        """503 as problem JSON, with when to come again."""
        got = self.s.post("/v1/submissions", {"language": "bash", "source": "true", **fields})
        self.assertEqual(got.status, 503, got)
        self.assertEqual(got.headers["Content-Type"], "application/problem+json")
        self.assertGreaterEqual(int(got.headers["Retry-After"]), 1)
        self.assertEqual(got.json()["type"], "urn:minos:problem:busy")
        return got

    def check(self, name):
        """One of the health checks: (ok, detail)."""
        checks = {c["name"]: c for c in self.s.get("/v1/health").json()["checks"]}
        return checks[name]["ok"], checks[name]["detail"]

    def wait_not_ready(self, check, word):
        """Readiness says no, and the check why."""
        service.poll(f"{check} is not well", lambda: not self.check(check)[0], 30)
        got = self.s.get("/v1/health/ready")
        self.assertEqual(got.status, 503, got)
        self.assertIn("Retry-After", got.headers)
        self.assertEqual(self.s.get("/v1/health/live").status, 200)
        self.assertIn(word, self.check(check)[1])

    def wait_ready(self):
        service.poll("it is ready again", lambda: self.s.get("/v1/health/ready").status == 200, 30)

    def logged(self, *words):
        lines = self.s.log().splitlines()
        self.assertTrue([line for line in lines if all(w in line for w in words)],
                        f"no line with {words} in:\n" + "\n".join(lines[-20:]))


class Full(Faulty):
    disk = {"megabytes": 24}

    def test_full(self):
        """A full disk refuses what is new with 503, keeps what was acknowledged, and heals when there is room"""
        done = self.s.judge(language="bash", source="echo ok", expected_output="ok")
        ids = self.naps(6)
        filler = self.s.disk.fill()
        service.poll("it is refused", lambda: self.s.post(
            "/v1/submissions", {"language": "bash", "source": "true", "stdin": "x" * 60000}).status == 503)
        self.check_refused(stdin="y" * 60000)
        self.wait_not_ready("store", "No space left")
        self.logged("error", "the disk is full: make room")
        self.assertEqual(self.s.get(f"/v1/submissions/{done['id']}").json()["verdict"], "accepted")
        time.sleep(3)  # long enough for slots to fail, die and be started again
        self.assertEqual(self.s.get("/v1/health/ready").status, 503)
        os.unlink(filler)
        self.wait_ready()
        self.check_judged(ids + [self.s.accept(language="bash", source="true")])
        self.logged("info", "store_can_be_written_again")


class Inodes(Faulty):
    disk = {"megabytes": 24, "inodes": 128}

    def test_inodes(self):
        """Without inodes, what needs a file is refused or waits; the rest is judged as ever"""
        folder = self.s.disk.take_inodes()
        self.check_refused(stdin="x" * 200000)
        self.logged("error", "No space left on device")
        self.check_judged([self.s.accept(language="bash", source="true")])
        compiled = self.s.accept(language="c17", source="int main(void){return 0;}")
        service.poll("its artifact cannot be kept", lambda: "judge_failed" in self.s.log())
        time.sleep(2)
        self.assertNotEqual(self.s.state(compiled), "done")
        faults.run("rm", "-r", folder)
        self.check_judged([compiled, self.s.accept(language="bash", source="wc -c", stdin="x" * 200000)])


class ReadOnly(Faulty):
    disk = {"megabytes": 24}

    def test_read_only(self):
        """A file system that the kernel turned read-only: reads go on, writes get 503; after the mend all is there"""
        done = self.s.judge(language="bash", source="echo ok", expected_output="ok")
        ids = self.naps(4, "0.5")
        self.s.disk.fail()
        service.poll("it is refused", lambda: self.s.post(
            "/v1/submissions", {"language": "bash", "source": "true"}).status == 503)
        self.check_refused()
        self.wait_not_ready("store", "")
        self.logged("error", "database")
        time.sleep(2)
        self.assertEqual(self.s.get("/v1/health/ready").status, 503)
        self.assertEqual(self.s.get(f"/v1/submissions/{done['id']}").json()["verdict"], "accepted")
        self.s.stop()
        self.s.disk.mend()
        self.s.start()
        self.wait_ready()
        self.check_judged(ids + [done["id"], self.s.accept(language="bash", source="true")])


class Failing(Faulty):
    """EIO: the disk itself."""

    def fail_calls(self, call, part, who=faults.EVERYBODY):
        ids = self.naps(4)
        self.s.faults.set(who, call, faults.ERRNO, 5, part)
        self.check_refused()
        self.wait_not_ready("store", "Input/output error")
        self.logged("error", "kernel's log")
        time.sleep(3)
        self.assertEqual(self.s.get("/v1/health/ready").status, 503)
        self.assertGreater(self.s.faults.hits(), 0)
        self.s.faults.clear()
        self.wait_ready()
        self.check_judged(ids + [self.s.accept(language="bash", source="true")])
        self.assertEqual(self.check_database(), [("ok",)])

    def check_database(self):
        self.assertEqual(self.s.stop(), 0)
        db = sqlite3.connect(f"file:{self.s.data}/minos.db?mode=ro", uri=True)
        try:
            return db.execute("PRAGMA integrity_check").fetchall()
        finally:
            db.close()

    def test_write(self):
        """EIO on writes to the log"""
        self.fail_calls("write", "minos.db-wal")

    def test_sync(self):
        """EIO on syncs of the log: nothing is acknowledged on a promise that the disk did not keep"""
        self.fail_calls("fsync", "minos.db")

    def test_blob(self):
        """EIO while a large input is written: refused, and no half of it is taken for the whole later"""
        self.s.faults.set(faults.SERVER, "fsync", faults.ERRNO, 5, "blobs")
        self.check_refused(stdin="x" * 200000)
        self.s.faults.clear()
        r = self.s.judge(language="bash", source="wc -c", stdin="x" * 200000, expected_output="200000")
        self.assertEqual(r["verdict"], "accepted")

    def test_idle(self):
        """A disk that fails while nobody writes: who asks whether the service is ready hears it the next time"""
        time.sleep(5.5)  # what was written at the start says nothing any more
        self.s.faults.set(faults.EVERYBODY, "fsync", faults.ERRNO, 5, "minos.db")
        self.wait_not_ready("store", "Input/output error")
        self.s.faults.clear()
        self.wait_ready()

    def test_slow(self):
        """Syncs that take half a second: everything takes longer, and nothing else changes"""
        self.s.faults.set(faults.EVERYBODY, "fsync", faults.SLOW, 500, "minos.db")
        ids = self.naps(6, "0.01")
        self.assertEqual(self.s.get("/v1/health/ready").status, 200)
        self.check_judged(ids)
        self.assertGreater(self.s.faults.hits(), 6)
        self.logged("warn", "store_slow", "mend=")


class Damaged(Faulty):
    """What is on the disk is not what was written."""

    def damage(self, path, at, data=b"\xa5" * 4096):
        self.assertEqual(self.s.stop(), 0)
        with open(os.path.join(self.s.data, path), "r+b") as f:
            f.seek(at)
            f.write(data)

    def refuses_to_start(self):
        with self.assertRaises(AssertionError):
            self.s.start()
        self.assertNotEqual(self.s.process.wait(30), 0)
        return self.s.log()

    def test_first_page(self):
        """A database without its first page is refused at the start, with the mend"""
        self.s.judge(language="bash", source="true")
        self.damage("minos.db", 0)
        self.assertRegex(self.refuses_to_start(), "(damaged|not a database).*restore a backup")

    def test_page(self):
        """A damaged page gives 503 to those who need it, and the operator is told to restore a backup"""
        ids = [self.s.judge(language="bash", source=f"echo {i}")["id"] for i in range(3)]
        self.assertEqual(self.s.stop(), 0)
        db = sqlite3.connect(os.path.join(self.s.data, "minos.db"))
        root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'test_result'").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
        db.close()
        self.s.start()
        self.damage("minos.db", (root - 1) * size, b"\xa5" * size)
        self.s.start()
        got = self.s.get(f"/v1/submissions/{ids[0]}")
        self.assertEqual((got.status, got.json()["type"]), (503, "urn:minos:problem:busy"), got)
        self.assertIn("Retry-After", got.headers)
        self.logged("error", "damaged", "restore a backup")
        self.assertEqual(self.s.get("/v1/languages").status, 200)
        self.wait_not_ready("store", "damaged")

    def test_newer(self):
        """A database of a newer Minos is refused at the start, and not changed"""
        self.assertEqual(self.s.stop(), 0)
        db = sqlite3.connect(os.path.join(self.s.data, "minos.db"))
        db.execute("PRAGMA user_version = 9999")
        db.close()
        self.assertRegex(self.refuses_to_start(), "9999.*newer|newer.*9999")
        db = sqlite3.connect(os.path.join(self.s.data, "minos.db"))
        self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (9999,))
        db.close()

    def test_artifact(self):
        """A half-written artifact in the cache is not run: the program is compiled again"""
        request = {"language": "c17", "source": "#include <stdio.h>\nint main(void){puts(\"ok\");return 0;}",
                   "expected_output": "ok"}
        self.assertEqual(self.s.judge(**request)["verdict"], "accepted")
        again = self.s.judge(**request)
        self.assertTrue(again["compile"]["cached"])
        folder = os.path.join(self.s.data, "artifacts")
        path, = [os.path.join(d, n) for d, _, names in os.walk(folder) for n in names
                 if not n.endswith(".meta")]
        for size in (os.path.getsize(path) - 1, 0):
            with open(path, "r+b") as f:
                f.truncate(size)
            r = self.s.judge(**request)
            self.assertEqual((r["verdict"], r["compile"]["cached"]), ("accepted", False))


if __name__ == "__main__":
    unittest.main()
