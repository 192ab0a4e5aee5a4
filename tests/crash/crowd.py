"""crowd.py - clients of a service that is being killed: they remember every acknowledgement, every answered
cancel and every verdict, and complain when the service does not stand by one."""
import http.client
import itertools
import json
import os
import random
import threading
import time

SLOWNESS = float(os.environ.get("MINOS_TEST_SLOWNESS") or 1)
PATIENCE_S = 120 * SLOWNESS
NAP = {"language": "bash", "source": "read n; sleep $n; echo ok"}


def nap(seconds, count):
    return {**NAP, "tests": [{"stdin": seconds, "expected_output": "ok"}] * count}


# name: (weight, fields, the verdict that is due, whether the client cancels it)
KINDS = {
    "short": (6, {"language": "bash", "source": "echo ok", "expected_output": "ok"}, "accepted", False),
    "wrong": (2, {"language": "bash", "source": "echo no", "expected_output": "ok"}, "wrong_answer", False),
    "naps": (4, nap("0.05", 3), "accepted", False),
    "large": (1, {"language": "bash", "source": "wc -c", "expected_output": "200000"}, "accepted", False),
    "compiled": (2, {"language": "c17"}, "accepted", False),
    "broken": (1, {"language": "c17"}, "compile_error", False),
    "cancelled": (3, nap("0.2", 2), "accepted", True),
}
_numbers = itertools.count()


def fields_of(kind):
    """A request; what is compiled, or becomes a file, differs each time."""
    fields = dict(KINDS[kind][1])
    if kind == "large":
        fields["stdin"] = f"{next(_numbers):0200000}"
    if SLOWNESS > 1:
        fields["limits"] = {"cpu_time_ms": 30000, "wall_time_ms": 60000}
    if kind == "compiled":
        fields["source"] = f"int main(void) {{ return {next(_numbers)} < 0; }}"
    if kind == "broken":
        fields["source"] = f"int main(void) {{ return {next(_numbers)} }}"
    return fields


class Crowd:
    """Clients, a thread each. What they know of the service is in:
    acked {id: kind}, cancelled {ids whose cancel was answered}, seen {id: the result that was read}."""

    def __init__(self, service, clients=6, seed=1):
        self.s, self.random = service, random.Random(seed)
        self.lock = threading.Lock()
        self.acked, self.cancelled, self.seen = {}, set(), {}
        self.complaints, self.unheard = [], 0
        self.going, self.ending, self.abandoned = threading.Event(), False, False
        self.busy = 0
        self.threads = [threading.Thread(target=self.live, daemon=True) for _ in range(clients)]

    # --- life --------------------------------------------------------------------------------------

    def start(self):
        self.going.set()
        for t in self.threads:
            t.start()

    def pause(self, seconds=PATIENCE_S):
        """Let no one begin anew, and wait until each has the verdict it waits for."""
        self.going.clear()
        end = time.monotonic() + seconds
        while self.busy and time.monotonic() < end:
            time.sleep(0.02)
        if self.busy:
            self.complain(f"{self.busy} clients still have no verdict after {seconds} s")

    def resume(self):
        self.going.set()

    def abandon(self):
        """The test has failed: nobody waits for anything more."""
        self.ending = self.abandoned = True
        self.going.set()

    def end(self):
        self.pause()
        self.ending = True
        self.going.set()
        for t in self.threads:
            t.join(PATIENCE_S)

    def live(self):
        weights = [k[0] for k in KINDS.values()]
        while not self.ending:
            self.going.wait()
            with self.lock:
                if not self.going.is_set() or self.ending:
                    continue
                self.busy += 1
            try:
                self.once(self.random.choices(list(KINDS), weights)[0])
            finally:
                with self.lock:
                    self.busy -= 1

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)

    # --- what a client does ------------------------------------------------------------------------

    def ask(self, method, path, body=None, headers=None):
        """An answer, or None when the connection broke or the service is busy."""
        try:
            got = self.s.request(method, path, body, headers=headers)
        except (OSError, http.client.HTTPException):
            self.unheard += 1
            time.sleep(0.03)
            return None
        if got.status == 503:
            if "Retry-After" not in got.headers:
                self.complain(f"{method} {path}: 503 without Retry-After")
            time.sleep(0.1)
            return None
        return got

    def insist(self, method, path, body=None, headers=None, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.abandoned:
            got = self.ask(method, path, body, headers)
            if got is not None:
                return got
        self.complain(f"{method} {path}: no answer within {seconds} s")
        return None

    def hand_in(self, kind, **more):
        """Until it is acknowledged; the same key makes it one submission, however often it is sent."""
        head = {"Idempotency-Key": f"{kind}-{next(_numbers)}-{self.random.random()}",
                "Content-Type": "application/json"}
        body = json.dumps({**fields_of(kind), **more}).encode()
        got = self.insist("POST", "/v1/submissions", body, head)
        if got is None:
            return None
        if got.status not in (200, 202):
            self.complain(f"{kind}: not accepted: {got}")
            return None
        ident = got.json()["id"]
        with self.lock:
            self.acked[ident] = kind
        return ident

    def cancel(self, ident):
        got = self.insist("POST", f"/v1/submissions/{ident}/cancel")
        if got is None:
            return
        if got.status == 200 and got.json()["status"] == "cancelled":
            with self.lock:
                self.cancelled.add(ident)
        elif got.status not in (200, 409):
            self.complain(f"cancel {ident}: {got}")

    def verdict(self, ident, seconds=PATIENCE_S):
        """The final result, once there is one; every time it is read it must be the same."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.abandoned:
            got = self.ask("GET", f"/v1/submissions/{ident}?wait=5&fields="
                                  "id,status,verdict,attempts,finished_at,tests.verdict")
            if got is None or got.status == 202:
                continue
            if got.status != 200:
                self.complain(f"{ident} ({self.acked.get(ident)}) was acknowledged, now: {got}")
                return None
            return self.judge(ident, got.json())
        self.complain(f"{ident} ({self.acked[ident]}) has no verdict after {seconds} s")
        return None

    def judge(self, ident, result):
        with self.lock:
            before = self.seen.setdefault(ident, result)
        if before != result:
            self.complain(f"{ident} changed from {before} to {result}")
        kind = self.acked[ident]
        due = {KINDS[kind][2]}
        if KINDS[kind][3]:
            due = {"cancelled"} if ident in self.cancelled else due | {"cancelled"}
        if result["verdict"] not in due:
            self.complain(f"{ident} ({kind}): expected {due}, got {result}")
        return result

    def once(self, kind):
        ident = self.hand_in(kind)
        if ident is None:
            return
        if KINDS[kind][3]:
            time.sleep(self.random.random() * 0.3)
            self.cancel(ident)
        self.verdict(ident)

    # --- looking back ------------------------------------------------------------------------------

    def look_back(self, count):
        """Read some verdicts again."""
        with self.lock:
            known = list(self.seen)
        for ident in self.random.sample(known, min(count, len(known))):
            self.verdict(ident)
