"""The two ways to run a program: submitted to a service over HTTP, and by `minos run`."""
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

from corpus import SLOWNESS, compile_limits

READY_S, RUN_S, STOP_S = 90 * SLOWNESS, 60 * SLOWNESS, 30 * SLOWNESS
CAUSES = {"cpu": "time_limit", "wall": "time_limit", "idle": "idle_limit", "memory": "memory_limit",
          "output": "output_limit", "processes": "process_limit", "seccomp": "security_violation"}


class Answer:
    """What came of one run: the verdict and every text the submitter gets to see."""

    def __init__(self, verdict, text):
        self.verdict, self.text = verdict, text


def texts(value):
    """Every text of a result, what is no UTF-8 decoded from its base64."""
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            yield base64.b64decode(value["base64"]).decode(errors="replace")
        else:
            for key, below in value.items():
                yield from (f"{key}: {text}" for text in texts(below))
    elif isinstance(value, list):
        for below in value:
            yield from texts(below)
    elif value is not None:
        yield str(value)


class HttpLane:
    name = "http"

    def __init__(self, stage, starter, machine, programs=None, environment=None):
        self.stage, self.starter, self.machine = stage, starter, machine
        home = os.path.join(stage.work, f"service-{starter.first_id}")
        os.mkdir(home)
        starter.own(home)
        self.data = os.path.join(home, "data")
        self.log = open(os.path.join(stage.work, f"service-{starter.first_id}.log"), "w", encoding="utf-8")
        settings = {"worker.slots": 2, "worker.groundwork": "false", **starter.settings(),
                    "worker.languages_dir": os.path.join(stage.repo, "tests/hostile/languages")}
        settings.update({f"compile_limits.{k}": v for k, v in compile_limits().items()})
        argv = [os.path.join(programs or stage.build, "minos"), "up", "--listen", "127.0.0.1:0", "--data",
                self.data]
        for key, value in settings.items():
            unit = "ms" if key.endswith("_ms") else ""
            argv += ["--set", f"{key}={value}{unit}"]
        languages = stage.more.get("languages", os.path.join(stage.repo, "deploy/languages"))
        self.process = starter.popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True,
            cwd="/", env={**stage.environment, **(environment or {}), "MINOS_LANGUAGES": languages})
        self.url = self.wait_ready()
        with open(os.path.join(self.data, "admin.key"), encoding="ascii") as f:
            self.key = f.read().strip()
        stage.canaries.known("admin-key", self.key)
        _, answer = self.ask("GET", "/v1/languages")
        self.languages = {x["id"] for x in answer["languages"] if x["available"]}

    def can(self, program):
        return program.kind.language in self.languages

    def wait_ready(self):
        line = []
        reader = threading.Thread(target=lambda: line.append(self.process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(READY_S)
        if not line or not line[0].startswith("ready "):
            self.stop()
            with open(self.log.name, encoding="utf-8") as f:
                raise RuntimeError(f"the service did not start:\n{f.read()[-3000:]}")
        return urllib.parse.urlsplit(line[0].split()[1])

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=RUN_S)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def submission(self, program):
        files = {program.kind.source: program.source}
        if program.kind.source.endswith((".c", ".cpp")):
            files["hostile.h"] = program.header
        body = {"language": program.kind.language, "files": files, "limits": program.limits(),
                "stdin": program.stdin}
        if "answer" in program.fields:
            body["expected_output"] = self.stage.canaries.texts["answer"] + "\n"
        return body

    def run(self, program):
        status, result = self.ask("POST", "/v1/submissions?wait=30", self.submission(program))
        deadline = time.monotonic() + RUN_S
        while status in (200, 201, 202) and not result.get("verdict") and time.monotonic() < deadline:
            status, result = self.ask("GET", f"/v1/submissions/{result['id']}?wait=10")
        if status not in (200, 201, 202) or not result.get("verdict"):
            return Answer(f"no_answer ({status})", json.dumps(result))
        result.pop("files", None)
        return Answer(result["verdict"], "\n".join(texts(result)))

    def healthy(self):
        """None, or what is wrong with the service itself."""
        if self.process.poll() is not None:
            return "the service has ended"
        self.machine.note_keepers(self.process.pid)
        status, _ = self.ask("GET", "/v1/languages")
        return None if status == 200 else f"the service answers {status}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "killed: it did not stop"
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)
        return status


class BoxLane:
    name = "run"

    def __init__(self, stage, starter, machine, builder, box=None, environment=None, options=()):
        self.stage, self.starter, self.machine, self.builder = stage, starter, machine, builder
        self.box = box or os.path.join(stage.build, "minos-box")
        self.environment, self.options = environment or {}, list(options)

    @staticmethod
    def can(program):
        commands = [program.kind.compile[0] if program.compile_stage else program.kind.run[0]]
        commands += [program.kind.host] if program.kind.host else []
        return all(c == "./program" or shutil.which(c) for c in commands)

    def command(self, program, folder):
        files = {program.kind.source: program.path}
        command = program.kind.run
        if program.compile_stage:
            command = program.kind.compile
            files["hostile.h"] = self.builder.header
        elif program.kind.host:
            files = {"program": self.builder.executable(program)}
        argv = [self.box, "run", "--json", "--report", os.path.join(folder, "report")] + self.options
        for key, value in self.starter.settings().items():
            argv += ["--set", f"{key}={value}"]
        for name, path in files.items():
            argv += ["--file", f"{name}={path}"]
        option = {"cpu_time_ms": "time", "wall_time_ms": "wall", "memory_bytes": "memory",
                  "process_count": "processes", "output_bytes": "output", "file_bytes": "files",
                  "stack_bytes": "stack"}
        for key, value in program.run_limits().items():
            argv += [f"--{option[key]}", f"{value}{'ms' if key.endswith('_ms') else ''}"]
        return argv + ["--"] + command

    def run(self, program):
        folder = os.path.join(self.stage.work, f"run-{threading.get_ident()}")
        os.makedirs(folder, exist_ok=True)
        self.starter.own(folder)
        try:
            return self.run_in(program, folder)
        finally:
            shutil.rmtree(folder)

    def run_in(self, program, folder):
        # Into files: what a leftover process still holds open must not keep us waiting.
        out_path, in_path = os.path.join(folder, "out"), os.path.join(folder, "in")
        with open(in_path, "w", encoding="utf-8") as f:
            f.write(program.stdin)
        with open(out_path, "wb") as out, open(in_path, "rb") as stdin:
            try:
                process = self.starter.popen(self.command(program, folder), stdin=stdin, stdout=out, stderr=out,
                                             env={**self.stage.environment, **self.environment}, cwd=folder)
                while not self.machine.note_keepers(process.pid) and process.poll() is None:
                    time.sleep(0.002)
                status = process.wait(RUN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                status = "timeout"
        with open(out_path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        try:
            with open(os.path.join(folder, "report"), encoding="utf-8") as f:
                report = json.load(f)
        except (OSError, ValueError):
            return Answer(f"no_answer (exit {status})", text)
        return Answer(self.verdict(program, report), text)

    @staticmethod
    def verdict(program, report):
        cause = CAUSES.get(report["cause"])
        good = not cause and report["exit_code"] == 0
        if program.compile_stage:
            return "accepted" if good else "compile_error"
        if report["signal"] == signal.SIGXCPU:
            return "time_limit"
        return cause or ("accepted" if good else "runtime_error")

    @staticmethod
    def healthy():
        return None
