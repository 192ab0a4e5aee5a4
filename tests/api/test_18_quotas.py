"""Quotas of API keys, turns among them, and a queue that is full."""
import time
import unittest

import service

TYPE = "urn:minos:problem:"
HELLO = {"language": "bash", "source": "true"}
SPIN = {"language": "bash", "source": "while :; do :; done", "limits": {"cpu_time_ms": 1500}}


def sleeps(seconds):
    return {"language": "bash", "source": f"sleep {seconds}"}


class Quotas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = service.Service(slots=2, languages=["bash"], sets=["store.queue_count_max=60"])
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def key(self, **quotas):
        got = self.s.post("/v1/keys", {"name": "k", "quotas": quotas})
        self.assertEqual(got.status, 201, got)
        return got.json()["id"], got.json()["key"]

    def refused(self, got, quota, limit):
        self.assertEqual(got.status, 429, got)
        said = got.json()
        self.assertEqual((said["type"], said["quota"], said["limit"]), (TYPE + "quota", quota, limit))
        self.assertGreaterEqual(int(got.headers["Retry-After"]), 1)

    def use(self, ident):
        return next(k["use"] for k in self.s.get("/v1/keys").json()["keys"] if k["id"] == ident)

    def test_faults(self):
        """A quota that is unknown or out of range is named with what was expected"""
        got = self.s.post("/v1/keys", {"name": "k", "quotas": {"queued": 1, "queued_count": -1,
                                                               "priority_max": 1.5}})
        self.assertEqual(got.status, 422)
        self.assertEqual({f["field"] for f in got.json()["errors"]},
                         {"quotas.queued", "quotas.queued_count", "quotas.priority_max"})
        ident, _ = self.key()
        self.assertEqual(self.s.request("PATCH", f"/v1/keys/{ident}", {"scopes": ["admin"]}).status, 422)
        for n in ("999", "0", "x"):
            self.assertEqual(self.s.request("PATCH", f"/v1/keys/{n}", {"name": "x"}).status, 404)
        _, other = self.key()
        self.assertEqual(self.s.request("PATCH", f"/v1/keys/{ident}", {"name": "x"}, key=other).status, 403)

    def test_requests(self):
        """Requests beyond the burst are refused, of this key alone, until time has passed"""
        _, key = self.key(requests_per_second=2, requests_burst=5)
        _, other = self.key(requests_per_minute=3)
        got = [self.s.get("/v1/languages", key=key) for _ in range(12)]
        self.assertEqual([g.status for g in got[:5]], [200] * 5)
        bad = [g for g in got if g.status == 429]
        self.assertGreaterEqual(len(bad), 1)
        self.refused(bad[0], "requests_per_second", 2)
        time.sleep(int(bad[-1].headers["Retry-After"]))
        self.assertEqual(self.s.get("/v1/languages", key=key).status, 200)
        got = [self.s.get("/v1/languages", key=other) for _ in range(4)]
        self.assertEqual([g.status for g in got[:3]], [200] * 3)
        self.refused(got[3], "requests_per_minute", 3)
        self.assertEqual(self.s.get("/v1/health", key=other).status, 200)

    def test_waiting(self):
        """So many submissions of a key wait and no more; the same request again is no new one"""
        ident, key = self.key(queued_count=2, concurrent_count=1)
        first = self.s.accept(key=key, **sleeps(2))
        self.s.wait_state(first, "running")
        head = {"Idempotency-Key": "one"}
        self.assertEqual(self.s.post("/v1/submissions", HELLO, key=key, headers=head).status, 202)
        self.s.accept(key=key, **HELLO)
        self.refused(self.s.post("/v1/submissions", HELLO, key=key), "queued_count", 2)
        again = self.s.post("/v1/submissions", HELLO, key=key, headers=head)
        self.assertEqual((again.status, again.headers["Idempotency-Replayed"]), (202, "true"))
        large = {**HELLO, "stdin": "x" * 200000}
        self.refused(self.s.post("/v1/submissions", large, key=key), "queued_count", 2)
        self.assertEqual(self.use(ident)["queued_count"], 2)
        self.s.result(first, key=key)
        service.poll("room again", lambda: self.use(ident)["queued_count"] < 2)
        self.s.accept(key=key, **HELLO)

    def test_concurrent(self):
        """A key with concurrent_count 1 has one judged at a time, and others use the second slot"""
        ident, key = self.key(concurrent_count=1)
        mine = [self.s.accept(key=key, **sleeps(1.5)) for _ in range(2)]
        self.s.wait_state(mine[0], "running")
        self.assertEqual(self.s.judge(**HELLO)["verdict"], "accepted")
        self.assertEqual(self.s.state(mine[1]), "queued")
        self.assertEqual(self.use(ident)["running_count"], 1)
        got = [self.s.result(i, key=key) for i in mine]
        self.assertLessEqual(got[0]["finished_at"], got[1]["started_at"])

    def test_raised(self):
        """A quota that is raised lets what waits go on at once"""
        ident, key = self.key(concurrent_count=1)
        mine = [self.s.accept(key=key, **sleeps(3)) for _ in range(2)]
        self.s.wait_state(mine[0], "running")
        got = self.s.request("PATCH", f"/v1/keys/{ident}", {"quotas": {"concurrent_count": None}})
        self.assertEqual((got.status, got.json()["quotas"]["concurrent_count"]), (200, None))
        self.s.wait_state(mine[1], "running")
        self.assertEqual(self.s.state(mine[0]), "running")
        for i in mine:
            self.s.result(i, key=key)

    def test_priority(self):
        """A priority above the key's is a fault of the request"""
        _, key = self.key(priority_max=-10)
        got = self.s.post("/v1/submissions", {**HELLO, "priority": -9}, key=key)
        self.assertEqual((got.status, got.json()["errors"][0]["field"]), (422, "priority"))
        self.s.accept(key=key, priority=-10, **HELLO)

    def test_turns(self):
        """One key's backlog delays another key's single submission by a turn or two"""
        _, flood = self.key()
        _, single = self.key()
        many = [self.s.accept(key=flood, **sleeps(0.2)) for _ in range(40)]
        one = self.s.result(self.s.accept(key=single, **HELLO), key=single)
        ended = [self.s.state(i) for i in many].count("done")
        self.assertEqual(one["verdict"], "accepted")
        self.assertLess(ended, 20)
        for i in many:
            self.s.post(f"/v1/submissions/{i}/cancel", key=flood)

    def test_full(self):
        """A full queue answers 503 with Retry-After, and readiness says so"""
        _, key = self.key(concurrent_count=1)
        first = self.s.accept(key=key, **sleeps(20))
        self.s.wait_state(first, "running")
        mine, got = [first], None
        for _ in range(100):
            got = self.s.post("/v1/submissions", HELLO, key=key)
            if got.status != 202:
                break
            mine.append(got.json()["id"])
        self.assertEqual((got.status, got.json()["type"]), (503, TYPE + "busy"))
        self.assertGreaterEqual(int(got.headers["Retry-After"]), 1)
        self.assertEqual(self.s.get("/v1/health/ready", key=None).status, 503)
        for i in mine:
            self.s.post(f"/v1/submissions/{i}/cancel", key=key)
        service.poll("ready again",
                     lambda: self.s.get("/v1/health/ready", key=None).status == 200)

    def test_command(self):
        """`minos key` makes a key with quotas, changes them, and lists them with their use"""
        status, secret, _ = self.s.minos("key", "new", "ci", "--quota", "queued_count=7")
        self.assertEqual((status, secret[:4]), (0, "mns_"))
        ident = self.s.get("/v1/keys").json()["keys"][-1]["id"]
        status, said, _ = self.s.minos("key", "set", str(ident), "--quota", "queued_count=default",
                                       "--quota", "priority_max=-5", "--name", "other")
        self.assertEqual((status, said), (0, "priority_max=-5\n"))
        status, said, _ = self.s.minos("key", "list")
        self.assertRegex(said, rf"(?m)^ *{ident} +other .*priority_max=-5")
        for bad in (["--quota", "nonsense=1"], ["--quota", "queued_count"],
                    ["--quota", "queued_count=-1"], []):
            self.assertEqual(self.s.minos("key", "set", str(ident), *bad)[0], 2)


class Addresses(unittest.TestCase):
    def test_connections(self):
        """One address may have so many connections and no more"""
        s = service.Service(slots=1, languages=["bash"], sets=["server.connections_per_address=5"])
        self.addCleanup(s.close)
        s.start()
        socks = [s.raw_socket() for _ in range(8)]
        for sock in socks:
            self.addCleanup(sock.close)
        time.sleep(0.5)
        closed = 0
        for sock in socks:
            sock.settimeout(0.2)
            try:
                closed += sock.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionResetError:
                closed += 1
        self.assertEqual(closed, 3)
        socks[0].close()

        def served():
            try:
                return s.get("/v1/health", key=None).status == 200
            except ConnectionError:
                return False  # the server has not seen yet that one is gone
        service.poll("a place", served)


class CpuTime(unittest.TestCase):
    def test_cpu(self):
        """Cpu time is charged, refused when used up, held against what waits, and kept over a restart"""
        s = service.Service(slots=1, languages=["bash"])
        self.addCleanup(s.close)
        s.start()
        made = s.post("/v1/keys", {"name": "k", "quotas": {"cpu_seconds_per_hour": 1}}).json()
        waits = [s.accept(key=made["key"], **SPIN) for _ in range(2)]
        self.assertEqual(s.result(waits[0], key=made["key"])["verdict"], "time_limit")
        self.assertEqual(s.judge(**HELLO)["verdict"], "accepted")
        got = s.post("/v1/submissions", HELLO, key=made["key"])
        self.assertEqual((got.status, got.json()["quota"]), (429, "cpu_seconds_per_hour"))
        self.assertGreater(int(got.headers["Retry-After"]), 60)
        s.stop()
        s.start()
        self.assertEqual(s.judge(**HELLO)["verdict"], "accepted")
        self.assertEqual(s.state(waits[1]), "queued")
        time.sleep(11)  # longer than a queue that no slot serves may take to be noticed
        self.assertEqual(s.get("/v1/health/ready", key=None).status, 200)
        self.assertEqual(s.post("/v1/submissions", HELLO, key=made["key"]).status, 429)
        s.request("PATCH", f"/v1/keys/{made['id']}", {"quotas": {"cpu_seconds_per_hour": 0}})
        self.assertEqual(s.result(waits[1], key=made["key"])["verdict"], "time_limit")


if __name__ == "__main__":
    unittest.main()
