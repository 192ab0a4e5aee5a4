"""The hostile programs: reading their headers, building them on the host, what each is run by."""
import hashlib
import os
import re
import subprocess
import threading

CHAPTERS = ("namespaces", "files", "credentials", "resources", "collector", "compile")
HEADER_LINES = 24
FIELD = re.compile(r"^\W*(tries|layer|expect|stage|twice|stdin|limits|via|answer|known):\s*(.*?)\s*(\*/)?$")

# What `minos run` gets unless the header says otherwise; the service gets the same.
LIMITS = {"cpu_time_ms": 1000, "wall_time_ms": 2500, "memory_bytes": 64 << 20, "process_count": 16,
          "output_bytes": 1 << 20, "file_bytes": 16 << 20, "stack_bytes": 8 << 20}
# A slow machine, such as an emulated one, gets so many times the time. Programs that look whether a limit
# of time holds watch the clock themselves, for at least four times as long as their limit.
SLOWNESS = max(1, int(os.environ.get("MINOS_TEST_SLOWNESS", "1")))
WATCHED_MAX = 4
# What attacks nothing but these layers takes all the time it is given: it need not have more on a slow machine.
BOMB_LAYERS = {"cpu", "memory", "wall", "files", "output", "pids"}
CEILINGS = {"cpu_time_ms": 120_000, "wall_time_ms": 300_000}
COMPILE_LIMITS = {"cpu_time_ms": 6000, "wall_time_ms": 9000, "memory_bytes": 512 << 20,
                  "process_count": 64, "output_bytes": 1 << 20, "file_bytes": 64 << 20,
                  "stack_bytes": 64 << 20}


def compile_limits():
    """The service's, for every program."""
    return {k: min(v * SLOWNESS, CEILINGS[k]) if k in CEILINGS else v for k, v in COMPILE_LIMITS.items()}


class Kind:
    """How programs with one suffix are submitted, compiled, and run by `minos run`."""

    def __init__(self, language, source, run, compile_=None, host=None, extra=None):
        self.language, self.source, self.run = language, source, run
        self.compile, self.host, self.extra = compile_, host, extra or {}


def _gcc(compiler, standard, source):
    return [compiler, f"-std={standard}", "-O2", "-static", "-pipe", "-o", "program", source, "-lm"]


JAVA = ["-XX:+UseSerialGC", "-XX:ActiveProcessorCount=1", "-XX:-UsePerfData",
        "-XX:ReservedCodeCacheSize=64m", "-XX:TieredStopAtLevel=1"]
JAVAC = ["javac"] + ["-J" + o for o in JAVA] + ["-J-Xmx200m", "-d", "."]
KINDS = {
    "c": Kind("c17", "main.c", ["./program"], _gcc("gcc", "gnu17", "main.c"), "gcc"),
    "cpp": Kind("cpp17", "main.cpp", ["./program"], _gcc("g++", "gnu++17", "main.cpp"), "g++"),
    "rs": Kind("rust", "main.rs", ["./program"],
               ["/usr/bin/rustc", "--edition=2021", "-C", "opt-level=2", "-o", "program", "main.rs"],
               "rustc"),
    "asm": Kind("assembly", "main.asm", ["./program"],
                ["sh", "-c", "nasm -f elf64 -o program.o main.asm && ld -o program program.o"], "nasm"),
    "hs": Kind("haskell", "Main.hs", ["./program"], ["ghc", "-v0", "-o", "program", "Main.hs"], "ghc"),
    "go": Kind("go", "main.go", ["./program"], ["go", "vet", "main.go"], "go"),
    "java": Kind("java", "Main.java", ["java"] + JAVA + ["-Xmx48m", "Main.java"], JAVAC + ["Main.java"],
                 None, {"memory_bytes": 224 << 20, "process_count": 32, "cpu_time_ms": 4000,
                        "wall_time_ms": 6000}),
    "py": Kind("python3", "main.py", ["/usr/bin/python3", "main.py"],
               ["/usr/bin/python3", "-m", "py_compile", "main.py"]),
    "sh": Kind("bash", "main.sh", ["bash", "main.sh"], ["bash", "-n", "main.sh"]),
    "pl": Kind("perl", "main.pl", ["perl", "main.pl"], ["perl", "-c", "main.pl"]),
    "rb": Kind("ruby", "main.rb", ["/usr/bin/ruby", "main.rb"], ["/usr/bin/ruby", "-c", "main.rb"]),
    "js": Kind("javascript", "main.js", ["node", "--v8-pool-size=1", "main.js"],
               ["node", "--check", "main.js"], None, {"memory_bytes": 96 << 20, "process_count": 16}),
    # Its compile step is the program itself, and all it leaves is collected: languages/build.yaml.
    "build": Kind("hostile-build", "main.build", ["sh", "main.build"], ["sh", "main.build"]),
}


class Program:
    def __init__(self, path, root):
        self.path = path
        self.name = os.path.splitext(os.path.relpath(path, root))[0]
        self.chapter = self.name.split(os.sep)[0]
        self.kind = KINDS[os.path.splitext(path)[1][1:]]
        self.fields = {}
        with open(path, encoding="utf-8") as f:
            self.source = f.read()
        for line in self.source.splitlines()[:HEADER_LINES]:
            found = FIELD.match(line)
            if found:
                self.fields.setdefault(found[1], found[2])
        missing = [k for k in ("tries", "layer", "expect") if k not in self.fields]
        if missing:
            raise ValueError(f"{path}: header lacks {', '.join(missing)}")
        self.tries = self.fields["tries"]
        self.layers = self.fields["layer"].replace(",", " ").split()
        self.expect = self.fields["expect"].replace(",", " ").split()
        self.compile_stage = self.fields.get("stage") == "compile"
        # `known: single|rootless REASON`: what gets out where an ordinary user (without subordinate ids) started it.
        self.known, _, self.known_reason = self.fields.get("known", "").partition(" ")
        self.twice = self.fields.get("twice") == "yes"
        self.via = self.fields.get("via", "http run").split()
        self.stdin = self.fields.get("stdin", "")
        if re.fullmatch(r"\d+[KM]", self.stdin):  # so many bytes of "x"
            self.stdin = "x" * (int(self.stdin[:-1]) << {"K": 10, "M": 20}[self.stdin[-1]])
        self.given = {}
        for item in self.fields.get("limits", "").split():
            key, value = item.split("=")
            self.given[key] = int(value)
        if not set(self.given) <= set(LIMITS):
            raise ValueError(f"{path}: unknown limit in {self.given}")

    def limits(self):
        limits = {**LIMITS, **self.given}
        for key in CEILINGS:
            limits[key] *= min(SLOWNESS, WATCHED_MAX) if key in self.given else SLOWNESS
        return limits

    def run_limits(self):
        """As the service adds a runtime's own needs; for the compile stage those of compilers."""
        if self.compile_stage:
            return COMPILE_LIMITS if set(self.layers) <= BOMB_LAYERS else compile_limits()
        limits = self.limits()
        for key, value in self.kind.extra.items():
            limits[key] = max(limits[key], value) if key.endswith("_ms") else limits[key] + value
        return limits


def load(root, only=None):
    programs = []
    for chapter in CHAPTERS:
        folder = os.path.join(root, chapter)
        for name in sorted(os.listdir(folder)):
            if os.path.splitext(name)[1][1:] in KINDS:
                programs.append(Program(os.path.join(folder, name), root))
    if only:
        programs = [p for p in programs if any(o in p.name for o in only)]
    return programs


class Builder:
    """Compiles programs on the host, once each, into a cache."""

    def __init__(self, cache, header):
        self.cache, self.header = cache, header
        os.makedirs(cache, exist_ok=True)
        with open(header, "rb") as f:
            self.header_text = f.read()

    def command(self, program, out):
        compiler = program.kind.host
        if compiler == "rustc":
            return ["/usr/bin/rustc", "--edition=2021", "-o", out, program.path]
        if compiler == "ghc":
            return ["ghc", "-v0", "-outputdir", out + ".d", "-o", out, program.path]
        if compiler == "go":
            return ["go", "build", "-o", out, program.path]
        if compiler == "nasm":
            return ["sh", "-c", 'nasm -f elf64 -o "$1.o" "$2" && ld -o "$1" "$1.o" && rm "$1.o"', "sh",
                    out, program.path]
        return [compiler, "-O1", "-static", "-pipe", "-I", os.path.dirname(self.header), "-o", out,
                program.path, "-lm"]

    def executable(self, program):
        text = self.header_text + program.source.encode() + str(program.kind.host).encode()
        out = os.path.join(self.cache, program.name.replace(os.sep, "-") + "-" +
                           hashlib.sha256(text).hexdigest()[:16])
        if not os.path.exists(out):
            new = f"{out}.{threading.get_ident()}"  # two may want the same at once
            # Not into /tmp, where a compiler's own files would be taken for leftovers.
            done = subprocess.run(self.command(program, new), capture_output=True, text=True, check=False,
                                  env={**os.environ, "TMPDIR": self.cache})
            if done.returncode != 0:
                raise RuntimeError(f"{program.name}: does not compile:\n{done.stderr[:2000]}")
            os.rename(new, out)
        return out
