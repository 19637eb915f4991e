#!/usr/bin/env python3
"""Counts the instructions of a fixed audit, which do not depend on how busy the machine is, and compares them.

    cargo build --release && python3 scripts/instructions.py            # fails if there are over 10 % more than recorded
    cargo build --release && python3 scripts/instructions.py --record   # records anew

The audit is that of `examples/voice-assistant` on one thread, without a cache; callgrind (of valgrind) counts. The record,
`scripts/instructions.json`, is for release builds with the profile of `Cargo.toml`."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "scripts/instructions.json"
SLACK = 0.10


def counted(lagmap: Path) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(lagmap), "audit"]
    command += [str(ROOT / "examples/voice-assistant"), "--no-cache", "--threads", "1", "--format", "json"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found:
        sys.exit(f"callgrind counted nothing:\n{done.stderr}")
    return int(found.group(1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="record the count instead of comparing it")
    parser.add_argument("--lagmap", type=Path, default=ROOT / "target/release/lagmap")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print("instructions: skipped, there is no valgrind")
        return 0
    count = counted(arguments.lagmap)
    if arguments.record:
        RECORD.write_text(json.dumps({"audit of examples/voice-assistant": count}, indent=2) + "\n")
        print(f"instructions: {count:,} recorded")
        return 0
    if not RECORD.exists():
        print("instructions: none recorded; scripts/instructions.py --record does it")
        return 1
    (recorded,) = json.loads(RECORD.read_text()).values()
    change = count / recorded - 1
    print(f"instructions: {count:,}, {change:+.1%} against {recorded:,} recorded")
    if change > SLACK:
        print("that is too many; if there is a good reason for it: scripts/instructions.py --record")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
