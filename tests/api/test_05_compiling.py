"""Compiling: once for each source, within limits, and nothing but what may be kept."""
import os
import time
import unittest
import uuid

import service


def fresh():
    """A comment that no source had before."""
    return f"/* {uuid.uuid4()} */\n"


# Its compiler is the source, run by sh with the prepared file as its argument.
SHARING = """
id: sharing
name: Sharing
source_file: main.sh
version: {command: [sh, -c, echo version 1], pattern: 'version ([0-9]+)'}
compile: {command: [sh, "${source}", "${prepared}"], artifacts: [program]}
prepare:
  command: [sh, -c, 'mkdir .prepared; echo made ahead > .prepared/word']
  artifacts: [".prepared/*"]
  arguments: [/box/.prepared/word]
run: {command: [cat, program]}
hello: |
  echo 'Hello, world!' > program
"""


class Groundwork(unittest.TestCase):
    def setUp(self):
        self.s = service.Service(slots=2, languages=["python3"], files={"sharing.yaml": SHARING},
                                 sets=["worker.groundwork=true"])
        self.addCleanup(self.s.close)
        self.s.start()

    def wait_done(self, times=1):
        deadline = time.monotonic() + 60
        while self.s.log().count("groundwork_done") < times:
            self.assertLess(time.monotonic(), deadline, self.s.log()[-2000:])
            time.sleep(0.1)

    def test_shared(self):
        """What compiles share is made in idle moments, once, and used from then on"""
        self.wait_done()
        self.s.wait_quiet()
        self.assertNotIn("groundwork_failed", self.s.log())
        source = "cat $1 > program; (echo evil > $1) 2>/dev/null; true"
        for i in range(2):
            r = self.s.judge(language="sharing", source=f"{source} # {i}",
                             expected_output="made ahead")
            self.assertEqual(r["verdict"], "accepted", r)
        self.assertEqual(self.s.log().count(" prepared language="), 1)
        self.s.stop()
        self.s.start()
        r = self.s.judge(language="sharing", source=f"{source} # 3", expected_output="made ahead")
        self.assertEqual(r["verdict"], "accepted", r)
        self.assertEqual(self.s.log().count(" prepared language="), 1)

    def test_no_waiting(self):
        """Submissions go before groundwork, and it is done after them"""
        for i in range(6):
            r = self.s.judge(language="python3", source=f"print({i})", expected_output=str(i))
            self.assertEqual(r["verdict"], "accepted", r)
        self.wait_done()

    def test_after_a_reload(self):
        """After a reload it is done anew, for languages that have come or changed"""
        self.wait_done()
        self.s.write_file("languages/later.yaml", SHARING.replace("sharing", "later"))
        os.chmod(os.path.join(self.s.languages, "later.yaml"), 0o644)
        self.s.minos("reload", "--data", self.s.data)
        self.wait_done(2)
        self.assertEqual(self.s.log().count(" prepared language=later"), 1)


class Compiling(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def tearDown(self):
        self.s.wait_quiet()

    def test_cached(self):
        """The same source compiles once, and is run again from what was kept"""
        source = fresh() + "#include <stdio.h>\nint main(void){puts(\"7\");return 0;}\n"
        first = self.s.judge(language="c17", source=source, expected_output="7")
        again = self.s.judge(language="c17", source=source, expected_output="8")
        self.assertEqual([first["verdict"], again["verdict"]], ["accepted", "wrong_answer"])
        self.assertEqual([r["compile"]["cached"] for r in (first, again)], [False, True])
        self.assertEqual(first["compile"]["output"], again["compile"]["output"])

    def test_cached_per_language(self):
        """Another language, another name or another byte is compiled anew"""
        source = fresh() + "int main(void){return 0;}\n"
        self.assertIs(self.s.judge(language="c17", source=source)["compile"]["cached"], False)
        for change in ({"language": "c11", "source": source},
                       {"language": "c17", "source": source + " "},
                       {"language": "c17", "files": {"other.c": source}}):
            self.assertIs(self.s.judge(**change)["compile"]["cached"], False, change)

    def test_cached_error(self):
        """A compile error is kept, too"""
        source = fresh() + "int main(void){return x;}\n"
        first = self.s.judge(language="c17", source=source)["compile"]
        again = self.s.judge(language="c17", source=source)["compile"]
        self.assertEqual((first["cached"], again["cached"]), (False, True))
        self.assertEqual(first["output"], again["output"])

    def test_at_once(self):
        """The same source handed in many times at once gives the same verdict each time"""
        source = fresh() + "#include <stdio.h>\nint main(void){puts(\"7\");return 0;}\n"
        ids = [self.s.accept(language="c17", source=source, expected_output="7")
               for _ in range(12)]
        self.assertEqual({self.s.result(i)["verdict"] for i in ids}, {"accepted"})

    def test_long_message(self):
        """A compile error with a very long message keeps its head and tail"""
        body = "".join(f"int v{i} = undeclared_name_{i} + \"x\";\n" for i in range(6000))
        r = self.s.judge(language="c17", source=fresh() + body + "int main(void){return 0;}")
        c = r["compile"]
        self.assertEqual((r["verdict"], c["verdict"]), ("compile_error", "compile_error"))
        self.assertIs(c["output_truncated"], True)
        self.assertLessEqual(len(c["output"]), 65536)
        self.assertIn("undeclared_name_0", c["output"])
        raw = self.s.get(f"/v1/submissions/{r['id']}/compile/output")
        self.assertEqual((raw.status, raw.headers["Minos-Output-Truncated"]), (200, "true"))

    def test_endless(self):
        """A compiler that would run forever is stopped: compile_error, stopped by cpu or idle"""
        for language, cause in (("endless", "cpu"), ("sleepy", "idle")):
            r = self.s.judge(language=language, source="x")
            self.assertEqual(r["verdict"], "compile_error")
            self.assertEqual(r["compile"]["cause"], cause)
            self.assertEqual([t["verdict"] for t in r["tests"]], ["skipped"])
            self.assertIs(self.s.judge(language=language, source="x")["compile"]["cached"], False)

    def test_endless_templates(self):
        """Templates without end are a compile_error"""
        r = self.s.judge(language="cpp17", source="template<int N> struct A "
                         "{ static const int v = A<N+1>::v; };\nint main(){return A<0>::v;}")
        self.assertEqual(r["verdict"], "compile_error")

    def test_huge_program(self):
        """A program that is too large to keep is a compile_error"""
        r = self.s.judge(language="c17", source=fresh() + "char b[900000000]={1};\n"
                         "int main(void){return b[5];}")
        self.assertEqual(r["verdict"], "compile_error", r["compile"])

    def test_reads_nothing(self):
        """A compiler cannot include the host's secrets"""
        for path in ("/etc/shadow", self.s.data + "/admin.key", "/proc/1/environ"):
            r = self.s.judge(language="c17", source=f'#include "{path}"\nint main(void){{}}')
            self.assertEqual(r["verdict"], "compile_error", path)
            self.assertNotIn(self.s.key, str(r["compile"]["output"]))
            self.assertNotIn("root:", str(r["compile"]["output"]))

    def test_traps(self):
        """Links, pipes and files of two names that a compiler leaves are not kept"""
        r = self.s.judge(language="traps", source="x")
        self.assertEqual(r["verdict"], "accepted", r)
        seen = r["tests"][0]["stdout"].split()
        self.assertIn("./a/b/kept", seen)
        for name in ("./link", "./up", "./fifo", "./hard", "./a/root"):
            self.assertNotIn(name, seen)

    def test_artifact_is_read_only(self):
        """A program cannot change the artifact for those that come after it"""
        source = fresh() + ("#include <stdio.h>\n#include <unistd.h>\n#include <sys/stat.h>\n"
                            "int main(void){chmod(\"program\",0777);unlink(\"program\");"
                            "FILE*f=fopen(\"program\",\"w\");if(f){fputs(\"#!/bin/false\",f);"
                            "fclose(f);}puts(\"ok\");return 0;}\n")
        r = self.s.judge(language="c17", source=source, tests=[{"expected_output": "ok"}] * 3)
        self.assertEqual(r["verdict"], "accepted", r["tests"])
        again = self.s.judge(language="c17", source=source, expected_output="ok")
        self.assertEqual((again["verdict"], again["compile"]["cached"]), ("accepted", True))


if __name__ == "__main__":
    unittest.main()
