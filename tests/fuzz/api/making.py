"""making.py - values by the schemas of server/openapi.json: right ones, wrong ones, and right ones with one thing
changed. All chance comes from the one generator that is passed in."""
import base64
import copy
import json

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
ODD_TEXTS = ("", " ", "\u0000", "\u00e9" * 300, "../x", "/", "a\nb", "\ud800", "\U0001f600", "x" * 5000, "%", "%00", "null",
             "0", "-1", "1e400", "'; --", "\u202e", "a" * 256, "${sources}", "\r\nX: y")
ODD_NUMBERS = (0, -1, 1, 1.5, 1e300, -1e300, 5e-324, 2 ** 31, 2 ** 53 + 1, 2 ** 63 - 1, 2 ** 63, -2 ** 63, 2 ** 64, 10 ** 30)
ODD = (None, True, False, [], {}, [[]], [None], {"": ""}, {"base64": "=="}, {"base64": "a"}, {"base64": 1}, [{}],
       {"a": {"a": {"a": {}}}})
ODD_NAMES = ("x", "", "limits", "tests", "stdin", "base64", "\u0000k", "a" * 300, "__proto__", "id")
RARE = 0.3  # of the members that may be left out, how many are there


def odd(chance):
    """Any value at all."""
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(ODD_TEXTS)
    if kind < 0.75:
        return chance.choice(ODD_NUMBERS)
    return copy.deepcopy(chance.choice(ODD))


def odd_text(chance):
    """Any value, as it can stand in a path or a parameter."""
    return str(odd(chance)).encode("utf-8", "replace").decode()


def word(chance, low=1, high=12):
    return "".join(chance.choices(LETTERS, k=chance.randint(low, max(low, min(high, low + 12)))))


class Maker:
    """contract: of tests/api/contract.py; known: {member's name: function(chance) for a value that means something}."""

    def __init__(self, contract, known):
        self.contract, self.known = contract, known

    def value(self, schema, chance, name=""):
        """One that the schema allows."""
        if name in self.known and chance.random() < 0.95:
            return self.known[name](chance)
        schema = self.contract.follow(schema)
        for both in ("allOf", "anyOf", "oneOf"):
            if both in schema and "properties" not in schema:
                return self.value(chance.choice(schema[both]), chance)
        if "enum" in schema:
            return chance.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type", "object")
        kind = chance.choice(kind) if isinstance(kind, list) else kind
        return getattr(self, "_" + kind)(schema, chance)

    def _null(self, _schema, _chance):
        return None

    def _boolean(self, _schema, chance):
        return chance.random() < 0.5

    def _integer(self, schema, chance):
        low = schema.get("minimum", -1000)
        high = schema.get("maximum", max(low, 10 ** 6))
        return chance.choice((low, high, chance.randint(low, high), min(high, low + chance.randint(0, 10))))

    def _number(self, schema, chance):
        return chance.choice((schema.get("minimum", 0), chance.random(), 1e-9, 1, 0.5))

    def _string(self, schema, chance):
        if schema.get("format") == "date-time":
            return f"20{chance.randint(20, 40)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T12:00:00Z"
        if schema.get("contentEncoding") == "base64":
            return base64.b64encode(chance.randbytes(chance.randint(0, 30))).decode()
        low = schema.get("minLength", 0)
        return word(chance, low, schema.get("maxLength", 12))

    def _array(self, schema, chance):
        low = schema.get("minItems", 0)
        count = chance.randint(low, min(schema.get("maxItems", 4), low + 3))
        return [self.value(schema["items"], chance) for _ in range(count)]

    def _object(self, schema, chance):
        made, must = {}, set(schema.get("required", ()))
        for choice in ("oneOf", "anyOf"):  # such as: one of two members is needed
            if choice in schema:
                must |= set(chance.choice(schema[choice]).get("required", ()))
        alone = {n for part in schema.get("oneOf", ()) for n in part.get("required", ())} - must
        for name, part in schema.get("properties", {}).items():
            if name in must or (name not in alone and chance.random() < RARE):
                made[name] = self.value(part, chance, name)
        if isinstance(schema.get("additionalProperties"), dict):
            for _ in range(chance.randint(schema.get("minProperties", 0), 2)):
                made[word(chance)] = self.value(schema["additionalProperties"], chance)
        elif not schema.get("properties") and chance.random() < 0.7:
            made[word(chance)] = odd(chance)
        return made


def places(value):
    """(container, key) of everything inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield value, key
        yield from places(part)


def bend(value, chance, keep=("callback_url",)):
    """Change, remove or add one thing; what lies at a name of `keep` stays as it is."""
    found = [p for p in places(value) if p[1] not in keep]
    if not found:
        return
    where, key = chance.choice(found)
    way = chance.random()
    if way < 0.55:
        where[key] = odd(chance)
    elif way < 0.7:
        del where[key]
    elif way < 0.8 and isinstance(where[key], (int, float)):
        where[key] += chance.choice((-1, 1, 0.5))
    elif isinstance(where, dict):
        where[chance.choice(ODD_NAMES)] = odd(chance)
    else:
        where.append(odd(chance))


def text_of(value):
    """As JSON; what cannot be written as UTF-8 is written in escapes."""
    return json.dumps(value).encode()


def spoil(data, chance):
    """Bytes with a few of them changed, cut off or doubled."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        if not data:
            break
        at, way = chance.randrange(len(data)), chance.random()
        if way < 0.5:
            data[at] = chance.randrange(256)
        elif way < 0.7:
            del data[at:at + chance.randint(1, 8)]
        elif way < 0.85:
            data[at:at] = chance.randbytes(chance.randint(1, 4))
        else:
            data[at:at] = data[at:at + 30]
    return bytes(data)
