#!/usr/bin/env python3
"""What `lagmap probe` costs, beside the other ways to watch functions: a call-heavy program, with a rare and with its hottest function watched.

    scripts/probe-overhead.py [--python PYTHON] [--rounds N] [--calls N]

The ways: `plain`, nothing; `probe`, what lagmap does, the source changed as it is compiled; `wrapper`, the functions replaced after the import;
`setprofile`, a hook that looks the code of each call up; `monitoring`, events of the watched code alone (Python 3.12 and newer). The last
three only count and time: they hash no arguments. Each round runs all ways one after the other; the fastest of each counts, as CPU time, so that
other work of the machine does not.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROBE = ROOT / "crates" / "lagmap_evidence" / "probe"

WORK = '''
def hot(number):
    return number * 3 + 1

def step(number):
    return hot(number) ^ number

def rare(total):
    return sum(range(2000)) + total % 7

def run(calls):
    total = 0
    for number in range(calls):
        total += step(number)
        if number % 10_000 == 0:
            total += rare(total)
    return total
'''

MAIN = '''
import sys, threading, time, functools
way, watched, calls = sys.argv[1], [name for name in sys.argv[2].split(",") if name], int(sys.argv[3])
import work
clock, times = time.perf_counter, {}

def wrap(function):
    known = times.setdefault(function.__name__, [0, 0.0])
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        start = clock()
        try:
            return function(*arguments, **named)
        finally:
            known[0] += 1
            known[1] += clock() - start
    return wrapper

codes = {getattr(work, name).__code__: name for name in watched}
if way == "wrapper":
    for name in watched:
        setattr(work, name, wrap(getattr(work, name)))
elif way == "setprofile":
    starts = []
    def hook(frame, event, _):
        if frame.f_code in codes:
            if event == "call":
                starts.append(clock())
            elif event == "return":
                known = times.setdefault(frame.f_code, [0, 0.0])
                known[0] += 1
                known[1] += clock() - starts.pop()
    sys.setprofile(hook)
elif way == "monitoring":
    tool, events, starts = sys.monitoring, sys.monitoring.events, []
    def begin(code, offset):
        starts.append(clock())
    def end(code, offset, value):
        known = times.setdefault(code, [0, 0.0])
        known[0] += 1
        known[1] += clock() - starts.pop()
    tool.use_tool_id(2, "watch")
    tool.register_callback(2, events.PY_START, begin)
    tool.register_callback(2, events.PY_RETURN, end)
    for code in codes:
        tool.set_local_events(2, code, events.PY_START | events.PY_RETURN)
start = time.process_time()
work.run(calls)
print(time.process_time() - start)
'''

WATCHED = [("the rare one", "rare", False), ("the hottest", "hot", False), ("the hottest, arguments hashed", "hot", True)]


def plan(folder, names, keys):
    lines = WORK.splitlines()
    places = []
    for name in names:
        line = next(at for at, text in enumerate(lines, 1) if text.startswith(f"def {name}(")) + 1
        places.append({"line": line, "column": 5, "end_line": line, "end_column": 6, "keys": keys, "fingerprint": name})
    (folder / "probe" / "results").mkdir(parents=True, exist_ok=True)
    (folder / "probe" / "plan.json").write_text(json.dumps({"root": str(folder), "files": {"work.py": places}}))


def run(python, folder, way, name, calls):
    environment = {key: value for key, value in os.environ.items() if key != "LAGMAP_PROBE"}
    if way == "probe":
        environment.update(LAGMAP_PROBE=str(folder / "probe"), PYTHONPATH=str(PROBE))
    command = [python, str(folder / "main.py"), way, name, str(calls)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=1_000_000)
    arguments = parser.parse_args()
    version = subprocess.run([arguments.python, "-c", "import sys; print(*sys.version_info[:3], sep='.')"], capture_output=True, text=True)
    version = version.stdout.strip()
    ways = ["plain", "probe", "wrapper", "setprofile"]
    if tuple(map(int, version.split("."))) >= (3, 12):
        ways.append("monitoring")
    print(f"Python {version}, {2 * arguments.calls:,} calls, CPU time as a multiple of the program's own\n")
    print("| watched | " + " | ".join(ways[1:]) + " | plain |\n|---" * 1 + "|---" * len(ways) + "|")
    with tempfile.TemporaryDirectory(prefix="lagmap-overhead-") as name:
        folder = pathlib.Path(name).resolve()
        (folder / "work.py").write_text(WORK)
        (folder / "main.py").write_text(MAIN)
        for title, watched, keys in WATCHED:
            plan(folder, [watched], keys)
            some = ["plain", "probe"] if keys else ways
            best = {way: min(run(arguments.python, folder, way, watched, arguments.calls) for _ in range(1)) for way in some}
            for _ in range(arguments.rounds - 1):
                for way in some:
                    best[way] = min(best[way], run(arguments.python, folder, way, watched, arguments.calls))
            cells = [f"{best[way] / best['plain']:.2f}" if way in best else "" for way in ways[1:]]
            print(f"| {title} | " + " | ".join(cells) + f" | {best['plain']:.3f} s |")


if __name__ == "__main__":
    main()
