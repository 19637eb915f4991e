#!/usr/bin/env python3
"""What an audit says before and after commits that mend performance.

    scripts/recall.py --repo CLONE --lagmap target/release/lagmap COMMIT ...
    scripts/recall.py --repo CLONE --lagmap target/release/lagmap --from commits.txt --json result.json

For each commit its parent's and its own tree (the Python files outside of tests) are written to a temporary folder and audited, with
default settings and with `--all-code --pedantic`. Printed are the findings in functions that the commit changes, or whose trace
passes through a line that it changes, which are there before and not after. Whether such a finding is about what the commit mends is
for a reader to say: `docs/recall.md` holds what was found so.

The file of `--from` has a commit a line; what follows the first blank is a comment. Exit code: 0, or 2 if something could not be done.
"""

from __future__ import annotations

import argparse
import ast
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MODES = {"default": [], "pedantic": ["--all-code", "--pedantic"]}
TESTS = re.compile(r"(^|/)(tests?|testing|benchmarks?|docs|migrations|node_modules)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


class Failed(Exception):
    pass


def git(repo: str, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", repo, *arguments], capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def files_of(repo: str, commit: str) -> dict[str, bytes]:
    """Path → object id of the Python files outside of tests."""
    found = {}
    for entry in filter(None, git(repo, "ls-tree", "-r", "-z", commit).split(b"\0")):
        head, _, name = entry.partition(b"\t")
        mode, kind, sha = head.split()
        path = name.decode("utf-8", "replace")
        if kind == b"blob" and mode != b"120000" and path.endswith(".py") and not TESTS.search(path):
            found[path] = sha
    return found


def write_tree(repo: str, wanted: dict[str, bytes], have: dict[str, bytes], folder: pathlib.Path) -> None:
    """Makes the folder hold just the wanted files; `have` is what it holds."""
    for path in have.keys() - wanted.keys():
        (folder / path).unlink(missing_ok=True)
    changed = sorted(path for path, sha in wanted.items() if have.get(path) != sha)
    asked = b"\n".join(wanted[path] for path in changed)
    answer = subprocess.run(["git", "-C", repo, "cat-file", "--batch"], input=asked, capture_output=True, check=True).stdout
    at = 0
    for path in changed:
        line_end = answer.index(b"\n", at)
        head = answer[at:line_end].split()
        at = line_end + 1
        if head[-1] == b"missing":
            continue
        size = int(head[2])
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(answer[at : at + size])
        at += size + 1


def changed_lines(repo: str, commit: str) -> dict[str, list[tuple[int, int]]]:
    """Path → spans of lines of the parent that the commit changes (where it only adds: the line before)."""
    spans: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
    path = ""
    for line in git(repo, "diff", "-U0", "--no-renames", f"{commit}^", commit, "--", "*.py").decode("utf-8", "replace").splitlines():
        if line.startswith("--- "):
            path = line[6:] if line.startswith("--- a/") else ""
        elif path and not TESTS.search(path) and (hunk := re.match(r"@@ -(\d+)(?:,(\d+))? ", line)):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            spans[path].append((start, start + max(count, 1) - 1))
    return spans


def functions_at(source: str, spans: list[tuple[int, int]]) -> set[str]:
    """Dotted names (within the file) of the functions that the spans lie in, or touch."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{outer}{child.name}"
                first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                if any(start <= child.end_lineno and end >= first for start, end in spans):
                    names.add(name)
                visit(child, name + ".")
            else:
                visit(child, outer)

    visit(tree, "")
    return names


def audit(lagmap: str, folder: pathlib.Path, options: list[str]) -> list[dict]:
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        done = subprocess.run([lagmap, "audit", str(folder), *options, "--format", "json", "--output", out.name], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise Failed(f"lagmap audit: {done.stderr.strip()}")
        return json.load(open(out.name, encoding="utf-8"))["findings"]


def gone(before: list[dict], after: list[dict]) -> list[dict]:
    """The findings of `before` beyond those that `after` has of the same rule in the same function."""
    left = collections.Counter((f["rule"], f["path"], f["function"]) for f in after)
    texts = collections.Counter((f["rule"], f["path"], f["function"], re.sub(r"\d+", "", f["message"])) for f in after)
    rest = []
    for finding in before:  # those that say the same after are matched first
        key = (finding["rule"], finding["path"], finding["function"])
        text = (*key, re.sub(r"\d+", "", finding["message"]))
        if texts[text]:
            texts[text] -= 1
            left[key] -= 1
        else:
            rest.append(finding)
    result = []
    for finding in rest:
        key = (finding["rule"], finding["path"], finding["function"])
        if left[key] > 0:
            left[key] -= 1
        else:
            result.append(finding)
    return result


def touches(finding: dict, spans: dict[str, list[tuple[int, int]]], functions: dict[str, set[str]]) -> bool:
    inside = functions.get(finding["path"], set())
    if any((finding["function"] or "").endswith("." + name) for name in inside):
        return True
    steps = [(finding["path"], finding["line"]), *((step["path"], step["line"]) for step in finding["trace"])]
    return any(start <= line <= end for path, line in steps for start, end in spans.get(path, []))


def examine(repo: str, lagmap: str, commit: str, folder: pathlib.Path, have: dict[str, bytes]) -> tuple[dict, dict[str, bytes]]:
    subject = git(repo, "log", "-1", "--format=%s", commit).decode("utf-8", "replace").strip()
    spans = changed_lines(repo, commit)
    before_files, after_files = files_of(repo, f"{commit}^"), files_of(repo, commit)
    write_tree(repo, before_files, have, folder)
    functions = {path: functions_at((folder / path).read_text("utf-8", "replace"), where) for path, where in spans.items() if (folder / path).is_file()}
    before = {mode: audit(lagmap, folder, options) for mode, options in MODES.items()}
    write_tree(repo, after_files, before_files, folder)
    result: dict = {"commit": commit, "subject": subject, "files": sorted(spans), "gone": {}, "there": {}}
    for mode, options in MODES.items():
        after = audit(lagmap, folder, options)
        result["gone"][mode] = [f for f in gone(before[mode], after) if touches(f, spans, functions)]
        result["there"][mode] = [f for f in before[mode] if touches(f, spans, functions)]
    return result, after_files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs="*", metavar="COMMIT")
    parser.add_argument("--repo", required=True, help="a git repository with its history")
    parser.add_argument("--lagmap", default="target/release/lagmap", help="the binary (default: %(default)s)")
    parser.add_argument("--from", dest="list", type=pathlib.Path, metavar="FILE", help="a commit a line")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all that was found, too")
    arguments = parser.parse_args()
    commits = list(arguments.commits)
    if arguments.list:
        commits += [line.split()[0] for line in arguments.list.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    results, have, failed = [], {}, False
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for commit in commits:
            try:
                result, have = examine(arguments.repo, arguments.lagmap, commit, folder, have)
            except (Failed, OSError, subprocess.CalledProcessError) as error:
                print(f"recall: {commit}: {error}", file=sys.stderr)
                failed, have = True, {}
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                continue
            results.append(result)
            print(f"\n{commit} {result['subject']}")
            for mode, findings in result["gone"].items():
                print(f"  {mode}: {len(findings)} gone, of {len(result['there'][mode])} there")
                for finding in findings:
                    print(f"    {finding['rule']} {finding['path']}:{finding['line']} {finding['message']}")
            sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
