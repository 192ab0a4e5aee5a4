"""kill -9 under load: at random, at chosen calls, one process, all of them. Nothing that was acknowledged is
lost, no verdict changes, nothing is left over, and the service serves again at once.

CRASH_SECONDS is how long it goes on (60 by default)."""
import os
import pathlib
import random
import signal
import sqlite3
import statistics
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/api"), str(ROOT / "tests/fault")]
# pylint: disable=wrong-import-position
import crowd  # noqa: E402
import faults  # noqa: E402
import host  # noqa: E402
import service  # noqa: E402

SECONDS = float(os.environ.get("CRASH_SECONDS") or 60)
SEED = int(os.environ.get("CRASH_SEED") or time.time())
SLOWNESS = float(os.environ.get("MINOS_TEST_SLOWNESS") or 1)
RECOVERY_DUE_S = 2 * SLOWNESS  # without what the service waits for a core that others have
SECONDS_TO_COME_BY = 1  # for a process to a chosen call
ROUND_S = 10  # of load, between two looks at what an idle service must not have

WAL, DB = "minos.db-wal", "minos.db"
WHO = {faults.SERVER: "server", faults.SUPERVISOR: "supervisor", faults.SLOT: "slot", faults.BOX: "box"}
POINTS = [  # (who, call, part of the path, how many to let pass at most): before it or after it
    (faults.SERVER, "write", WAL, 40), (faults.SERVER, "fsync", WAL, 8), (faults.SERVER, "send", "", 20),
    (faults.SERVER, "rename", "", 0), (faults.SERVER, "fsync", "blobs", 1),
    (faults.SLOT, "write", WAL, 80), (faults.SLOT, "fsync", WAL, 8), (faults.SLOT, "send", "", 20),
    (faults.SLOT, "rename", "", 3), (faults.SLOT, "fsync", "artifacts", 3), (faults.SLOT, "mkdir", "", 3),
    (faults.SLOT, "write", "artifacts", 3),
    (faults.BOX, "fork", "", 6), (faults.BOX, "mkdir", "", 30), (faults.BOX, "send", "", 20),
    (faults.BOX, "unlink", "", 30), (faults.BOX, "write", "cgroup", 60),
]


class Stopwatch:
    """Seconds since it was made: all of them, and those less what the service waited for a core that others had."""

    def __init__(self, s):
        self.s, self.began = s, time.monotonic()
        self.before = self.look()

    def look(self):
        """{pid: how long it has waited}; of those that died meanwhile nobody can tell any more."""
        return {pid: host.waited_ns(pid) for pid in host.tree(self.s.process.pid)}

    def stop(self):
        waited_ns = sum(max(0, ns - self.before.get(pid, 0)) for pid, ns in self.look().items())
        took = time.monotonic() - self.began
        return took, max(0, took - waited_ns / 1e9)


class Kills(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.s = faults.FaultyService(
            slots=2, languages=["bash", "c17"],
            # Attempts enough that no verdict is ever the judge's fault: then each is known in advance.
            sets=["worker.lease_ms=2s", "worker.attempts=100"])
        cls.addClassCleanup(cls.s.close)
        cls.s.start()
        cls.rng = random.Random(SEED)
        cls.recoveries, cls.kills, cls.slow = {}, {}, []

    # --- whom to kill ------------------------------------------------------------------------------

    def victims(self, what):
        s = self.s
        return {
            "server": lambda: s.pids("minos-server"),
            "supervisor": lambda: s.pids("minos-worker"),
            "listener": lambda: s.pids("minos-box"),
            "slot": lambda: self.rng.sample(s.slot_pids(), min(1, len(s.slot_pids()))),
            "slots": s.slot_pids,
            "keeper": lambda: self.rng.sample(s.keeper_pids(), min(1, len(s.keeper_pids()))),
            "keepers": s.keeper_pids,
            "init": lambda: [p for k in s.keeper_pids() for p in host.children(k)],
            "everything": lambda: host.tree(s.process.pid),
            "up": lambda: [s.process.pid],
        }[what]()

    WHOM = ["server", "supervisor", "listener", "slot", "slots", "keeper", "keepers", "init", "everything", "up"]

    def kill_some(self, what):
        """kill -9 at a random moment; how many there were."""
        time.sleep(self.rng.random() * 0.1)
        self.s.look()
        pids = self.victims(what)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if what in ("everything", "up"):
            self.s.process.wait()
            self.s.process.stdout.close()
        return len(pids)

    def kill_at(self, point):
        """Let a process end before or after a call; 0 when none came by."""
        who, call, part, most = point
        action = self.rng.choice((faults.KILL_BEFORE, faults.KILL_AFTER))
        self.s.look()
        self.s.faults.set(who, call, action, part=part, skip=self.rng.randint(0, most), count=1)
        end = time.monotonic() + SECONDS_TO_COME_BY
        while not self.s.faults.hits() and time.monotonic() < end:
            time.sleep(0.005)
        self.s.faults.clear()
        return self.s.faults.hits()

    # --- what must be so after each ----------------------------------------------------------------

    def recover(self):
        """Until one that is handed in now is judged; restarts what the kill left to us to restart. The seconds
        that took, and the same without what it waited for a core."""
        watch = Stopwatch(self.s)
        if self.s.process.poll() is not None:
            self.s.start()
        ident = self.crowd.hand_in("short", priority=100)
        self.crowd.verdict(ident)
        return watch.stop()

    def check_dead(self):
        """What was killed is gone with all that was below it: processes, and groups of keepers."""
        def lost():
            below = set(host.tree(self.s.process.pid))
            return [p for p in self.s.seen.alive() if p not in below]

        def old_groups():
            now = {p: (host.stat(p) or (0, 0))[1] for p in self.s.keeper_pids()}
            return [g for pid, began in self.s.seen.keepers if now.get(pid) != began
                    for g in host.find_groups(f"minos-{pid}-{began}")]
        service.poll("processes of those that were killed have ended", lambda: not lost(), 20)
        service.poll("groups of dead keepers are gone", lambda: not old_groups(), 20)
        self.s.seen.forget_dead()

    def check_idle(self):
        """With nothing to do, nothing is left of what was done."""
        self.crowd.pause()
        self.s.wait_quiet()
        artifacts = os.listdir(os.path.join(self.s.data, "artifacts"))
        self.assertEqual([n for n in artifacts if n.startswith(".")], [], "half-written artifacts")
        self.assertEqual(host.mounts(self.s.base), [])
        status = self.s.get("/v1/health/ready")
        self.assertEqual(status.status, 200, status)
        self.crowd.resume()

    # --- the test ----------------------------------------------------------------------------------

    def plan(self):
        """Every whom and every point in turn, in a new order each time."""
        while True:
            turn = [(w, None) for w in self.WHOM] + [("point", p) for p in POINTS]
            self.rng.shuffle(turn)
            yield from turn

    def one_kill(self, what, point):
        killed = self.kill_at(point) if point else self.kill_some(what)
        if not killed:
            return
        name = self.name_of(point) if point else what
        self.kills[name] = self.kills.get(name, 0) + 1
        at, (took, left) = time.time(), self.recover()
        self.recoveries.setdefault(what, []).append(took)
        if took > RECOVERY_DUE_S / 2:
            self.slow.append((left, f"{took:.2f} s ({left:.2f} s without waits for a core) after {name}, at "
                              f"{time.strftime('%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03}"))
        self.check_dead()
        self.crowd.look_back(5)
        self.assertEqual(self.crowd.complaints, [], f"after {name}, CRASH_SEED={SEED}")

    def test_kills(self):
        """kill -9 of every process, at random and at chosen calls, loses and changes nothing"""
        self.crowd = crowd.Crowd(self.s, seed=SEED)
        self.crowd.start()
        self.addCleanup(self.crowd.abandon)
        began, rounds = time.monotonic(), 0
        for what, point in self.plan():
            if time.monotonic() - began > SECONDS:
                break
            self.one_kill(what, point)
            if time.monotonic() - began > (rounds + 1) * ROUND_S:
                rounds += 1
                self.check_idle()
        self.check_idle()
        self.crowd.end()
        self.check_whole()
        self.report()

    def check_whole(self):
        """Every verdict that was ever read is there, once; the database is sound."""
        c = self.crowd
        for ident in c.acked:
            c.verdict(ident)
        self.assertEqual(c.complaints, [], f"CRASH_SEED={SEED}")
        self.assertEqual(set(c.acked), set(c.seen))
        self.assertEqual(self.s.stop(), 0)
        time.sleep(3)  # a start removes files that were half-written when their writer died, not the youngest
        self.s.start()
        self.assertEqual(self.s.stop(), 0)
        self.s.wait_clean()
        status, said, _ = service.minos("fsck", "--data", self.s.data)
        self.assertEqual(status, 0, said)
        db = sqlite3.connect(f"file:{self.s.data}/{DB}?mode=ro", uri=True)
        self.addCleanup(db.close)
        status, out, err = service.minos("fsck", "--data", self.s.data)
        self.assertEqual(status, 0, out + err)
        self.assertEqual(db.execute("SELECT count(*) FROM queue").fetchone(), (0,))
        ended = db.execute("SELECT count(*) FROM submission WHERE verdict IS NOT NULL").fetchone()[0]
        counted = db.execute("SELECT sum(value) FROM counter WHERE id BETWEEN 100 AND 199").fetchone()[0]
        self.assertEqual(ended, counted, "each has ended once")
        self.assertEqual(ended, len(c.acked), "each that was acknowledged is there, and nothing else")

    @staticmethod
    def name_of(point):
        who, call, part, _ = point
        return f"{WHO[who]}: {call} {part}".strip()

    def report(self):
        times = [t for some in self.recoveries.values() for t in some]
        self.assertGreater(len(times), 0)
        print(f"\n{len(times)} kills in {SECONDS:.0f} s, {len(self.crowd.acked)} submissions acknowledged, "
              f"{len(self.crowd.cancelled)} cancelled, {self.crowd.unheard} requests without an answer; "
              f"seed {SEED}")
        for what, some in sorted(self.recoveries.items()):
            some.sort()
            late = sum(t > RECOVERY_DUE_S for t in some)
            print(f"  {what:11} {len(some):4} times, judges again after {statistics.median(some):.2f} s (median), "
                  f"{some[int(len(some) * 0.95)]:.2f} s (p95), {some[-1]:.2f} s (longest); {late} over {RECOVERY_DUE_S} s")
        for _, text in sorted(self.slow)[-10:]:
            print(f"  slow: {text}")
        for name, count in sorted(self.kills.items()):
            print(f"  {count:4} times: {name}")
        never = [self.name_of(p) for p in POINTS if self.name_of(p) not in self.kills]
        print(f"  calls at which nobody came by: {', '.join(never) or 'none'}")
        late = [text for left, text in self.slow if left > RECOVERY_DUE_S]
        self.assertEqual(late, [], f"recoveries that took more than {RECOVERY_DUE_S} s")


if __name__ == "__main__":
    unittest.main()
