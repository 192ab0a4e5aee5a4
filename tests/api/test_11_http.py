"""HTTP as it should not be: garbage, floods, slow senders, chunks without end, pipelines."""
import json
import socket
import threading
import time
import unittest

import service


class Http(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def tearDown(self):
        self.assertEqual(self.s.get("/v1/health/ready").status, 200)

    def send(self, *pieces, wait=0.0, finish=False):
        """What comes back for these bytes, until the other side closes."""
        with self.s.raw_socket() as sock:
            sock.settimeout(30)
            try:
                for piece in pieces:
                    sock.sendall(piece)
                    time.sleep(wait)
                if finish:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it had enough of us
            return self.drain(sock)

    @staticmethod
    def drain(sock):
        data = b""
        try:
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return data
                data += piece
        except OSError:
            return data

    def head(self, method="POST", path="/v1/submissions", *more):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.s.key}",
                 *more]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @staticmethod
    def status(answer):
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None

    def test_garbage(self):
        """Garbage is answered with 400 or a closed connection"""
        for junk in (b"\x00" * 100 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\r\n" * 1000 + b"x",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 40):
            self.assertIn(self.status(self.send(junk, finish=True)),
                          (None, 400, 401, 404, 405, 413, 431, 501, 505), junk[:40])

    def test_huge_headers(self):
        """Headers without end, and a request line without end, are refused"""
        huge = self.send(self.head("GET", "/v1/languages", "X: " + "y" * (1 << 20)))
        self.assertIn(self.status(huge), (None, 400, 413, 431))
        many = self.send(self.head("GET", "/v1/languages", *[f"X{i}: y" for i in range(50000)]))
        self.assertIn(self.status(many), (None, 400, 413, 431))
        line = self.send(self.head("GET", "/v1/" + "x" * (1 << 20)))
        self.assertIn(self.status(line), (None, 400, 404, 414, 431))

    def test_large_headers(self):
        """Headers over 32 KiB are a problem document, those below are taken"""
        for size, status in ((30000, 200), (33000, 431), (45000, 431)):
            got = self.s.get("/v1/languages", headers={"X-Long": "y" * size})
            self.assertEqual(got.status, status, size)
        self.assertIn("at most 32768", got.json()["detail"])
        got = self.s.get("/v1/limits?x=" + "y" * 40000)
        self.assertEqual(got.status, 431)

    def test_lengths(self):
        """Wrong lengths are refused: negative, not a number, twice, more than 2^64"""
        for value in ("-1", "x", "1e3", "99999999999999999999999", "0x10", "5, 5"):
            got = self.send(self.head("POST", "/v1/submissions", f"Content-Length: {value}")
                            + b"{}", finish=True)
            self.assertIn(self.status(got), (None, 400, 413, 422), value)

    def test_declared_too_large(self):
        """A declared length over the cap is a 413, before the body is sent"""
        got = self.send(self.head("POST", "/v1/submissions", f"Content-Length: {1 << 40}"))
        self.assertEqual(self.status(got), 413)
        got = self.send(self.head("POST", "/v1/submissions", f"Content-Length: {70 << 20}",
                                  "Expect: 100-continue", "Connection: close"), finish=True)
        self.assertEqual(self.status(got), 413)
        self.assertNotIn(b"100 Continue", got)

    def test_expect(self):
        """A sender that waits for 100 Continue gets it, then its answer"""
        body = json.dumps({"language": "bash", "source": "true"}).encode()
        with self.s.raw_socket() as sock:
            sock.sendall(self.head("POST", "/v1/submissions", f"Content-Length: {len(body)}",
                                   "Expect: 100-continue", "Connection: close"))
            self.assertTrue(sock.recv(65536).startswith(b"HTTP/1.1 100"))
            sock.sendall(body)
            self.assertEqual(self.status(self.drain(sock)), 202)

    def test_chunked(self):
        """A chunked body is taken"""
        body = json.dumps({"language": "bash", "source": "echo chunks"}).encode()
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
                          for i in range(0, len(body), 7))
        got = self.send(self.head("POST", "/v1/submissions?wait=20", "Transfer-Encoding: chunked",
                                  "Connection: close") + chunks + b"0\r\n\r\n")
        self.assertEqual(self.status(got), 200)
        self.assertIn(b"chunks\\n", got)

    def test_chunked_over_the_cap(self):
        """A chunked body over the cap is a 413, however long it goes on"""
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        with self.s.raw_socket() as sock:
            sock.settimeout(30)
            sock.sendall(self.head("POST", "/v1/submissions", "Transfer-Encoding: chunked",
                                   "Connection: close"))
            sent = 0
            try:
                for _ in range(70):
                    sock.sendall(piece)
                    sent += 1
                sock.sendall(b"0\r\n\r\n")
            except OSError:
                pass
            answer = self.drain(sock)
        self.assertIn(self.status(answer), (None, 413) if sent < 70 else (413,))

    def test_bad_chunks(self):
        """Chunks of wrong size are refused"""
        for bad in (b"zz\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n{}\r\n", b"-1\r\n{}\r\n",
                    b"2\r\n{}garbage\r\n"):
            got = self.send(self.head("POST", "/v1/submissions", "Transfer-Encoding: chunked")
                            + bad, finish=True)
            self.assertIn(self.status(got), (None, 400, 413, 422), bad)

    def test_slow_senders(self):
        """Slow senders, of headers and of bodies, block nobody"""
        slow = []
        for i in range(60):
            sock = self.s.raw_socket()
            if i % 2:
                sock.sendall(b"GET /v1/languages HTTP/1.1\r\nHost: x\r\nX: ")
            else:
                sock.sendall(self.head("POST", "/v1/submissions", "Content-Length: 1000000")
                             + b'{"language')
            slow.append(sock)
        try:
            for _ in range(5):
                for sock in slow:
                    sock.sendall(b"x")
                r = self.s.judge(language="bash", source="true")
                self.assertEqual(r["verdict"], "accepted")
        finally:
            for sock in slow:
                sock.close()

    def test_half_a_body(self):
        """A body that breaks off makes no submission"""
        def newest():
            return self.s.get("/v1/submissions?limit=1").json()["submissions"][0]["id"]
        self.s.judge(language="bash", source="true")
        before = newest()
        body = json.dumps({"language": "bash", "source": "true"}).encode()
        for cut in (1, len(body) - 1):
            self.send(self.head("POST", "/v1/submissions", f"Content-Length: {len(body)}")
                      + body[:cut], finish=True)
        self.assertEqual(newest(), before)

    def test_pipelined(self):
        """Pipelined requests are answered in order"""
        one = self.head("GET", "/v1/limits")
        two = self.head("GET", "/v1/nothing")
        end = self.head("GET", "/v1/health/live", "Connection: close")
        got = self.send(one + two + one + end)
        self.assertEqual([int(w[:3]) for w in got.split(b"HTTP/1.1 ")[1:]], [200, 404, 200, 200])

    def test_smuggling(self):
        """A request with both lengths is not taken for two"""
        inner = self.head("GET", "/v1/limits")
        got = self.send(self.head("POST", "/v1/submissions", "Transfer-Encoding: chunked",
                                  f"Content-Length: {5 + len(inner)}")
                        + b"0\r\n\r\n" + inner, finish=True)
        self.assertLessEqual(got.count(b"HTTP/1.1 "), 2)
        self.assertIn(self.status(got), (None, 400))

    def test_many_connections(self):
        """Hundreds of idle connections leave room for work"""
        idle = [self.s.raw_socket() for _ in range(400)]
        try:
            self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")
        finally:
            for sock in idle:
                sock.close()

    def test_vanishing_readers(self):
        """Clients that go away while they wait for a result disturb nobody"""
        body = json.dumps({"language": "bash", "source": "sleep 0.2"}).encode()
        for _ in range(20):
            sock = self.s.raw_socket()
            sock.sendall(self.head("POST", "/v1/submissions?wait=30",
                                   f"Content-Length: {len(body)}") + body)
            sock.close()
        service.poll("an empty queue", lambda: all(
            r["status"] == "done" for r in
            self.s.get("/v1/submissions?limit=20").json()["submissions"]))
        self.assertEqual(self.s.judge(language="bash", source="true")["verdict"], "accepted")

    def test_at_once(self):
        """Hundreds of submissions from many clients at once all get their verdict"""
        ids, errors = [], []

        def hand_in(n):
            try:
                for i in range(20):
                    ids.append((self.s.accept(language="bash", source=f"exit {(n + i) % 2}"),
                                (n + i) % 2))
            except Exception as e:  # noqa: BLE001 - told below
                errors.append(e)
        threads = [threading.Thread(target=hand_in, args=(n,)) for n in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])
        self.assertEqual(len({i for i, _ in ids}), 200)
        for ident, code in ids:
            want = "runtime_error" if code else "accepted"
            self.assertEqual(self.s.result(ident)["verdict"], want)

    def test_media_type(self):
        """A key's request is taken whatever its Content-Type says"""
        got = self.s.post("/v1/submissions", b'{"language":"bash","source":"true"}',
                          headers={"Content-Type": "text/plain"})
        self.assertIn(got.status, (202, 415))

    def test_old_http(self):
        """HTTP/1.0 is answered, and the connection closed"""
        got = self.send(b"GET /v1/health/live HTTP/1.0\r\n\r\n")
        self.assertEqual(self.status(got), 200)


if __name__ == "__main__":
    unittest.main()
