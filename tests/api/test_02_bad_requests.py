"""Requests that are wrong: each gets a problem document that names what is wrong, and nothing else
happens."""
import json
import unittest

import service

HELLO = {"language": "python3", "source": "print(1)"}
TYPE = "urn:minos:problem:"


class BadRequests(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()
        self.before = self.newest()

    def tearDown(self):
        self.assertEqual(self.newest(), self.before, "a bad request was stored")

    def newest(self):
        return [r["id"] for r in self.s.get("/v1/submissions?limit=1").json()["submissions"]]

    def problem(self, got, status, name):
        """Check the form of RFC 9457; the document."""
        self.assertEqual(got.status, status, got)
        self.assertEqual(got.headers["Content-Type"], "application/problem+json")
        doc = got.json()
        self.assertEqual((doc["type"], doc["status"]), (TYPE + name, status))
        self.assertTrue(doc["title"])
        self.assertTrue(doc["detail"])
        for fault in doc.get("errors", []):
            self.assertEqual(sorted(fault), ["expected", "field", "value"])
            self.assertTrue(fault["field"])
            self.assertTrue(fault["expected"])
        return doc

    def refuse(self, body, status=422, name="invalid"):
        return self.problem(self.s.post("/v1/submissions", body), status, name)

    def faults(self, body):
        """{field: (value, expected)} of a refusal."""
        doc = self.refuse(body)
        return {e["field"]: (e["value"], e["expected"]) for e in doc["errors"]}

    def one(self, field, **change):
        """The one fault that this change of a good request has: (value, expected)."""
        found = self.faults({**HELLO, **change})
        self.assertEqual(list(found), [field], found)
        return found[field]

    def test_empty_source(self):
        """An empty source is refused"""
        self.assertEqual(self.one("source", source=""), ("", "at least 1 byte"))
        self.assertEqual(self.one("source", source={"base64": ""}), ("", "at least 1 byte"))

    def test_no_source(self):
        """A request without source and files is refused, and so is one with both"""
        self.assertEqual(list(self.faults({"language": "c17"})), ["source"])
        self.assertEqual(list(self.faults({**HELLO, "files": {"a.py": "1"}})), ["files"])
        self.assertEqual(list(self.faults({"source": "1"})), ["language"])
        self.assertEqual(sorted(self.faults({})), ["language", "source"])

    def test_invalid_json(self):
        """Invalid JSON is refused with the byte where it goes wrong"""
        doc = self.refuse(b'{"language": "c17", "source": nope}', 400, "bad-json")
        self.assertRegex(doc["detail"], r"at byte 3\d ")
        doc = self.refuse(b'{"language": "c17"', 400, "bad-json")
        self.assertRegex(doc["detail"], r"at byte 1[89] ")
        self.assertRegex(self.refuse(b"", 400, "bad-json")["detail"], "empty")
        self.refuse(b"[1]", 400, "bad-json")
        self.refuse(b"\x00\x01\x02", 400, "bad-json")
        self.refuse(b'{"a":' * 100000, 400, "bad-json")
        self.refuse(b'{} {}', 400, "bad-json")

    def test_too_large(self):
        """A body of 65 MB is refused with 413, and the service goes on"""
        body = b'{"language":"python3","source":"' + b"#" * (65 << 20) + b'"}'
        doc = self.refuse(body, 413, "body-too-large")
        self.assertIn(str(64 << 20), doc["detail"])
        self.assertEqual(self.s.get("/v1/health/ready").status, 200)

    def test_unknown_language(self):
        """An unknown language is refused with those there are, a missing one with its package"""
        value, expected = self.one("language", language="malbolge")
        self.assertEqual(value, "malbolge")
        self.assertIn("python3", expected)
        value, expected = self.one("language", language="missing")
        self.assertIn("no-such-package", expected)
        self.assertEqual(self.one("language", language=17)[0], 17)
        self.assertEqual(self.one("language", language="")[0], "")

    def test_limits(self):
        """Limits below the minimum, above the maximum, negative and of the wrong type are refused"""
        limits = self.s.get("/v1/limits").json()["limits"]
        for name, row in limits.items():
            low, high = row["minimum"], row["maximum"]
            for value in (low - 1, high + 1, -1, "5", 1.5, [], True, {}, 1 << 62, -(1 << 62)):
                shown, expected = self.one("limits." + name, limits={name: value})
                if not isinstance(value, (list, dict)):
                    self.assertEqual(shown, value)
                self.assertEqual(expected, f"a whole number from {low} to {high}")

    def test_nan(self):
        """NaN, Infinity and numbers that fit nowhere are refused"""
        for text in ("NaN", "Infinity", "-Infinity", "1e999", "123456789012345678901234567890"):
            body = '{"language":"python3","source":"1","limits":{"cpu_time_ms":%s}}' % text
            got = self.s.post("/v1/submissions", body.encode())
            self.assertIn(got.status, (400, 422), text)
            self.assertIn(got.json()["type"], (TYPE + "bad-json", TYPE + "invalid"))

    def test_bounds(self):
        """What /v1/limits allows is accepted, to the last unit"""
        limits = self.s.get("/v1/limits").json()["limits"]
        for key in ("minimum", "maximum"):
            wish = {n: r[key] for n, r in limits.items()}
            r = self.s.judge(language="bash", source="true", limits=wish)
            self.assertIn(r["status"], ("done",))
        self.before = self.newest()

    def test_10001_tests(self):
        """10,001 tests are refused, and no test at all"""
        value, expected = self.one("tests", tests=[{"stdin": ""}] * 10001)
        self.assertEqual(value, "array of 10001 items")
        self.assertIn("10000", expected)
        self.assertEqual(self.one("tests", tests=[])[0], "array of 0 items")

    def test_bad_tests(self):
        """What is wrong inside a test is named with its place"""
        found = self.faults({**HELLO, "tests": [{}, {"stdin": 5}, {"limits": {"cpu": 1}}, 7,
                                                {"input": "x"}, {"name": ""}]})
        self.assertEqual(sorted(found), ["tests[1].stdin", "tests[2].limits.cpu", "tests[3]",
                                         "tests[4].input", "tests[5].name"])
        found = self.faults({**HELLO, "tests": [{}], "stdin": "x", "expected_output": "y"})
        self.assertEqual(sorted(found), ["expected_output", "stdin"])

    def test_file_names(self):
        """File names with .., /, NUL, newline, 4,096 bytes or none are refused"""
        for name in ("..", ".", "../x", "a/b", "/etc/passwd", "a\nb", "x" * 4096, "", "a\x7f",
                     "a\x01b"):
            self.assertIn("files", self.faults({"language": "python3", "files": {name: "1"}}))
        got = self.s.post("/v1/submissions",
                          b'{"language":"python3","files":{"a\\u0000b.py":"print(1)"}}')
        self.assertIn(got.status, (400, 422))

    def test_duplicate(self):
        """A file name that is there twice is refused, as is any member"""
        body = b'{"language":"python3","files":{"a.py":"1","a.py":"2"}}'
        self.assertRegex(self.refuse(body, 400, "bad-json")["detail"], "(?i)duplicate")
        self.refuse(b'{"language":"python3","source":"1","source":"2"}', 400, "bad-json")

    def test_file_counts(self):
        """No files and 65 files are refused, 64 are taken"""
        self.assertIn("files", self.faults({"language": "python3", "files": {}}))
        many = {f"f{i}.py": "1" for i in range(65)}
        self.assertIn("files", self.faults({"language": "python3", "files": many}))
        del many["f64.py"]
        r = self.s.judge(language="python3", files={**many, "f0.py": "print(1)"},
                         entry_point="f0.py")
        self.assertEqual(r["verdict"], "accepted", r["compile"])
        self.before = self.newest()

    def test_long_name(self):
        """A file name of 255 bytes is taken, also one of odd characters"""
        r = self.s.judge(language="python3", expected_output="1", entry_point="m.py", files={
            "m.py": "import os\nprint(len(os.listdir('.')) - 2)\n", "\u00e4 '\"$;*?\\.py": "1",
            "n" * 252 + ".py": "1"})
        self.assertEqual(r["verdict"], "accepted", r)
        self.before = self.newest()

    def test_invalid_utf8(self):
        """Invalid UTF-8 is refused as JSON, with the byte"""
        body = b'{"language":"python3","source":"\xff\xfe"}'
        self.assertRegex(self.refuse(body, 400, "bad-json")["detail"], r"at byte 3\d")
        self.refuse(b'{"language":"python3","source":"\xc0\x80"}', 400, "bad-json")
        self.refuse(b'{"language":"python3","source":"\xed\xa0\x80"}', 400, "bad-json")

    def test_surrogates(self):
        """Lone surrogates are refused, pairs are taken"""
        self.refuse(b'{"language":"python3","source":"print(\'\\ud800\')"}', 400, "bad-json")
        self.refuse(b'{"language":"python3","source":"print(\'\\udc00x\')"}', 400, "bad-json")
        got = self.s.post("/v1/submissions?wait=30", b'{"language":"python3","expected_output":'
                          b'"\\ud83d\\udc0d","source":"print(\'\\ud83d\\udc0d\')"}')
        self.assertEqual(got.json()["verdict"], "accepted", got)
        self.before = self.newest()

    def test_base64(self):
        """Base64 that is none is refused, with the place"""
        for bad in ("a", "====", "ab$d", "YQ==YQ==", " YQ==x"):
            self.assertEqual(list(self.faults({**HELLO, "source": {"base64": bad}})),
                             ["source.base64"], bad)
        self.one("stdin", stdin={"base64": 5})
        self.one("stdin", stdin={"base64": "YQ==", "more": 1})
        self.one("stdin", stdin=["a"])

    def test_unknown_fields(self):
        """Unknown fields are refused by name, all at once, with those there are"""
        found = self.faults({**HELLO, "sauce": "x", "tets": [], "limits": {"memory": 5},
                             "comparer": {"kind": "exact"}})
        self.assertEqual(sorted(found), ["comparer.kind", "limits.memory", "sauce", "tets"])
        self.assertIn("source", found["sauce"][1])
        self.assertIn("memory_bytes", found["limits.memory"][1])

    def test_comparers(self):
        """Wrong comparers are refused"""
        self.one("comparer.type", comparer={"type": "fuzzy"})
        self.one("comparer.absolute", comparer={"type": "floats", "absolute": -1})
        self.one("comparer.absolute", comparer={"type": "lines", "absolute": 1})
        self.one("comparer.case_sensitive", comparer={"type": "lines", "case_sensitive": "no"})
        self.one("comparer", comparer="lines")

    def test_others(self):
        """Wrong priority, stop rule, metadata and entry point are refused"""
        self.one("priority", priority=101)
        self.one("priority", priority="high")
        self.one("stop_on_failure", stop_on_failure=1)
        self.one("metadata", metadata=[1])
        self.one("metadata", metadata={"x": "y" * 20000})
        self.one("entry_point", entry_point="../x")
        self.one("entry_point", entry_point="-x")
        self.assertIn("entry_point", self.faults({"language": "python3", "files": {"a.py": "1"},
                                                  "entry_point": "b.py"}))

    def test_parameters(self):
        """Wrong and unknown parameters are refused by name"""
        for query in ("wait=-1", "wait=61", "wait=nan", "wait=1s", "wait=", "wait=1&wait=2",
                      "wiat=1", "fields=", "fields=a.b.c"):
            got = self.s.post("/v1/submissions?" + query, HELLO)
            doc = self.problem(got, 400, "bad-parameter")
            self.assertEqual(doc["errors"][0]["field"], query.split("=")[0])

    def test_unknown_id(self):
        """An id that does not exist is a 404, whatever it looks like"""
        for ident in ("01HZZZZZZZZZZZZZZZZZZZZZZZ", "x", "%00", "..%2f..", "1" * 300, "%ff",
                      "01HZZZZZZZZZZZZZZZZZZZZZZZ' OR 1=1"):
            ident = ident.replace(" ", "%20")
            for method, tail in (("GET", ""), ("POST", "/cancel"), ("GET", "/events"),
                                 ("GET", "/tests/1/stdout"), ("GET", "/compile/output")):
                got = self.s.request(method, f"/v1/submissions/{ident}{tail}")
                self.problem(got, 404, "not-found")

    def test_unknown_route(self):
        """Unknown routes are 404, and wrong methods 405 with Allow"""
        for path in ("/", "/v1", "/v2/submissions", "/v1/submissions/", "/v1//submissions",
                     "/v1/languages/c17", "/v1/submissions/a/b/c/d"):
            self.problem(self.s.get(path), 404, "not-found")
        for method, path, allow in (
                ("DELETE", "/v1/submissions", "POST, GET, HEAD, OPTIONS"),
                ("PUT", "/v1/languages", "GET, HEAD, OPTIONS"),
                ("GET", "/v1/submissions/01HZZZZZZZZZZZZZZZZZZZZZZZ/cancel", "POST, OPTIONS"),
                ("PUT", "/v1/keys/1", "PATCH, DELETE, OPTIONS"),
                ("BREW", "/metrics", "GET, HEAD, OPTIONS")):
            got = self.s.request(method, path)
            self.problem(got, 405, "method")
            self.assertEqual(got.headers["Allow"], allow)

    def test_many_faults(self):
        """A request with very many faults gets a short answer that counts the rest"""
        doc = self.refuse({**HELLO, **{f"x{i}": 1 for i in range(5000)}})
        self.assertLess(len(doc["errors"]), 200)
        self.assertEqual(len(doc["errors"]) + doc["errors_not_shown"], 5000)

    def test_bombs(self):
        """Bodies made to be expensive are refused"""
        doc = self.refuse(b'{"language":"c17","source":"x","tests":[' + b"[]," * 1200000 + b"[]]}",
                          400, "bad-json")
        self.assertIn("values", doc["detail"])
        self.refuse(b"[" * (1 << 20), 400, "bad-json")

    def test_problem_escapes(self):
        """What a client sent comes back in a problem as valid JSON, cut short"""
        name = "\"\\\x01\u2028\U0001f40d" * 2000
        doc = self.refuse({**HELLO, name: name})
        self.assertLess(len(json.dumps(doc)), 5000)


if __name__ == "__main__":
    unittest.main()
