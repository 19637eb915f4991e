#!/usr/bin/env python3
"""Checks the catalogue's times and the calibration against what this machine does now.

First each operation that `lagmap calibrate` measures is compared with the interval that the catalogue assumes for it. Then functions that
mix several operations are predicted from the calibration - the sum of its medians - and run afresh: a prediction is good within a factor of 2.

    scripts/check-calibration.py [--calibration FILE] [--seconds N] [--python PYTHON]

Without FILE it calibrates first. A machine that does other work at the same time makes every number worse: run it on an idle one.
"""

import argparse
import json
import os
import pathlib
import pickle
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "crates" / "lagmap_evidence" / "calibrate" / "measure.py"


def assumed():
    """The catalogue's interval of each operation, with the path that it is of."""
    found = {}
    for path in sorted((ROOT / "crates/lagmap_models/models").glob("**/*.toml")):
        for entry in tomllib.loads(path.read_text()).get("api", []):
            if "calibrate" in entry:
                found.setdefault(entry["calibrate"], (entry["paths"][0], entry["ms"]))
    return found


def records(number):
    return [{"id": index, "name": f"user {index}", "tags": ["a", "b"], "score": index / 7} for index in range(number)]


def scenarios(folder):
    """Functions, each with the operations that it consists of: name, size (0 small, 1 large), how often."""
    line = "2026-01-01 12:00:00 INFO a line of a log file of usual length\n"
    small, large, target = folder / "small.txt", folder / "large.txt", folder / "target"
    small.write_text(line * 16)
    large.write_text(line * 16_000)
    few, many = records(12), records(12_000)
    text, texts = json.dumps(few), json.dumps(many)
    (folder / "small.json").write_text(text)
    (folder / "large.json").write_text(texts)
    rows = folder / "rows.db"
    kept = sqlite3.connect(rows)
    kept.execute("create table rows (number integer primary key, name text)")
    kept.executemany("insert into rows values (?, ?)", ((index, f"row {index}") for index in range(2000)))
    kept.commit()
    numbers = iter(range(10_000, 10_000_000))

    def read(path, mode="r"):
        with open(path, mode) as file:
            return file.read()

    def load(path):
        with open(path) as file:
            return json.load(file)

    def query():
        return kept.execute("select name from rows where number = 700").fetchone()

    def insert():
        kept.execute("insert into rows values (?, 'x')", (next(numbers),))
        kept.commit()

    def connect():
        sqlite3.connect(rows).close()

    def settings_per_request():
        return load(folder / "small.json"), os.path.exists(small), query()

    def report_of_a_large_file():
        return read(large), load(folder / "large.json")

    def state_saved_twice():
        for _ in range(2):
            target.write_text("x" * 1000)
            insert()

    def state_kept_as_pickle():
        return pickle.loads(pickle.dumps(many)), os.path.getsize(small)

    def query_with_its_own_connection():
        for _ in range(5):
            connect()
            query()

    def commit_per_row():
        for _ in range(20):
            insert()

    def folder_listed_and_read():
        os.listdir(few_files)
        for _ in range(10):
            read(small)

    def copies_and_removes():
        for _ in range(5):
            shutil.copyfile(small, target)
            os.remove(target)

    def copy_by_serialization():
        return json.loads(json.dumps(many)), json.loads(json.dumps(few))

    def packed_answer():
        return zlib.compress(noises), json.dumps(few)

    def pattern_per_request():
        re.purge()
        re.compile("|".join(rf"\bword{index}\b" for index in range(60)))
        return read(small), query()

    def thread_per_item():
        started = [threading.Thread(target=int) for _ in range(20)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        return os.path.exists(small)

    def temporary_work():
        with tempfile.TemporaryDirectory() as name:
            pathlib.Path(name, "x").write_text("x" * 1000)
        return os.path.realpath(small)

    few_files = folder / "few"
    few_files.mkdir()
    for index in range(10):
        (few_files / f"{index}.txt").touch()
    import random

    noises = random.Random(1).randbytes(250_000) * 4
    return [
        (settings_per_request, [("json-load", 0, 1), ("stat", 0, 1), ("sqlite-query", 0, 1)]),
        (report_of_a_large_file, [("file-read-text", 1, 1), ("json-load", 1, 1)]),
        (state_saved_twice, [("path-write-text", 0, 2), ("sqlite-commit", 0, 2)]),
        (state_kept_as_pickle, [("pickle-dumps", 1, 1), ("pickle-loads", 1, 1), ("file-size", 0, 1)]),
        (query_with_its_own_connection, [("sqlite-connect", 0, 5), ("sqlite-query", 0, 5)]),
        (commit_per_row, [("sqlite-commit", 0, 20)]),
        (folder_listed_and_read, [("list-folder", 0, 1), ("file-read-text", 0, 10)]),
        (copies_and_removes, [("copy-file", 0, 5), ("remove-file", 0, 5)]),
        (copy_by_serialization, [("json-dumps", 0, 1), ("json-loads", 0, 1), ("json-dumps", 1, 1), ("json-loads", 1, 1)]),
        (packed_answer, [("zlib-compress", 1, 1), ("json-dumps", 0, 1)]),
        (pattern_per_request, [("regex-compile", 1, 1), ("file-read-text", 0, 1), ("sqlite-query", 0, 1)]),
        (thread_per_item, [("thread-start", 0, 20), ("stat", 0, 1)]),
        (temporary_work, [("temporary-folder", 0, 1), ("path-write-text", 0, 1), ("real-path", 0, 1)]),
    ]


def duration(milliseconds):
    for unit, size in (("s", 1e3), ("ms", 1), ("µs", 1e-3)):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds / 1e-6:.3g} ns"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calibration", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    if arguments.calibration:
        text = arguments.calibration.read_text()
    else:
        command = [arguments.python, str(SCRIPT), str(arguments.seconds)]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=arguments.seconds + 120).stdout
    operations = json.loads(text)["operations"]

    print("| operation | catalogue | assumed | measured small | measured large | inside |\n|---|---|---|---|---|---|")
    inside = measured = 0
    for operation, (path, (low, high)) in sorted(assumed().items()):
        if operation not in operations:
            continue
        medians = [size["median_ms"] for size in operations[operation]["sizes"]]
        good = all(low <= median <= high for median in medians)
        measured += 1
        inside += good
        cells = [duration(median) for median in medians] + [""] * (2 - len(medians))
        print(f"| {operation} | `{path}` | {duration(low)} to {duration(high)} | {cells[0]} | {cells[1]} | {'yes' if good else 'no'} |")
    print(f"\n{inside} of {measured} operations lie inside of the assumed interval ({inside / max(measured, 1):.0%}).\n")

    print("| scenario | predicted | measured | factor |\n|---|---|---|---|")
    good = tried = 0
    with tempfile.TemporaryDirectory(prefix="lagmap-check-") as name:
        for run, parts in scenarios(pathlib.Path(name)):
            if any(operation not in operations for operation, _, _ in parts):
                print(f"| {run.__name__} | an operation was not measured | | |")
                continue
            predicted = sum(operations[operation]["sizes"][size]["median_ms"] * times for operation, size, times in parts)
            run()
            samples = []
            end = time.perf_counter() + 0.5
            while len(samples) < 5 or time.perf_counter() < end and len(samples) < 200:
                start = time.perf_counter()
                run()
                samples.append((time.perf_counter() - start) * 1e3)
            now = statistics.median(samples)
            factor = max(predicted / now, now / predicted)
            tried += 1
            good += factor <= 2
            print(f"| {run.__name__} | {duration(predicted)} | {duration(now)} | {factor:.2f} |")
    print(f"\n{good} of {tried} predictions lie within a factor of 2 ({good / max(tried, 1):.0%}).")


if __name__ == "__main__":
    main()
