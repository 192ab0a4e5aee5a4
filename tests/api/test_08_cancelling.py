"""Cancelling, queued and running, with a definite answer; priorities; idempotency keys."""
import threading
import time
import unittest
import uuid

import service

SLEEP = {"language": "bash", "source": "sleep 30", "limits": {"wall_time_ms": 60000}}


class Cancelling(unittest.TestCase):
    """On a service with one slot, which a sleeping program can hold."""

    @classmethod
    def setUpClass(cls):
        cls.s = service.Service(slots=1, languages=["bash", "python3", "c17"],
                                files=service.EXTRA_LANGUAGES)
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def tearDown(self):
        for r in self.s.get("/v1/submissions?limit=500").json()["submissions"]:
            if r["status"] not in ("done", "cancelled"):
                self.cancel(r["id"])
        self.s.wait_quiet()

    def cancel(self, ident):
        return self.s.post(f"/v1/submissions/{ident}/cancel")

    def check_cancelled(self, ident):
        got = self.s.get(f"/v1/submissions/{ident}").json()
        self.assertEqual((got["status"], got["verdict"]), ("cancelled", "cancelled"))
        self.assertIsNotNone(got["finished_at"])

    def test_queued(self):
        """A queued submission that is cancelled never runs"""
        holder = self.s.accept(**SLEEP)
        ident = self.s.accept(language="bash", source="true")
        self.s.wait_state(holder, "running")
        got = self.cancel(ident)
        self.assertEqual(got.status, 200)
        self.assertEqual((got.json()["status"], got.json()["verdict"]), ("cancelled", "cancelled"))
        self.assertIsNone(got.json()["started_at"])
        self.cancel(holder)
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")
        self.check_cancelled(ident)

    def test_running(self):
        """A running submission that is cancelled stops at once and never becomes done"""
        ident = self.s.accept(**SLEEP)
        self.s.wait_state(ident, "running")
        began = time.monotonic()
        self.assertEqual(self.cancel(ident).json()["status"], "cancelled")
        # the one slot is free again long before the program would have ended
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")
        self.assertLess(time.monotonic() - began, 15)
        self.s.wait_quiet()
        self.check_cancelled(ident)

    def test_between_tests(self):
        """Tests that were not run when it was cancelled are not there as passed"""
        ident = self.s.accept(language="bash", tests=[{"stdin": "0.01"}] * 3 + [{"stdin": "30"}] * 5,
                              source="read n; sleep $n", limits={"wall_time_ms": 60000})
        service.poll("three tests", lambda: len(self.s.get(
            f"/v1/submissions/{ident}?fields=tests.verdict").json()["tests"]) >= 3)
        self.assertEqual(self.cancel(ident).status, 200)
        r = self.s.result(ident)
        self.assertEqual((r["status"], r["verdict"]), ("cancelled", "cancelled"))
        verdicts = [t["verdict"] for t in r["tests"]]
        self.assertEqual(verdicts[:3], ["accepted"] * 3)
        self.assertLessEqual(set(verdicts[3:]), {"cancelled", "skipped"})

    def test_compiling(self):
        """A submission that compiles can be cancelled"""
        ident = self.s.accept(language="sleepy", source="x")
        self.s.wait_state(ident, "compiling", "done")
        self.assertIn(self.cancel(ident).status, (200, 409))
        self.assertIn(self.s.result(ident)["status"], ("cancelled", "done"))

    def test_twice(self):
        """Cancelling again says the same; cancelling what is done is a 409 and changes nothing"""
        ident = self.s.accept(**SLEEP)
        self.assertEqual(self.cancel(ident).status, 200)
        again = self.cancel(ident)
        self.assertEqual((again.status, again.json()["status"]), (200, "cancelled"))
        done = self.s.judge(language="bash", source="true")
        late = self.cancel(done["id"])
        self.assertEqual((late.status, late.json()["type"]), (409, "urn:minos:problem:finished"))
        self.assertEqual(self.s.get(f"/v1/submissions/{done['id']}").json()["verdict"], "accepted")

    def test_race(self):
        """Whatever a cancel meets, its answer holds for ever"""
        answers = {}
        for i in range(40):
            ident = self.s.accept(language="bash", source="true")
            time.sleep(0.0007 * i)
            answers[ident] = self.cancel(ident).status
        for ident, status in answers.items():
            r = self.s.result(ident)
            want = {200: "cancelled", 409: "accepted"}[status]
            self.assertEqual(r["verdict"], want)

    def test_wakes_waiters(self):
        """Who waits for a submission hears at once that it was cancelled"""
        ident = self.s.accept(**SLEEP)
        self.s.wait_state(ident, "running")
        heard = []
        waiter = threading.Thread(target=lambda: heard.append(
            self.s.get(f"/v1/submissions/{ident}?wait=60")))
        began = time.monotonic()
        waiter.start()
        time.sleep(0.2)
        self.cancel(ident)
        waiter.join()
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual((heard[0].status, heard[0].json()["status"]), (200, "cancelled"))

    def test_priority(self):
        """With one slot the urgent goes first, and among equals who came first"""
        holder = self.s.accept(**SLEEP)
        self.s.wait_state(holder, "running")
        wish = [("low", -100), ("a", 0), ("high", 100), ("b", 0), ("mid", 50)]
        ids = {name: self.s.accept(language="bash", source="true", priority=p) for name, p in wish}
        self.cancel(holder)
        started = {name: self.s.result(i)["started_at"] for name, i in ids.items()}
        finished = {name: self.s.result(i)["finished_at"] for name, i in ids.items()}
        order = sorted(ids, key=lambda n: (started[n], finished[n]))
        self.assertEqual(order, ["high", "mid", "a", "b", "low"])

    # --- idempotency -----------------------------------------------------------------------------

    def test_replay(self):
        """The same Idempotency-Key with the same body gives the same submission, run once"""
        head = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"language": "bash", "source": "echo $RANDOM"}
        first = self.s.post("/v1/submissions", body, headers=head)
        self.assertEqual(first.status, 202)
        self.assertNotIn("Idempotency-Replayed", first.headers)
        again = self.s.post("/v1/submissions?wait=30", body, headers=head)
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.assertEqual(again.json()["id"], first.json()["id"])
        self.assertEqual(again.status, 200)
        third = self.s.post("/v1/submissions", body, headers=head)
        self.assertEqual(third.json()["id"], first.json()["id"])
        self.assertEqual(third.json()["attempts"], 1)

    def test_conflict(self):
        """The same Idempotency-Key with another body is a 409"""
        head = {"Idempotency-Key": str(uuid.uuid4())}
        first = self.s.post("/v1/submissions", {"language": "bash", "source": "true"}, headers=head)
        again = self.s.post("/v1/submissions", {"language": "bash", "source": "false"},
                            headers=head)
        self.assertEqual(again.status, 409)
        self.assertEqual(again.json()["type"], "urn:minos:problem:idempotency")
        self.assertIn(first.json()["id"], again.json()["detail"])

    def test_at_once(self):
        """The same Idempotency-Key from many at once makes one submission"""
        head = {"Idempotency-Key": str(uuid.uuid4())}
        got = []
        threads = [threading.Thread(target=lambda: got.append(self.s.post(
            "/v1/submissions", {"language": "bash", "source": "true"}, headers=head)))
            for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len({g.json()["id"] for g in got}), 1, got)
        self.assertLessEqual({g.status for g in got}, {200, 202})

    def test_bad_key(self):
        """An Idempotency-Key of 300 characters, or with blanks inside, is refused"""
        for bad in ("x" * 256, "a b", ""):
            got = self.s.post("/v1/submissions", {"language": "bash", "source": "true"},
                              headers={"Idempotency-Key": bad})
            self.assertEqual(got.status, 400, bad)
            self.assertEqual(got.json()["errors"][0]["field"], "Idempotency-Key")

    def test_each_key_its_own(self):
        """Two API keys may use the same Idempotency-Key for different things"""
        other = self.s.post("/v1/keys", {"name": "other"}).json()["key"]
        head = {"Idempotency-Key": str(uuid.uuid4())}
        a = self.s.post("/v1/submissions", {"language": "bash", "source": "true"}, headers=head)
        b = self.s.post("/v1/submissions", {"language": "bash", "source": "false"}, headers=head,
                        key=other)
        self.assertEqual((a.status, b.status), (202, 202))
        self.assertNotEqual(a.json()["id"], b.json()["id"])


if __name__ == "__main__":
    unittest.main()
