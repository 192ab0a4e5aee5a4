#!/usr/bin/env python3
"""Writes the list of hostile programs into docs/THREATS.md, between its two marks.

Usage: tests/hostile/table.py [--check]     --check: only says whether the list is as it should be
"""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import corpus  # noqa: E402

PAGE = os.path.join(HERE, "../../docs/THREATS.md")
BEGIN, END = "<!-- programs: written by tests/hostile/table.py -->\n", "<!-- end of programs -->\n"
TITLES = {"namespaces": "Namespaces and identity", "files": "Files, /proc, devices, mounts",
          "credentials": "Credentials and system calls", "resources": "Resources and accounting",
          "collector": "Collector, output and judge", "compile": "The compile stage"}


def rows(programs):
    for chapter in corpus.CHAPTERS:
        own = [p for p in programs if p.chapter == chapter]
        yield f"\n### {TITLES[chapter]} ({len(own)})\n\n| program | tries | stopped by | verdict |\n|---|---|---|---|\n"
        for p in own:
            name = os.path.basename(p.path) + (" ×2" if p.twice else "")
            yield f"| `{name}` | {p.tries} | {', '.join(p.layers)} | {' '.join(f'`{v}`' for v in p.expect)} |\n"


def with_list(text, programs):
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    count = f"{len(programs)} programs; ×2: run alone and then two at once.\n"
    return head + BEGIN + count + "".join(rows(programs)) + "\n" + END + tail


def stale(page=PAGE):
    """Whether the page's list differs from the programs there are."""
    with open(page, encoding="utf-8") as f:
        text = f.read()
    return with_list(text, corpus.load(os.path.join(HERE, "programs"))) != text


def main():
    if sys.argv[1:] == ["--check"]:
        if stale():
            print("docs/THREATS.md: run tests/hostile/table.py")
            return 1
        return 0
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(with_list(text, corpus.load(os.path.join(HERE, "programs"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
