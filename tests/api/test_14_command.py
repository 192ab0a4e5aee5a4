"""The command `minos` against a running service: submit, result, list, cancel, languages, key, hello,
doctor, version; for people and as JSON; and what the exit status says."""
import json
import os
import pty
import re
import select
import subprocess
import tempfile
import unittest

import service

ACCEPTED, REJECTED, USAGE, FAILED = range(4)


class Command(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def minos(self, *words, status=ACCEPTED, **more):
        """Run it, check its exit status; (standard output, standard error)."""
        got, out, err = self.s.minos(*words, **more)
        self.assertEqual(got, status, f"minos {' '.join(words)}: {out[-800:]}{err[-800:]}")
        return out, err

    def json(self, *words, **more):
        return json.loads(self.minos(*words, "--json", **more)[0])

    # --- submit ----------------------------------------------------------------------------------

    def test_submit(self):
        """submit prints the id and ends; result --wait shows the verdict"""
        path = self.file("hello.py", "print('hi')\n")
        ident = self.minos("submit", path)[0].strip()
        self.assertRegex(ident, r"^[0-9A-HJKMNP-TV-Z]{26}$")
        out = self.minos("result", ident, "--wait")[0]
        self.assertIn("accepted", out)
        self.assertEqual(self.minos("result", ident, "--stdout", "1")[0], "hi\n")

    def test_submit_wait(self):
        """submit --wait shows verdict and output, and its status tells accepted from rejected"""
        out = self.minos("submit", "--wait", self.file("a.py", "print('hi')"))[0]
        self.assertIn("accepted", out)
        self.assertIn("hi", out)
        out = self.minos("submit", "--wait", self.file("b.py", "1/0"), status=REJECTED)[0]
        self.assertIn("runtime_error", out)
        self.assertIn("ZeroDivisionError", out)
        out = self.minos("submit", "--wait", self.file("c.c", "int main(void){return x;}"),
                         status=REJECTED)[0]
        self.assertIn("compile_error", out)
        self.assertIn("undeclared", out)

    def test_submit_tests(self):
        """submit --tests takes pairs of files from a folder, in their order"""
        for i in range(1, 13):
            self.file(f"tests/{i}.in", f"{i}\n")
            self.file(f"tests/{i}.out", f"{i * 2}\n")
        path = self.file("double.py", "print(int(input()) * 2)")
        r = self.json("submit", "--wait", path, "--tests", os.path.join(self.dir, "tests"))
        self.assertEqual(r["verdict"], "accepted")
        self.assertEqual([t["name"] for t in r["tests"]], [str(i) for i in range(1, 13)])
        self.file("tests/12.out", "0\n")
        out = self.minos("submit", "--wait", path, "--tests", os.path.join(self.dir, "tests"),
                         status=REJECTED)[0]
        self.assertIn("wrong_answer", out)

    def test_submit_json(self):
        """submit --wait --json prints the result as the API gives it"""
        r = self.json("submit", "--wait", self.file("a.py", "print(input())"), "--stdin",
                      self.file("in", "x\n"), "--expected", self.file("out", "x\n"))
        self.assertEqual(self.s.get(f"/v1/submissions/{r['id']}").json(), r)
        r = self.json("submit", self.file("a.sh", "true"))
        self.assertEqual(r["status"], "queued")

    def test_numbers(self):
        """Numbers come through --json as the API wrote them, digit by digit"""
        metadata = '{"a":1.10,"b":[2.0,-0.0,1e2],"c":"\\u0001n1.50","d":"3.500"}'
        ident = self.json("submit", "--wait", self.file("a.sh", "sleep 0.1"), "--metadata",
                          metadata)["id"]
        sent = self.s.get(f"/v1/submissions/{ident}").body.decode()
        status, said, _ = self.s.minos("result", ident, "--json")
        self.assertEqual(status, 0)
        words = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')
        self.assertEqual("".join(words.findall(said)), "".join(words.findall(sent)))
        self.assertRegex(said, r"\.\d\d0\b")

    def test_submit_options(self):
        """Limits, comparer, priority, metadata and language reach the judge"""
        r = self.json("submit", "--wait", self.file("a", "import time; time.sleep(9)"),
                      "--language", "python3", "--limit", "wall_time=300ms", "--limit",
                      "memory=64M", "--priority", "5", "--metadata", '{"a": [1]}',
                      status=REJECTED)
        self.assertEqual((r["verdict"], r["priority"], r["metadata"]),
                         ("idle_limit", 5, {"a": [1]}))
        r = self.json("submit", "--wait", self.file("f.py", "print(1.05)"), "--expected",
                      self.file("out", "1"), "--comparer", "floats", "--absolute", "0.1")
        self.assertEqual(r["verdict"], "accepted")

    def test_submit_files(self):
        """submit takes several files; the first is where it starts"""
        r = self.json("submit", "--wait", self.file("b.py", "import a; print(a.x)"),
                      self.file("a.py", "x = 5"))
        self.assertEqual((r["verdict"], r["tests"][0]["stdout"]), ("accepted", "5\n"))

    def test_submit_binary(self):
        """Input and output of any bytes go through"""
        data = bytes(range(256))
        ident = self.json("submit", "--wait", self.file("cat.sh", "cat"), "--stdin",
                          self.file("in", data), "--expected", self.file("out", data))["id"]
        done = subprocess.run([service.MINOS, "result", ident, "--stdout", "1"], check=False,
                              stdout=subprocess.PIPE, env=service.clean_environment(
                                  MINOS_URL=self.s.url, MINOS_KEY=self.s.key))
        self.assertEqual((done.returncode, done.stdout), (0, data))

    def test_submit_wrong(self):
        """What the server or the command refuses is status 2, with the reason"""
        good = self.file("a.py", "1")
        for words, said in (([good, "--limit", "memory=1"], "memory_bytes"),
                            ([good, "--limit", "speed=1"], "speed"),
                            ([good, "--language", "malbolge"], "malbolge"),
                            ([self.file("empty.py", "")], "at least 1 byte"),
                            ([self.dir + "/nothing.py"], "nothing.py"),
                            ([self.file("x.unknown", "1")], "language"),
                            ([], "file"), ([good, "--frob"], "frob"),
                            ([good, "--metadata", "[1]"], "metadata"),
                            ([good, "--tests", self.dir + "/nothing"], "nothing")):
            out, err = self.minos("submit", *words, status=USAGE)
            self.assertEqual(out, "")
            self.assertIn(said, err)

    def test_progress(self):
        """On a terminal submit --wait shows progress as it goes"""
        path = self.file("a.sh", "read n; sleep 0.2")
        for i in range(4):
            self.file(f"t/{i}.in", f"{i}\n")
            self.file(f"t/{i}.out", "")
        ours, theirs = pty.openpty()
        with subprocess.Popen([service.MINOS, "submit", "--wait", path, "--tests",
                               os.path.join(self.dir, "t")], stdin=theirs, stdout=theirs,
                              stderr=theirs, env=service.clean_environment(
                                  MINOS_URL=self.s.url, MINOS_KEY=self.s.key, TERM="xterm")) as p:
            os.close(theirs)
            seen = b""
            while select.select([ours], [], [], 20)[0]:
                try:
                    piece = os.read(ours, 4096)
                except OSError:
                    break
                if not piece:
                    break
                seen += piece
            self.assertEqual(p.wait(), 0)
        os.close(ours)
        self.assertIn(b"accepted", seen)
        self.assertRegex(seen, rb"\r|\x1b")
        self.assertRegex(seen, rb"[123](/| of )4")

    # --- the others ------------------------------------------------------------------------------

    def test_result(self):
        """result of nothing is status 2, of a rejected one 1, of a running one 0"""
        self.minos("result", "01HZZZZZZZZZZZZZZZZZZZZZZZ", status=USAGE)
        self.minos("result", "../../etc", status=USAGE)
        self.minos("result", status=USAGE)
        ident = self.s.judge(language="bash", source="echo e >&2; exit 3")["id"]
        self.minos("result", ident, status=REJECTED)
        self.assertEqual(self.minos("result", ident, "--stderr", "1")[0], "e\n")
        self.assertEqual(self.json("result", ident, status=REJECTED)["verdict"], "runtime_error")
        ident = self.s.accept(language="bash", source="sleep 20")
        self.minos("result", ident)
        self.minos("cancel", ident)
        self.minos("result", ident, status=REJECTED)

    def test_cancel(self):
        """cancel says cancelled with 0, and 1 for what was done before"""
        ident = self.s.accept(language="bash", source="sleep 20")
        self.assertEqual(self.minos("cancel", ident)[0], "cancelled\n")
        self.assertEqual(self.json("cancel", ident)["verdict"], "cancelled")
        done = self.s.judge(language="bash", source="true")["id"]
        self.minos("cancel", done, status=REJECTED)
        self.minos("cancel", "01HZZZZZZZZZZZZZZZZZZZZZZZ", status=USAGE)

    def test_list(self):
        """list shows the newest first, with filters, a page at a time"""
        ids = [self.s.judge(language="bash", source="exit 1")["id"] for _ in range(3)]
        out = self.minos("list", "--count", "2", "--verdict", "runtime_error")[0]
        shown = re.findall(r"^[0-9A-Z]{26}", out, re.M)
        self.assertEqual(shown, ids[:0:-1])
        page = self.json("list", "--count", "2", "--verdict", "runtime_error")
        self.assertEqual([r["id"] for r in page["submissions"]], ids[:0:-1])
        more = self.json("list", "--count", "1", "--verdict", "runtime_error", "--cursor",
                         page["next_cursor"])
        self.assertEqual([r["id"] for r in more["submissions"]], ids[:1])
        self.minos("list", "--status", "finished", status=USAGE)

    def test_languages(self):
        """languages shows versions, and what to install for those that are missing"""
        out = self.minos("languages")[0]
        self.assertRegex(out, r"(?m)^python3 .*3\.\d+")
        self.assertRegex(out, r"(?m)^missing .*no-such-package")
        rows = {r["id"]: r for r in self.json("languages")["languages"]}
        self.assertIs(rows["python3"]["available"], True)

    def test_key(self):
        """key makes, lists and revokes keys"""
        out = self.minos("key", "new", "classroom", "--scopes", "read")[0]
        secret = re.search(r"mns_[A-Za-z0-9_-]{43}", out).group()
        self.assertIn("classroom", self.minos("key", "list")[0])
        row = [k for k in self.json("key", "list")["keys"] if k["name"] == "classroom"][-1]
        self.assertEqual(row["scopes"], ["read"])
        self.minos("list", key=secret)
        self.minos("submit", self.file("a.sh", "true"), key=secret, status=USAGE)
        self.minos("key", "revoke", str(row["id"]))
        self.minos("list", key=secret, status=USAGE)
        self.minos("key", "new", status=USAGE)
        self.minos("key", "new", "x", "--scopes", "root", status=USAGE)
        self.minos("key", "revoke", "999999", status=USAGE)
        self.minos("key", "frobnicate", status=USAGE)
        made = self.json("key", "new", "other")
        self.assertEqual(made["scopes"], ["submit", "read"])

    def test_finding_the_key(self):
        """The key comes from a file, the environment or the data directory"""
        none = {"MINOS_KEY": None}
        self.minos("list", "--data", self.s.data, env=none)
        self.minos("list", env={**none, "MINOS_DATA": self.s.data})
        self.minos("list", "--key-file", os.path.join(self.s.data, "admin.key"), env=none)
        self.minos("list", "--key-file", self.file("k", "nonsense\n"), env=none, status=USAGE)
        self.minos("list", "--data", self.dir, env=none, status=USAGE)

    def test_no_service(self):
        """Without a service the status is 3 and the message names the URL"""
        for words in (["list"], ["languages"], ["submit", self.file("a.sh", "true")], ["hello"],
                      ["result", "01HZZZZZZZZZZZZZZZZZZZZZZZ"], ["key", "list"]):
            err = self.minos(*words, "--url", "http://127.0.0.1:1", status=FAILED)[1]
            self.assertIn("http://127.0.0.1:1", err)

    def test_doctor(self):
        """doctor proves every layer, as a table and as JSON"""
        out = self.minos("doctor")[0]
        rows = [line for line in out.splitlines() if line.startswith("ok ")]
        self.assertGreater(len(rows), 20)
        self.assertNotRegex(out, r"(?m)^(MISSING|FAILED|no )")
        doc = self.json("doctor")
        self.assertIs(doc["complete"], True)
        for row in doc["layers"]:
            self.assertLessEqual({"layer", "claim", "seen", "ok"}, set(row))
            self.assertIs(row["ok"], True, row)

    def test_version(self):
        """version, --version and --json agree"""
        version = self.json("version")["version"]
        self.assertEqual(self.minos("version")[0], f"minos {version}\n")
        self.assertEqual(self.minos("--version")[0], f"minos {version}\n")
        self.assertEqual(self.s.get("/v1/health").json()["version"], version)

    def test_help(self):
        """Every command explains itself, and unknown ones are status 2"""
        out = self.minos("help")[0]
        commands = re.findall(r"(?m)^  (\w+)  ", out)
        self.assertLessEqual({"up", "submit", "result", "list", "cancel", "languages", "key", "run",
                              "doctor", "version"}, set(commands))
        for name in commands:
            text = self.minos(name, "--help")[0]
            self.assertIn(f"minos {name}", text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 120, line)
        self.minos("frobnicate", status=USAGE)
        self.minos("help", "frobnicate", status=USAGE)
        self.assertNotEqual(self.s.minos()[0], 0)


if __name__ == "__main__":
    unittest.main()
