"""loop.py - many clients in one process, each on a connection of its own that is kept alive, with up to three requests on
their way at once; what each asked and heard of late is kept, for when something is wrong."""
import collections
import json
import selectors
import time

from client import Request
from model import Wrong
from wire import Broken, Wire

KEPT = 400  # exchanges of each client that are remembered
ANSWER_S = 120  # an answer that takes longer is a fault
SILENCE_S = 0.3  # what is no request, and gets no answer for so long, is hung up on
STREAM_S = 0.05  # an event stream is left after so long
STILL_S = 2  # a round that takes longer was not spent here: the machine stood still


class Line:
    """A client and its connection."""

    def __init__(self, address, client):
        self.address, self.client = address, client
        self.wire, self.waiting = None, collections.deque()  # [request, when it was sent]
        self.held = None  # a request that waits until nothing is before it
        self.kept = collections.deque(maxlen=KEPT)
        self.asked = self.broken = 0
        self.statuses = collections.Counter()

    def connect(self, selector):
        self.wire = Wire(self.address)
        selector.register(self.wire.socket, selectors.EVENT_READ, self)

    def hang_up(self, selector):
        selector.unregister(self.wire.socket)
        self.wire.close()
        self.wire = None
        self.waiting.clear()
        self.broken += 1

    def speak(self, selector):
        """Send what comes next, when nothing is on its way."""
        if self.wire is None:
            self.connect(selector)
        depth = 1 if self.client.chance.random() < 0.8 else self.client.chance.randint(2, 3)
        while len(self.waiting) < depth:
            request, self.held = self.held or self.client.next(), None
            if request.raw and self.waiting:
                self.held = request  # it can end in a reset, which takes along what was answered and not yet read
                break
            self.waiting.append([request, time.monotonic()])
            self.asked += 1
            self.wire.send(request.wire())
            if request.raw or "/events" in request.path:
                break  # nothing must stand behind it

    def listen(self, selector):
        """Take the answers that are there."""
        self.wire.receive()
        while self.waiting:
            request, since = self.waiting[0]
            answer = self.wire.take(request.method)
            if answer is None and "/events" in request.path and time.monotonic() - since > STREAM_S:
                answer = self.wire.begun()
                if answer is not None:
                    self.heard(request, answer)
                    self.hang_up(selector)
                    return
            if answer is None:
                break
            self.waiting.popleft()
            self.heard(request, answer)
            if request.raw or str(answer.headers.get("Connection")).lower() == "close":
                self.hang_up(selector)
                return
        if self.wire.ended and self.waiting:
            request, _ = self.waiting[0]
            if not request.raw:
                self.remember(request, None)
                raise Wrong(f"the connection was closed before the answer to {request.method} {request.path}")
        if self.wire.ended:
            self.hang_up(selector)

    def heard(self, request, answer):
        self.statuses[answer.status] += 1
        made = len(self.client.model.made)
        try:
            self.client.hear(request, answer)
        finally:
            self.remember(request, answer, self.client.model.made[made:])
            del self.client.model.made[:]

    def remember(self, request, answer, made=()):
        self.kept.append({"request": request.tell(), "made": list(made),
                          "answer": None if answer is None else [answer.status, answer.body[:2000].decode("latin-1")]})

    def late(self, selector, still_s=0):
        """What waits for too long, not counting the time for which all stood still."""
        for waits in self.waiting:
            waits[1] += still_s
        if not self.waiting:
            return
        (request, since), now = self.waiting[0], time.monotonic()
        self.wire.flush()
        if request.raw and now - since > SILENCE_S:
            self.remember(request, None)
            self.hang_up(selector)
        elif "/events" in request.path:
            self.listen(selector)
        elif now - since > ANSWER_S:
            self.remember(request, None)
            raise Wrong(f"no answer to {request.method} {request.path} in {ANSWER_S} s")


def run(lines, total, tell):
    """Until `total` requests were sent; Wrong, with the line it was on, when something is."""
    line, told, last = None, 0, time.monotonic()
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                asked = sum(ln.asked for ln in lines)
                for line in lines:
                    if not line.waiting and asked < total:
                        line.speak(selector)
                if asked >= total and not any(ln.waiting for ln in lines):
                    break
                for event, _ in selector.select(0.05):
                    line = event.data
                    if line.wire is not None:
                        line.listen(selector)
                now = time.monotonic()
                for line in lines:
                    line.late(selector, now - last if now - last > STILL_S else 0)
                last = now
                if asked - told >= 2000:
                    tell(asked)
                    told = asked
        except (Wrong, Broken, OSError) as e:
            return line, f"{type(e).__name__}: {e}"
    return None, None


def replay(address, client, story, admin):
    """Ask again what a story asked, in its order, one after the other; what is wrong with it, or None. What the
    service made up then, and the `admin` key, are replaced by what it makes up now."""
    line, others = Line(address, client), {admin: client.model.admin.secret}
    with selectors.DefaultSelector() as selector:
        for exchange in story:
            text = json.dumps(exchange["request"])
            for old, new in others.items():
                text = text.replace(old, new)
            try:
                line.kept.clear()
                if line.wire is None:
                    line.connect(selector)
                line.waiting.append([Request.told(json.loads(text)), time.monotonic()])
                line.wire.send(line.waiting[0][0].wire())
                while line.waiting:
                    selector.select(0.05)
                    line.listen(selector)
                    line.late(selector)
            except (Wrong, Broken, OSError) as e:
                return f"{type(e).__name__}: {e}"
            for kept in line.kept:
                others.update(zip(exchange["made"], kept["made"]))
    return None
