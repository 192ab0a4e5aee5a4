"""Judging again: sets of submissions that ended become new ones, linked, behind whoever lives."""
import json
import os
import signal
import threading
import unittest

from service import Service, poll

PROGRAM = {"language": "bash", "source": "read x; echo $x", "stdin": "5", "expected_output": "6"}
MISSING = "01" + "0" * 24


class RejudgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Service(languages=["bash"])
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def post(self, body, key=True, **headers):
        return self.s.post("/v1/rejudge", body, key=key, headers=headers)

    def made(self, body, **headers):
        got = self.post(body, **headers)
        self.assertEqual(got.status, 202, got)
        return got.json()

    def ended(self, n, **more):
        ids = [self.s.accept(**PROGRAM | more) for _ in range(n)]
        for i in ids:
            self.s.result(i)
        return ids

    def pages(self, body, **headers):
        """All pairs of a set, page by page: {old: new}."""
        pairs, cursor = {}, None
        while True:
            got = self.made(body | ({"cursor": cursor} if cursor else {}),
                            **{k: v + (cursor or "") for k, v in headers.items()})
            for row in got["submissions"]:
                self.assertNotIn(row["rejudge_of"], pairs)
                pairs[row["rejudge_of"]] = row["id"]
            cursor = got["next_cursor"]
            if cursor is None:
                return pairs

    def test_one(self):
        """One is judged again: a new submission, linked; the old one is as it was"""
        old = self.ended(1, metadata={"a": 1})[0]
        before = self.s.result(old)
        row = self.made({"ids": [old]})["submissions"][0]
        self.assertEqual(row["rejudge_of"], old)
        new = self.s.result(row["id"])
        self.assertEqual((new["rejudge_of"], new["verdict"], new["priority"], new["metadata"]),
                         (old, "wrong_answer", -100, {"a": 1}))
        self.assertEqual(self.s.result(old), before)
        listed = self.s.get(f"/v1/submissions?rejudge_of={old}").json()["submissions"]
        self.assertEqual([r["id"] for r in listed], [row["id"]])

    def test_filter(self):
        """A filter finds all that fit and no other, page by page, each once"""
        mark = {"contest": 7, "tags": ["x"]}
        wanted = self.ended(7, metadata=mark | {"more": True})
        self.ended(2, metadata={"contest": 8})
        self.ended(2, metadata=mark, expected_output="5")
        body = {"filter": {"verdict": "wrong_answer", "language": "bash", "metadata": mark},
                "limit": 3}
        dry = self.post(body | {"limit": 100, "dry_run": True})
        self.assertEqual(dry.status, 200)
        self.assertEqual({r["rejudge_of"] for r in dry.json()["submissions"]}, set(wanted))
        self.assertEqual({r["id"] for r in dry.json()["submissions"]}, {None})
        pairs = self.pages(body)
        self.assertEqual(set(pairs), set(wanted))
        for new in pairs.values():
            self.assertEqual(self.s.result(new)["verdict"], "wrong_answer")

    def test_quota(self):
        """A set that goes over its owner's quota is refused with 429, whole, and says when to come again"""
        made = self.s.post("/v1/keys", {"name": "k", "quotas": {"queued_count": 1}}).json()
        old = []
        for _ in range(2):
            old.append(self.s.accept(key=made["key"], **PROGRAM))
            self.s.result(old[-1], key=made["key"])
        busy = [self.s.accept(language="bash", source="sleep 3") for _ in range(4)]
        got = self.post({"ids": old})
        self.assertEqual((got.status, got.json()["type"]), (429, "urn:minos:problem:quota"), got)
        self.assertEqual((got.json()["quota"], got.json()["limit"]), ("queued_count", 1))
        self.assertGreaterEqual(int(got.headers["Retry-After"]), 1)
        self.assertIn(f"judge {old[1]} again", got.json()["detail"])
        mine = self.s.get("/v1/submissions", key=made["key"]).json()["submissions"]
        self.assertEqual(len(mine), 2, "all or none")
        self.assertEqual(self.post({"ids": old[:1]}).status, 202)
        for ident in busy:
            self.s.post(f"/v1/submissions/{ident}/cancel")

    def test_range(self):
        """created_from and created_before bound the set, to the millisecond"""
        ids = self.ended(3, metadata={"range": 1})
        at = [self.s.result(i)["created_at"] for i in ids]
        for bounds, want in (({"created_from": at[1]}, ids[1:]),
                             ({"created_before": at[1]}, ids[:1]),
                             ({"created_from": at[0], "created_before": at[2]}, ids[:2])):
            got = self.post({"filter": bounds | {"metadata": {"range": 1}}, "dry_run": True})
            self.assertEqual({r["rejudge_of"] for r in got.json()["submissions"]}, set(want))

    def test_owner(self):
        """The new one belongs to the owner of the old one, whom a filter can name; admins only call"""
        key = self.s.post("/v1/keys", {"name": "owner"}).json()
        old = self.s.accept(key=key["key"], **PROGRAM)
        self.s.result(old)
        self.assertEqual(self.post({"ids": [old]}, key=key["key"]).status, 403)
        pairs = self.pages({"filter": {"key_id": key["id"]}})
        self.assertEqual(set(pairs), {old})
        self.assertEqual(self.s.result(pairs[old], key=key["key"])["rejudge_of"], old)

    def test_cancelled(self):
        """What was cancelled is judged again only when asked for"""
        ident = self.s.accept(language="bash", source="sleep 30", metadata={"c": 1},
                              limits={"wall_time_ms": 60000})
        self.s.post(f"/v1/submissions/{ident}/cancel")
        body = {"filter": {"metadata": {"c": 1}}, "dry_run": True}
        self.assertEqual(self.post(body).json()["count"], 0)
        body["filter"]["status"] = "cancelled"
        self.assertEqual(self.post(body).json()["count"], 1)

    def test_refused(self):
        """Ids that are not there or have not ended are named, and nothing is made"""
        old = self.ended(1)[0]
        running = self.s.accept(language="bash", source="sleep 5", limits={"wall_time_ms": 9000})
        got = self.post({"ids": [old, MISSING, running]})
        self.assertEqual(got.status, 422)
        self.assertEqual([e["field"] for e in got.json()["errors"]], ["ids[1]", "ids[2]"])
        self.assertEqual(self.s.get(f"/v1/submissions?rejudge_of={old}").json()["submissions"], [])
        self.s.post(f"/v1/submissions/{running}/cancel")
        for body in ({}, {"ids": []}, {"filter": {"verdict": "x"}}, {"filter": {}, "colour": 1}):
            self.assertEqual(self.post(body).status, 422)

    def test_idempotent(self):
        """A call that is repeated under its key makes nothing more; with another body it is refused"""
        old = self.ended(2, metadata={"i": 1})
        key = {"Idempotency-Key": "again-1"}
        body = {"filter": {"metadata": {"i": 1}}}
        first = self.post(body, **key)
        second = self.post(body, **key)
        self.assertEqual((first.status, second.status), (202, 202))
        self.assertEqual(first.json(), second.json())
        self.assertEqual(second.headers["Idempotency-Replayed"], "true")
        self.assertEqual({r["rejudge_of"] for r in first.json()["submissions"]}, set(old))
        self.assertEqual(self.post(body | {"limit": 9}, **key).status, 409)

    def test_behind(self):
        """While a set waits, what others hand in is judged first"""
        old = self.ended(1, metadata={"behind": 1}, source="sleep 0.2; cat")[0]
        ids = [r["id"] for _ in range(30) for r in self.made({"ids": [old]})["submissions"]]
        live = self.s.judge(**PROGRAM)
        waiting = [i for i in ids if self.s.state(i) == "queued"]
        self.assertGreater(len(waiting), 5)
        self.assertEqual(live["verdict"], "wrong_answer")
        for i in waiting:
            self.s.post(f"/v1/submissions/{i}/cancel")

    def test_killed(self):
        """kill -9 of the server while sets are on their way: repeated, each is judged again once"""
        old = self.ended(20)
        enough, killed, rounds = threading.Event(), [], []

        def kill_often():
            while not enough.wait(0.1):
                for pid in self.s.pids("minos-server"):
                    try:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                    except ProcessLookupError:
                        pass

        killer = threading.Thread(target=kill_often)
        killer.start()
        try:
            while len(killed) < 6:
                pairs = {}
                for at in range(0, len(old), 2):
                    got = self.insist({"ids": old[at:at + 2]}, f"set-{len(rounds)}-{at}")
                    pairs.update({row["rejudge_of"]: row["id"] for row in got["submissions"]})
                rounds.append(pairs)
        finally:
            enough.set()
            killer.join()
        poll("it serves", self.ready)
        for ident in old:
            listed = self.s.get(f"/v1/submissions?rejudge_of={ident}").json()["submissions"]
            self.assertEqual({r["id"] for r in listed}, {pairs[ident] for pairs in rounds})
            self.assertEqual(len(listed), len(rounds))
        for new in rounds[-1].values():
            self.assertEqual(self.s.result(new)["verdict"], "wrong_answer")

    def ready(self):
        try:
            return self.s.get("/v1/health/ready").status == 200
        except OSError:
            return False

    def insist(self, body, name):
        """Repeat a call until it is answered."""
        def once():
            try:
                got = self.post(body, **{"Idempotency-Key": name})
            except Exception:  # noqa: BLE001 - it was killed in the middle
                return None
            return got if got.status == 202 else None
        return poll("an answer", once).json()

    def test_command(self):
        """minos rejudge: ids, filters, --dry-run, --once, and mistakes"""
        old = self.ended(3, metadata={"cli": "yes"})
        status, out, err = self.s.minos("rejudge", "--metadata", "cli=yes", "--dry-run", "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual({r["rejudge_of"] for r in json.loads(out)["submissions"]}, set(old))
        words = ("rejudge", "-m", "cli=yes", "--verdict", "wrong_answer", "--once", "cli", "--json")
        one, two = self.s.minos(*words), self.s.minos(*words)
        self.assertEqual(one[0], 0, one)
        self.assertEqual(one, two)
        self.assertEqual({r["rejudge_of"] for r in json.loads(one[1])["submissions"]}, set(old))
        status, out, _ = self.s.minos("rejudge", old[0], "--priority", "5")
        self.assertEqual(status, 0)
        self.assertIn(f"{old[0]}  ", out)
        self.assertIn("1 are judged again, at priority 5", out)
        for words in ((), (old[0], "--all"), ("--once", "a b", "--all"), ("-m", "x"), (MISSING,)):
            self.assertEqual(self.s.minos("rejudge", *words)[0], 2, words)


if __name__ == "__main__":
    unittest.main()
