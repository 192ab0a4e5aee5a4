"""contract.py - what server/openapi.json promises, held against what the service really answers.

Every request of every test goes through check(): the operation must be documented, and so must the
status, the media type and each member of the answer, with its type; a member that is documented as
required must be there. A body that was accepted must be one that the document allows.

The part of JSON Schema that the document uses is interpreted here, and a keyword that is not is an
error, so that nothing is documented without being held against the service.
"""
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ANNOTATIONS = {"description", "default", "examples", "contentEncoding", "title"}
TYPES = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) or (isinstance(v, float) and v.is_integer())) and
    not isinstance(v, bool),
}
FORMATS = {"date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")}
BOUNDS = {  # keyword: (what it is about, what it measures, whether the bound holds)
    "minimum": ("number", lambda v: v, lambda n, b: n >= b),
    "maximum": ("number", lambda v: v, lambda n, b: n <= b),
    "minLength": ("string", len, lambda n, b: n >= b),
    "maxLength": ("string", len, lambda n, b: n <= b),
    "minItems": ("array", len, lambda n, b: n >= b),
    "maxItems": ("array", len, lambda n, b: n <= b),
    "minProperties": ("object", len, lambda n, b: n >= b),
    "maxProperties": ("object", len, lambda n, b: n <= b),
}
KEYWORDS = {"$ref", "type", "format", "enum", "const", "properties", "required", "items", "anyOf",
            "oneOf", "allOf", "additionalProperties", *ANNOTATIONS, *BOUNDS}


def without_nulls(value):
    """In a request, a member that is null counts as absent."""
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


class Contract:
    def __init__(self, doc):
        self.doc = doc
        self.paths = [(re.compile(re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(p))), item)
                      for p, item in doc["paths"].items()]
        self.asked = set()  # (method, path, status) that were seen

    def follow(self, node):
        while "$ref" in node:
            at = self.doc
            for part in node["$ref"][2:].split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = {**at, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    # --- schemas ---------------------------------------------------------------------------------

    def faults(self, schema, value, where="body", partial=False):
        """What does not fit, as texts. partial: members that are required may be missing."""
        schema = self.follow(schema)
        unknown = set(schema) - KEYWORDS
        if unknown:
            raise AssertionError(f"contract.py does not know {unknown}")
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(TYPES[k](value) for k in kinds):
            return [f"{where}: {value!r:.80} is no {' or '.join(kinds)}"]
        found = []
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{where}: {value!r:.80} is none of {schema['enum']}")
        if "const" in schema and value != schema["const"]:
            found.append(f"{where}: {value!r:.80} is not {schema['const']!r}")
        form = FORMATS.get(schema.get("format"))
        if form and isinstance(value, str) and not form.fullmatch(value):
            found.append(f"{where}: {value!r:.80} is no {schema['format']}")
        for name, (kind, measure, holds) in BOUNDS.items():
            if name in schema and TYPES[kind](value) and not holds(measure(value), schema[name]):
                found.append(f"{where}: {value!r:.80} against {name} {schema[name]}")
        for part in schema.get("allOf", []):
            found += self.faults(part, value, where, partial)
        for name in ("anyOf", "oneOf"):
            if name in schema:
                found += self._one_of(name, schema[name], value, where, partial)
        if isinstance(value, dict):
            found += self._object(schema, value, where, partial)
        if isinstance(value, list) and "items" in schema:
            for i, item in enumerate(value):
                found += self.faults(schema["items"], item, f"{where}[{i}]", partial)
        return found

    def _one_of(self, name, parts, value, where, partial):
        bad = [self.faults(p, value, where, partial) for p in parts]
        fit = sum(not b for b in bad)
        if fit == 1 or (name == "anyOf" and fit):
            return []
        return min(bad, key=len) if not fit else [f"{where}: fits {fit} of {name}"]

    def _object(self, schema, value, where, partial):
        found = []
        if not partial:
            found += [f"{where}.{n}: missing" for n in schema.get("required", []) if n not in value]
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", not known)
        for name, member in value.items():
            if name in known:
                found += self.faults(known[name], member, f"{where}.{name}", partial)
            elif isinstance(others, dict):
                found += self.faults(others, member, f"{where}.{name}", partial)
            elif not others:
                found.append(f"{where}.{name}: not documented")
        return found

    # --- exchanges -------------------------------------------------------------------------------

    def operation(self, method, path):
        plain = path.split("?")[0]
        for form, item in self.paths:
            if form.fullmatch(plain):
                return item.get(method.lower())
        return None

    def check(self, method, path, body, answer):
        """Raise AssertionError when this exchange is not as documented."""
        if method in ("HEAD", "OPTIONS"):
            return
        found = []
        operation = self.operation(method, path)
        if operation is None:
            responses = {"404": {"$ref": "#/components/responses/NotFound"},
                         "405": {"$ref": "#/components/responses/Method"}}
        else:
            responses = operation["responses"]
            self.asked.add((operation["operationId"], answer.status))
        documented = responses.get(str(answer.status))
        if documented is None or answer.status == 500:  # documented, but a fault of ours
            found.append(f"status {answer.status}")
        else:
            found = self._response(self.follow(documented), path, answer)
        if operation is not None and answer.status in (200, 201, 202) and "requestBody" in operation:
            found += self._request(operation["requestBody"], body)
        if found:
            raise AssertionError(f"{method} {path:.200} is not as server/openapi.json says: "
                                 f"{'; '.join(found[:5])}; {answer}")

    def _response(self, documented, path, answer):
        missing = [f"header {n} is missing" for n, h in documented.get("headers", {}).items()
                   if h.get("required") and n not in answer.headers]
        content = documented.get("content", {})
        media = (answer.headers.get("Content-Type") or "").split(";")[0]
        if not content:
            return missing + (["a body is not documented"] if answer.body else [])
        if media not in content:
            return missing + [f"media type {media!r} is not documented"]
        if not media.endswith("json"):
            return missing
        partial = "fields=" in path
        return missing + self.faults(content[media]["schema"], answer.json(), partial=partial)

    def _request(self, documented, body):
        schema = documented["content"]["application/json"]["schema"]
        if not body and not documented.get("required", False):
            return []
        return self.faults(schema, without_nulls(json.loads(body)), "request")


def load():
    with open(os.path.join(ROOT, "server", "openapi.json"), encoding="utf-8") as f:
        return Contract(json.load(f))
