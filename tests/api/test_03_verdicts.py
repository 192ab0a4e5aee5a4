"""Programs that nobody would trust: each gets the right verdict and cause, and leaves nothing on the
host."""
import unittest

import service

C = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
FORK_BOMB = C + "int main(void){for(;;)fork();}\n"
SLOW = {"cpu_time_ms": 300}


class Verdicts(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()
        self.s.wait_quiet()

    def tearDown(self):
        self.s.wait_quiet()

    def judge(self, verdict, cause, language, source, **fields):
        """Judge; check the submission's and the one test's verdict, and who stopped it."""
        r = self.s.judge(language=language, source=source, **fields)
        self.assertEqual(r["verdict"], verdict, r["compile"] and r["compile"]["output"])
        t = r["tests"][0]
        self.assertEqual((t["verdict"], t["cause"]), (verdict, cause), str(t)[:1500])
        return t

    def c(self, verdict, cause, body, **fields):
        return self.judge(verdict, cause, "c17", C + body, **fields)

    def python(self, verdict, cause, source, **fields):
        return self.judge(verdict, cause, "python3", source, **fields)

    # --- time ------------------------------------------------------------------------------------

    def test_loop(self):
        """while(1) ends as time_limit, close to its limit"""
        t = self.c("time_limit", "cpu", "int main(void){while(1);}", limits=SLOW)
        self.assertGreaterEqual(t["cpu_time_ms"], 300)
        self.assertLess(t["cpu_time_ms"], 600)
        self.assertEqual(t["signal"], 9)
        self.assertIsNone(t["exit_code"])

    def test_loop_in_children(self):
        """A loop in many processes ends as time_limit: their time is added up"""
        t = self.c("time_limit", "cpu",
                   "int main(void){for(int i=0;i<7;i++)if(!fork())break;for(;;);}", limits=SLOW)
        self.assertLess(t["cpu_time_ms"], 900)

    def test_wall_clock(self):
        """A loop that the wall clock ends is a time_limit, too: it computed"""
        r = self.s.judge(language="python3", limits={"wall_time_ms": 500, "cpu_time_ms": 60000},
                         source="while True: pass")
        self.assertEqual((r["verdict"], r["tests"][0]["cause"]), ("time_limit", "wall"))

    def test_sleep(self):
        """sleep forever ends as idle_limit"""
        t = self.c("idle_limit", "idle", "int main(void){for(;;)pause();}",
                   limits={"wall_time_ms": 400})
        self.assertGreaterEqual(t["wall_time_ms"], 400)

    def test_read(self):
        """Reading standard input beyond its end does not block"""
        t = self.c("runtime_error", "none", "int main(void){return getchar()==EOF?7:0;}")
        self.assertEqual(t["exit_code"], 7)

    def test_ignores_signals(self):
        """A program that ignores every signal is ended all the same"""
        body = ("#include <signal.h>\nint main(void){for(int i=1;i<65;i++)signal(i,SIG_IGN);"
                "for(;;)pause();}")
        self.c("idle_limit", "idle", body, limits={"wall_time_ms": 300})

    # --- memory, processes, output ---------------------------------------------------------------

    def test_memory(self):
        """4 GiB of memory end as memory_limit"""
        t = self.c("memory_limit", "memory",
                   "int main(void){for(long i=0;i<4096;i++){char*p=malloc(1<<20);"
                   "if(!p)abort();memset(p,1,1<<20);}}", limits={"memory_bytes": 64 << 20})
        self.assertLessEqual(t["memory_peak_bytes"], 66 << 20)
        self.assertGreater(t["memory_peak_bytes"], 60 << 20)

    def test_memory_in_python(self):
        """4 GiB in Python end as memory_limit, too, with its own message or without"""
        r = self.s.judge(language="python3", source="x = bytearray(4 << 30)")
        self.assertEqual(r["verdict"], "memory_limit")

    def test_memory_in_files(self):
        """Memory hidden in files counts: in /dev/shm, in /tmp and in the working directory"""
        for folder in ("/dev/shm", "/tmp", "/box"):
            source = f"f = open('{folder}/x', 'wb')\nwhile True: f.write(bytes(1 << 20))\n"
            r = self.s.judge(language="python3", source=source,
                             limits={"memory_bytes": 32 << 20, "file_bytes": 1 << 30})
            self.assertIn(r["verdict"], ("memory_limit", "runtime_error", "output_limit"))
            self.assertLessEqual(r["tests"][0]["memory_peak_bytes"], 34 << 20)

    def test_fork_bomb(self):
        """A fork bomb ends as process_limit and leaves nothing behind"""
        t = self.judge("process_limit", "processes", "c17", FORK_BOMB,
                       limits={**SLOW, "process_count": 32})
        self.assertEqual(t["process_peak_count"], 32)

    def test_polite_fork_bomb(self):
        """A fork bomb that ends when it may fork no more is a process_limit"""
        t = self.c("process_limit", "processes",
                   "int main(void){for(;;){int p=fork();if(p<0)return 1;if(!p)pause();}}",
                   limits={"process_count": 16})
        self.assertEqual(t["process_peak_count"], 16)

    def test_fork_bombs_of_scripts(self):
        """Fork bombs of Python and of the shell end as process_limit, too"""
        self.python("process_limit", "processes", "import os\nwhile True: os.fork()")
        self.judge("process_limit", "processes", "bash", ":(){ : & : & wait; };:",
                   limits={"wall_time_ms": 1500})

    def test_fork_bomb_that_hides(self):
        """A fork bomb whose first process ends is swept away with that"""
        r = self.s.judge(language="bash", source=":(){ :|:& };:")
        self.assertIn(r["verdict"], ("accepted", "process_limit"))  # the first is quick, or not

    def test_output(self):
        """1 GiB of output ends as output_limit, and its head and tail are kept"""
        t = self.c("output_limit", "output",
                   "int main(void){static char b[65536];memset(b,'x',65536);"
                   "for(int i=0;i<16384;i++)write(1,b,65536);}")
        self.assertLessEqual(t["stdout_bytes"], 16 << 20)
        self.assertIs(t["stdout_truncated"], True)
        self.assertLessEqual(len(t["stdout"]), 65536)

    def test_output_on_stderr(self):
        """1 GiB on standard error ends as output_limit, too"""
        t = self.c("output_limit", "output",
                   "int main(void){static char b[65536];for(int i=0;i<16384;i++)"
                   "write(2,b,65536);}", limits={"output_bytes": 1 << 20})
        self.assertLessEqual(t["stderr_bytes"], 1 << 20)
        self.assertEqual(t["stdout_bytes"], 0)

    def test_output_without_room(self):
        """A limit of 0 bytes of output allows silence and no byte"""
        none = {"limits": {"output_bytes": 0}}
        self.c("accepted", "none", "int main(void){return 0;}", **none)
        self.c("output_limit", "output", "int main(void){putchar('x');return 0;}", **none)

    def test_files(self):
        """A file larger than file_bytes ends as output_limit"""
        t = self.c("output_limit", "output",
               "int main(void){FILE*f=fopen(\"big\",\"w\");static char b[65536];"
               "for(int i=0;i<1000;i++)fwrite(b,1,65536,f);}", limits={"file_bytes": 1 << 20})
        self.assertEqual(t["signal_name"], "SIGXFSZ")
        self.assertEqual(t["message"], "wrote more than 1.0 MiB into files")

    # --- ends ------------------------------------------------------------------------------------

    def test_segfault(self):
        """A segmentation fault is a runtime_error with signal 11"""
        t = self.c("runtime_error", "none", "int main(void){*(volatile int*)8=1;}")
        self.assertEqual((t["signal"], t["signal_name"], t["exit_code"]), (11, "SIGSEGV", None))

    def test_deep_recursion(self):
        """A recursion without end is a runtime_error with signal 11"""
        t = self.c("runtime_error", "none",
                   "int f(volatile int n){volatile char b[4096];b[0]=n;return f(n+1)+b[0];}"
                   "int main(void){return f(0);}", limits={"stack_bytes": 1 << 20})
        self.assertEqual(t["signal"], 11)

    def test_abort(self):
        """abort is a runtime_error with signal 6"""
        t = self.c("runtime_error", "none", "int main(void){abort();}")
        self.assertEqual((t["signal"], t["signal_name"]), (6, "SIGABRT"))

    def test_exit_3(self):
        """exit 3 is a runtime_error with exit code 3, also after the right output"""
        t = self.c("runtime_error", "none", "int main(void){puts(\"ok\");return 3;}",
                   expected_output="ok\n")
        self.assertEqual((t["exit_code"], t["signal"]), (3, None))

    def test_division(self):
        """A division by zero is a runtime_error with signal 8"""
        t = self.c("runtime_error", "none",
                   "int main(int c,char**v){(void)v;volatile int z=c-1;return 100/z;}")
        self.assertEqual((t["signal"], t["signal_name"]), (8, "SIGFPE"))

    def test_kill_all(self):
        """kill(-1, SIGKILL) hits the program alone"""
        body = "#include <signal.h>\nint main(void){kill(-1,SIGKILL);puts(\"alive\");return 5;}"
        r = self.s.judge(language="c17", source=C + body)
        self.assertEqual(r["verdict"], "runtime_error")

    def test_orphans(self):
        """Children that outlive the program are ended with it"""
        t = self.c("accepted", "none",
                   "int main(void){if(!fork()){setsid();if(!fork())for(;;)pause();"
                   "_exit(0);}puts(\"ok\");return 0;}", expected_output="ok")
        self.assertLess(t["wall_time_ms"], 5000)

    # --- attacks ---------------------------------------------------------------------------------

    def test_shadow(self):
        """Reading /etc/shadow gives nothing"""
        t = self.python("runtime_error", "none", "print(open('/etc/shadow').read())")
        self.assertEqual(t["stdout"], "")
        self.assertRegex(t["stderr"], "No such file|Permission denied")

    def test_host_files(self):
        """Neither the database, nor the key, nor other users' files are there"""
        paths = [self.s.data, self.s.base, "/root", "/home", "/var/lib", service.ROOT,
                 "/run/minos", "/etc/minos", "/sys/fs/cgroup/memory", "/proc/1/environ"]
        source = ("import os\nfor p in %r:\n    try:\n        print(p, len(os.listdir(p)) if "
                  "os.path.isdir(p) else open(p).read())\n    except OSError: pass\n" % paths)
        r = self.s.judge(language="python3", source=source)
        for line in r["tests"][0]["stdout"].splitlines():
            self.assertIn(line, ("/var/lib 0", "/home 0", "/root 0") + tuple(
                f"/var/lib {n}" for n in range(1, 4)), "visible")

    def test_socket(self):
        """Opening a socket to the world fails"""
        t = self.python("runtime_error", "none",
                        "import socket\nsocket.create_connection(('1.1.1.1', 80), 2)")
        self.assertRegex(t["stderr"], "unreachable|not permitted|Permission|implemented|denied")

    def test_service_socket(self):
        """The service itself cannot be reached from a cell"""
        host, port = self.s.address
        self.python("runtime_error", "none",
                    f"import socket\nsocket.create_connection(('{host}', {port}), 2)")

    def test_mount(self):
        """mount is a security_violation"""
        t = self.c("security_violation", "seccomp",
                   "#include <sys/mount.h>\nint main(void){return mount(\"none\",\"/tmp\","
                   "\"tmpfs\",0,0);}")
        self.assertIn("mount", t["message"])

    def test_ptrace(self):
        """ptrace is a security_violation"""
        t = self.c("security_violation", "seccomp",
                   "#include <sys/ptrace.h>\nint main(void){return ptrace(PTRACE_ATTACH,1,0,0);}")
        self.assertIn("ptrace", t["message"])

    def test_namespaces(self):
        """unshare and setns are refused"""
        for call in ("unshare(0x10000000)", "setns(0,0)", "unshare(0x20000)"):
            r = self.s.judge(language="c17", source="#define _GNU_SOURCE\n#include <sched.h>\n"
                             "int main(void){return %s==0?0:9;}" % call)
            self.assertIn(r["verdict"], ("security_violation", "runtime_error"), call)

    def test_system_v(self):
        """System V objects of a program end with it"""
        body = ("#include <sys/ipc.h>\n#include <sys/shm.h>\n#include <sys/sem.h>\n"
                "int main(void){int a=shmget(7,4096,03666),b=semget(7,1,03666);"
                "printf(\"%d %d\",a>=0,b>=0);return 0;}")
        for _ in range(3):
            self.c("accepted", "none", body, expected_output="1 1")

    # --- outputs and the rest --------------------------------------------------------------------

    def test_wrong_answer(self):
        """Another output is a wrong_answer that says where"""
        t = self.python("wrong_answer", "none", "print(1)\nprint(7)", expected_output="1\n5\n")
        self.assertEqual(t["message"], 'line 2: expected "5", got "7"')

    def test_presentation_error(self):
        """The right words with other blanks are a presentation_error"""
        self.python("presentation_error", "none", "print(' 1  2')", expected_output="1 2\n")
        self.python("presentation_error", "none", "print('1 2')", expected_output="1 2",
                    comparer={"type": "exact"})

    def test_skipped(self):
        """stop_on_failure skips what follows the first failure; else all tests run"""
        tests = [{"stdin": w, "expected_output": "ok"} for w in ("ok", "no", "ok", "no")]
        source = "print(input())"
        r = self.s.judge(language="python3", source=source, tests=tests, stop_on_failure=True)
        self.assertEqual([t["verdict"] for t in r["tests"]],
                         ["accepted", "wrong_answer", "skipped", "skipped"])
        self.assertEqual(r["verdict"], "wrong_answer")
        r = self.s.judge(language="python3", source=source, tests=tests, stop_on_failure=False)
        self.assertEqual([t["verdict"] for t in r["tests"]],
                         ["accepted", "wrong_answer", "accepted", "wrong_answer"])

    def test_all_run_by_default(self):
        """Without stop_on_failure all tests run, and the worst verdict counts"""
        source = "import sys\nsys.exit(3) if input() == 'x' else print(1)"
        tests = [{"stdin": "a", "expected_output": "2"}, {"stdin": "x", "expected_output": "1"},
                 {"stdin": "a", "expected_output": "1"}]
        r = self.s.judge(language="python3", source=source, tests=tests)
        self.assertEqual([t["verdict"] for t in r["tests"]],
                         ["wrong_answer", "runtime_error", "accepted"])
        self.assertEqual(r["verdict"], "runtime_error")

    def test_limits_of_a_test(self):
        """A test may have limits of its own, above and below the submission's"""
        tests = [{}, {"limits": {"wall_time_ms": 200}}, {"limits": {"wall_time_ms": 5000}}]
        r = self.s.judge(language="bash", source="sleep 0.6", tests=tests,
                         limits={"wall_time_ms": 300})
        self.assertEqual([t["verdict"] for t in r["tests"]],
                         ["idle_limit", "idle_limit", "accepted"])
        self.assertLess(r["tests"][1]["wall_time_ms"], r["tests"][0]["wall_time_ms"] + 100)

    def test_memory_of_a_test(self):
        """The memory limit of a test counts for that test alone"""
        tests = [{"limits": {"memory_bytes": 16 << 20}}, {"limits": {"memory_bytes": 128 << 20}}]
        r = self.s.judge(language="c17", tests=tests, source=C + "int main(void){"
                         "volatile char*p=malloc(50<<20);for(int i=0;i<50<<20;i+=4096)p[i]=1;"
                         "return p[0]-1;}")
        self.assertEqual([t["verdict"] for t in r["tests"]], ["memory_limit", "accepted"])


if __name__ == "__main__":
    unittest.main()
