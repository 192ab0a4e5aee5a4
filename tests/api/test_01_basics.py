"""The service in its simplest: a hello program, the names of the API, one service on one directory."""
import json
import re
import unittest

import service

MS = re.compile(r'"(\w+_time_ms)":([0-9]+\.[0-9]{3})[,}]')
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

# What issue and docs/API.md promise, and the JSON types of each.
RESULT = {
    "id": str, "status": str, "verdict": str, "language": dict, "created_at": str,
    "started_at": str, "finished_at": str, "compile": dict, "tests": list, "usage": dict,
    "isolation": dict, "attempts": int, "priority": int, "metadata": dict, "links": dict,
    "test_count": int, "message": type(None), "phases": dict,
}
COMPILE = {
    "verdict": str, "cause": str, "exit_code": int, "signal": type(None), "output": str,
    "cached": bool, "cpu_time_ms": float, "user_time_ms": float, "system_time_ms": float,
    "wall_time_ms": float, "memory_peak_bytes": int, "output_truncated": bool,
}
TEST = {
    "name": str, "verdict": str, "cause": str, "exit_code": int, "signal": type(None),
    "cpu_time_ms": float, "user_time_ms": float, "system_time_ms": float, "wall_time_ms": float,
    "memory_peak_bytes": int, "process_peak_count": int, "stdout": str, "stderr": str,
    "output_bytes": int, "message": type(None), "runs": type(None), "stdout_truncated": bool,
    "stderr_truncated": bool,
}


class Basics(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def check_types(self, what, value, names):
        for name, kind in names.items():
            self.assertIn(name, value, what)
            self.assertIs(type(value[name]), kind, f"{what}.{name}: {value[name]!r}")

    def test_hello(self):
        """A hello program is accepted"""
        r = self.s.judge(language="python3", source="print('Hello, world!')",
                         expected_output="Hello, world!\n")
        self.assertEqual((r["status"], r["verdict"]), ("done", "accepted"))
        self.assertEqual(r["tests"][0]["stdout"], "Hello, world!\n")

    def test_names(self):
        """A result has every name that is promised, with its type"""
        r = self.s.judge(language="c17", source="int main(void){return 0;}\n", metadata={"a": 1})
        self.check_types("result", r, RESULT)
        self.check_types("compile", r["compile"], COMPILE)
        self.check_types("test", r["tests"][0], TEST)
        self.assertEqual(sorted(r["usage"]), ["maximum", "sum"])
        self.assertEqual(list(r["phases"]),
                         ["queue_ms", "prepare_ms", "compile_ms", "run_ms", "collect_ms"])
        self.assertEqual(r["phases"]["run_ms"], r["tests"][0]["wall_time_ms"])
        self.assertEqual(sorted(r["language"]), ["id", "version"])
        self.assertIs(r["isolation"]["complete"], True)
        self.assertEqual(r["links"]["self"], f"/v1/submissions/{r['id']}")
        self.assertEqual(r["attempts"], 1)

    def test_milliseconds(self):
        """Milliseconds have three decimals, and cpu time is user and system time"""
        ident = self.s.accept(language="python3", source="sum(range(2000000))")
        self.s.result(ident)
        text = self.s.get(f"/v1/submissions/{ident}").body.decode()
        self.assertEqual(len(MS.findall(text)), text.count("_time_ms\""))
        t = json.loads(text)["tests"][0]
        self.assertGreater(t["cpu_time_ms"], 1)
        self.assertAlmostEqual(t["user_time_ms"] + t["system_time_ms"], t["cpu_time_ms"],
                               delta=0.002)
        self.assertGreater(t["memory_peak_bytes"], 1 << 20)

    def test_instants(self):
        """Instants are RFC 3339 in UTC, in the order created, started, finished"""
        r = self.s.judge(language="bash", source="true")
        times = [r["created_at"], r["started_at"], r["finished_at"]]
        for t in times:
            self.assertTrue(INSTANT.fullmatch(t), t)
        self.assertEqual(times, sorted(times))

    def test_accepted(self):
        """Without wait the answer is 202 with id, links and Location, and nothing final"""
        got = self.s.post("/v1/submissions", {"language": "bash", "source": "true"})
        self.assertEqual(got.status, 202)
        body = got.json()
        self.assertEqual(got.headers["Location"], f"/v1/submissions/{body['id']}")
        self.assertEqual(body["links"]["self"], got.headers["Location"])
        self.assertEqual((body["status"], body["verdict"]), ("queued", None))
        self.s.result(body["id"])

    def test_wait(self):
        """With wait the answer is 200 with the whole result"""
        got = self.s.post("/v1/submissions?wait=30", {"language": "bash", "source": "echo hi"})
        self.assertEqual(got.status, 200)
        self.assertEqual(got.json()["tests"][0]["stdout"], "hi\n")
        self.assertEqual(got.headers["Location"], f"/v1/submissions/{got.json()['id']}")

    def test_deadline(self):
        """With wait the answer is 202 at the deadline, and the result comes later"""
        got = self.s.post("/v1/submissions?wait=0.3", {"language": "bash", "source": "sleep 1.5"})
        self.assertEqual(got.status, 202)
        self.assertIn(got.json()["status"], ("queued", "claimed", "compiling", "running"))
        ident = got.json()["id"]
        self.assertEqual(got.headers["Location"], f"/v1/submissions/{ident}")
        self.assertEqual(self.s.get(f"/v1/submissions/{ident}?wait=0.1").status, 202)
        self.assertEqual(self.s.get(f"/v1/submissions/{ident}?wait=30").status, 200)

    def test_fields(self):
        """?fields= shows what was asked for and nothing else"""
        r = self.s.judge(language="bash", source="echo hi")
        path = f"/v1/submissions/{r['id']}?fields="
        self.assertEqual(self.s.get(path + "verdict").json(), {"verdict": "accepted"})
        got = self.s.get(path + "status,tests.verdict,language.id").json()
        self.assertEqual(got, {"status": "done", "tests": [{"verdict": "accepted"}],
                               "language": {"id": "bash"}})
        bad = self.s.get(path + "nonsense")
        self.assertEqual(bad.status, 400)
        self.assertEqual(bad.json()["errors"][0]["field"], "fields")

    def test_metadata(self):
        """Metadata comes back as it went in"""
        data = {"who": "Ariadne", "n": [1, 2.5, None, True, {"deep": "\u00e4\u0000\U0001f40d"}]}
        r = self.s.judge(language="bash", source="true", metadata=data, priority=-7)
        self.assertEqual((r["metadata"], r["priority"]), (data, -7))

    def test_files(self):
        """A program of several files is built whole, and entry_point names where it starts"""
        files = {"main.c": '#include "f.h"\n#include <stdio.h>\n'
                           'int main(void){printf("%d\\n", f());}\n',
                 "f.c": '#include "f.h"\nint f(void){return 42;}\n', "f.h": "int f(void);\n"}
        r = self.s.judge(language="c17", files=files, expected_output="42")
        self.assertEqual(r["verdict"], "accepted", r)
        r = self.s.judge(language="python3", entry_point="b.py", expected_output="b 3",
                         files={"a.py": "x = 3\n", "b.py": "import a\nprint('b', a.x)\n"})
        self.assertEqual(r["verdict"], "accepted", r)

    def test_stdin(self):
        """Each test gets its own input, in order, under its name"""
        tests = [{"name": f"case {i}", "stdin": f"{i}\n", "expected_output": f"{i * i}\n"}
                 for i in range(20)]
        r = self.s.judge(language="python3", source="print(int(input())**2)", tests=tests)
        self.assertEqual(r["verdict"], "accepted")
        self.assertEqual([t["name"] for t in r["tests"]], [t["name"] for t in tests])
        self.assertEqual([t["index"] for t in r["tests"]], list(range(1, 21)))
        total = sum(t["cpu_time_ms"] for t in r["tests"])
        self.assertAlmostEqual(r["usage"]["sum"]["cpu_time_ms"], total, delta=0.05)
        top = max(t["memory_peak_bytes"] for t in r["tests"])
        self.assertEqual(r["usage"]["maximum"]["memory_peak_bytes"], top)

    def test_isolation(self):
        """A result states the isolation it ran under, each layer proven"""
        r = self.s.judge(language="bash", source="true")
        layers = {row["layer"]: row["ok"] for row in r["isolation"]["layers"]}
        for name in ("user namespace", "pid namespace", "mount namespace", "network namespace",
                     "ipc namespace", "uts namespace", "cgroup namespace", "time namespace",
                     "seccomp", "capabilities"):
            self.assertIs(layers.get(name), True, name)
        self.assertTrue(all(layers.values()), layers)

    def test_look(self):
        """The look for leftovers, which other tests rely on, sees a program while it runs"""
        ident = self.s.accept(language="bash", source="touch /tmp/x; sleep 33")
        seen = service.poll("a stranger", lambda: [t for t in self.s.quiet() if "sleep 33" in t])
        self.assertEqual(len(seen), 1)
        self.s.post(f"/v1/submissions/{ident}/cancel")
        self.s.wait_quiet()

    def test_fresh(self):
        """Nothing stays from one test to the next: each has a cell of its own"""
        source = ("import os\nprint(os.path.exists('/tmp/mark'), os.path.exists('mark'),"
                  " len(os.listdir('/dev/shm')))\n"
                  "open('/tmp/mark','w'); open('mark','w'); open('/dev/shm/mark','w')\n")
        r = self.s.judge(language="python3", source=source, expected_output="False False 0",
                         tests=None, stop_on_failure=False)
        self.assertEqual(r["verdict"], "accepted", r["tests"])
        tests = [{"expected_output": "False False 0"}] * 3
        r = self.s.judge(language="python3", source=source, tests=tests)
        self.assertEqual(r["verdict"], "accepted", r["tests"])


if __name__ == "__main__":
    unittest.main()
