"""Comparers, as they are seen through the API."""
import unittest

import service

# (comparer, expected, printed, verdict)
ROWS = [
    ({"type": "lines"}, "a\nb\n", "a  \nb\n\n\n", "accepted"),
    ({"type": "lines"}, "a\nb", "a\nb\n", "accepted"),
    ({"type": "lines"}, "a\r\nb\r\n", "a\nb\n", "accepted"),
    ({"type": "lines"}, "a\nb\n", " a\nb\n", "presentation_error"),
    ({"type": "lines"}, "a\nb\n", "a\n\nb\n", "presentation_error"),
    ({"type": "lines"}, "a\nb\n", "A\nb\n", "wrong_answer"),
    ({"type": "lines", "case_sensitive": False}, "a\nb\n", "A\nB\n", "accepted"),
    ({"type": "lines"}, "a\nb\n", "a\n", "wrong_answer"),
    ({"type": "lines"}, "a\n", "a\nb\n", "wrong_answer"),
    ({"type": "lines"}, "", "", "accepted"),
    ({"type": "lines"}, "", "x", "wrong_answer"),
    ({"type": "lines"}, "x", "", "wrong_answer"),
    ({"type": "exact"}, "a\n", "a\n", "accepted"),
    ({"type": "exact"}, "a\n", "a", "presentation_error"),
    ({"type": "exact"}, "a b", "a  b", "presentation_error"),
    ({"type": "exact"}, "a", "b", "wrong_answer"),
    ({"type": "tokens"}, "1 2 3", "1\n2\n\n   3", "accepted"),
    ({"type": "tokens"}, "1 2 3", "1 23", "wrong_answer"),
    ({"type": "tokens", "case_sensitive": False}, "Yes", "YES", "accepted"),
    ({"type": "floats"}, "0.333333333", "0.3333333334", "accepted"),
    ({"type": "floats"}, "1", "1.1", "wrong_answer"),
    ({"type": "floats", "absolute": 0.1}, "1", "1.09", "accepted"),
    ({"type": "floats", "absolute": 0.1}, "1000", "1000.2", "wrong_answer"),
    ({"type": "floats", "relative": 0.001}, "1000", "1000.9", "accepted"),
    ({"type": "floats", "relative": 0.001}, "1000", "1001.1", "wrong_answer"),
    ({"type": "floats", "absolute": 0.01}, "x 1e3 -0", "x 1000 0.0", "accepted"),
    ({"type": "floats", "absolute": 1e300}, "1", "nan", "wrong_answer"),
    ({"type": "floats", "absolute": 1e300}, "1", "inf", "wrong_answer"),
    ({"type": "floats", "absolute": 1}, "1 2", "1", "wrong_answer"),
]


class Comparing(unittest.TestCase):
    def setUp(self):
        self.s = service.shared()

    def test_rows(self):
        """Each comparer decides each row of the table as documented"""
        source = "import sys\nsys.stdout.write(sys.stdin.read())"
        ids = [self.s.accept(language="python3", source=source, comparer=c, stdin=printed,
                             expected_output=expected) for c, expected, printed, _ in ROWS]
        for row, ident in zip(ROWS, ids):
            with self.subTest(str(row)):
                self.assertEqual(self.s.result(ident)["verdict"], row[3])

    def test_default(self):
        """Without a comparer white space at the ends of lines does not count"""
        r = self.s.judge(language="bash", source="echo 'a '", expected_output="a")
        self.assertEqual(r["verdict"], "accepted")

    def test_no_expectation(self):
        """Without an expected output any is accepted"""
        r = self.s.judge(language="bash", source="echo $RANDOM")
        self.assertEqual(r["verdict"], "accepted")

    def test_binary(self):
        """Bytes that are no text are compared as they are"""
        raw = {"base64": "AP+A/wD+"}
        source = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())"
        for kind in ("exact", "lines", "tokens"):
            r = self.s.judge(language="python3", source=source, stdin=raw, expected_output=raw,
                             comparer={"type": kind})
            self.assertEqual(r["verdict"], "accepted", kind)
        r = self.s.judge(language="python3", source=source, stdin=raw,
                         expected_output={"base64": "AP+A/wD/"}, comparer={"type": "exact"})
        self.assertEqual(r["verdict"], "wrong_answer")

    def test_large(self):
        """Outputs far larger than what is kept are compared whole"""
        text = "".join(f"{i}\n" for i in range(500000))
        source = "for i in range(500000): print(i)"
        time_enough = {"cpu_time_ms": 30000, "wall_time_ms": 60000}
        r = self.s.judge(language="python3", source=source, expected_output=text, limits=time_enough)
        self.assertEqual(r["verdict"], "accepted", r["tests"][0]["message"])
        r = self.s.judge(language="python3", source=source, limits=time_enough,
                         expected_output=text.replace("\n400000\n", "\n400001\n"))
        self.assertEqual(r["verdict"], "wrong_answer")
        self.assertIn("line 400001", r["tests"][0]["message"])

    def test_endless(self):
        """A program that writes wrong lines for ever is an output_limit: that comes first"""
        r = self.s.judge(language="c17", expected_output="no\n", source="#include <stdio.h>\n"
                         "int main(void){for(;;)puts(\"yes\");}")
        self.assertEqual(r["verdict"], "output_limit")

    def test_wrong_and_failed(self):
        """A program whose output is wrong and that fails is a runtime_error: that comes first"""
        r = self.s.judge(language="bash", source="echo yes; exit 3", expected_output="no")
        self.assertEqual(r["verdict"], "runtime_error")


if __name__ == "__main__":
    unittest.main()
