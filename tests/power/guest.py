#!/usr/bin/env python3
"""In the guest: serve from the disk that may lose its power, and tell the host of everything that was promised.

Usage: guest.py KNOWN    KNOWN is a file with what earlier boots have promised, which is looked at first

Lines on standard output: "checked N", "complaint TEXT", "loading", and then, each the moment a client has heard
it, "acked ID KIND", "cancelled ID", "seen JSON".
"""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/api"), str(ROOT / "tests/crash")]
# pylint: disable=wrong-import-position
import crowd  # noqa: E402
import service  # noqa: E402

DISK, FOLDER = "/dev/vda", "/tmp/disk"


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


def without_compilers():
    """They would take most of an emulated machine's time, up to their limits."""
    for kind in ("compiled", "broken"):
        crowd.KINDS[kind] = (0, *crowd.KINDS[kind][1:])


class Telling(crowd.Crowd):
    """Tells the host before it goes on."""

    def hand_in(self, kind, **more):
        ident = super().hand_in(kind, **more)
        if ident is not None:
            say("acked", ident, kind)
        return ident

    def cancel(self, ident):
        super().cancel(ident)
        if ident in self.cancelled:
            say("cancelled", ident)

    def judge(self, ident, result):
        known = ident in self.seen
        result = super().judge(ident, result)
        if not known:
            say("seen", json.dumps(result))
        return result

    def complain(self, text):
        super().complain(text)
        say("complaint", text)


def check_database(path):
    """As the cut left it, log and all, before any program of ours has opened it."""
    if not os.path.exists(path):
        return
    db = sqlite3.connect(path)
    try:
        found = db.execute("PRAGMA integrity_check").fetchall()
    finally:
        db.close()
    if found != [("ok",)]:
        say("complaint", f"the database is damaged: {found}")


def start(s):
    """As an init system would: an emulated machine may be too slow for the service's own patience."""
    for _ in range(3):
        try:
            s.start()
            return
        except AssertionError as e:
            say("again", str(e).replace("\n", " | "))
    s.start()


def main(known_path):
    with open(known_path, encoding="ascii") as f:
        known = json.load(f)
    service.poll("the disk is there", lambda: os.path.exists(DISK))
    os.makedirs(FOLDER, exist_ok=True)
    subprocess.run(["mount", "-t", "ext4", DISK, FOLDER], check=True)
    s = service.Service(slots=2, languages=["bash"], sets=["worker.lease_ms=5s", "worker.attempts=100"])
    s.data = os.path.join(FOLDER, "d")
    # By a copy: SQLite would mend the log of the original, which is the service's to do.
    subprocess.run(["sh", "-c", f"mkdir -p /tmp/copy && cp {s.data}/minos.db* /tmp/copy/"], check=False,
                   stderr=subprocess.DEVNULL)
    check_database("/tmp/copy/minos.db")
    began = time.monotonic()
    start(s)
    say("started", f"{time.monotonic() - began:.2f}")
    without_compilers()
    clients = Telling(s, clients=4, seed=len(known["acked"]))
    clients.acked.update(known["acked"])
    clients.cancelled.update(known["cancelled"])
    clients.seen.update(known["seen"])
    for ident in known["acked"]:
        clients.verdict(ident)
    say("checked", str(len(known["acked"])))
    clients.start()
    say("loading")
    while True:
        time.sleep(60)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
