#!/usr/bin/env python3
"""Runs the slow and the fast form of each rule document and writes what they take into docs/rule-impact.md.

A rule document may end in two fenced blocks, ```python slow and ```python fast. Each is a module of its own, for the standard library
alone, that defines run(): one operation. What stands outside of it is not timed. If both forms return something, they must return the
same. A rule whose fast form is not faster is wrong: the script then exits with 1.

    scripts/rule-impact.py              all rules, and the page
    scripts/rule-impact.py --check      all rules, without writing the page
    scripts/rule-impact.py RULE ...     some rules, without writing the page
"""

import argparse
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "rule-impact.md"
BLOCK = re.compile(r"^```python (slow|fast)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The fast form must be faster by more than what two runs of one form differ.
LEAST_RATIO = 1.1
SECONDS = 60

# Runs in a process of its own: what a block does to its interpreter stays there.
TIMER = """
import json, pathlib, statistics, sys, time
forms = {}
for form in ("slow", "fast"):
    space = {"__name__": form}
    exec(compile(pathlib.Path(form + ".py").read_text(), form + ".py", "exec"), space)
    forms[form] = space["run"]
answers = {form: run() for form, run in forms.items()}
if answers["slow"] is not None and answers["fast"] is not None and answers["slow"] != answers["fast"]:
    sys.exit(f"the forms differ: {answers['slow']!r:.200} and {answers['fast']!r:.200}")
times = {form: [] for form in forms}
counts = {}
for form, run in forms.items():
    start = time.perf_counter()
    run()
    counts[form] = max(1, int(0.02 / max(time.perf_counter() - start, 1e-7)))
begun = time.perf_counter()
# The forms take turns, so that whatever else the machine does hits both.
while len(times["fast"]) < 5 or time.perf_counter() - begun < 0.5 and len(times["fast"]) < 25:
    for form, run in forms.items():
        start = time.perf_counter()
        for _ in range(counts[form]):
            run()
        times[form].append((time.perf_counter() - start) / counts[form])
json.dump({form: [statistics.median(values), min(values), max(values), len(values)] for form, values in times.items()}, sys.stdout)
sys.stdout.flush()
import os
os._exit(0)
"""


def pairs():
    for path in sorted(ROOT.glob("rules/*/*.md")):
        blocks = dict(BLOCK.findall(path.read_text()))
        if blocks:
            if set(blocks) != {"slow", "fast"}:
                sys.exit(f"{path}: a slow block needs a fast one, and the reverse")
            yield path.stem, path.relative_to(ROOT), blocks


def measure(rule, blocks):
    with tempfile.TemporaryDirectory(prefix="lagmap-rule-") as folder:
        for form, text in blocks.items():
            pathlib.Path(folder, f"{form}.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", TIMER], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    if done.returncode != 0 or not done.stdout:
        sys.exit(f"{rule}: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout)


def duration(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rules", nargs="*", metavar="RULE")
    parser.add_argument("--check", action="store_true", help="do not write the page")
    arguments = parser.parse_args()
    rows, wrong = [], []
    for rule, path, blocks in pairs():
        if arguments.rules and rule not in arguments.rules:
            continue
        times = measure(rule, blocks)
        ratio = times["slow"][0] / times["fast"][0]
        rows.append((rule, path, times, ratio))
        print(f"{rule}: {duration(times['slow'][0])} to {duration(times['fast'][0])}, {ratio:.3g} times")
        if ratio < LEAST_RATIO:
            wrong.append(rule)
    if not arguments.check and not arguments.rules:
        lines = [
            "# What the rules are worth",
            "",
            "The slow and the fast form at the end of rule documents, run by `scripts/rule-impact.py`: the median of one operation, the spread",
            "between the fastest and the slowest of the repetitions, and how many times faster the fast form is. The sizes are those that the",
            "documents choose; what they are in a real system decides what a mend is worth there. Times that wait (`sleep`, a server) do not",
            "depend on the machine, the others do.",
            "",
            f"CPython {platform.python_version()}, {platform.system()}, {platform.machine()}.",
            "",
            "| rule | slow | spread | fast | spread | times faster |",
            "|---|---|---|---|---|---|",
        ]
        for rule, path, times, ratio in rows:
            cells = [f"[{rule}](../{path})"]
            for form in ("slow", "fast"):
                median, low, high, _ = times[form]
                cells += [duration(median), f"{duration(low)} to {duration(high)}"]
            lines.append(f"| {' | '.join(cells)} | {ratio:.3g} |")
        PAGE.write_text("\n".join(lines) + "\n")
    if wrong:
        sys.exit(f"not faster: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
