"""Lists with cursors and filters; events as they happen and again."""
import json
import threading
import unittest

import service


class Listing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = service.shared()
        cls.key = cls.s.post("/v1/keys", {"name": "lister"}).json()["key"]
        cls.ids = [cls.s.accept(key=cls.key, language=lang, source=source)
                   for lang, source in [("bash", "true"), ("bash", "exit 3"),
                                        ("python3", "print(1)")] * 7]
        for ident in cls.ids:
            cls.s.result(ident)

    def page(self, query="", key=None):
        got = self.s.get("/v1/submissions" + query, key=key or self.key)
        self.assertEqual(got.status, 200, got)
        return got.json()

    def test_newest_first(self):
        """A list shows one's own, the newest first"""
        rows = self.page()["submissions"]
        self.assertEqual([r["id"] for r in rows], self.ids[::-1])
        for name in ("status", "verdict", "language", "created_at", "test_count", "links"):
            self.assertIn(name, rows[0])

    def test_cursors(self):
        """Pages follow each other by cursor and by link, without gap and without repeat"""
        seen, query = [], "?limit=4"
        while query:
            page = self.page(query)
            seen += [r["id"] for r in page["submissions"]]
            self.assertLessEqual(len(page["submissions"]), 4)
            query = page["next_cursor"] and f"?limit=4&cursor={page['next_cursor']}"
        self.assertEqual(seen, self.ids[::-1])
        page, seen = self.page("?limit=10"), []
        while True:
            seen += [r["id"] for r in page["submissions"]]
            if page["next"] is None:
                break
            page = self.s.get(page["next"], key=self.key).json()
        self.assertEqual(seen, self.ids[::-1])

    def test_cursor_of_a_moving_list(self):
        """What comes in while one turns pages neither shifts nor repeats anything"""
        first = self.page("?limit=5")
        more = self.s.accept(key=self.key, language="bash", source="true")
        rest = self.page(f"?limit=500&cursor={first['next_cursor']}")
        ids = [r["id"] for r in first["submissions"] + rest["submissions"]]
        self.assertEqual(ids, self.ids[::-1])
        self.s.result(more)
        self.ids.append(more)

    def test_filters(self):
        """Filters by status, verdict and language, alone and together, also over pages"""
        def ids(query):
            return [r["id"] for r in self.page(query)["submissions"]]
        self.assertEqual(ids("?verdict=runtime_error"), self.ids[1:21:3][::-1])
        self.assertEqual(ids("?language=python3"), self.ids[2:21:3][::-1])
        self.assertEqual(ids("?language=python3&verdict=runtime_error"), [])
        self.assertEqual(ids("?status=done&limit=500"), self.ids[::-1])
        self.assertEqual(ids("?status=queued"), [])
        page, seen = self.page("?verdict=runtime_error&limit=3"), []
        while page:
            seen += [r["id"] for r in page["submissions"]]
            page = page["next"] and self.s.get(page["next"], key=self.key).json()
        self.assertEqual(seen, self.ids[1:21:3][::-1])

    def test_bad(self):
        """Wrong limits, cursors, states and verdicts are refused with what is possible"""
        for query, field in (("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"),
                             ("cursor=x", "cursor"), ("cursor=", "cursor"),
                             ("status=finished", "status"), ("verdict=AC", "verdict"),
                             ("offset=5", "offset")):
            got = self.s.get("/v1/submissions?" + query)
            self.assertEqual(got.status, 400, query)
            self.assertEqual([e["field"] for e in got.json()["errors"]], [field])

    def test_admin_sees_all(self):
        """An admin key lists everybody's"""
        rows = self.page("?limit=500", key=self.s.key)["submissions"]
        self.assertLessEqual(set(self.ids), {r["id"] for r in rows})


class Events(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def read(self, ident, last=None):
        """All events of a submission, to the end of the stream: [(event, id, data)]."""
        head = {"Last-Event-ID": last} if last else {}
        got = self.s.get(f"/v1/submissions/{ident}/events", headers=head)
        self.assertEqual(got.headers["Content-Type"], "text/event-stream")
        found = []
        for block in got.body.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines()
                          if not line.startswith(":"))
            if fields:
                found.append((fields["event"], fields["id"], json.loads(fields["data"])))
        return found

    def check_order(self, events, tests):
        kinds = [e[0] for e in events]
        self.assertEqual(kinds[-1], "done")
        self.assertEqual([k for k in kinds if k in ("compile", "test", "done")],
                         ["compile"] + ["test"] * tests + ["done"])
        self.assertEqual([e[2]["index"] for e in events if e[0] == "test"],
                         list(range(1, tests + 1)))
        states = [e[2]["status"] for e in events if e[0] == "state"]
        order = ["queued", "claimed", "compiling", "running"]
        self.assertEqual(states, sorted(states, key=order.index))
        self.assertEqual(states[0], "queued")
        self.assertEqual(len({e[1] for e in events}), len(events), "ids repeat")

    def test_live(self):
        """Events come in order while it runs: queued, compile, a test at a time, done"""
        ident = self.s.accept(language="bash", source="sleep 0.1", tests=[{}] * 5)
        events = self.read(ident)
        self.check_order(events, 5)
        self.assertEqual(events[-1][2]["verdict"], "accepted")
        for kind, _, data in events:
            if kind == "test":
                self.assertEqual((data["verdict"], data["test_count"]), ("accepted", 5))

    def test_as_it_happens(self):
        """A test's event comes when that test has ended, not with the last"""
        ident = self.s.accept(language="bash", source="read n; sleep $n",
                              tests=[{"stdin": "0"}, {"stdin": "5"}])
        conn = self.s.connect()
        conn.request("GET", f"/v1/submissions/{ident}/events",
                     headers={"Authorization": "Bearer " + self.s.key})
        stream = conn.getresponse()
        line = b""
        while not line.startswith(b"event: test"):
            line = stream.readline()
            self.assertTrue(line, "the stream ended")
        self.assertEqual(self.s.state(ident), "running")
        conn.close()
        self.s.post(f"/v1/submissions/{ident}/cancel")

    def test_afterwards(self):
        """Who comes late gets everything again"""
        r = self.s.judge(language="bash", source="true", tests=[{}] * 3)
        events = self.read(r["id"])
        self.check_order(events, 3)
        self.assertEqual(events[-1][2]["usage"], r["usage"])

    def test_again(self):
        """Last-Event-ID continues after that event, without loss and without repeat"""
        ident = self.s.judge(language="bash", source="true", tests=[{}] * 4)["id"]
        events = self.read(ident)
        for i in range(len(events) - 1):
            self.assertEqual(self.read(ident, events[i][1]), events[i + 1:])
        got = self.s.get(f"/v1/submissions/{ident}/events",
                         headers={"Last-Event-ID": events[-1][1]})
        self.assertEqual((got.status, got.body), (204, b""))
        self.assertEqual(len(self.read(ident, "nonsense")), len(events))

    def test_cancelled(self):
        """A stream ends with the news that it was cancelled"""
        ident = self.s.accept(language="bash", source="sleep 30")
        threading.Timer(0.3, lambda: self.s.post(f"/v1/submissions/{ident}/cancel")).start()
        events = self.read(ident)
        self.assertEqual(events[-1][0], "done")
        self.assertEqual((events[-1][2]["status"], events[-1][2]["verdict"]),
                         ("cancelled", "cancelled"))

    def test_compile_error(self):
        """A stream of a compile error has its compile and its end"""
        ident = self.s.accept(language="c17", source="int main(void){return x;}", tests=[{}] * 2)
        events = self.read(ident)
        compiled = [e[2] for e in events if e[0] == "compile"]
        self.assertEqual([c["verdict"] for c in compiled], ["compile_error"])
        self.assertEqual(events[-1][2]["verdict"], "compile_error")

    def test_many_readers(self):
        """Many readers of one stream get the same"""
        ident = self.s.accept(language="bash", source="sleep 0.05", tests=[{}] * 8)
        found = []
        threads = [threading.Thread(target=lambda: found.append(self.read(ident)))
                   for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(found), 20)
        for events in found:
            self.check_order(events, 8)


if __name__ == "__main__":
    unittest.main()
