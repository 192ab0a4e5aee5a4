"""Outputs: raw, in base64 where they are no text, head and tail where they are long."""
import unittest

import service

ECHO = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())"
KEPT = 65536


class Outputs(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def raw(self, r, test=1, name="stdout"):
        return self.s.get(f"/v1/submissions/{r['id']}/tests/{test}/{name}")

    def test_text(self):
        """Text comes back as it was written, both streams apart"""
        r = self.s.judge(language="bash", source="printf 'a\\tb\\n'; printf 'c\u00e9' >&2")
        t = r["tests"][0]
        self.assertEqual((t["stdout"], t["stderr"]), ("a\tb\n", "c\u00e9"))
        self.assertEqual((t["stdout_bytes"], t["stderr_bytes"], t["output_bytes"]), (4, 3, 7))
        self.assertEqual(self.raw(r).body, b"a\tb\n")
        self.assertEqual(self.raw(r, name="stderr").body, "c\u00e9".encode())

    def test_binary(self):
        """Every byte comes back raw, and in base64 in the result"""
        data = bytes(range(256)) * 3
        r = self.s.judge(language="python3", source=ECHO, stdin={"base64": _b64(data)})
        t = r["tests"][0]
        self.assertEqual(list(t["stdout"]), ["base64"])
        self.assertEqual(service.text_of(t["stdout"]), data)
        got = self.raw(r)
        self.assertEqual((got.status, got.body), (200, data))
        self.assertEqual(got.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(got.headers["Minos-Output-Truncated"], "false")
        self.assertEqual(got.headers["X-Content-Type-Options"], "nosniff")

    def test_nul(self):
        """A NUL byte is text, in and out"""
        r = self.s.judge(language="python3", source=ECHO, stdin="a\0b", expected_output="a\0b",
                         comparer={"type": "exact"})
        self.assertEqual((r["verdict"], r["tests"][0]["stdout"]), ("accepted", "a\0b"))

    def test_source_in_base64(self):
        """Source, input and expected output may come in base64"""
        r = self.s.judge(language="python3", source={"base64": _b64(ECHO.encode())},
                         stdin={"base64": _b64(b"hi")}, expected_output={"base64": _b64(b"hi")})
        self.assertEqual((r["verdict"], r["tests"][0]["stdout"]), ("accepted", "hi"))

    def test_source_not_utf8(self):
        """A source that is not UTF-8 is judged"""
        source = b'#include <stdio.h>\nint main(void){puts("\xe9\xff");return 0;}\n'
        r = self.s.judge(language="c17", source={"base64": _b64(source)})
        self.assertEqual(service.text_of(r["tests"][0]["stdout"]), b"\xe9\xff\n")

    def test_compiler_not_utf8(self):
        """A compiler whose message is not UTF-8 fails nothing"""
        source = b"int main(void){return \xff\xfe\xe9;}\n"
        r = self.s.judge(language="c17", source={"base64": _b64(source)})
        self.assertEqual(r["verdict"], "compile_error")
        self.assertTrue(service.text_of(r["compile"]["output"]))

    def test_long(self):
        """A long output keeps head and tail, and says how long it was"""
        r = self.s.judge(language="python3", source="import sys\nfor i in range(100000):"
                         " sys.stdout.write(f'{i:06}\\n')")
        t = r["tests"][0]
        self.assertEqual((r["verdict"], t["stdout_bytes"]), ("accepted", 700000))
        self.assertIs(t["stdout_truncated"], True)
        head = t["stdout_head_bytes"]
        self.assertTrue(t["stdout"].startswith("000000\n000001\n"))
        self.assertTrue(t["stdout"].endswith("099998\n099999\n"))
        got = self.raw(r)
        self.assertEqual(len(got.body), KEPT)
        self.assertEqual(got.headers["Minos-Output-Bytes"], "700000")
        self.assertEqual(got.headers["Minos-Output-Truncated"], "true")
        self.assertEqual(got.headers["Minos-Output-Head-Bytes"], str(head))
        whole = "".join(f"{i:06}\n" for i in range(100000)).encode()
        self.assertEqual(got.body[:head], whole[:head])
        self.assertEqual(got.body[head:], whole[len(whole) - (KEPT - head):])

    def test_cut_within_a_character(self):
        """A long text stays a text, wherever the cut falls"""
        for shift in range(3):
            r = self.s.judge(language="python3", source="import sys\n"
                             f"sys.stdout.write('x' * {shift} + '\u20ac' * 100000)")
            t = r["tests"][0]
            self.assertIs(type(t["stdout"]), str)
            self.assertEqual(set(t["stdout"]), {"x", "\u20ac"} if shift else {"\u20ac"})

    def test_as_long_as_kept(self):
        """An output of just the kept size is whole, one byte more is not"""
        for size, cut in ((KEPT, False), (KEPT + 1, True)):
            r = self.s.judge(language="python3", source=f"print('x' * {size}, end='')")
            self.assertIs(r["tests"][0]["stdout_truncated"], cut)
            self.assertEqual(len(self.raw(r).body), KEPT)

    def test_none(self):
        """An empty output is an empty string, and there is none of a test that is not there"""
        r = self.s.judge(language="bash", source="true")
        self.assertEqual(r["tests"][0]["stdout"], "")
        got = self.raw(r)
        self.assertEqual((got.status, got.body), (200, b""))
        for test in (0, 2, -1, "x", 10 ** 30):
            self.assertEqual(self.raw(r, test).status, 404)

    def test_large_input(self):
        """An input of 20 MB arrives whole"""
        r = self.s.judge(language="python3", stdin="0123456789\n" * 1900000, source="import sys\n"
                         "print(len(sys.stdin.buffer.read()))", expected_output="20900000",
                         limits={"cpu_time_ms": 10000})
        self.assertEqual(r["verdict"], "accepted", r["tests"])

    def test_head_request(self):
        """HEAD answers like GET, without a body"""
        r = self.s.judge(language="bash", source="echo hello")
        got = self.s.request("HEAD", f"/v1/submissions/{r['id']}/tests/1/stdout")
        self.assertEqual((got.status, got.body, got.headers["Content-Length"]), (200, b"", "6"))


def _b64(data):
    return service.base64.b64encode(data).decode()


if __name__ == "__main__":
    unittest.main()
