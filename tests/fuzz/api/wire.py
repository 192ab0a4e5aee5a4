"""wire.py - HTTP/1.1 over one kept-alive socket that never blocks: bytes out, answers in. Written here because
http.client neither pipelines nor sends what is wrong on purpose."""
import errno
import socket


class Broken(Exception):
    """What came is no HTTP answer."""


class Answer:
    """Status, headers by lower-case name, body; as tests/api/contract.py wants it."""

    def __init__(self, status, headers, body=b""):
        self.status, self.headers, self.body, self.tree = status, headers, body, None

    def json(self):
        if self.tree is None:
            import json
            self.tree = json.loads(self.body)
        return self.tree

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Headers(dict):
    def get(self, name, default=None):
        return dict.get(self, name.lower(), default)

    def __contains__(self, name):
        return dict.__contains__(self, name.lower())


class Wire:
    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.out, self.into = bytearray(), bytearray()
        self.ended = False  # the other side has closed

    def close(self):
        self.socket.close()

    def send(self, data):
        self.out += data
        self.flush()

    def flush(self):
        """What the kernel takes of what is to be sent."""
        while self.out:
            try:
                n = self.socket.send(self.out)
            except BlockingIOError:
                return
            except OSError as e:
                if e.errno not in (errno.EPIPE, errno.ECONNRESET):
                    raise
                self.out.clear()  # it has closed: what it said before is still to be read
                return
            del self.out[:n]

    def receive(self):
        """Read what there is."""
        while not self.ended:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            self.ended = not data
            self.into += data

    # --- answers ---------------------------------------------------------------------------------

    def head(self):
        """(answer without its body, where the body begins), or None while it is not all there."""
        end = self.into.find(b"\r\n\r\n")
        if end < 0:
            if len(self.into) > 1 << 16:
                raise Broken(f"headers without an end: {bytes(self.into[:200])!r}")
            return None
        lines = self.into[:end].decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or words[0] not in ("HTTP/1.1", "HTTP/1.0") or not words[1].isdigit():
            raise Broken(f"no status line: {lines[0][:200]!r}")
        headers = Headers()
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or any(ord(c) < 32 or ord(c) == 127 for c in value):
                raise Broken(f"a bad header: {line[:200]!r}")
            headers[name.lower()] = value.strip()
        return Answer(int(words[1]), headers), end + 4

    def take(self, method):
        """The next answer to a request of this method; None while it is not complete."""
        while True:
            found = self.head()
            if found is None:
                return None
            answer, at = found
            if answer.status != 100:
                break
            del self.into[:at]
        if method == "HEAD" or answer.status in (204, 304):
            del self.into[:at]
            return answer
        if answer.headers.get("Transfer-Encoding") == "chunked":
            return self.chunked(answer, at)
        length = answer.headers.get("Content-Length")
        end = at + int(length) if length is not None else len(self.into)
        if len(self.into) < end or (length is None and not self.ended):
            return None
        answer.body = bytes(self.into[at:end])
        del self.into[:end]
        return answer

    def chunked(self, answer, at, partial=False):
        """partial: what there is of it, left where it is."""
        body = bytearray()
        while True:
            line = self.into.find(b"\r\n", at)
            if line < 0:
                break
            size = int(self.into[at:line].split(b";")[0], 16)
            if len(self.into) < line + 2 + size + 2:
                break
            body += self.into[line + 2:line + 2 + size]
            at = line + 2 + size + 2
            if size == 0:
                del self.into[:at]
                answer.body = bytes(body)
                return answer
        if not partial:
            return None
        answer.body = bytes(body)
        return answer

    def begun(self):
        """An event stream that has begun and has said something: what it said so far; else None."""
        found = self.head()
        if found is None or found[0].headers.get("Content-Type") != "text/event-stream":
            return None
        answer = self.chunked(*found, partial=True)
        return answer if answer.body else None
