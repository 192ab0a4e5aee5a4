"""The OpenAPI document and the service say the same. Each request of every other test is held against
the document as well (contract.py); here every operation is asked for, with each good status it has."""
import collections
import copy
import json
import os
import random
import re
import unittest

import service

OK = (200, 201, 202, 204)
FULL = {"language": "bash", "source": "true", "entry_point": "main.sh",
        "tests": [{"name": "a", "stdin": "x", "expected_output": {"base64": "YQ=="},
                   "limits": {"cpu_time_ms": 100}}],
        "comparer": {"type": "floats", "absolute": 0.1, "relative": 0, "case_sensitive": True},
        "limits": {"memory_bytes": 1 << 25, "output_bytes": 0}, "stop_on_failure": True,
        "priority": 1, "metadata": {"k": [1, 2.5, None, "\u00e9"]}}
ODD = (None, True, 0, -1, 1.5, 1e300, 2 ** 63, 2 ** 64, "", "a", "\u0000", "\u00e9" * 300, "../x", [],
       {}, [[]], {"base64": "=="}, {"base64": ""}, "x" * 100000, [{}], {"": ""}, float("nan"))


def members(schema):
    """The names in a schema, at any depth."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from members(part)


def places(value):
    """(container, key) of everything inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()
    for key, part in inside:
        yield value, key
        yield from places(part)


def mutate(body, chance):
    """Change, remove or add one thing."""
    found = list(places(body))
    if not found:
        return
    where, key = chance.choice(found)
    odd = copy.deepcopy(chance.choice(ODD))
    way = chance.random()
    if way < 0.6:
        where[key] = odd
    elif way < 0.8:
        del where[key]
    elif isinstance(where, dict):
        where[chance.choice(("x", "limits", "tests", "", "\u0000k", "a" * 300, "stdin"))] = odd


class Contract(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def test_paths(self):
        """The OpenAPI document is JSON, 3.1, and each of its paths says its methods"""
        doc = self.s.get("/v1/openapi.json", key=None).json()
        self.assertEqual(doc, service.CONTRACT.doc)
        self.assertTrue(doc["openapi"].startswith("3.1"))
        for path, item in doc["paths"].items():
            real = path.replace("{id}", "0" * 26).replace("{n}", "1")
            got = self.s.request("OPTIONS", real)
            self.assertEqual(got.status, 204, path)
            allowed = set(got.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
            self.assertEqual(allowed, {m.upper() for m in item}, path)

    def test_answers(self):
        """Every operation answers as documented, with every good status"""
        self.submissions()
        self.finished()
        self.others()
        documented = {(o["operationId"], int(status))
                      for item in service.CONTRACT.doc["paths"].values() for o in item.values()
                      for status in o["responses"] if int(status) in OK}
        self.assertEqual(documented - service.CONTRACT.asked, set())

    def submissions(self):
        """All that a submission may be told, in and out."""
        text = {"base64": "/w=="}
        ask = {"language": "c17", "files": {"main.c": "int main(void) { return 0; }", "x": text},
               "entry_point": "main.c", "comparer": {"type": "floats", "absolute": 0.1,
                                                     "relative": 1, "case_sensitive": False},
               "limits": {"cpu_time_ms": 1000}, "stop_on_failure": True, "priority": -5,
               "metadata": {"a": [1]},
               "tests": [{"name": "one", "stdin": text, "expected_output": "",
                          "limits": {"memory_bytes": 1 << 26}}, {"expected_output": "x"}, {}]}
        got = self.s.post("/v1/submissions?wait=30", ask)
        self.assertEqual([t["verdict"] for t in got.json()["tests"]],
                         ["accepted", "wrong_answer", "skipped"])
        ident = self.s.accept(language="bash", source="sleep 60")
        self.s.wait_state(ident, "running")
        self.assertEqual(self.s.get(f"/v1/submissions/{ident}?wait=0.1").status, 202)
        self.assertEqual(self.s.get(f"/v1/submissions/{ident}").status, 200)
        self.assertEqual(self.s.post(f"/v1/submissions/{ident}/cancel").status, 200)
        self.assertEqual(self.s.post(f"/v1/submissions/{ident}/cancel").status, 200)

    def finished(self):
        """What can be asked of one that has ended."""
        self.one = f"/v1/submissions/{self.s.judge(language='c17', source='int x;')['id']}"
        other = f"/v1/submissions/{self.s.judge(language='bash', source='echo x')['id']}"
        self.assertEqual(self.s.get(self.one).json()["verdict"], "compile_error")
        self.assertEqual(self.s.get(self.one + "/compile/output").status, 200)
        for tail in ("/tests/1/stdout", "/tests/1/stderr", "/events"):
            self.assertEqual(self.s.get(other + tail).status, 200)
        last = [line for line in self.s.get(other + "/events").body.decode().splitlines()
                if line.startswith("id: ")][-1]
        again = self.s.get(other + "/events", headers={"Last-Event-ID": last[4:]})
        self.assertEqual(again.status, 204)
        self.assertEqual(self.s.post(self.one + "/cancel").status, 409)
        self.assertEqual(len(self.s.get("/v1/submissions?limit=2").json()["submissions"]), 2)

    def others(self):
        """Languages and the like, keys, and judging again."""
        ident = self.s.judge(language="bash", source="true")["id"]
        for dry, status in ((True, 200), (False, 202)):
            got = self.s.post("/v1/rejudge", {"ids": [ident], "dry_run": dry})
            self.assertEqual(got.status, status, got)
        for path in ("/v1/languages", "/v1/limits", "/v1/keys", "/v1/health", "/v1/health/live",
                     "/v1/health/ready", "/v1/openapi.json", "/metrics"):
            self.assertEqual(self.s.get(path).status, 200)
        self.assertEqual(self.s.post("/v1/callbacks/secret").status, 201)
        self.assertEqual(self.s.get("/v1/callbacks/secret").status, 200)
        told = self.s.judge(language="bash", source="true", callback_url="http://localhost/")["id"]
        self.assertEqual(self.s.get(f"/v1/callbacks/{told}").status, 200)
        self.assertEqual(self.s.post(f"/v1/callbacks/{told}/redeliver").status, 202)
        self.assertEqual(len(self.s.get("/v1/callbacks?limit=1").json()["callbacks"]), 1)
        made = self.s.post("/v1/keys", {"name": "contract", "scopes": ["read"]}).json()
        change = {"name": "changed", "quotas": {"queued_count": 5}}
        self.assertEqual(self.s.request("PATCH", f"/v1/keys/{made['id']}", change).status, 200)
        self.assertEqual(self.s.request("DELETE", f"/v1/keys/{made['id']}").status, 204)

    def test_events(self):
        """Events carry the members of docs/API.md: those of the result, without the outputs"""
        ident = self.s.judge(language="c17", source="int main(void) { return 0; }")["id"]
        events = {}
        for block in self.s.get(f"/v1/submissions/{ident}/events").body.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "data" in lines:
                events[lines["event"]] = set(json.loads(lines["data"]))
        schemas = service.CONTRACT.doc["components"]["schemas"]
        self.assertEqual(events["compile"], {n for n in schemas["Compile"]["properties"]
                                             if not n.startswith("output")})
        self.assertEqual(events["test"] - {"test_count"},
                         {n for n in schemas["TestResult"]["required"]
                          if not n.startswith(("stdout", "stderr"))})
        self.assertEqual(events["done"], {"id", "status", "verdict", "message", "finished_at",
                                          "test_count", "usage"})
        self.assertLessEqual(events["state"], {"id", "status", "attempt", "test_count",
                                               "created_at", "started_at"})

    def test_mutations(self):
        """Whatever is done to a request, the answer is 202 or a problem document"""
        chance = random.Random(17)
        seen = collections.Counter()
        for _ in range(400):
            body = json.loads(json.dumps(FULL))
            for _ in range(chance.randint(1, 3)):
                mutate(body, chance)
            text = bytearray(json.dumps(body).encode())
            if chance.random() < 0.2:
                text[chance.randrange(len(text))] = chance.randrange(256)
            got = self.s.post("/v1/submissions", bytes(text))
            self.assertIn(got.status, (202, 400, 422), text)
            seen[got.status] += 1
        self.assertEqual(len(seen), 3, seen)

    def test_manual(self):
        """docs/API.md names every route, member, problem and metric that there is"""
        with open(os.path.join(service.ROOT, "docs", "API.md"), encoding="utf-8") as f:
            text = f.read()
        words = set(re.findall(r"[A-Za-z][A-Za-z0-9_-]*", text))
        doc = service.CONTRACT.doc
        for path in doc["paths"]:
            self.assertIn(f"`{path}`", text)
        for schema in doc["components"]["schemas"].values():
            self.assertEqual(set(members(schema)) - words, set())
        for got in (self.s.get("/v1/nowhere"), self.s.get("/v1/limits?x=1")):
            self.assertIn(f"`{got.json()['type'].rsplit(':', 1)[1]}`", text)
        metrics = self.s.get("/metrics", key=None).body.decode()
        families = set(re.findall(r"^# TYPE (\w+) ", metrics, re.M))
        self.assertEqual(families, set(re.findall(r"`(minos_\w+)", text)))
        limits = self.s.get("/v1/limits").json()
        self.assertEqual({*limits["limits"], *limits["request"]} - words, set())

    def test_notices(self):
        """An answer that is not as documented is noticed: by status, media type, member and type"""
        check = service.CONTRACT.check
        good = self.s.get("/v1/health/live")

        def noticed(path="/v1/health/live", **change):
            answer = service.Answer(*({"status": good.status, "headers": good.headers,
                                       "body": good.body, **change}.values()))
            with self.assertRaises(AssertionError):
                check("GET", path, None, answer)
        check("GET", "/v1/health/live", None, good)
        noticed(status=201)
        noticed(headers={"Content-Type": "text/html"})
        noticed(body=b'{"status": "dead"}')
        noticed(body=b'{"status": "live", "more": 1}')
        noticed(body=b'{}')
        noticed(path="/v1/health")
        noticed(path="/v1/nowhere")


if __name__ == "__main__":
    unittest.main()
