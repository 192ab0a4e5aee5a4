"""Callbacks: who is told of a submission's end, how it is signed, when it is tried again, where it
never goes, and that kill -9 loses none."""
import json
import os
import signal
import socket
import ssl
import threading
import time
import unittest

import host
import receiver
import service

SETS = ("callbacks.allow=127.0.0.1/32", "callbacks.ports=1-65535", "callbacks.retry_first_ms=100ms",
        "callbacks.retry_max_ms=400ms", "callbacks.timeout_ms=2s", "callbacks.attempts=4",
        "callbacks.response_bytes=64K", "callbacks.per_host=3", "callbacks.concurrent=8")


# Of "localhost", signed by itself, for a hundred years; it is trusted nowhere else.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUYptOZLYucyJwEmBK3ddq0jDWoPIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjE0MjUyMloYDzIxMjYxMTAy
MTQyNTIyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASGBuADoQc02wBmq7QhouBQ8A3jPKXgaEUowL1P9QkeQaXe9yVgv0D+
uwLhc90Gm36nEeJtf+MxwMyeLIuKGXAqo2kwZzAdBgNVHQ4EFgQUedR9XLGPDon4
oJ+kTw4kWHXwDLcwHwYDVR0jBBgwFoAUedR9XLGPDon4oJ+kTw4kWHXwDLcwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhAIpRbFLz7CEt5SR791vpJCyGK1FNprkFLoEet1LxMuePAiEAmxnvGiAp
7x6l98VjNcL4kSmujMCjsv9dJbulQFILw9I=
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmmwXnSm0rvOifVWo
aA6vp3WmlV3Ixd7Cvih/cIKqL0GhRANCAASGBuADoQc02wBmq7QhouBQ8A3jPKXg
aEUowL1P9QkeQaXe9yVgv0D+uwLhc90Gm36nEeJtf+MxwMyeLIuKGXAq
-----END PRIVATE KEY-----
"""


class Callbacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = service.Service(slots=2, languages=["bash"], sets=SETS)
        cls.addClassCleanup(cls.s.close)
        cls.s.start()
        cls.secret = cls.s.post("/v1/callbacks/secret").json()["secret"]

    def receive(self, answer=None, **more):
        r = receiver.Receiver(answer, **more)
        self.addCleanup(r.close)
        return r

    def submit(self, url, source="true", **more):
        return self.s.accept(language="bash", source=source, callback_url=url, **more)

    def show(self, ident, key=True):
        return self.s.get(f"/v1/callbacks/{ident}", key=key).json()

    def settled(self, ident, state, seconds=30):
        """The callback once it is in that state."""
        service.poll(f"the callback of {ident} is {state}",
                     lambda: self.s.get(f"/v1/callbacks/{ident}").status == 200
                     and self.show(ident)["state"] == state, seconds)
        return self.show(ident)

    def event(self, kind, count=1, seconds=30):
        service.poll(f"{count} x {kind}", lambda: self.s.log().count(kind) >= count, seconds)

    # --- what is told ----------------------------------------------------------------------------

    def test_delivered(self):
        """The end of a submission is told once, signed, with what its result says"""
        r = self.receive()
        ident = self.submit(r.url("/a?b=c"), source="echo hi; exit 3", metadata={"user": 7})
        got = self.settled(ident, "delivered")
        self.assertEqual((got["attempts"], got["http_status"], got["message"]), (1, 204, None))
        [call] = r.of(ident)
        self.assertEqual(call.path, "/a?b=c")
        self.assertTrue(call.verified_by(self.secret))
        self.assertLess(abs(int(call.headers["webhook-timestamp"]) - time.time()), 60)
        self.assertEqual(call.headers["Content-Type"], "application/json")
        event = json.loads(call.body)
        self.assertEqual(event["type"], "submission.done")
        result = self.s.result(ident)
        self.assertEqual(result["verdict"], "runtime_error")
        for name, value in event["data"].items():
            self.assertEqual(value, result[name], name)
        self.assertEqual(event["timestamp"], result["finished_at"])
        self.assertEqual(event["data"]["metadata"], {"user": 7})
        self.assertNotIn("tests", event["data"])

    def test_tampered(self):
        """A changed body, time or id does not verify, nor does another secret"""
        r = self.receive()
        ident = self.submit(r.url())
        self.settled(ident, "delivered")
        [call] = r.of(ident)
        self.assertFalse(call.verified_by("whsec_" + "A" * 43 + "="))
        call.body += b" "
        self.assertFalse(call.verified_by(self.secret))

    def test_cancelled(self):
        """A cancelled submission is told of as such, queued or running"""
        r = self.receive()
        ident = self.submit(r.url(), source="sleep 5")
        self.s.wait_state(ident, "running")
        self.assertEqual(self.s.post(f"/v1/submissions/{ident}/cancel").status, 200)
        self.settled(ident, "delivered")
        [call] = r.of(ident)
        event = json.loads(call.body)
        self.assertEqual((event["type"], event["data"]["verdict"]),
                         ("submission.cancelled", "cancelled"))

    def test_none(self):
        """Without callback_url nobody is told, and there is nothing to show"""
        ident = self.s.judge(language="bash", source="true")["id"]
        self.assertEqual(self.s.get(f"/v1/callbacks/{ident}").status, 404)

    # --- secrets ---------------------------------------------------------------------------------

    def test_no_secret(self):
        """A key without a secret cannot ask for callbacks"""
        key = self.s.post("/v1/keys", {"name": "x"}).json()["key"]
        self.assertEqual(self.s.get("/v1/callbacks/secret", key=key).status, 404)
        got = self.s.post("/v1/submissions", {"language": "bash", "source": "true",
                                              "callback_url": "https://example.org/"}, key=key)
        self.assertEqual(got.status, 422)
        self.assertEqual(got.json()["errors"][0]["field"], "callback_url")

    def test_rotation(self):
        """A new secret signs beside the old one until its grace is over; without grace, alone"""
        r = self.receive()
        key = self.s.post("/v1/keys", {"name": "rotates"}).json()["key"]
        first = self.s.post("/v1/callbacks/secret", key=key).json()
        self.assertIsNone(first["previous_until"])
        second = self.s.post("/v1/callbacks/secret", {"grace_ms": 3600000}, key=key).json()
        self.assertIsNotNone(second["previous_until"])
        shown = self.s.get("/v1/callbacks/secret", key=key).json()
        self.assertNotIn("secret", shown)
        self.assertEqual(shown["created_at"], second["created_at"])
        ident = self.submit(r.url(), key=key)
        self.settled(ident, "delivered")
        [call] = r.of(ident)
        self.assertTrue(call.verified_by(first["secret"]))
        self.assertTrue(call.verified_by(second["secret"]))
        self.assertFalse(call.verified_by(self.secret))
        third = self.s.post("/v1/callbacks/secret", {"grace_ms": 0}, key=key).json()
        ident = self.submit(r.url(), key=key)
        self.settled(ident, "delivered")
        [call] = r.of(ident)
        self.assertTrue(call.verified_by(third["secret"]))
        self.assertFalse(call.verified_by(second["secret"]))
        for bad in ({"grace_ms": -1}, {"grace_ms": 604800001}, {"grace": 1}):
            self.assertEqual(self.s.post("/v1/callbacks/secret", bad, key=key).status, 422, bad)

    # --- where it never goes ---------------------------------------------------------------------

    def test_refused_at_the_door(self):
        """URLs that lead inside, or that two readers might read differently, are refused at once"""
        for url in ("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://[::1]/",
                    "http://2130706434/", "http://[::ffff:127.0.0.1]/", "http://127.0.0.2/",
                    "ftp://example.org/", "http://user:pw@example.org/", "http://example.org/#x",
                    "file:///etc/passwd", "http://exa mple.org/", "example.org", "http://"):
            got = self.s.post("/v1/submissions", {"language": "bash", "source": "true",
                                                  "callback_url": url})
            self.assertEqual(got.status, 422, url)
            [fault] = got.json()["errors"]
            self.assertEqual(fault["field"], "callback_url")

    def test_refused_at_connect(self):
        """A name that means an address inside is looked up, and then not connected to"""
        s = service.Service(slots=1, languages=["bash"], sets=["callbacks.ports=1-65535"])
        self.addCleanup(s.close)
        s.start()
        s.post("/v1/callbacks/secret")
        r = self.receive()
        ident = s.accept(language="bash", source="true", callback_url=r.url(host="localhost"))
        service.poll("it has failed", lambda: s.get("/v1/callbacks?state=failed").json()["callbacks"])
        got = s.get(f"/v1/callbacks/{ident}").json()
        self.assertIn("is not for callbacks: loopback", got["message"])
        self.assertEqual((got["attempts"], got["http_status"]), (1, None))
        self.assertEqual(r.calls, [])

    def test_redirect(self):
        """A redirect is not followed, and is a failure"""
        other = self.receive()
        r = self.receive(lambda h, c: h.say(307, [("Location", other.url())]))
        got = self.settled(self.submit(r.url()), "failed")
        self.assertEqual((got["http_status"], got["attempts"]), (307, 1))
        self.assertEqual(other.calls, [])

    # --- receivers that misbehave ----------------------------------------------------------------

    def test_retries(self):
        """5xx is tried again with growing pauses and the same id and body, until it is delivered"""
        r = self.receive()
        r.answer = lambda h, c: h.say(500 if len(r.of(ident)) < 3 else 200)
        ident = self.submit(r.url(), source="sleep 0.2")
        got = self.settled(ident, "delivered")
        calls = r.of(ident)
        self.assertEqual((len(calls), got["attempts"]), (3, 3))
        self.assertEqual({c.id for c in calls}, {"msg_" + ident})
        self.assertEqual(len({c.body for c in calls}), 1)
        pauses = [b.at - a.at for a, b in zip(calls, calls[1:])]
        self.assertGreaterEqual(pauses[0], 0.05)
        self.assertGreaterEqual(pauses[1], 0.1)

    def test_dead_letter(self):
        """After the last try it has failed, is listed as such, and can be delivered again"""
        r = self.receive(lambda h, c: h.say(503))
        ident = self.submit(r.url())
        got = self.settled(ident, "failed")
        self.assertEqual((got["attempts"], got["http_status"]), (4, 503))
        self.assertIsNone(got["next_attempt_at"])
        listed = self.s.get("/v1/callbacks?state=failed").json()["callbacks"]
        self.assertIn(ident, [c["id"] for c in listed])
        r.answer = lambda h, c: h.say(200)
        again = self.s.post(f"/v1/callbacks/{ident}/redeliver")
        self.assertEqual(again.status, 202)
        self.settled(ident, "delivered")
        self.assertEqual(len(r.of(ident)), 5)
        self.assertTrue(r.of(ident)[4].verified_by(self.secret))

    def test_wrong(self):
        """4xx other than 408 and 429 says that trying again is no use"""
        r = self.receive(lambda h, c: h.say(404))
        got = self.settled(self.submit(r.url()), "failed")
        self.assertEqual((got["http_status"], got["attempts"]), (404, 1))

    def test_retry_after(self):
        """429 with Retry-After waits for as long as it says"""
        r = self.receive()
        r.answer = lambda h, c: (h.say(429, [("Retry-After", "2")]) if len(r.calls) == 1
                                 else h.say(200))
        ident = self.submit(r.url())
        self.settled(ident, "delivered")
        first, second = r.of(ident)
        self.assertGreaterEqual(second.at - first.at, 1.9)

    def test_slow(self):
        """A receiver that does not answer in time is tried again, and holds up nobody else"""
        slow = self.receive(lambda h, c: time.sleep(10))
        quick = self.receive()
        stuck = [self.submit(slow.url()) for _ in range(6)]
        ident = self.submit(quick.url())
        began = time.monotonic()
        self.settled(ident, "delivered")
        self.assertLess(time.monotonic() - began, 15)
        service.poll("a second try", lambda: any(len(slow.of(i)) > 1 for i in stuck), 60)

    def test_per_host(self):
        """No host gets more at once than it may"""
        r = self.receive(lambda h, c: (h.wait(0.3), h.say(200)))
        ids = [self.submit(r.url()) for _ in range(12)]
        for ident in ids:
            self.settled(ident, "delivered", 60)
        self.assertIn(r.most, (2, 3))
        self.assertEqual(len(r.calls), 12)

    def test_huge(self):
        """An answer without end is read as far as it may, and counts by its status"""
        def flood(handler, _):
            handler.send_response(200)
            handler.end_headers()
            for _ in range(10000):
                handler.wfile.write(b"x" * 65536)
        r = self.receive(flood)
        got = self.settled(self.submit(r.url()), "delivered")
        self.assertEqual(got["attempts"], 1)

    def test_nobody(self):
        """Nobody listening is tried again, and fails in the end"""
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d/" % sock.getsockname()[1]
        got = self.settled(self.submit(url), "failed")
        self.assertEqual((got["attempts"], got["http_status"]), (4, None))

    # --- asking ----------------------------------------------------------------------------------

    def test_lists(self):
        """Lists go page by page, by state, and each key sees its own"""
        r = self.receive()
        key = self.s.post("/v1/keys", {"name": "lists"}).json()["key"]
        self.s.post("/v1/callbacks/secret", key=key)
        ids = [self.submit(r.url(), key=key) for _ in range(3)]
        for ident in ids:
            self.settled(ident, "delivered")
        page = self.s.get("/v1/callbacks?limit=2&state=delivered", key=key).json()
        self.assertEqual([c["id"] for c in page["callbacks"]], sorted(ids, reverse=True)[:2])
        rest = self.s.get(page["next"], key=key).json()
        self.assertEqual([c["id"] for c in rest["callbacks"]], sorted(ids, reverse=True)[2:])
        self.assertIsNone(rest["next"])
        other = self.s.post("/v1/keys", {"name": "other"}).json()["key"]
        self.assertEqual(self.s.get("/v1/callbacks", key=other).json()["callbacks"], [])
        self.assertEqual(self.s.get(f"/v1/callbacks/{ids[0]}", key=other).status, 404)
        self.assertEqual(self.s.post(f"/v1/callbacks/{ids[0]}/redeliver", key=other).status, 404)
        self.assertEqual(self.s.get("/v1/callbacks?state=lost").status, 400)
        self.assertEqual(self.s.get("/v1/callbacks/nonsense").status, 404)

    def test_command(self):
        """`minos callback` lists, shows, repeats, and makes secrets"""
        r = self.receive(lambda h, c: h.say(404))
        ident = self.submit(r.url("/cli"))
        self.settled(ident, "failed")
        status, out, _ = self.s.minos("callback", "list", "--state", "failed")
        self.assertEqual(status, 0)
        self.assertIn(ident, out)
        r.answer = lambda h, c: h.say(200)
        status, out, err = self.s.minos("callback", "redeliver", ident)
        self.assertEqual((status, err), (0, ""))
        self.settled(ident, "delivered")
        status, out, _ = self.s.minos("callback", "show", ident)
        self.assertIn("delivered", out)
        self.assertIn(r.url("/cli"), out)
        key = self.s.post("/v1/keys", {"name": "cli"}).json()["key"]
        status, out, _ = self.s.minos("callback", "secret", "--grace", "0s", key=key)
        self.assertEqual(status, 0)
        self.assertTrue(out.startswith("whsec_"))
        for words in (["show"], ["list", "x"], ["frob"], []):
            self.assertEqual(self.s.minos("callback", *words)[0], 2, words)
        status, _, err = self.s.minos("callback", "show", "01M80ZKFF3Y5NZPZJWRWHYHB4M")
        self.assertEqual(status, 2)
        self.assertIn("no callback", err)

    def test_privileges(self):
        """The courier reads the store without a network, its runner has a network without a store"""
        courier = self.s.pid_of("minos-courier")
        [runner] = host.children(courier)
        for pid in (courier, runner):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            self.assertEqual(int(status["CapEff"], 16) | int(status["CapBnd"], 16), 0)
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
            self.assertEqual(status["Seccomp"].strip(), "2")
        opened = [os.readlink(f"/proc/{runner}/fd/{n}") for n in os.listdir(f"/proc/{runner}/fd")]
        self.assertEqual([path for path in opened if path.startswith(self.s.data)], [])

    def test_switched_off(self):
        """Where callbacks are switched off there is no courier, and callback_url is refused"""
        s = service.Service(slots=1, languages=["bash"], sets=["callbacks.enabled=false"])
        self.addCleanup(s.close)
        s.start()
        self.assertEqual(s.pids("minos-courier"), [])
        s.post("/v1/callbacks/secret")
        got = s.post("/v1/submissions", {"language": "bash", "source": "true",
                                         "callback_url": "https://example.org/"})
        self.assertEqual(got.status, 422)
        self.assertIn("callbacks.enabled", got.json()["errors"][0]["expected"])
        s.stop()
        s.wait_clean()


class Tls(unittest.TestCase):
    def told(self, *sets):
        """The callback of a submission that goes to a receiver with our certificate, once settled."""
        s = service.Service(slots=1, languages=["bash"], sets=SETS)
        self.addCleanup(s.close)
        files = [s.write_file(n, t) for n, t in (("c.pem", CERTIFICATE), ("k.pem", KEY))]
        s.sets += [one.format(*files) for one in sets]
        s.start()
        s.post("/v1/callbacks/secret")
        r = receiver.Receiver()
        self.addCleanup(r.close)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        r.socket = context.wrap_socket(r.socket, server_side=True)
        ident = s.accept(language="bash", source="true",
                         callback_url=r.url(host="localhost").replace("http:", "https:"))
        service.poll("it is settled", lambda: s.get(f"/v1/callbacks/{ident}").status == 200 and
                     s.get(f"/v1/callbacks/{ident}").json()["state"] != "pending")
        return s.get(f"/v1/callbacks/{ident}").json(), r

    def test_trusted(self):
        """https goes to a receiver whose certificate callbacks.ca_file vouches for"""
        got, r = self.told("callbacks.ca_file={0}")
        self.assertEqual((got["state"], len(r.calls)), ("delivered", 1))

    def test_not_trusted(self):
        """To a receiver that cannot prove who it is, nothing is said"""
        got, r = self.told()
        self.assertEqual((got["state"], r.calls), ("failed", []))
        self.assertIn("certificate", got["message"])


class Killed(unittest.TestCase):
    """kill -9 of the courier, of its runner and of everything, while callbacks are on their way."""

    def test_kills(self):
        """Each submission that ended is told of, whatever is killed, always with the same id and body"""
        s = service.Service(slots=2, languages=["bash"], sets=SETS + (
            "callbacks.attempts=50", "worker.lease_ms=2s"))
        self.addCleanup(s.close)
        s.start()
        s.post("/v1/callbacks/secret")
        r = receiver.Receiver(lambda h, c: (time.sleep(0.05), h.say(200)))
        self.addCleanup(r.close)
        ids, stop = [], threading.Event()

        def hand_in():
            while not stop.is_set():
                try:
                    ids.append(s.accept(language="bash", source="true", callback_url=r.url()))
                except (OSError, AssertionError, ValueError):
                    pass  # not acknowledged: nothing was promised
                time.sleep(0.05)

        thread = threading.Thread(target=hand_in)
        thread.start()
        kills = 0
        for n in range(9):
            time.sleep(0.5)
            found = s.pids("minos-courier")
            if not found:
                continue
            s.look()
            victims = found if n % 3 == 0 else host.children(found[0]) if n % 3 == 1 else \
                s.pids("minos-worker") + found
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
                kills += 1
        stop.set()
        thread.join()
        s.look()
        s.kill()
        s.wait_clean()
        s.start()
        self.assertGreater(kills, 5)
        self.assertGreater(len(ids), 20)
        for ident in ids:
            self.assertEqual(s.result(ident, seconds=90)["status"], "done")
        service.poll("all are told of", lambda: all(r.of(i) for i in ids), 60)
        for ident in ids:
            self.assertEqual(len({c.body for c in r.of(ident)}), 1)
        service.poll("all are delivered", lambda: not s.get(
            "/v1/callbacks?state=pending").json()["callbacks"], 60)
        self.assertEqual(s.get("/v1/callbacks?state=failed").json()["callbacks"], [])
        self.assertEqual(s.stop(), 0)
        s.wait_clean()

    def test_deadly(self):
        """One whose every try ends its sender is not tried for ever: it becomes a dead letter"""
        s = service.Service(slots=1, languages=["bash"], sets=SETS + (
            "callbacks.attempts=2", "callbacks.timeout_ms=30s"))
        self.addCleanup(s.close)
        s.start()
        s.post("/v1/callbacks/secret")
        r = receiver.Receiver(lambda h, c: time.sleep(3))
        self.addCleanup(r.close)
        ident = s.accept(language="bash", source="true", callback_url=r.url())
        for n in (1, 2):
            service.poll(f"try {n}", lambda n=n: len(r.of(ident)) == n, 30)
            s.look()
            os.kill(s.pid_of("minos-courier"), signal.SIGKILL)
        service.poll("given up", lambda: s.get(
            f"/v1/callbacks/{ident}").json()["state"] == "failed", 30)
        self.assertEqual(len(r.of(ident)), 2)
        self.assertIn("whoever made them died", s.get(f"/v1/callbacks/{ident}").json()["message"])
        self.assertEqual(s.minos("fsck", "--data", s.data)[0], 0)
        self.assertEqual(s.stop(), 0)


if __name__ == "__main__":
    unittest.main()
