"""client.py - one client of the API: makes requests by server/openapi.json and by what it was told before, right ones,
nearly right ones and wrong ones, and looks at the answers. The seed and its number decide what it does."""
import hashlib
import random
import urllib.parse

from making import Maker, bend, odd_text, spoil, text_of, word
from model import Model

# How often each operation is asked for.
WEIGHTS = {"submit": 260, "result": 230, "cancel": 120, "list": 60, "events": 20, "stdout": 40, "stderr": 30,
           "compileOutput": 25, "rejudge": 25, "languages": 8, "limits": 15, "health": 15, "live": 15, "ready": 15,
           "openapi": 2, "newKey": 8, "listKeys": 1, "changeKey": 10, "revokeKey": 6, "metrics": 2, "listCallbacks": 25,
           "callbackSecret": 20, "makeCallbackSecret": 15, "callback": 30, "redeliverCallback": 20}
ONE_TIME = 0.02  # requests that are no HTTP, or not quite
KEYS_MAX, IDS_MAX = 6, 40
PORT = 9  # of callbacks: nobody listens there, and they may go nowhere but to this host
URLS = (f"http://127.0.0.1:{PORT}/x", f"http://localhost:{PORT}/", "http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://", "x",
        "http://10.0.0.1:9/", "http://[::1]:9/", f"https://127.0.0.1:{PORT}/?a=b", "http://user@127.0.0.1:9/", "")
# Bodies whose verdict is known.
DUE = [({"language": "bash", "source": "echo ok", "expected_output": "ok\n"}, "accepted"),
       ({"language": "bash", "source": "echo no", "expected_output": "ok\n"}, "wrong_answer"),
       ({"language": "bash", "source": "exit 3", "priority": 100}, "runtime_error"),
       ({"language": "bash", "source": "read a b; echo $((a+b))", "stop_on_failure": True, "tests": [
           {"name": "small", "stdin": "1 2\n", "expected_output": "3"}, {"stdin": {"base64": "NSA2Cg=="}}]}, "accepted"),
       ({"language": "bash", "files": {"main.sh": ". ./lib.sh", "lib.sh": "echo 1.0000001"}, "entry_point": "main.sh",
         "comparer": {"type": "floats", "absolute": 1e-3}, "expected_output": "1", "metadata": {"a": [1]}}, "accepted"),
       ({"language": "bash", "source": "echo A b", "expected_output": "a  B",
         "comparer": {"type": "tokens", "case_sensitive": False}, "callback_url": URLS[0]}, "accepted")]
DUES = {hashlib.sha256(text_of(body)).digest(): verdict for body, verdict in DUE}


class Request:
    def __init__(self, method, path, headers=None, body=None, raw=None):
        self.method, self.path, self.headers, self.body = method, path, headers or {}, body
        self.raw = raw  # bytes that are sent as they are, in place of all this

    def wire(self):
        if self.raw:
            return self.raw
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        head += [f"{n}: {v}" for n, v in self.headers.items()]
        if self.body is not None and "Content-Length" not in self.headers:
            head.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + (self.body or b"")

    def tell(self):
        """As JSON, for a file that is replayed."""
        told = {"method": self.method, "path": self.path, "headers": self.headers}
        for name in ("body", "raw"):
            if getattr(self, name) is not None:
                told[name] = getattr(self, name).decode("latin-1")
        return told

    @classmethod
    def told(cls, said):
        parts = {n: said[n].encode("latin-1") for n in ("body", "raw") if n in said}
        return cls(said["method"], said["path"], said["headers"], **parts)


class Client:
    def __init__(self, contract, admin, seed, number):
        self.contract, self.chance = contract, random.Random(f"{seed}/{number}")
        self.model = Model(contract, admin, DUES)
        self.maker = Maker(contract, {
            "language": lambda c: c.choice(("bash", "bash", "bash", "sh", "c17", "nope")),
            "source": lambda c: c.choice(("echo ok", "exit 1", "cat", "", {"base64": "ZWNobyBvawo="})),
            "callback_url": lambda c: c.choice(URLS),
            "entry_point": lambda c: c.choice(("main.sh", "Main", "a.sh")),
            "limits": lambda c: {"cpu_time_ms": c.randint(1, 3000), "memory_bytes": 1 << c.randint(22, 28)},
            "ids": lambda c: [self.ident() for _ in range(c.randint(1, 3))],
            "cursor": lambda c: self.cursor(),
            "limit": lambda c: c.randint(1, 5)})
        self.operations = {o["operationId"]: (m.upper(), p, o) for p, item in contract.doc["paths"].items()
                           for m, o in item.items()}
        self.names, self.weights = list(WEIGHTS), list(WEIGHTS.values())
        unknown = set(self.operations) - set(WEIGHTS)
        if unknown:  # a new operation is to be fuzzed as well
            raise SystemExit(f"client.py has no weight for {unknown}")

    # --- what it knows -------------------------------------------------------------------------------

    def key(self):
        known = list(self.model.keys.values())[-KEYS_MAX:]
        way = self.chance.random()
        if way < 0.02:
            return None
        if way < 0.03:
            return self.chance.choice(("Bearer x", "Basic YTpi", "Bearer mns_" + word(self.chance, 43, 43), "", "Bearer"))
        if way < 0.06:
            return "Bearer " + self.chance.choice(known).secret
        good = [k for k in known if not k.revoked and not k.bounded and k.id != 1]
        return "Bearer " + (self.model.admin if way < 0.4 or not good else self.chance.choice(good)).secret

    def ident(self):
        known, way = list(self.model.submissions), self.chance.random()
        if known and way < 0.93:
            return self.chance.choice(known[-IDS_MAX:])
        return self.chance.choice(("0" * 26, "7" * 26, "x", "01M80XWCPED8030683HJSKDAY0", word(self.chance, 26, 38)))

    def cursor(self):
        known = self.model.cursors
        return self.chance.choice(known) if known and self.chance.random() < 0.8 else self.chance.choice(
            ("x", "", "MTAxTTgwWFdDUEVEODAzMDY4M0hKU0tEQVkw", word(self.chance, 30, 42)))

    def number(self):
        """Of a key; never the first one's, which all clients use."""
        known = [k.id for k in self.model.keys.values() if k.id != 1]
        if known and self.chance.random() < 0.9:
            return self.chance.choice(known[-KEYS_MAX:])
        return self.chance.choice((0, -1, 2 ** 63 - 1, 2 ** 64, 10 ** 9, "x", "1x"))

    # --- what it asks --------------------------------------------------------------------------------

    def next(self):
        if len(self.model.keys) < 3:
            return self.ask("newKey", 0)
        if self.chance.random() < ONE_TIME:
            return self.strange()
        name = self.chance.choices(self.names, self.weights)[0]
        return self.ask(name, self.chance.random())

    def ask(self, name, way):
        """way: below 0.55 as documented, then with one thing changed, then with several."""
        wrong = 0 if way < 0.55 else 1 if way < 0.85 else 3
        method, path, operation = self.operations[name]
        key = self.key() if len(self.model.keys) > 2 else "Bearer " + self.model.admin.secret
        headers = {"Authorization": key} if key is not None else {}
        query = []
        for part in operation.get("parameters", ()):
            path = self.parameter(self.contract.follow(part), path, query, headers, wrong)
        path = path.replace("{n}", str(self.number()))
        body = self.body(name, operation, wrong) if "requestBody" in operation else None
        if body is not None and self.chance.random() < 0.9:
            headers["Content-Type"] = "application/json"
        if wrong > 1:
            path, method = self.astray(path, method, query)
        text = "&".join(f"{n}={urllib.parse.quote(v, safe='')}" for n, v in query)
        return Request(method, path + ("?" + text if text else ""), headers, body)

    def parameter(self, part, path, query, headers, wrong):
        name, schema = part["name"], part["schema"]
        if part["in"] == "path":
            value = self.ident() if name == "id" else self.chance.randint(1, 3) if "tests" in path else None
            bad = wrong and self.chance.random() < 0.2
            if value is None:
                return path
            return path.replace(f"{{{name}}}", urllib.parse.quote(odd_text(self.chance), "") if bad else str(value))
        if self.chance.random() > 0.25:
            return path
        special = {"wait": lambda: self.chance.choice((0, 0.001, 0.01, 0.05)), "rejudge_of": self.ident,
                   "cursor": self.cursor, "fields": self.fields, "Last-Event-ID": lambda: self.chance.choice(
                       ("1.5.1.1", "1.1.0.0", "0.0.0.0", "x", "9999999999999999999.1.1.1")),
                   "limit": lambda: self.chance.choice((1, 2, 5, 5, 20, 500)),
                   "Idempotency-Key": lambda: self.chance.choice(("a", "b", "c", "d e", "\u00e9", word(self.chance)))}
        value = special[name]() if name in special else self.maker.value(schema, self.chance, name)
        if wrong and self.chance.random() < 0.4:
            value = odd_text(self.chance)
        if part["in"] == "query":
            query.append((name, str(value)))
        else:
            headers[name] = str(value).replace("\r", "").replace("\n", "").replace("\0", "")
        return path

    def fields(self):
        known = ("id", "status", "verdict", "tests", "tests.verdict", "usage", "usage.sum", "compile.output", "phases", "x")
        return ",".join(self.chance.choices(known, k=self.chance.randint(1, 4)))

    def body(self, name, operation, wrong):
        if name == "submit" and wrong == 0 and self.chance.random() < 0.6:
            return text_of(self.chance.choice(DUE)[0])
        if not operation["requestBody"].get("required") and self.chance.random() < 0.3:
            return None
        made = self.maker.value(operation["requestBody"]["content"]["application/json"]["schema"], self.chance)
        if name == "rejudge":
            made["dry_run"] = self.chance.random() < 0.7
            made["limit"] = self.chance.randint(1, 4)
            if "ids" in made and made["ids"]:
                made.pop("limit")
        for _ in range(wrong):
            bend(made, self.chance)
        data = text_of(made)
        return spoil(data, self.chance) if wrong > 1 and self.chance.random() < 0.5 and b"callback_url" not in data else data

    def astray(self, path, method, query):
        """Another path or method, or parameters that are not there."""
        way = self.chance.random()
        if way < 0.15:
            query.append((word(self.chance), odd_text(self.chance)))
        elif way < 0.3 and query:
            query.append(query[0])
        elif way < 0.45 and "/keys/" not in path:
            method = self.chance.choice(("GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE"))
        elif way < 0.6:
            path += self.chance.choice(("/", "//", "/x", "/%2e%2e/", "%00", "%", ";a=b"))
        return path, method

    def strange(self):
        """Bytes that are no request, or one that readers could read in two ways."""
        method, path, _ = self.operations[self.chance.choice(("limits", "submit", "list", "health"))]
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.model.admin.secret}\r\n".encode()
        small = b'{"language":"bash","source":"echo ok"}'
        forms = [head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(small), small),
                 head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
                 head + b"Content-Length: 99999999999999999999\r\n\r\n", head + b"Content-Length: -1\r\n\r\n",
                 head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%b" % (len(small), small),
                 head + b"X: " + b"y" * self.chance.choice((100, 20000, 70000)) + b"\r\n\r\n",
                 head.replace(b"HTTP/1.1", self.chance.choice((b"HTTP/1.0", b"HTTP/9.9", b"http", b""))) + b"\r\n",
                 head + b" folded\r\n\r\n", head + b"A\0B: c\r\n\r\n", b"\r\n\r\n" + head + b"\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        raw = self.chance.choice(forms)
        if self.chance.random() < 0.6:
            raw = spoil(raw, self.chance)
        return Request(method, path, raw=raw)

    # --- what it hears -------------------------------------------------------------------------------

    def hear(self, request, answer):
        self.model.look(request, answer)
        self.forget()

    def forget(self):
        """What is long past, so that a long run needs no more memory than a short one."""
        m = self.model
        for known, most in ((m.submissions, 4 * IDS_MAX), (m.names, 60)):
            while len(known) > most:
                del known[next(iter(known))]
        while len(m.keys) > 3 * KEYS_MAX:
            del m.keys[next(k for k in m.keys if k != m.admin.secret)]
