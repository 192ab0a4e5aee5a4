"""A host that runs out of what the service needs besides the disk: descriptors, memory, control groups,
processes; and wall clocks that jump."""
import http.client
import os
import resource
import time
import unittest

import faults
import host
import service
from test_01_disk import Faulty


class Descriptors(Faulty):
    def test_server(self):
        """A service with few descriptors serves whom it can, turns nobody's answer into a wrong one, and heals"""
        self.assertEqual(self.s.stop(), 0)
        self.s.prefix = ["prlimit", "--nofile=1024:1024"]
        self.s.start()
        own = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, own[1]), own[1]))
        self.logged("few_descriptors", "mend=")
        pid, held, refused = self.s.pid_of("minos-server"), [], 0
        self.addCleanup(lambda: [c.close() for c in held])
        for _ in range(1200):
            conn = http.client.HTTPConnection(*self.s.address, timeout=2)
            try:
                conn.request("GET", "/v1/health/live")
                got = conn.getresponse()
                got.read()
                self.assertIn(got.status, (200, 503))
                held.append(conn)
            except (OSError, http.client.HTTPException):
                conn.close()
                refused += 1
                if refused == 3:
                    break
        self.assertGreater(refused, 0, f"{len(held)} connections")
        self.assertGreater(len(held), 10)
        for conn in held:
            conn.close()
        self.wait_ready()
        self.check_judged(self.naps(4))
        self.assertEqual(self.s.pid_of("minos-server"), pid)

    def test_slot(self):
        """A slot without descriptors gives its submission back, uncounted, and another process judges it"""
        self.s.faults.set(faults.SLOT, "open", faults.ERRNO, 24, count=6)
        ids = self.naps(4)
        self.check_judged(ids)
        self.assertGreater(self.s.faults.hits(), 0)
        self.logged("judge_failed", "Too many open files")
        self.assertEqual({self.s.result(i)["attempts"] for i in ids}, {1})


class Cells(Faulty):
    """The keeper cannot make cells."""

    def fail_cells(self, call, errno, word):
        self.s.faults.set(faults.BOX, call, faults.ERRNO, errno)
        ids = self.naps(4)
        service.poll("it was tried", lambda: self.s.faults.hits() > 4, 30)
        self.wait_not_ready("slots", "no slot takes one")
        self.logged("error", word)
        self.assertEqual({self.s.state(i) == "done" for i in ids}, {False})
        self.s.faults.clear()
        self.wait_ready()
        self.check_judged(ids)

    def test_groups(self):
        """ENOSPC of control groups: submissions wait, readiness says that nobody takes them, all heals"""
        self.fail_cells("mkdir", 28, "cgroup.max.descendants")

    def test_processes(self):
        """EAGAIN of clone: the same"""
        self.fail_cells("fork", 11, "TasksMax=")

    def test_ahead(self):
        """When only the process that makes cells ahead cannot make them, the log says why, and all is judged"""
        ahead = "c10995"  # how the names of its groups begin: they are numbered from 2^40 on
        self.s.faults.set(faults.BOX, "mkdir", faults.ERRNO, 28, part=ahead)
        for _ in range(20):  # until a core was free
            self.check_judged([self.s.accept(language="bash", source="true", tests=[{}] * 20)])
            if self.s.faults.hits():
                break
        else:
            self.skipTest("nothing was made ahead: no core is free here")
        self.logged("error", "ahead_failed", "cgroup.max.descendants")

    def test_worker_cannot_fork(self):
        """A supervisor that cannot start slots goes on trying"""
        self.s.faults.set(faults.SUPERVISOR, "fork", faults.ERRNO, 11)
        for pid in self.s.slot_pids():
            os.kill(pid, 9)
        service.poll("it was tried", lambda: self.s.faults.hits() > 1)
        ident = self.s.accept(language="bash", source="true")
        self.s.faults.clear()
        self.check_judged([ident])


class Clocks(Faulty):
    """The wall clock of the whole service jumps; what was judged before and after has its verdict once."""

    def jump(self, seconds):
        done = self.s.judge(language="bash", source="true")
        ids = self.naps(6)
        service.poll("two run", lambda: sum(self.s.state(i) == "running" for i in ids) == 2)
        self.s.faults.shift_clock(seconds)
        ids += self.naps(2)
        self.check_judged(ids)
        self.wait_ready()
        back = [self.s.result(i) for i in ids]
        self.s.faults.shift_clock(0)
        self.check_judged(self.naps(2))
        self.assertEqual([self.s.result(i) for i in ids], back)
        self.assertEqual(self.s.result(done["id"])["finished_at"], done["finished_at"])
        self.assertLessEqual(max(r["attempts"] for r in back), 2)
        self.logged("warn", "clock_was_set", f"by_ms={'-' if seconds < 0 else ''}86", "mend=")

    def test_forward(self):
        """A day forward: leases seem to have run out, which costs attempts and no verdict"""
        self.jump(86400)

    def test_back(self):
        """A day back: leases seem to last for ever, and nobody waits for them"""
        self.jump(-86400)

    def test_steps(self):
        """Steps of seconds, back and forth, while others hand in"""
        ids = []
        for step in (5, -5, 3600, 0, -3600, 1, 0):
            self.s.faults.shift_clock(step)
            ids += self.naps(2, "0.05")
            time.sleep(0.3)
        self.check_judged(ids)


class Ages(Faulty):
    sets = ("store.retention_ms=1h", "store.retention_count=1000")  # by the count it is looked each second

    def test_kept(self):
        """A clock that is set a day ahead does not make old, and delete, what has just ended"""
        done = self.s.judge(language="bash", source="true")
        self.s.faults.shift_clock(86400)
        later = self.s.judge(language="bash", source="true")
        time.sleep(3)
        for r in (done, later):
            self.assertEqual(self.s.get(f"/v1/submissions/{r['id']}").status, 200)
        self.logged("warn", "clock_was_set", "deleted for its age")


class Memory(Faulty):
    """The service in a memory group of its own, too small for what is asked of it."""

    def setUp(self):
        self.group = self.make_group(160 << 20)
        super().setUp()

    def make_group(self, limit_bytes):
        """A group with that limit, of either version."""
        own = {line.split(":")[1]: line.split(":", 2)[2].rstrip("/")
               for line in host.read("/proc/self/cgroup").splitlines()}
        v1 = next((path for names, path in own.items() if "memory" in names.split(",")), None)
        parent = f"/sys/fs/cgroup/memory{v1}"
        if v1 is None:  # beside our own group, which has processes, or below the root
            parent = "/sys/fs/cgroup" + os.path.dirname(own[""])
            if "memory" not in host.read(f"{parent}/cgroup.subtree_control").split():
                self.skipTest(f"the memory controller is not enabled for children in {parent}")
        group = f"{parent.rstrip('/')}/minos-fault-{os.getpid()}"
        os.mkdir(group)
        self.addCleanup(lambda: service.poll("the group is empty", lambda: self.remove(group), 20))
        with open(f"{group}/{'memory.max' if v1 is None else 'memory.limit_in_bytes'}", "w", encoding="ascii") as f:
            f.write(str(limit_bytes))
        return group

    def times_met(self):
        events = host.read(f"{self.group}/memory.events").split()  # of v2
        return int(events[events.index("max") + 1] if events else host.read(f"{self.group}/memory.failcnt"))

    @staticmethod
    def remove(group):
        for folder, names, _ in os.walk(group, topdown=False):
            for name in names:
                try:
                    os.rmdir(os.path.join(folder, name))
                except OSError:
                    return False
        try:
            os.rmdir(group)
        except OSError:
            return False
        return True

    def test_pressure(self):
        """Bodies that do not fit into memory: whoever was acknowledged is judged, whatever the kernel kills"""
        pid = self.s.process.pid
        for p in host.tree(pid):
            if host.program(p).endswith(("minos-server", "minos-worker", "minos")):
                with open(f"{self.group}/cgroup.procs", "w", encoding="ascii") as f:
                    f.write(str(p))
        ids, refused = [], 0
        body = "x" * (12 << 20)
        for _ in range(12):
            try:
                got = self.s.post("/v1/submissions", {"language": "bash", "source": "wc -c", "stdin": body})
            except (OSError, http.client.HTTPException):
                refused += 1
                time.sleep(0.2)
                continue
            self.assertIn(got.status, (202, 503), got)
            if got.status == 202:
                ids.append(got.json()["id"])
            else:
                refused += 1
        self.wait_ready()
        self.assertGreater(self.times_met(), 0, "the limit was never met")
        if "signal=9" in self.s.log():
            self.logged("signal=9", "mend=", "memory")
        self.assertGreater(len(ids), 0)
        self.check_judged(ids)
        self.check_judged([self.s.accept(language="bash", source="true")])


if __name__ == "__main__":
    unittest.main()
