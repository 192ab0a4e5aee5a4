"""crowd.py - thousands of connections at once in one thread: each sends its bytes, whole or by drops,
and notes what comes back and when it ends. Loopback only."""
import errno
import select
import socket
import time


class Caller:
    """One connection. drip: bytes a second of what it has to say (None: at once); deaf: it never reads."""

    def __init__(self, say=b"", drip=None, deaf=False, until=None, keep=4096):
        self.say, self.drip, self.deaf, self.until, self.keep = say, drip, deaf, until, keep
        self.sock, self.said, self.heard, self.heard_bytes = None, 0, b"", 0
        self.connected, self.ended, self.done, self.error = False, False, False, None
        self.next_drop = 0.0

    @property
    def status(self):
        """Of the first answer; 0 when there was none."""
        head = self.heard.split(b" ", 2)
        return int(head[1]) if len(head) > 1 and head[1].isdigit() else 0


class Crowd:
    """Callers at one address; step() serves all of them for a while."""

    def __init__(self, address):
        self.address, self.epoll = address, select.epoll()
        self.by_fd, self.dripping = {}, []

    def add(self, caller):
        """Connect without waiting."""
        caller.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if caller.deaf:
            caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        code = caller.sock.connect_ex(self.address)
        if code not in (0, errno.EINPROGRESS):
            self._end(caller, code)
            return caller
        self.by_fd[caller.sock.fileno()] = caller
        self.epoll.register(caller.sock, select.EPOLLOUT | select.EPOLLIN)
        if caller.drip:
            self.dripping.append(caller)
        return caller

    def add_all(self, callers, batch=200, pause=0.02):
        """Connect many, in pieces that the listening socket's queue holds."""
        callers = list(callers)
        for i in range(0, len(callers), batch):
            for caller in callers[i:i + batch]:
                self.add(caller)
            self.step(pause)
        return callers

    def _end(self, caller, error=None):
        caller.ended, caller.error = True, error
        if caller.sock is not None:
            self.by_fd.pop(caller.sock.fileno(), None)
            caller.sock.close()

    def leave(self, caller, reset=False):
        """Hang up, as somebody does who has lost interest; reset: without a goodbye."""
        if caller.ended:
            return
        if reset:
            caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._end(caller)

    def leave_all(self, reset=False):
        for caller in list(self.by_fd.values()):
            self.leave(caller, reset)

    def _watch(self, caller):
        mask = 0 if caller.deaf else select.EPOLLIN
        if caller.said < len(caller.say) and not caller.drip:
            mask |= select.EPOLLOUT
        self.epoll.modify(caller.sock, mask)

    def _send(self, caller, most):
        try:
            caller.said += caller.sock.send(caller.say[caller.said:caller.said + most])
        except BlockingIOError:
            pass
        except OSError as e:
            self._end(caller, e.errno)

    def _receive(self, caller):
        try:
            data = caller.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as e:
            self._end(caller, e.errno)
            return
        if not data:
            self._end(caller)
            return
        caller.heard_bytes += len(data)
        if len(caller.heard) < caller.keep:
            caller.heard += data
        if caller.until is not None and caller.until in caller.heard:
            caller.done = True

    def _event(self, caller, event):
        if event & select.EPOLLOUT:
            caller.connected = True
            if caller.said < len(caller.say) and not caller.drip:
                self._send(caller, 1 << 20)
            if not caller.ended and (caller.drip or caller.said == len(caller.say)):
                self._watch(caller)
        if not caller.ended and event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            self._receive(caller)

    def _drip(self, now):
        alive = []
        for caller in self.dripping:
            if caller.ended or caller.said == len(caller.say):
                continue
            if caller.connected and now >= caller.next_drop:
                self._send(caller, max(1, int(caller.drip)))
                caller.next_drop = now + 1
            alive.append(caller)
        self.dripping = alive

    def step(self, seconds):
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            if now >= end:
                return
            for fd, event in self.epoll.poll(min(0.05, end - now), 1000):
                caller = self.by_fd.get(fd)
                if caller is not None:
                    self._event(caller, event)
            self._drip(time.monotonic())

    def until(self, ready, seconds):
        """Serve until ready() or time is over; whether it came to be."""
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                return False
            self.step(0.05)
        return True

    def close(self):
        self.leave_all()
        self.epoll.close()


def request(method, path, key=None, body=b"", close=False):
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if key:
        head += f"Authorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    if close:
        head += "Connection: close\r\n"
    return head.encode() + b"\r\n" + body
