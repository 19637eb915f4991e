#!/usr/bin/env python3
"""The measuring part of scripts/bench.sh: programs in alternation, medians, ratios, a page."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from measured import Run, packages, run

ROOT = Path(__file__).resolve().parent.parent
# Rules of ruff that are about performance: perflint, comprehensions, async, unnecessary work.
RUFF_RULES = "PERF,C4,ASYNC,SIM,FURB,UP,B"
# Packages of the large corpus, besides homeassistant; together some 15,000 files.
LARGE = {
    "azure-mgmt-network", "django", "google-cloud-aiplatform", "kubernetes", "langchain-community", "litellm", "plotly",
    "scikit-learn", "sympy", "transformers",
}
# Type checkers take long: on trees of more lines they are run fewer times.
SLOW_RUNS, MANY_LINES = 3, 300_000


@dataclass
class Tree:
    name: str
    folder: Path
    files: int = 0
    lines: int = 0


@dataclass
class Program:
    name: str
    command: list[str]
    is_slow: bool = False
    before: object = None
    """What is done before each run, outside of the time that counts."""
    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def kibibytes(self) -> float:
        return statistics.median(run.kibibytes for run in self.runs)


def programs(lagmap: Path, peers: Path, tree: Tree, work: Path, with_pylint: bool) -> list[Program]:
    folder, report = str(tree.folder), str(work / "report.json")
    audit = [str(lagmap), "audit", folder, "--format", "json", "--output", report]
    cache = work / "cache"
    changed = next(path for path in sorted(tree.folder.rglob("*.py")) if path.stat().st_size > 2000)
    original = changed.read_bytes()
    count = 0

    def change_one() -> None:
        nonlocal count
        count += 1
        changed.write_bytes(original + f"\n\ndef added_{count}():\n    return {count}\n".encode())

    def restore() -> None:
        changed.write_bytes(original)

    def warm() -> None:
        restore()
        run([*audit, "--cache-dir", str(cache)])

    found = [
        Program("lagmap, no cache", [*audit, "--no-cache"], before=restore),
        Program("lagmap, nothing changed", [*audit, "--cache-dir", str(cache)], before=warm),
        Program("lagmap, one file changed", [*audit, "--cache-dir", str(cache)], before=change_one),
        Program("parsing alone", [str(ROOT / "target/release/examples/parse_only"), folder], before=restore),
        Program("ruff", [str(peers / "ruff"), "check", "--no-cache", "--isolated", "--exit-zero", "--select", RUFF_RULES, folder]),
        Program("ty", [str(peers / "ty"), "check", "--exit-zero", folder], is_slow=True),
        Program("pyrefly", [str(peers / "pyrefly"), "check", folder], is_slow=True),
    ]
    if with_pylint:
        only = "--disable=all --enable=W8201,W8202,W8203,W8204,W8205,W8301,W8401,W8402,W8403"
        pylint = [str(peers / "pylint"), "--recursive=y", "--load-plugins=perflint", "--jobs=0", *only.split(), folder]
        found.append(Program("pylint + perflint", pylint, is_slow=True))
    return found


def measure(tree: Tree, arguments: argparse.Namespace) -> list[Program]:
    with tempfile.TemporaryDirectory(prefix="lagmap-bench-") as temporary:
        work = Path(temporary)
        # A copy: one file of it is changed, and no ignore file of this repository applies.
        copy = work / "tree"
        shutil.copytree(tree.folder, copy, symlinks=True)
        tree = Tree(tree.name, copy)
        started = programs(arguments.lagmap, arguments.peers, tree, work, arguments.with_pylint)
        for turn in range(arguments.runs + 1):
            for program in started:
                limit = SLOW_RUNS if program.is_slow and tree.lines > MANY_LINES else arguments.runs
                # The first round warms up the page cache and does not count.
                if turn > limit or (turn == 0 and program.is_slow):
                    continue
                if program.before:
                    program.before()
                result = run(program.command)
                if turn > 0:
                    program.runs.append(result)
            if turn == 0:
                summary = json.loads((work / "report.json").read_text())["summary"]
                tree.files, tree.lines = summary["files"], summary["lines"]
    return started, tree


def parts(folder: Path, whole: Tree, work: Path) -> list[Tree]:
    """A quarter and a half of a tree's files, as trees."""
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())
    made = []
    for name, share in (("1/4", 4), ("1/2", 2)):
        part = work / name.replace("/", "_")
        for path in files[:: share]:
            target = part / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target) if path.stat().st_dev == work.stat().st_dev else shutil.copy(path, target)
        made.append(Tree(f"{name} of {whole.name}", part))
    return made


def version(command: list[str]) -> str:
    return subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]


def machine() -> str:
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} processors, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"


def section(tree: Tree, measured: list[Program]) -> list[str]:
    own = measured[0].seconds
    rows = [
        f"## {tree.name}: {tree.files:,} files, {tree.lines:,} lines", "",
        "| program | median s | fastest | slowest | runs | lagmap, no cache, takes so many times as long | peak MiB | bytes a line |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for program in measured:
        times = [run.seconds for run in program.runs]
        rows.append(
            f"| {program.name} | {program.seconds:.3f} | {min(times):.3f} | {max(times):.3f} | {len(times)} "
            f"| {own / program.seconds:.2f} | {program.kibibytes / 1024:.0f} | {program.kibibytes * 1024 / max(tree.lines, 1):.0f} |"
        )
    return [*rows, ""]


def growth(trees: list[tuple[Tree, Program]]) -> list[str]:
    rows = ["## Growth", "", "| tree | files | lines | median s | µs a line | bytes a line at peak |", "|---|---:|---:|---:|---:|---:|"]
    for tree, program in trees:
        rows.append(
            f"| {tree.name} | {tree.files:,} | {tree.lines:,} | {program.seconds:.3f} "
            f"| {program.seconds * 1e6 / tree.lines:.2f} | {program.kibibytes * 1024 / tree.lines:.0f} |"
        )
    return [*rows, ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="the folder of ruff, ty, pyrefly and pylint")
    parser.add_argument("--lagmap", type=Path, default=ROOT / "target/release/lagmap")
    parser.add_argument("--runs", type=int, default=7, help="runs that count, of each program on each tree")
    parser.add_argument("--with-pylint", action="store_true", help="pylint with perflint, too: takes many minutes")
    parser.add_argument("--tree", action="append", default=[], metavar="NAME=FOLDER", help="measure on this, too")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure on these trees only")
    arguments = parser.parse_args()
    if shutil.disk_usage(ROOT).free < 2**32:
        print("less than 4 GiB of disk are left", file=sys.stderr)
    kept = ROOT / "target/packages"
    kept.mkdir(parents=True, exist_ok=True)
    names = LARGE | {"homeassistant", "celery"}
    fetched = {pin.split("==")[0]: (pin, folder) for pin, folder in packages(ROOT / "scripts/packages.txt", kept, names).items()}
    with tempfile.TemporaryDirectory(prefix="lagmap-corpus-") as temporary:
        corpus = Path(temporary) / "corpus"
        for name in sorted(LARGE | {"homeassistant"}):
            shutil.copytree(fetched[name][1], corpus / name, symlinks=True)
        trees = [Tree(fetched[name][0], fetched[name][1]) for name in ("celery", "homeassistant")]
        trees.append(Tree("corpus", corpus))
        trees += [Tree(name, Path(folder)) for name, folder in (tree.split("=", 1) for tree in arguments.tree)]
        wanted = [tree for tree in trees if not arguments.only or tree.name.split("==")[0] in arguments.only]
        page, sizes = [], []
        for tree in wanted:
            measured, counted = measure(tree, arguments)
            page += section(counted, measured)
            print("\n".join(section(counted, measured)), flush=True)
            if tree.name == "corpus":
                for part in parts(corpus, tree, Path(temporary)):
                    program = Program("lagmap", [str(arguments.lagmap), "audit", str(part.folder), "--no-cache", "--format", "json",
                                                 "--output", f"{temporary}/part.json"])
                    program.runs = [run(program.command) for _ in range(arguments.runs)]
                    summary = json.loads(Path(f"{temporary}/part.json").read_text())["summary"]
                    part.files, part.lines = summary["files"], summary["lines"]
                    sizes.append((part, program))
                sizes.append((counted, measured[0]))
        if sizes:
            page += growth(sizes)
    names = ["ruff", "ty", "pyrefly", *(["pylint"] if arguments.with_pylint else [])]
    versions = [version([str(arguments.lagmap)]), *(version([str(arguments.peers / name)]) for name in names)]
    heading = [
        "# Benchmarks", "",
        "Made by `scripts/bench.sh`, which anyone can run. Programs run in alternation, one round after the other; the first round",
        "does not count; times are wall-clock medians. lagmap links all files and follows values through them, which no peer here",
        "does with these rules; ruff looks at each file by itself; ty and pyrefly infer types, with no package of the audited code",
        "installed. What they find is not the same, so ratios say what one waits, not which is better.", "",
        f"Machine: {machine()}. Versions: {'; '.join(versions)}; Python {platform.python_version()}.",
        f"ruff's rules: `{RUFF_RULES}`, `--no-cache`.",
        f"The corpus: homeassistant and {', '.join(sorted(LARGE))} (pins: `scripts/packages.txt`).", "",
    ]
    (ROOT / "docs/benchmarks.md").write_text("\n".join(heading + page).rstrip() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
