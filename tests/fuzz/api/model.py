"""model.py - what one client knows of the service from what it was told, and what the service must say next. It looks
at requests and answers alone, so that it judges a replay as it judged the run."""
import functools
import hashlib
import json
import time
import urllib.parse

FINAL = ("done", "cancelled")
GONE_S = 15  # from when on retention may have taken what has ended
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PUBLIC = ("health", "live", "ready", "openapi", "metrics")
NEEDS = {"submit": "submit", "cancel": "submit", "makeCallbackSecret": "submit", "redeliverCallback": "submit",
         "list": "read", "result": "read", "events": "read", "stdout": "read", "stderr": "read", "compileOutput": "read",
         "listCallbacks": "read", "callbackSecret": "read", "callback": "read", "rejudge": "admin", "newKey": "admin",
         "listKeys": "admin", "changeKey": "admin", "revokeKey": "admin"}
OK = (200, 201, 202, 204)


class Wrong(Exception):
    """The service is not as it must be."""


class Key:
    def __init__(self, secret, ident, scopes):
        self.secret, self.id, self.scopes, self.revoked, self.bounded = secret, ident, scopes, False, False

    def may(self, scope):
        return "admin" in self.scopes or scope in self.scopes


class Submission:
    def __init__(self, ident, key, due):
        self.id, self.key, self.due = ident, key, due  # due: the verdict that is owed, None: any
        self.final, self.cancelled = None, False


class Model:
    """dues: {SHA-256 of a body: the verdict that is due}."""

    def __init__(self, contract, admin, dues):
        self.contract, self.dues = contract, dues
        self.admin = Key(admin, 1, ("admin",))
        self.keys, self.submissions, self.cursors, self.names = {admin: self.admin}, {}, [], {}
        self.ends = {"as was due": 0, "of which nothing was known": 0}  # submissions that were seen to end
        self.made = []  # texts that the service made up, in order: what a replay has others for

    # --- one exchange --------------------------------------------------------------------------------

    def look(self, request, answer):
        """Take note of an exchange; Wrong when it cannot be."""
        if answer.status >= 500 and answer.status != 503 and not (request.raw and answer.status == 505):
            raise Wrong(f"status {answer.status}")  # 505: raw bytes may ask for another version of HTTP
        if request.raw:  # else anything goes, but the service stays what it is
            return
        try:
            self.contract.check(request.method, request.path, request.body, answer)
        except (AssertionError, ValueError) as e:
            raise Wrong(str(e)) from None
        if answer.status in (429, 503) and not str(answer.headers.get("Retry-After")).isdigit() and \
                "/health" not in request.path:
            raise Wrong(f"{answer.status} without Retry-After")
        operation = self.contract.operation("GET" if request.method == "HEAD" else request.method, request.path)
        if operation is None or request.method == "OPTIONS":
            return
        name = operation["operationId"]
        key = self.keys.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
        self.check_access(name, key, answer)
        if request.method != "HEAD" and hasattr(self, "see_" + name):
            parts = request.path.split("?")[0].split("/")
            getattr(self, "see_" + name)(request, answer, key, urllib.parse.unquote(parts[3]) if len(parts) > 3 else "")

    def check_access(self, name, key, answer):
        if name in PUBLIC or answer.status not in OK:
            return
        if key is None or key.revoked:
            raise Wrong(f"{answer.status} for a key that is {'revoked' if key else 'unknown'}")
        if name in NEEDS and not key.may(NEEDS[name]):
            raise Wrong(f"{answer.status} for a key with {key.scopes}")

    # --- submissions ---------------------------------------------------------------------------------

    def add(self, ident, key, due=None):
        if ident not in self.submissions:
            self.submissions[ident] = Submission(ident, key, due)
            self.made.append(ident)
        return self.submissions[ident]

    def see_submit(self, request, answer, key, _id):
        if answer.status not in OK or "id" not in answer.json():
            return
        ident, name = answer.json()["id"], request.headers.get("Idempotency-Key")
        before = self.names.get((key.secret, name)) if name else None
        if before and before[1] == request.body and before[0] != ident and not self.may_be_gone(before[0]):
            raise Wrong(f"Idempotency-Key {name!r} stood for {before[0]}, now for {ident}")
        if before and before[1] != request.body and before[0] == ident:
            raise Wrong(f"Idempotency-Key {name!r}: another request, the same submission")
        if name:
            self.names[key.secret, name] = (ident, request.body)
        sub = self.add(ident, key, self.dues.get(hashlib.sha256(request.body or b"").digest()))
        self.state(sub, answer.json())

    @staticmethod
    def may_be_gone(ident):
        """Whether it is so old, by the time that its id begins with, that it may have ended and been forgotten. When
        this client heard of it says nothing: the answer may be that of long ago, or may have waited to be read."""
        made_ms = functools.reduce(lambda sum_, c: 32 * sum_ + CROCKFORD.index(c), ident[:10], 0)
        return time.time() - made_ms / 1000 > GONE_S

    def state(self, sub, said):
        """A submission's state as it was told; parts may be missing."""
        status, verdict = said.get("status"), said.get("verdict")
        if status is None or "verdict" not in said:
            return
        if (status in FINAL) != (verdict is not None):
            raise Wrong(f"{sub.id} is {status} with the verdict {verdict}")
        if sub.final and (status, verdict) != sub.final:
            raise Wrong(f"{sub.id} was {sub.final}, now it is {status}, {verdict}")
        if sub.cancelled and status != "cancelled":
            raise Wrong(f"{sub.id} was cancelled, now it is {status}")
        if status == "done" and sub.due and verdict != sub.due:
            raise Wrong(f"{sub.id} is {verdict}, due is {sub.due}: {json.dumps(said)[:1500]}")
        if status in FINAL and sub.final is None:
            self.ends["as was due" if sub.due or sub.cancelled else "of which nothing was known"] += 1
            sub.final = (status, verdict)

    def mine(self, ident, answer, key):
        """The submission that was asked for, where this client made it; checks who may see it."""
        sub = self.submissions.get(ident)
        if sub is None or key is None:
            return None
        if answer.status in OK and sub.key is not None and key is not sub.key and not key.may("admin"):
            raise Wrong(f"{ident} of another key was shown")
        owner = (key is sub.key or key.may("admin")) and not key.revoked
        if answer.status == 404 and owner and not self.may_be_gone(ident):
            raise Wrong(f"{ident} is lost")
        return sub if answer.status in OK else None

    def see_result(self, _request, answer, key, ident):
        sub = self.mine(ident, answer, key)
        if sub is not None:
            self.state(sub, answer.json())

    def see_cancel(self, _request, answer, key, ident):
        sub = self.mine(ident, answer, key)
        if answer.status == 409 and ident in self.submissions and self.submissions[ident].cancelled:
            raise Wrong(f"{ident} was cancelled, now it is finished")
        if sub is not None:
            sub.cancelled = True
            self.state(sub, answer.json())

    def see_list(self, _request, answer, key, _id):
        if answer.status != 200:
            return
        for row in answer.json()["submissions"]:
            sub = self.submissions.get(row["id"])
            if sub is not None:
                self.mine(row["id"], answer, key)
                self.state(sub, row)
        self.cursor(answer)

    def cursor(self, answer):
        text = answer.json().get("next_cursor")
        if text:
            self.cursors = self.cursors[-20:] + [text]
            self.made.append(text)

    def see_listCallbacks(self, _request, answer, _key, _id):
        if answer.status == 200:
            self.cursor(answer)

    def see_rejudge(self, _request, answer, _key, _id):
        if answer.status not in (200, 202):
            return
        for pair in answer.json()["submissions"]:
            if pair.get("id"):
                old = self.submissions.get(pair["rejudge_of"])
                self.add(pair["id"], None, old.due if old else None)
        self.cursor(answer)

    # --- keys ----------------------------------------------------------------------------------------

    def see_newKey(self, _request, answer, _key, _id):
        if answer.status == 201:
            said = answer.json()
            made = self.keys[said["key"]] = Key(said["key"], said["id"], said["scopes"])
            made.bounded = any(v is not None for v in said["quotas"].values())
            self.made += [said["key"], f"/v1/keys/{said['id']}"]

    def key_of(self, number):
        return next((k for k in self.keys.values() if str(k.id) == number), None)

    def see_changeKey(self, _request, answer, _key, number):
        key = self.key_of(number)
        if answer.status == 200 and key is not None:
            if key.revoked:
                raise Wrong(f"key {number} was revoked, and changed")
            key.bounded = any(v is not None for v in answer.json()["quotas"].values())

    def see_revokeKey(self, _request, answer, _key, number):
        key = self.key_of(number)
        if answer.status == 204 and key is not None:
            key.revoked = True
