#!/usr/bin/env python3
"""Audits many packages that nobody here wrote, and writes the table of `docs/robustness.md`.

    cargo build --release && python3 scripts/wide.py [--tree NAME=FOLDER]...

Packages are those of `scripts/packages.txt`, fetched with pip into `target/packages`. CPython's own library, with its test
files that are broken on purpose, is that of the running interpreter. An audit may take 10 seconds of processor time and 600 bytes a line."""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
from pathlib import Path

from measured import packages, run

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 10.0
# Processor time is what is bounded, for other programs may run beside; so many times as much is a hang.
PATIENCE = 30
BYTES_A_LINE = 600
# What a program needs that reads one line.
BASE_KIBIBYTES = 40 * 1024
START, END = "<!-- wide: start -->", "<!-- wide: end -->"


def audited(lagmap: Path, name: str, folder: Path, limit: float) -> tuple[str, bool]:
    """A row of the table, and whether everything held."""
    report, errors = ROOT / "target/wide.json", ROOT / "target/wide.err"
    report.unlink(missing_ok=True)
    command = [str(lagmap), "audit", str(folder), "--no-cache", "--all-code", "--format", "json", "--output", str(report)]
    done = run(command, limit=limit * PATIENCE, errors=errors)
    if done.code != 0 or not report.exists():
        how = "hangs" if done.code is None else f"ends with {done.code}"
        print(f"{name}: {how}\n{done.errors[-2000:]}", file=sys.stderr)
        return f"| {name} | {how} | | | | | | |", False
    read = json.loads(report.read_text())
    summary = read["summary"]
    found = sum(summary["findings"].values())
    a_line = done.kibibytes * 1024 / max(summary["lines"], 1)
    above = max(done.kibibytes - BASE_KIBIBYTES, 0) * 1024 / max(summary["lines"], 1)
    row = (
        f"| {name} | {summary['files']:,} | {summary['lines']:,} | {summary['files_with_syntax_errors']} "
        f"| {len(read['errors'])} | {found} | {done.processor_seconds:.2f} | {a_line:,.0f} |"
    )
    print(row, flush=True)
    return row, above <= BYTES_A_LINE and done.processor_seconds <= limit and "panicked" not in done.errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lagmap", type=Path, default=ROOT / "target/release/lagmap")
    parser.add_argument("--tree", action="append", default=[], metavar="NAME=FOLDER", help="audit this, too")
    parser.add_argument("--limit", type=float, default=SECONDS, help="seconds of processor time that one audit may take")
    parser.add_argument("--no-table", action="store_true", help="do not write docs/robustness.md")
    arguments = parser.parse_args()
    trees = {"CPython's Lib": Path(sysconfig.get_path("stdlib"))}
    trees |= packages(ROOT / "scripts/packages.txt", ROOT / "target/packages")
    trees |= {name: Path(folder) for name, folder in (tree.split("=", 1) for tree in arguments.tree)}
    results = [audited(arguments.lagmap, name, folder, arguments.limit) for name, folder in trees.items()]
    heading = [
        "| tree | files | lines | with syntax errors | not readable | findings | processor seconds | bytes a line at peak |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    if not arguments.no_table:
        page = ROOT / "docs/robustness.md"
        before, rest = page.read_text().split(START)
        after = rest.split(END)[1]
        table = "\n".join([*heading, *(row for row, _ in results)])
        page.write_text(f"{before}{START}\n{table}\n{END}{after}")
    failed = sum(not held for _, held in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
