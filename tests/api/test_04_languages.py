"""Each language that is installed: hello, an error of its compiler, an error at run time."""
import unittest

import service

# id: (a source its compiler or syntax check refuses, a source that fails at run time)
FAULTY = {
    "assembly": ("global _start\n_start: frobnicate rax\n",
                 "global _start\nsection .text\n_start: mov rax, 60\n mov rdi, 3\n syscall\n"),
    "bash": ("if then fi (", "exit 3"),
    "c11": ("int main(void) { return x; }", "int main(void) { return 3; }"),
    "c17": ("int main(void) { return x; }", "#include <stdlib.h>\nint main(void) { abort(); }"),
    "cpp17": ("int main() { return x; }", "int main() { throw 1; }"),
    "cpp20": ("int main() { return x; }", "#include <stdexcept>\nint main() "
              "{ throw std::runtime_error(\"x\"); }"),
    "go": ("package main\nfunc main() { x }", "package main\nfunc main() { panic(\"x\") }"),
    "haskell": ("main = putStrLn 5", "main = error \"x\""),
    "java": ("public class Main { int x = \"s\"; }",
             "public class Main { public static void main(String[] a) { throw new "
             "RuntimeException(); } }"),
    "javascript": ("let = = 5", "throw new Error('x')"),
    "lua": ("x = = 5", "error('x')"),
    "ocaml": ("let x : int = \"s\"", "let () = failwith \"x\""),
    "pascal": ("program x; begin y := 5 end.", "program x; begin halt(3) end."),
    "perl": ("my $x = ;", "die 'x'"),
    "php": ("<?php $x = ;", "<?php throw new Exception('x');"),
    "python3": ("def f(:\n", "raise ValueError('x')"),
    "ruby": ("def f(", "raise 'x'"),
    "rust": ("fn main() { x }", "fn main() { panic!(\"x\") }"),
    "sql": (None, "SELECT nonsense FROM nowhere;"),
}


class Languages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = service.shared()
        cls.rows = {r["id"]: r for r in cls.s.get("/v1/languages").json()["languages"]}
        cls.ids = [i for i, r in cls.rows.items() if r["available"] and i in FAULTY]

    def judge_all(self, sources, **fields):
        """{id: result} of one program in each language."""
        ids = {lang: self.s.accept(language=lang, source=source, **fields)
               for lang, source in sources.items() if source is not None}
        return {lang: self.s.result(ident) for lang, ident in ids.items()}

    def test_list(self):
        """The list names each language with version, or with the package that it lacks"""
        for ident in FAULTY:
            self.assertIn(ident, self.rows)
        for row in self.rows.values():
            self.assertTrue(row["name"])
            if row["available"]:
                self.assertRegex(row["version"], r"\d")
            else:
                self.assertTrue(row["package"])
                self.assertIsNone(row["version"])
        self.assertIs(self.rows["missing"]["available"], False)
        self.assertEqual(self.rows["missing"]["package"], "no-such-package")

    def test_hello(self):
        """Hello is accepted in each language that is installed"""
        status, out, err = self.s.minos("hello", "--json", timeout=120)
        self.assertEqual(status, 0, out + err)
        for lang in self.ids:
            self.assertIn(f'"{lang}"', out)

    def test_compile_errors(self):
        """What a compiler refuses is a compile_error with its words, and runs no test"""
        results = self.judge_all({i: FAULTY[i][0] for i in self.ids}, tests=[{}, {}])
        for lang, r in results.items():
            with self.subTest(lang):
                self.assertEqual(r["verdict"], "compile_error", r)
                self.assertEqual(r["compile"]["verdict"], "compile_error")
                self.assertTrue(r["compile"]["output"], lang)
                self.assertNotEqual(r["compile"]["exit_code"], 0)
                self.assertEqual({t["verdict"] for t in r["tests"]}, {"skipped"})

    def test_runtime_errors(self):
        """What fails at run time is a runtime_error, with the right compile before"""
        results = self.judge_all({i: FAULTY[i][1] for i in self.ids})
        for lang, r in results.items():
            with self.subTest(lang):
                self.assertEqual(r["verdict"], "runtime_error", r)
                if r["compile"] is not None:
                    self.assertEqual(r["compile"]["verdict"], "accepted")

    def test_versions(self):
        """A result names the version that was used"""
        r = self.s.judge(language="python3", source="import platform\n"
                         "print(platform.python_version())")
        self.assertEqual(r["language"]["version"], self.rows["python3"]["version"])
        self.assertEqual(r["tests"][0]["stdout"].strip(), r["language"]["version"])

    def test_java_class(self):
        """A Java class of any name is found"""
        r = self.s.judge(language="java", expected_output="7", source="public class Solution {\n"
                         "  public static void main(String[] a) { System.out.print(7); }\n}\n")
        self.assertEqual(r["verdict"], "accepted", r["compile"])

    def test_java_memory(self):
        """Java without memory is a memory_limit, not a crash"""
        r = self.s.judge(language="java", limits={"memory_bytes": 64 << 20}, source=
                         "public class Main { public static void main(String[] a) {\n"
                         " var l = new java.util.ArrayList<byte[]>();\n"
                         " while (true) l.add(new byte[1 << 20]); } }\n")
        self.assertEqual(r["verdict"], "memory_limit", r["tests"])


if __name__ == "__main__":
    unittest.main()
