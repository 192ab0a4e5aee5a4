"""API keys and their scopes; health, limits, metrics, the OpenAPI document."""
import os
import re
import stat
import unittest

import service

TYPE = "urn:minos:problem:"
HELLO = {"language": "bash", "source": "true"}


class Keys(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def new(self, *scopes):
        got = self.s.post("/v1/keys", {"name": "a key", "scopes": list(scopes)})
        self.assertEqual(got.status, 201, got)
        self.assertRegex(got.json()["key"], r"^mns_[A-Za-z0-9_-]{43}$")
        self.assertEqual(got.json()["scopes"], list(scopes))
        return got.json()

    def check(self, got, status, name):
        self.assertEqual((got.status, got.json()["type"]), (status, TYPE + name), got)

    def test_file(self):
        """The first key is in DATA/admin.key, which only its owner can read"""
        mode = os.stat(os.path.join(self.s.data, "admin.key")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        mode = os.stat(self.s.data).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o700)

    def test_missing(self):
        """Without a key, or with one that is unknown or malformed, the answer is 401"""
        for head in ({}, {"Authorization": "Bearer mns_" + "A" * 43}, {"Authorization": "Bearer "},
                     {"Authorization": "Basic YTpi"}, {"Authorization": self.s.key},
                     {"Authorization": "Bearer " + self.s.key + "x"},
                     {"Authorization": "Bearer " + self.s.key[:-1]},
                     {"Authorization": "Bearer " + "x" * 20000}):
            for method, path, body in (("POST", "/v1/submissions", HELLO), ("GET", "/v1/languages",
                                                                            None)):
                got = self.s.request(method, path, body, key=None, headers=head)
                self.check(got, 401, "unauthenticated")
                self.assertIn("Bearer", got.headers["WWW-Authenticate"])

    def test_scopes(self):
        """A key without the scope is refused with 403, and may do what its scope says"""
        submit, read, admin = (self.new(s)["key"] for s in ("submit", "read", "admin"))
        self.check(self.s.post("/v1/submissions", HELLO, key=read), 403, "forbidden")
        self.check(self.s.get("/v1/submissions", key=submit), 403, "forbidden")
        for key in (submit, read):
            self.check(self.s.get("/v1/keys", key=key), 403, "forbidden")
            self.check(self.s.post("/v1/keys", {"name": "x"}, key=key), 403, "forbidden")
            self.check(self.s.request("DELETE", "/v1/keys/1", key=key), 403, "forbidden")
            self.assertEqual(self.s.get("/v1/languages", key=key).status, 200)
        ident = self.s.post("/v1/submissions", HELLO, key=submit).json()["id"]
        self.check(self.s.get(f"/v1/submissions/{ident}", key=submit), 403, "forbidden")
        self.assertEqual(self.s.result(ident, key=admin)["verdict"], "accepted")
        self.check(self.s.post(f"/v1/submissions/{ident}/cancel", key=read), 403, "forbidden")

    def test_own(self):
        """A key sees and cancels only what was handed in with it"""
        one, two = (self.new("submit", "read")["key"] for _ in range(2))
        ident = self.s.accept(key=one, **HELLO)
        self.assertEqual(self.s.result(ident, key=one)["verdict"], "accepted")
        base = f"/v1/submissions/{ident}"
        for method, path in (("GET", base), ("POST", base + "/cancel"), ("GET", base + "/events"),
                             ("GET", base + "/tests/1/stdout"), ("GET", base + "?wait=1"),
                             ("GET", base + "/compile/output")):
            self.check(self.s.request(method, path, key=two), 404, "not-found")
        self.assertEqual(self.s.get("/v1/submissions", key=two).json()["submissions"], [])

    def test_revoked(self):
        """A revoked key is refused at once, and its submissions stay"""
        row = self.new("submit", "read")
        ident = self.s.accept(key=row["key"], **HELLO)
        got = self.s.request("DELETE", f"/v1/keys/{row['id']}")
        self.assertEqual((got.status, got.body), (204, b""))
        self.check(self.s.get(f"/v1/submissions/{ident}", key=row["key"]), 401, "unauthenticated")
        self.assertEqual(self.s.result(ident)["verdict"], "accepted")
        listed = {k["id"]: k for k in self.s.get("/v1/keys").json()["keys"]}
        self.assertIsNotNone(listed[row["id"]]["revoked_at"])
        for ident in (row["id"] + 100000, 0, "x", -1):
            self.check(self.s.request("DELETE", f"/v1/keys/{ident}"), 404, "not-found")

    def test_secrets(self):
        """Secrets are shown once, and neither listed, nor logged, nor stored"""
        row = self.new("read")
        self.assertNotIn(row["key"], self.s.get("/v1/keys").body.decode())
        self.assertNotIn(row["key"], self.s.log())
        self.assertNotIn(self.s.key, self.s.log())
        for name in os.listdir(self.s.data):
            path = os.path.join(self.s.data, name)
            if os.path.isfile(path) and name != "admin.key":
                with open(path, "rb") as f:
                    self.assertNotIn(row["key"].encode(), f.read(), name)

    def test_last(self):
        """The last admin key cannot be revoked"""
        admins = [k["id"] for k in self.s.get("/v1/keys").json()["keys"]
                  if "admin" in k["scopes"] and k["revoked_at"] is None]
        first = min(admins)
        for ident in admins:
            if ident != first:
                self.assertEqual(self.s.request("DELETE", f"/v1/keys/{ident}").status, 204)
        self.check(self.s.request("DELETE", f"/v1/keys/{first}"), 409, "last-admin-key")
        self.assertEqual(self.s.get("/v1/keys").status, 200)

    def test_bad(self):
        """Keys with wrong names, scopes or members are refused"""
        for body, field in (({}, "name"), ({"name": ""}, "name"), ({"name": 5}, "name"),
                            ({"name": "a\nb"}, "name"), ({"name": "x", "scopes": []}, "scopes"),
                            ({"name": "x", "scopes": ["root"]}, "scopes"),
                            ({"name": "x", "scopes": "admin"}, "scopes"),
                            ({"name": "x", "scope": ["read"]}, "scope")):
            got = self.s.post("/v1/keys", body)
            self.check(got, 422, "invalid")
            self.assertIn(field, [e["field"] for e in got.json()["errors"]])

    # --- what describes the service --------------------------------------------------------------

    def test_health(self):
        """Health needs no key, and says live and ready with its reasons"""
        got = self.s.get("/v1/health", key=None)
        self.assertEqual(got.status, 200)
        self.assertEqual((got.json()["live"], got.json()["ready"]), (True, True))
        self.assertTrue(all(c["ok"] for c in got.json()["checks"]))
        self.assertEqual(self.s.get("/v1/health/live", key=None).status, 200)
        self.assertEqual(self.s.get("/v1/health/ready", key=None).status, 200)

    def test_limits(self):
        """The limits are listed with unit, minimum, default and maximum"""
        limits = self.s.get("/v1/limits").json()["limits"]
        self.assertEqual(set(limits), {"cpu_time_ms", "wall_time_ms", "memory_bytes",
                                       "process_count", "output_bytes", "file_bytes",
                                       "stack_bytes"})
        for row in limits.values():
            self.assertLessEqual(row["minimum"], row["default"])
            self.assertLessEqual(row["default"], row["maximum"])
            self.assertTrue(row["unit"])

    def test_metrics(self):
        """Metrics are Prometheus text with the promised families, and count what happens"""
        def value(name):
            text = self.s.get("/metrics", key=None).body.decode()
            return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))
        accepted = 'minos_submissions_finished_total{verdict="accepted"}'
        before = value(accepted)
        self.s.judge(**HELLO)
        self.assertEqual(value(accepted), before + 1)
        self.assertEqual(value("minos_queue_depth"), 0)
        got = self.s.get("/metrics", key=None)
        self.assertTrue(got.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        text = got.body.decode()
        self.assertTrue(text.endswith("\n"))
        line = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? -?[0-9.e+-]+')
        families = set()
        for row in text.splitlines():
            if row.startswith("# TYPE "):
                families.add(row.split()[2])
            elif not row.startswith("#"):
                self.assertTrue(line.fullmatch(row), row)
        self.assertLessEqual({"minos_queue_depth", "minos_queue_oldest_age_seconds",
                              "minos_submissions_finished_total",
                              "minos_submission_phase_seconds"}, families)

    def test_phases(self):
        """Latency is split into phases"""
        text = self.s.get("/metrics", key=None).body.decode()
        phases = set(re.findall(r'minos_submission_phase_seconds_count\{phase="(\w+)"\}', text))
        self.assertLessEqual({"queue", "prepare", "compile", "run", "collect"}, phases)


if __name__ == "__main__":
    unittest.main()
