"""A receiver of callbacks on loopback that behaves as a test wants, and remembers what it was sent."""
import base64
import hashlib
import hmac
import http.server
import socketserver
import threading
import time


class Call:
    """One request as it came."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, headers, body, time.monotonic()

    @property
    def id(self):
        return self.headers["webhook-id"]

    def verified_by(self, secret):
        """Whether one of its signatures was made with this secret (whsec_...)."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(),
                            self.body])
        good = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(hmac.compare_digest(good, one)
                   for one in self.headers["webhook-signature"].split(" "))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = Call(self.path, self.headers, body)
        with self.server.lock:
            self.server.calls.append(call)
        try:
            self.server.answer(self, call)
        except OSError:
            pass  # the caller went away

    def wait(self, seconds):
        """Wait, and be counted until then: before the answer, after which the next one may come."""
        with self.server.lock:
            self.server.waiting += 1
            self.server.most = max(self.server.most, self.server.waiting)
        time.sleep(seconds)
        with self.server.lock:
            self.server.waiting -= 1

    def say(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """answer(handler, call) answers; by default 204."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer=None, address="127.0.0.1", port=0):
        super().__init__((address, port), Handler)
        self.calls, self.lock, self.waiting, self.most = [], threading.Lock(), 0, 0
        self.answer = answer or (lambda h, call: h.say(204))
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path="/hook", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def of(self, ident):
        """The calls about this submission."""
        with self.lock:
            return [c for c in self.calls if c.id == "msg_" + ident]

    def close(self):
        self.shutdown()
        self.server_close()
