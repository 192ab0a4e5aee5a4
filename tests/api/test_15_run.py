"""`minos run`: one command in a cell, without a server."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import host
import service

TIME, MEMORY, OUTPUT, PROCESSES, SECCOMP, FAILED, CANNOT, MISSING = range(120, 128)


class Run(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0 and os.environ.get("MINOS_TEST_ROOTLESS") != "1":
            self.skipTest("needs root, or MINOS_TEST_ROOTLESS=1 in control groups that are ours")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def run_it(self, *words, stdin=b"", cwd=None):
        done = subprocess.run([service.MINOS, "run", *words], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False, cwd=cwd or self.dir,
                              env=service.clean_environment())
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def report(self, *words, stdin=b""):
        """(exit status, standard output, the report)."""
        path = os.path.join(self.dir, "report")
        status, out, err = self.run_it("--json", "--report", path, *words, stdin=stdin)
        self.assertTrue(os.path.exists(path), err)
        with open(path, encoding="utf-8") as f:
            return status, out, json.load(f)

    def build(self, text):
        """A static program from C; its path."""
        path = os.path.join(self.dir, "prog")
        subprocess.run(["gcc", "-static", "-O1", "-x", "c", "-", "-o", path], check=True,
                       input=text.encode())
        return path

    def test_output(self):
        """It passes on output and exit code, with a report on standard error"""
        status, out, err = self.run_it("--", "sh", "-c", "echo hi; echo ho >&2; exit 7")
        self.assertEqual((status, out), (7, b"hi\n"))
        self.assertTrue(err.startswith("ho\n"))
        self.assertIn("exit code 7", err)
        self.assertIn("layers proven", err)
        self.assertEqual(self.run_it("--quiet", "true"), (0, b"", ""))

    def test_report(self):
        """The JSON report has every figure, and its limits"""
        status, _, r = self.report("--time", "1s", "--memory", "64M", "--", "true")
        self.assertEqual((status, r["exit_code"], r["signal"], r["cause"]), (0, 0, None, "none"))
        for name in ("cpu_time_ms", "user_time_ms", "system_time_ms", "wall_time_ms",
                     "memory_peak_bytes", "process_peak_count", "stdout_bytes", "stderr_bytes",
                     "voluntary_switches", "isolation"):
            self.assertIn(name, r)
        self.assertEqual((r["limits"]["cpu_time_ms"], r["limits"]["memory_bytes"]),
                         (1000, 64 << 20))
        self.assertIs(r["isolation"]["complete"], True)

    def test_limits(self):
        """Each limit has its exit status and its cause"""
        for words, status, cause in (
                (["--time", "200ms", "--", "sh", "-c", "while :; do :; done"], TIME, "cpu"),
                (["--wall", "300ms", "--", "sleep", "60"], TIME, "idle"),
                (["--memory", "32M", "--", "perl", "-e", "$x = 'x' x 500_000_000"], MEMORY,
                 "memory"),
                (["--output", "64K", "--", "yes"], OUTPUT, "output"),
                (["--processes", "4", "--wall", "2s", "--", "sh", "-c",
                  "for i in 1 2 3 4 5 6 7 8; do sleep 9 & done; wait"], PROCESSES, "processes")):
            got, _, r = self.report(*words)
            self.assertEqual((got, r["cause"]), (status, cause), words)

    def test_attack(self):
        """A system call that only attacks make is status 124"""
        prog = self.build("#include <sys/mount.h>\nint main(void)"
                          "{return mount(\"a\",\"/tmp\",\"tmpfs\",0,0)+9;}")
        status, _, r = self.report("--file", prog, "--", "./prog")
        self.assertEqual((status, r["cause"]), (SECCOMP, "seccomp"))

    def test_signal(self):
        """A command that a signal ends is 128 + signal"""
        status, _, r = self.report("--", "sh", "-c", "kill -SEGV $$")
        self.assertEqual((status, r["signal"]), (128 + signal.SIGSEGV, signal.SIGSEGV))

    def test_missing(self):
        """What is not there is 127, what cannot be executed 126"""
        self.assertEqual(self.run_it("--", "no-such-command")[0], MISSING)
        self.assertEqual(self.run_it("--", "/etc/passwd")[0], CANNOT)

    def test_usage(self):
        """Wrong usage is 125, with the reason"""
        for words, said in (([], "COMMAND"), (["--frob", "true"], "frob"),
                            (["--memory", "lots", "true"], "lots"),
                            (["--memory", "900G", "true"], "memory"),
                            (["--time", "0s", "true"], "time"),
                            (["--image", "nothing", "true"], "nothing"),
                            (["--file", "a/b=/etc/passwd", "true"], "a/b"),
                            (["--file", "x=/nonexistent", "true"], "/nonexistent")):
            status, out, err = self.run_it(*words)
            self.assertEqual((status, out), (FAILED, b""), (words, err))
            self.assertIn(said, err)

    def test_stdin(self):
        """Standard input goes in, whole, from a pipe or a file"""
        data = os.urandom(3000000)
        status, out, _ = self.run_it("--quiet", "--", "cat", stdin=data)
        self.assertEqual((status, out == data), (0, True))
        path = os.path.join(self.dir, "in")
        with open(path, "wb") as f:
            f.write(data)
        status, out, _ = self.run_it("--quiet", "--stdin", path, "--", "cat")
        self.assertEqual((status, out == data), (0, True))

    def test_files(self):
        """Files are put into /box under the names given, and are copies"""
        path = os.path.join(self.dir, "data")
        with open(path, "w", encoding="ascii") as f:
            f.write("original")
        status, out, err = self.run_it("--quiet", "--file", "mine=" + path, "--", "sh", "-c",
                                       "pwd; ls; cat mine; echo changed > mine")
        self.assertEqual((status, out), (0, b"/box\nmine\noriginal"), err)
        with open(path, encoding="ascii") as f:
            self.assertEqual(f.read(), "original")

    def test_own_program(self):
        """./prog means the program in the current folder"""
        self.build("#include <stdio.h>\nint main(void){puts(\"mine\");return 4;}")
        self.assertEqual(self.run_it("--quiet", "--", "./prog")[:2], (4, b"mine\n"))

    def test_environment(self):
        """The environment is clean but for what is given"""
        status, out, _ = self.run_it("--quiet", "--env", "A=1", "--", "env")
        names = {line.split(b"=")[0] for line in out.splitlines()}
        self.assertEqual((status, names), (0, {b"A", b"PATH", b"HOME", b"LANG"}))

    def test_few_descriptors(self):
        """Where a cell cannot have its descriptors, the reason and the mend are said, and no other"""
        for _ in range(5):  # who is refused hears why, however soon the other end goes
            done = subprocess.run(["sh", "-c", 'ulimit -n 1023; exec "$@"', "-", service.MINOS, "run",
                                   "--", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=60, check=False, env=service.clean_environment())
            if done.returncode == 0:
                break  # this root may raise its limit
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr.decode(), r"minos run: keeper: 1023 descriptors may be open .*, "
                                                   r"and 1024 are needed: raise the hard limit")

    def test_image(self):
        """Any root file system can be an image"""
        root = os.path.join(self.dir, "root")
        for name in ("bin", "etc"):
            os.makedirs(os.path.join(root, name))
        os.rename(self.build("#include <stdio.h>\n#include <unistd.h>\nint main(void)"
                             "{printf(\"%d %d\\n\",access(\"/bin/other\",F_OK),"
                             "access(\"/usr/bin\",F_OK));return 0;}"),
                  os.path.join(root, "bin", "other"))
        os.chmod(self.dir, 0o755)
        status, out, err = self.run_it("--quiet", "--image-dir", "tiny=" + root, "--", "/bin/other")
        self.assertEqual((status, out), (0, b"0 -1\n"), err)
        status, out, err = self.run_it("--quiet", "--image", "dir:" + root, "--", "/bin/other")
        self.assertEqual((status, out), (0, b"0 -1\n"), err)
        status, _, err = self.run_it("--image", f"dir:{root}/no", "--", "/bin/other")
        self.assertEqual(status, FAILED)
        self.assertIn("No such file", err)

    def test_interrupt(self):
        """Ctrl-C and SIGTERM end the command, and nothing is left"""
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([service.MINOS, "run", "--wall", "60s", "--", "sh", "-c",
                                   "echo on; sleep 50"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                  env=service.clean_environment()) as p:
                self.assertEqual(p.stdout.readline(), b"on\n")
                seen = host.Seen()
                seen.add_tree(p.pid)
                self.assertGreater(len(seen.processes), 3)
                p.send_signal(number)
                self.assertEqual(p.wait(30), 128 + number)
            service.poll("all have ended", lambda s=seen: not s.alive(), 10)
            for pid, began in seen.processes.items():
                self.assertEqual(host.find_groups(f"minos-{pid}-{began}"), [])

    def test_killed(self):
        """kill -9 of minos run ends the command, too"""
        with subprocess.Popen([service.MINOS, "run", "--wall", "60s", "--", "sh", "-c",
                               "echo on; sleep 50"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                              env=service.clean_environment()) as p:
            p.stdout.readline()
            seen = host.Seen()
            seen.add_tree(p.pid)
            p.kill()
            p.wait()
        service.poll("all have ended", lambda: not seen.alive(), 10)

        def groups():
            return [g for pid, began in seen.processes.items()
                    for g in host.find_groups(f"minos-{pid}-{began}")]
        service.poll("groups are gone", lambda: not groups(), 10)

    def test_closed_output(self):
        """A reader that goes away ends the command"""
        began = time.monotonic()
        done = subprocess.run(f"{service.MINOS} run --wall 50s --output 256M -- yes | head -n 1",
                              shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, check=False, timeout=60,
                              env=service.clean_environment())
        self.assertEqual(done.stdout, b"y\n")
        self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    unittest.main()
