"""kill -9 of every process of the service while programs run: each acknowledged submission gets
exactly one verdict, and nothing is left over."""
import http.client
import os
import re
import signal
import threading
import time
import unittest

import host
import service

NAP = "read n; sleep $n; echo ok"


class Crashing(unittest.TestCase):
    """What the tests below have in common. Leases are short: those of slots that died with their
    supervisor have to run out."""

    slots, sets = 2, ("worker.lease_ms=2s",)

    @classmethod
    def setUpClass(cls):
        cls.s = service.Service(slots=cls.slots, languages=["bash", "c17"], sets=cls.sets)
        cls.addClassCleanup(cls.s.close)
        cls.s.start()

    def setUp(self):
        service.poll("all slots have keepers", lambda: len(self.s.keeper_pids())
                     == self.slots)
        self.s.look()

    def naps(self, count=5, seconds="0.25"):
        """Hand in programs that take a while; wait until two of them run."""
        tests = [{"stdin": seconds, "expected_output": "ok"}] * 3
        ids = [self.s.accept(language="bash", source=NAP, tests=tests) for _ in range(count)]
        service.poll("two run", lambda: sum(self.s.state(i) == "running" for i in ids) == 2)
        time.sleep(0.1)
        return ids

    def finished(self):
        """Verdicts given since the store was made."""
        text = self.s.get("/metrics", key=None).body.decode()
        return sum(int(n) for n in re.findall(
            r'^minos_submissions_finished_total\{.*\} (\d+)$', text, re.M))

    def check_all(self, ids, before):
        """Each has its verdict, once, and it stays."""
        results = [self.s.result(i, seconds=90) for i in ids]
        for r in results:
            self.assertEqual((r["status"], r["verdict"]), ("done", "accepted"), r["message"])
            self.assertEqual([t["verdict"] for t in r["tests"]], ["accepted"] * len(r["tests"]))
        self.assertEqual(self.finished() - before, len(ids))
        self.check_quiet()
        self.assertEqual([self.s.result(i)["finished_at"] for i in ids],
                         [r["finished_at"] for r in results])
        return results

    def check_quiet(self):
        """Nothing is left of processes that were killed, or of their cells."""
        self.s.wait_quiet()
        now = {p: (host.stat(p) or (0, 0))[1] for p in self.s.keeper_pids()}

        def old_groups():
            return [g for pid, began in self.s.seen.keepers if now.get(pid) != began
                    for g in host.find_groups(f"minos-{pid}-{began}")]
        service.poll("groups of dead keepers are gone", lambda: not old_groups(), 15)
        below = set(host.tree(self.s.process.pid))
        lost = [p for p in self.s.seen.alive() if p not in below]
        self.assertEqual([host.command(p) for p in lost], [])

    def restart(self):
        """After the end of `minos up`: its children follow it, then start again."""
        service.poll("its children have ended", lambda: not self.s.seen.alive(), 20)
        self.s.start()


class Crashes(Crashing):
    """A service with two slots; each test kills another of its processes."""

    # --- parts that are restarted ----------------------------------------------------------------

    def test_slot(self):
        """kill -9 of a slot costs an attempt and nothing else"""
        before, ids = self.finished(), self.naps()
        victim = self.s.slot_pids()[0]
        os.kill(victim, signal.SIGKILL)
        results = self.check_all(ids, before)
        self.assertEqual(max(r["attempts"] for r in results), 2)

    def test_keeper(self):
        """kill -9 of a keeper ends its cells and costs an attempt and nothing else"""
        before, ids = self.finished(), self.naps()
        os.kill(self.s.keeper_pids()[0], signal.SIGKILL)
        self.check_all(ids, before)

    def test_inside(self):
        """kill -9 of what runs in a cell, its init included, loses nothing"""
        before, ids = self.finished(), self.naps()
        for pid in host.tree(self.s.keeper_pids()[0])[:0:-1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for ident in ids:
            self.assertEqual(self.s.result(ident)["status"], "done")
        self.assertEqual(self.finished() - before, len(ids))
        self.check_quiet()

    def test_server(self):
        """kill -9 of the server loses no submission that was acknowledged"""
        before, ids, failed = self.finished(), [], []
        stop = threading.Event()

        def hand_in():
            while not stop.is_set():
                try:
                    ids.append(self.s.accept(language="bash", source="true"))
                except (OSError, http.client.HTTPException):
                    failed.append(1)
                    time.sleep(0.02)
        threads = [threading.Thread(target=hand_in) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        victim = self.s.pid_of("minos-server")
        os.kill(victim, signal.SIGKILL)
        # those that were on their way fail; new ones wait in the socket, which outlives the server
        service.poll("another server", lambda: self.s.pids("minos-server") not in ([], [victim]))
        count = len(ids)
        service.poll("it serves again", lambda: len(ids) > count + 5)
        stop.set()
        for t in threads:
            t.join()
        self.assertNotEqual(self.s.pid_of("minos-server"), victim)
        for ident in ids:
            self.assertEqual(self.s.result(ident)["verdict"], "accepted")
        service.poll("all are finished", lambda: all(
            r["status"] == "done" for r in
            self.s.get("/v1/submissions?limit=500").json()["submissions"]))
        # one whose answer was lost on its way may be there, too
        self.assertIn(self.finished() - before, range(len(ids), len(ids) + len(failed) + 1))
        self.check_quiet()

    def test_stream(self):
        """A reader of events whose server dies goes on where it was, without loss or repeat"""
        ident = self.s.accept(language="bash", source="sleep 0.3", tests=[{}] * 10)
        names, last = [], None
        for round_ in range(100):
            try:
                conn = self.s.connect()
                head = {"Authorization": "Bearer " + self.s.key}
                if last is not None:
                    head["Last-Event-ID"] = last
                conn.request("GET", f"/v1/submissions/{ident}/events", headers=head)
                stream = conn.getresponse()
                for line in stream:
                    if line.startswith(b"id: "):
                        last = line[4:].strip().decode()
                    elif line.startswith(b"event: "):
                        names.append(line[7:].strip().decode())
                        if names.count("test") == 3 and round_ == 0:
                            os.kill(self.s.pid_of("minos-server"), signal.SIGKILL)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            if names and names[-1] == "done":
                break
        self.assertGreater(round_, 0)
        self.assertEqual(names.count("test"), 10, names)
        self.assertEqual((names[0], names.count("compile"), names.count("done")), ("state", 1, 1))

    def test_supervisor(self):
        """kill -9 of the worker's supervisor ends its slots; new ones take over"""
        before, ids = self.finished(), self.naps()
        os.kill(self.s.pid_of("minos-worker"), signal.SIGKILL)
        service.poll("a new supervisor with slots", lambda: self.s.pids("minos-worker")
                     and len(self.s.slot_pids()) == 2)
        self.check_all(ids, before)

    def test_box(self):
        """kill -9 of minos-box ends the cells; a new one takes over"""
        before, ids = self.finished(), self.naps()
        os.kill(self.s.pid_of("minos-box"), signal.SIGKILL)
        service.poll("a new minos-box with keepers", lambda: self.s.pids("minos-box")
                     and len(self.s.keeper_pids()) == 2)
        self.check_all(ids, before)

    def test_while_compiling(self):
        """kill -9 of a slot while it compiles costs an attempt"""
        before = self.finished()
        source = "".join(f"int f{i}(int x){{return x*{i};}}\n" for i in range(4000))
        ids = [self.s.accept(language="c17", source=source + "int main(void){return 0;}")
               for _ in range(2)]
        service.poll("it compiles", lambda: "compiling" in [self.s.state(i) for i in ids])
        for pid in self.s.slot_pids():
            os.kill(pid, signal.SIGKILL)
        self.check_all(ids, before)

    # --- the whole -------------------------------------------------------------------------------

    def test_up(self):
        """kill -9 of minos up ends everything, and the next start finishes the work"""
        before, ids = self.finished(), self.naps()
        self.s.kill()
        self.restart()
        self.check_all(ids, before)

    def test_everything(self):
        """kill -9 of every process at once loses nothing"""
        before, ids = self.finished(), self.naps()
        self.s.look()
        for pid in host.tree(self.s.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.s.process.wait()
        self.s.process.stdout.close()
        self.restart()
        self.check_all(ids, before)

    def test_sigterm(self):
        """SIGTERM in the middle of a run stops cleanly, and costs no attempt"""
        before, ids = self.finished(), self.naps(count=3, seconds="1")
        self.assertEqual(self.s.stop(), 0)
        self.s.wait_clean()
        self.s.start()
        for r in self.check_all(ids, before):
            self.assertEqual(r["attempts"], 1)

    def test_ctrl_c(self):
        """Ctrl-C stops like SIGTERM, and a second start needs no cleaning up"""
        self.assertEqual(self.s.stop(signal.SIGINT), 0)
        self.s.wait_clean()
        self.s.start()
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")


class Leases(Crashing):
    """A slot that is stopped loses its submission."""

    sets = ("worker.lease_ms=1s",)

    def test_stopped_slot(self):
        """A slot that sleeps past its lease cannot write a second verdict"""
        before, ids = self.finished(), self.naps(count=2, seconds="0.5")
        victim = self.s.slot_pids()[0]
        os.kill(victim, signal.SIGSTOP)
        try:
            results = [self.s.result(i) for i in ids]
        finally:
            os.kill(victim, signal.SIGCONT)
        self.assertEqual([r["verdict"] for r in results], ["accepted"] * 2)
        self.assertEqual(sorted(r["attempts"] for r in results), [1, 2])
        time.sleep(1)
        self.check_all(ids, before)


class Alone(Crashing):
    """With one slot it is known who judges."""

    slots = 1

    def test_killer(self):
        """A submission whose judge is killed three times ends as internal_error, and others do not"""
        before = self.finished()
        ident = self.s.accept(language="bash", source=NAP, stdin="60",
                              limits={"wall_time_ms": 100000})
        for attempt in (1, 2, 3):
            service.poll(f"attempt {attempt}", lambda a=attempt: self.s.get(
                f"/v1/submissions/{ident}").json()["attempts"] == a)
            os.kill(self.s.slot_pids()[0], signal.SIGKILL)
        r = self.s.result(ident)
        self.assertEqual((r["verdict"], r["attempts"]), ("internal_error", 3))
        self.assertTrue(r["message"])
        self.assertEqual(self.finished() - before, 1)
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")
        self.check_quiet()


if __name__ == "__main__":
    unittest.main()
