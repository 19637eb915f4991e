#!/usr/bin/env python3
"""Records the example system with a load, under the probe and under py-spy, and writes what that changed in its report.

    scripts/measure-example.py [--lagmap FILE] [--python PYTHON] [--py-spy FILE] [--requests N] [--output docs/measured-example.md]

PYTHON needs pyzmq. Without py-spy, or where the system does not let it look into processes, the page says so.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = "examples/voice-assistant"
#: The work that `load.py` repeats, and the finding that is about it.
KINDS = {
    "correct": ("repeated-pure-call", "hub/services/intent_parser.py", "a misheard word is compared with a known one"),
    "volume": ("config-read-per-request", "hearth/settings.py", "the settings are read"),
    "parse": ("regex-compiled-per-request", "hearth/texts.py", "the pattern of all devices is made"),
}
ORDER = ["critical", "high", "medium", "low"]


def run(arguments, folder, name, command):
    """A report as JSON, and what was said beside it."""
    target = folder / f"{name}.json"
    common = ["--no-cache", "--no-calibration", "--format", "json", "--output", str(target)]
    verb, more, behind = command
    behind = ["--", *behind] if behind else []
    environment = os.environ | {"HEARTH_STATE": str(folder / "state")}
    whole = [arguments.lagmap, verb, EXAMPLE, *common, *more, *behind]
    done = subprocess.run(whole, cwd=ROOT, env=environment, capture_output=True, text=True)
    return (json.loads(target.read_text()) if done.returncode == 0 else None), done.stderr


def milliseconds(interval):
    if not interval:
        return ""
    low, high = interval
    return f"{low:.3g} ms" if low == high else f"{low:.3g} to {high:.3g} ms"


def of(report, fingerprint):
    return next(finding for finding in report["findings"] if finding["fingerprint"] == fingerprint)


def moved(before, after):
    """Findings that were measured: severity, time and share before and after."""
    rows = []
    for place, finding in enumerate(after["findings"], 1):
        if not finding.get("measured"):
            continue
        old = of(before, finding["fingerprint"])
        rank = 1 + next(at for at, it in enumerate(before["findings"]) if it["fingerprint"] == finding["fingerprint"])
        measured = finding["measured"]
        severity = old["severity"] if old["severity"] == finding["severity"] else f"{old['severity']} → **{finding['severity']}**"
        calls = f"{measured['calls']:,}" if measured["calls"] is not None else ""
        time = [milliseconds(one["impact"]["typical_ms"]) for one in (old, finding)]
        time = time[0] if time[0] == time[1] else f"{time[0]} → {time[1]}"
        where = f"`{finding['path']}:{finding['line']}`"
        rows.append(f"| {finding['rule']} | {where} | {severity} | {rank} → {place} | {time} | {calls} | {measured['share']:.1%} |")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lagmap", default=str(ROOT / "target/release/lagmap"))
    parser.add_argument("--python", default=os.environ.get("LAGMAP_PYTHON", sys.executable))
    parser.add_argument("--py-spy", default=os.environ.get("LAGMAP_PY_SPY", "py-spy"))
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/measured-example.md")
    arguments = parser.parse_args()
    load = [arguments.python, f"{EXAMPLE}/load.py", "--requests", str(arguments.requests)]
    with tempfile.TemporaryDirectory(prefix="lagmap-example-") as name:
        folder = pathlib.Path(name)
        before, said = run(arguments, folder, "before", ("audit", [], []))
        if before is None:
            sys.exit(said)
        probed, said = run(arguments, folder, "probed", ("probe", [], load))
        if probed is None:
            sys.exit(said)
        known = json.loads(next(line for line in said.splitlines() if line.startswith("load: "))[len("load: ") :])
        recorded, why = run(arguments, folder, "recorded", ("record", ["--py-spy", arguments.py_spy], load))
        if recorded:
            version = subprocess.run([arguments.py_spy, "--version"], capture_output=True, text=True).stdout.strip()
    version_of_python = subprocess.run([arguments.python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True)
    lines = [
        "# The example system, measured",
        "Made by `scripts/measure-example.py`; times are those of the machine that it ran on. `examples/voice-assistant/load.py` starts three services and",
        f"asks them {arguments.requests:,} times for corrections, and for volumes and intents between; it counts which of its requests a cache of 1,000",
        f"entries would answer. CPython {version_of_python.stdout.strip()}.",
        "",
        "## Hit rates against the truth of the load",
        "| work | finding | calls | repeated, by the load | hit rate assumed | measured |",
        "|---|---|---|---|---|---|",
    ]
    worst = 0
    for kind, (rule, path, what) in KINDS.items():
        finding = next(it for it in probed["findings"] if (it["rule"], it["path"]) == (rule, path))
        caching = of(before, finding["fingerprint"])["caching"]
        assumed = f"{caching['hit_rate']:.1%}" if caching else "none"
        share, truth = finding["measured"]["repeats"]["share"], known[kind]["share"]
        worst = max(worst, abs(share - truth))
        lines.append(f"| {what} | {rule} | {finding['measured']['repeats']['calls']:,} | {truth:.1%} | {assumed} | {share:.1%} |")
    lines += ["", f"The largest difference is {worst:.4%} of the calls.", "", "## What the probe changed"]
    head = "| finding | place | severity | rank | time of one operation | calls | share of the time |\n|---|---|---|---|---|---|---|"
    lines += [head, *moved(before, probed), "", "## What py-spy changed"]
    if recorded:
        shares = recorded["profile"]["shares"]
        total = "; ".join(f"{it['audited']:.0%} of the samples in audited code, {it['explained']:.0%} explained by findings" for it in shares)
        lines += [f"{version}: {total}. It counts no calls: times stay as assumed, and shares are of the processor's time.", "", head, *moved(before, recorded)]
        hot = [f"`{it['function']}` {it['share']:.1%}" for share in shares for it in share["hot"][:8]]
        lines += ["", "Hot, and explained by no finding: " + ", ".join(hot) + "."]
    else:
        lines += ["Not recorded: " + (why.strip().splitlines() or ["py-spy is not there"])[-1]]
    arguments.output.write_text("\n".join(lines) + "\n")
    print(f"{arguments.output}: largest difference of a hit rate {worst:.4%}, py-spy {'recorded' if recorded else 'not recorded'}")


if __name__ == "__main__":
    main()
