#!/usr/bin/env python3
"""Checks the catalogue's times and the calibration against what this machine does now.

First each operation that `lagmap calibrate` measures is compared with the interval that the catalogue assumes for it. Then functions that
mix several operations are predicted from the calibration - the sum of its medians - and run afresh: a prediction is good within a factor of 2.

    scripts/check-calibration.py [--calibration FILE] [--seconds N] [--rounds N] [--python PYTHON]

Without FILE it calibrates first, and once more in each round: calibration and scenarios stand next to each other, so that both see the same
machine. Scenarios are sampled as operations are, without samples that other work of the machine interrupted. Of a scenario counts the median
of its rounds' factors.
"""

import argparse
import base64
import concurrent.futures
import copy
import csv
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import pickle
import re
import shutil
import sqlite3
import random
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

    def answer_signed_and_packed():
        return hashlib.sha256(noises).digest(), base64.b64encode(b"x" * 1_000_000), json.dumps(many), zlib.compress(noises)

    def table_imported():
        parsed = list(csv.reader(io.StringIO(tables)))
        for _ in range(50):
            query()
        insert()
        return parsed

    def state_copied_and_saved():
        copied = copy.deepcopy(many[:1000])
        pathlib.Path(folder, "state").write_text(json.dumps(few))
        os.remove(folder / "state")
        return copied

    def command_with_its_output():
        for _ in range(2):
            subprocess.run(["/bin/true", "--version"], capture_output=True)
        os.listdir(many_files)
        return [json.loads(text) for _ in range(5)]

    def jobs_handed_over():
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            list(pool.map(int, range(10)))
        for _ in range(10):
            read(small)
        for _ in range(100):
            lock.acquire()
            lock.release()

    lock = threading.Lock()
    tables = "\n".join(f"{index},user {index},3.5" for index in range(10_000))
    many_files = folder / "many"
    many_files.mkdir()
    for index in range(1000):
        (many_files / f"{index}.txt").touch()
    few_files = folder / "few"
    few_files.mkdir()
    for index in range(10):
        (few_files / f"{index}.txt").touch()
    noises = random.Random(1).randbytes(250_000) * 4
    return [
        (settings_per_request, [("json-load", 0, 1), ("stat", 0, 1), ("sqlite-query", 0, 1)]),
        (report_of_a_large_file, [("file-read-text", 1, 1), ("json-load", 1, 1)]),
        (state_saved_twice, [("path-rewrite-text", 0, 2), ("sqlite-commit", 0, 2)]),
        (state_kept_as_pickle, [("pickle-dumps", 1, 1), ("pickle-loads", 1, 1), ("file-size", 0, 1)]),
        (query_with_its_own_connection, [("sqlite-connect", 0, 5), ("sqlite-query", 0, 5)]),
        (commit_per_row, [("sqlite-commit", 0, 20)]),
        (folder_listed_and_read, [("list-folder", 0, 1), ("file-read-text", 0, 10)]),
        (copies_and_removes, [("copy-file", 0, 5), ("remove-file", 0, 5)]),
        (copy_by_serialization, [("json-dumps", 0, 1), ("json-loads", 0, 1), ("json-dumps", 1, 1), ("json-loads", 1, 1)]),
        (packed_answer, [("zlib-compress", 1, 1), ("json-dumps", 0, 1)]),
        (pattern_per_request, [("regex-compile", 1, 1), ("file-read-text", 0, 1), ("sqlite-query", 0, 1)]),
        (thread_per_item, [("thread-start", 0, 20), ("stat", 0, 1)]),
        (temporary_work, [("temporary-folder", 0, 1), ("path-write-text", 0, 1), ("remove-file", 0, 1), ("real-path", 0, 1)]),
        (answer_signed_and_packed, [("json-dumps", 1, 1), ("sha256", 1, 1), ("base64-encode", 1, 1), ("zlib-compress", 1, 1)]),
        (table_imported, [("csv-read", 1, 1), ("sqlite-query", 0, 50), ("sqlite-commit", 0, 1)]),
        (state_copied_and_saved, [("deep-copy", 1, 1), ("json-dumps", 0, 1), ("path-write-text", 0, 1), ("remove-file", 0, 1)]),
        (command_with_its_output, [("process-spawn", 0, 2), ("json-loads", 0, 5), ("list-folder", 1, 1)]),
        (jobs_handed_over, [("thread-pool", 1, 1), ("file-read-text", 0, 10), ("lock", 0, 100)]),
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    sample = sampler()
    rounds = 1 if arguments.calibration else arguments.rounds
    calibrations, factors = [], {}
    with tempfile.TemporaryDirectory(prefix="lagmap-check-") as name:
        made = scenarios(pathlib.Path(name))
        for _ in range(rounds):
            operations = calibrated(arguments)
            calibrations.append(operations)
            for run, parts in made:
                missing = [operation for operation, _, _ in parts if operation not in operations]
                if missing:
                    factors[run.__name__] = missing
                    continue
                predicted = sum(operations[operation]["sizes"][size]["median_ms"] * times for operation, size, times in parts)
                now = sample(run)["median_ms"]
                factors.setdefault(run.__name__, []).append((max(predicted / now, now / predicted), predicted, now))

    print("| operation | catalogue | assumed | measured small | measured large | inside |\n|---|---|---|---|---|---|")
    inside = measured = 0
    for operation, (path, (low, high)) in sorted(assumed().items()):
        found = [operations[operation]["sizes"] for operations in calibrations if operation in operations]
        if not found:
            continue
        medians = [min(sizes[size]["median_ms"] for sizes in found) for size in range(len(found[0]))]
        good = all(low <= median <= high for median in medians)
        measured += 1
        inside += good
        cells = [duration(median) for median in medians] + [""] * (2 - len(medians))
        print(f"| {operation} | `{path}` | {duration(low)} to {duration(high)} | {cells[0]} | {cells[1]} | {'yes' if good else 'no'} |")
    print(f"\n{inside} of {measured} operations lie inside of the assumed interval ({inside / max(measured, 1):.0%}).\n")

    print(f"| scenario | predicted | measured | factor, median of {rounds} rounds | worst |\n|---|---|---|---|---|")
    good = tried = 0
    for scenario, found in factors.items():
        if isinstance(found[0], str):
            print(f"| {scenario} | not measured: {', '.join(found)} | | | |")
            continue
        factor, predicted, now = sorted(found)[len(found) // 2]
        tried += 1
        good += factor <= 2
        print(f"| {scenario} | {duration(predicted)} | {duration(now)} | {factor:.2f} | {max(found)[0]:.2f} |")
    single = [factor for found in factors.values() if not isinstance(found[0], str) for factor, _, _ in found]
    within = sum(factor <= 2 for factor in single)
    print(f"\n{good} of {tried} scenarios lie within a factor of 2 ({good / max(tried, 1):.0%}) by the median of their rounds;")
    print(f"of all {len(single)} single predictions {within} do ({within / max(len(single), 1):.0%}).")


def calibrated(arguments):
    """The operations of a calibration, of the file or of a new one."""
    if arguments.calibration:
        return json.loads(arguments.calibration.read_text())["operations"]
    command = [arguments.python, str(SCRIPT), str(arguments.seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=arguments.seconds + 120)
    return json.loads(done.stdout)["operations"]


def sampler():
    """The calibration's own way to take samples."""
    spec = importlib.util.spec_from_file_location("measure", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    given, sys.argv = sys.argv, [str(SCRIPT), "86400"]
    spec.loader.exec_module(module)
    sys.argv = given
    module.SHARE = 0.5
    return module.sample


if __name__ == "__main__":
    main()
