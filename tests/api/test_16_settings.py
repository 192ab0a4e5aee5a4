"""Settings that change what is kept, bounds at their very edge, and long ways round."""
import glob
import json
import os
import subprocess
import time
import unittest
import uuid

import service


class Bounds(unittest.TestCase):
    """On the shared service."""

    def setUp(self):
        self.s = service.shared()

    def test_body_at_the_cap(self):
        """A body of just 64 MiB is taken, and one with a byte more is not"""
        cap = self.s.get("/v1/limits").json()["request"]["body_bytes"]
        body = json.dumps({"language": "bash", "source": "true"}).encode()
        got = self.s.post("/v1/submissions?wait=30", body + b" " * (cap - len(body)))
        self.assertEqual((got.status, got.json()["verdict"]), (200, "accepted"))
        got = self.s.post("/v1/submissions", body + b" " * (cap - len(body) + 1))
        self.assertEqual(got.status, 413)

    def test_10000_tests(self):
        """10,000 tests are taken, shown as far as they are, and can be cancelled"""
        ident = self.s.accept(language="bash", source="read n; echo $n", tests=[
            {"stdin": f"{i}\n", "expected_output": f"{i}\n"} for i in range(10000)])
        service.poll("some have run", lambda: len(self.s.get(
            f"/v1/submissions/{ident}?fields=tests.verdict").json()["tests"]) > 50)
        self.assertEqual(self.s.post(f"/v1/submissions/{ident}/cancel").status, 200)
        r = self.s.result(ident)
        self.assertEqual((r["verdict"], r["test_count"]), ("cancelled", 10000))
        self.assertEqual(r["tests"][40]["stdout"], "40\n")

    def test_300_tests(self):
        """300 tests run to the end, in order, each with its own result"""
        r = self.s.judge(language="bash", source="read n; echo $n", tests=[
            {"stdin": f"{i}\n", "expected_output": f"{i}\n"} for i in range(300)])
        self.assertEqual(r["verdict"], "accepted")
        self.assertEqual([t["stdout"] for t in r["tests"]], [f"{i}\n" for i in range(300)])

    def test_long_result(self):
        """A result shows 16 MiB of output at most, and the rest is there to fetch"""
        source = "printf '%065000d' 0"
        r = self.s.judge(language="bash", source=source, tests=[{}] * 300)
        shown = [t["stdout"] for t in r["tests"]]
        self.assertEqual(len(shown[0]), 65000)
        self.assertIsNone(shown[-1])
        raw = self.s.get(f"/v1/submissions/{r['id']}/tests/300/stdout")
        self.assertEqual(raw.body, b"0" * 65000)

    def test_one_connection(self):
        """A connection goes on after each kind of refusal"""
        head = {"Authorization": "Bearer " + self.s.key}
        conn = self.s.connect()
        for method, path, body, status in (
                ("POST", "/v1/submissions", b"nonsense", 400),
                ("GET", "/v1/nothing", None, 404), ("PUT", "/v1/limits", b"x", 405),
                ("POST", "/v1/submissions", b"{}", 422), ("GET", "/v1/limits", None, 200),
                ("GET", "/v1/submissions?limit=x", None, 400), ("HEAD", "/v1/limits", None, 200),
                ("POST", "/v1/submissions", b'{"language":"bash","source":"true"}', 202)):
            conn.request(method, path, body, head)
            got = conn.getresponse()
            got.read()
            self.assertEqual(got.status, status, path)
        conn.close()

    def test_aliases(self):
        """Other names of a language mean that language"""
        rows = self.s.get("/v1/languages").json()["languages"]
        found = 0
        for row in rows:
            for alias in (row.get("detail") or {}).get("aliases", []):
                if row["id"] in ("bash", "python3", "c17"):
                    source = "int main(void){return 0;}" if row["id"] == "c17" else ""
                    got = self.s.judge(language=alias, source=source or "true" if row["id"] == "bash"
                                       else source or "1")
                    self.assertEqual((got["verdict"], got["language"]["id"]),
                                     ("accepted", row["id"]))
                    found += 1
        self.assertGreater(found, 2)


class Settings(unittest.TestCase):
    """Each on a service of its own."""

    def start(self, *sets, **more):
        s = service.Service(sets=sets, **{"slots": 1, "languages": ["bash", "c17"], **more})
        self.addCleanup(s.close)
        return s.start()

    def artifacts(self, s):
        return sum(os.path.getsize(f) for f in
                   glob.glob(os.path.join(s.data, "artifacts", "**"), recursive=True)
                   if os.path.isfile(f))

    def test_artifacts(self):
        """Compiled programs are kept up to a bound, and one that is too large is a compile_error"""
        s = self.start("worker.artifact_cache_bytes=4M", "worker.artifact_bytes=2M")
        for _ in range(2):
            for i in range(8):
                r = s.judge(language="c17", expected_output=str(i), source="#include <stdio.h>\n"
                            f"int main(void){{printf(\"%d\",{i});return 0;}}\n")
                self.assertEqual(r["verdict"], "accepted")
        self.assertLess(self.artifacts(s), 6 << 20)
        r = s.judge(language="c17", source="static int b[1000000]={1};\n"
                    "int main(int c,char**v){(void)v;return b[c];}")
        self.assertEqual(r["verdict"], "compile_error")
        self.assertIn("larger than 2097152 bytes", r["compile"]["output"])
        s.stop()
        s.wait_clean()

    def test_damaged_artifacts(self):
        """Artifacts that were removed or damaged under the service are compiled again"""
        s = self.start()
        source = "#include <stdio.h>\nint main(void){puts(\"7\");return 0;}\n"
        self.assertEqual(s.judge(language="c17", source=source, expected_output="7")["verdict"],
                         "accepted")
        subprocess.run(["find", os.path.join(s.data, "artifacts"), "-mindepth", "1", "-delete"],
                       check=True)
        self.assertEqual(s.judge(language="c17", source=source, expected_output="7")["verdict"],
                         "accepted")

    def test_retention(self):
        """Finished submissions are deleted when their time is over, and queued ones are not"""
        s = self.start("store.retention_ms=1s")
        ident = s.judge(language="bash", source="true", stdin="x" * 200000)["id"]
        holder = s.accept(language="bash", source="sleep 4")
        waiting = s.accept(language="bash", source="true")
        service.poll("it is gone", lambda: s.get(f"/v1/submissions/{ident}").status == 404)
        self.assertEqual(s.get(f"/v1/submissions/{ident}/events").status, 404)
        self.assertEqual(s.get(f"/v1/submissions/{ident}/tests/1/stdout").status, 404)
        self.assertIn(s.state(holder), ("claimed", "compiling", "running", "done"))
        got = s.get(f"/v1/submissions/{waiting}?wait=30")
        self.assertEqual((got.status, got.json()["verdict"]), (200, "accepted"))

    def test_kept_output(self):
        """How much output is kept is a setting"""
        s = self.start("worker.kept_output_bytes=1K")
        t = s.judge(language="bash", source="seq 10000")["tests"][0]
        self.assertIs(t["stdout_truncated"], True)
        self.assertLessEqual(len(t["stdout"]), 1024)
        self.assertTrue(t["stdout"].startswith("1\n2\n"))
        self.assertTrue(t["stdout"].endswith("9999\n10000\n"))

    def test_replay_after_restart(self):
        """An Idempotency-Key is remembered over a restart"""
        s = self.start()
        head, body = {"Idempotency-Key": str(uuid.uuid4())}, {"language": "bash", "source": "true"}
        ident = s.post("/v1/submissions", body, headers=head).json()["id"]
        s.result(ident)
        s.stop()
        s.start()
        again = s.post("/v1/submissions", body, headers=head)
        self.assertEqual((again.status, again.json()["id"]), (200, ident))
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        body["source"] = "false"
        self.assertEqual(s.post("/v1/submissions", body, headers=head).status, 409)

    def test_hello(self):
        """`up --hello` judges a hello in each language and says how to use the service"""
        s = service.Service(slots=2, languages=["bash", "c17", "python3"])
        self.addCleanup(s.close)
        with open(s.log_path, "ab") as log:
            s.process = subprocess.Popen(s.arguments() + ["--hello"], stdout=subprocess.PIPE,
                                         stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                                         env=service.clean_environment(
                                             MINOS_LANGUAGES=s.languages))
        out, end = "", time.monotonic() + 60
        while "curl" not in out and time.monotonic() < end:
            out += s.process.stdout.readline().decode()
        s.look()
        self.assertEqual(out.count("accepted"), 3, out)
        with open(os.path.join(s.data, "admin.key"), encoding="ascii") as f:
            self.assertIn(f.read().strip(), out)
        self.assertIn(out.split()[1], out.split("curl", 1)[1] + out)
        self.assertEqual(s.stop(), 0)
        s.wait_clean()

    def test_removed_language(self):
        """What waits for a language that is gone after a restart ends with a reason"""
        s = self.start(languages=["bash", "perl", "c17"])
        first = s.accept(language="bash", source="sleep 2")
        ident = s.accept(language="perl", source="print 1;")
        s.wait_state(first, "running")
        s.stop()
        os.unlink(os.path.join(s.languages, "perl.yaml"))
        s.start()
        r = s.result(ident)
        self.assertEqual(r["verdict"], "internal_error")
        self.assertIn("perl", r["message"])
        self.assertEqual(s.result(first)["verdict"], "accepted")


class ChangedHost(unittest.TestCase):
    """A program of the host that comes, is replaced and goes while the service runs."""

    PROGRAM = "/usr/local/bin/minos-test-changed-host"

    def setUp(self):
        self.addCleanup(lambda: os.path.exists(self.PROGRAM) and os.unlink(self.PROGRAM))
        self.s = service.Service(slots=1, languages=["bash"])
        self.addCleanup(self.s.close)
        self.s.start()

    def install(self, words):
        with open(self.PROGRAM + ".new", "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho {words}\n")
        os.chmod(self.PROGRAM + ".new", 0o755)
        os.rename(self.PROGRAM + ".new", self.PROGRAM)

    def said(self):
        r = self.s.judge(language="bash", source=f"{self.PROGRAM} 2>/dev/null || echo absent")
        self.assertEqual(r["verdict"], "accepted")
        return r["tests"][0]["stdout"]

    def test_seen(self):
        """Programs see it soon, warm cells and what a keeper had looked up or not, and no submission is lost"""
        self.assertEqual(self.said(), "absent\n")
        self.install("one")
        service.poll("the new program is seen", lambda: self.said() == "one\n")
        self.install("two")
        service.poll("the replaced one is seen", lambda: self.said() == "two\n")
        os.unlink(self.PROGRAM)
        service.poll("it is seen no more", lambda: self.said() == "absent\n")
        self.assertGreaterEqual(self.s.log().count("host_changed"), 3)
        self.assertNotIn("slot_died", self.s.log())


if __name__ == "__main__":
    unittest.main()
