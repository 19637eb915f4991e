"""Starts the hub and one room device on this machine, talks to them, and stops them.

    python run.py           the demonstration, some ten seconds
    python run.py --stay    the same, then keeps everything running until Ctrl-C
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import zmq

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from hearth.sockets import ask_once
from hearth.startup import in_start_order, read_entries

CONFIGURATIONS = ["hub/config/startup_config.yaml", "edge/config/startup_config.yaml"]

#: How long all services together have to answer their first health check.
READY_WITHIN_S = 10

#: How long a service has to end by itself.
STOP_WITHIN_S = 4


def startable(entries):
    """The services that can start; says why the others cannot."""
    taken = {}
    good = []
    for entry in entries:
        problem = problem_of(entry, taken)
        if problem:
            print(f"  {entry.name:<14} not started: {problem}")
            continue
        taken[entry.port] = entry.name
        good.append(entry)
    return good


def problem_of(entry, taken):
    if not entry.script.is_file():
        return f"there is no {entry.script.relative_to(ROOT)}"
    if entry.port in taken:
        return f"port {entry.port} is {taken[entry.port]}'s"
    try:
        compile(entry.script.read_text(encoding="utf-8"), entry.script.name, "exec")
    except SyntaxError as error:
        return f"{error.msg} in {entry.script.relative_to(ROOT)}, line {error.lineno}"
    return None


def start(entry):
    ports = ["--port", str(entry.port), "--health-port", str(entry.health_port)]
    return subprocess.Popen([sys.executable, str(entry.script), *ports], cwd=ROOT)


def wait_until_ready(context, entries):
    """Waits for a health check of each; the names of those that gave none."""
    deadline = time.monotonic() + READY_WITHIN_S
    waiting = list(entries)
    while waiting and time.monotonic() < deadline:
        waiting = [entry for entry in waiting if ask_once(context, entry.health_port, {}, wait_ms=300) is None]
    return [entry.name for entry in waiting]


def get(path, **query):
    url = f"http://127.0.0.1:17108{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.read().decode()
    except (urllib.error.URLError, OSError) as error:
        return f"failed: {error}"


def talk(context):
    """A little of what the assistant does."""
    said = [
        "Hello there!",
        "Turn the lights on in the kitchen, please",
        "What is the weather like?",
        "When does the sun set?",
        "Remember that the plants need water",
    ]
    for text in said:
        print(f"  > {text}\n    {get('/ask', text=text, speaker='Mia')}")
    print("  /services ", get("/services"))
    print("  /history  ", get("/history", count=2))
    print("  /size     ", get("/size"))

    entries = [{"speaker": "Jon", "topic": "garden", "said": f"row {number}"} for number in range(3)]
    cats = {"questions": [{"key": 1, "text": "cat?"}], "answers": [{"key": 1, "text": "Minka"}]}
    messages = [
        ("DialogRouter", 17102, {"action": "notice", "text": "the post is here"}),
        ("DialogRouter", 17102, {"action": "notices"}),
        ("IntentParser", 17103, {"action": "correct", "word": "wether", "vocabulary": ["weather", "water", "timer"]}),
        ("SkillRunner", 17104, {"action": "perform", "skill": "volume", "text": "how loud"}),
        ("SkillRunner", 17104, {"action": "perform", "skill": "timer", "text": "eggs"}),
        ("Speaker", 17105, {"action": "speak", "text": "Good morning"}),
        ("MemoryStore", 17106, {"action": "import", "entries": entries}),
        ("MemoryStore", 17106, {"action": "recall", "speaker": "Mia"}),
        ("MemoryStore", 17106, {"action": "pairs", **cats}),
        ("MemoryStore", 17106, {"action": "minutes", "limit": 2}),
        ("WakeListener", 17301, {"action": "mute", "muted": False}),
        ("Transcriber", 17302, {"action": "transcribe", "frames": ["lites", "in", "the", "kichen"]}),
        ("Transcriber", 17302, {"action": "heard"}),
        ("Player", 17303, {"action": "play", "sound": "gong"}),
        ("Player", 17303, {"action": "fingerprint", "path": str(ROOT / "data" / "lexicon.json")}),
        ("Telemetry", 17304, {"action": "loudness"}),
    ]
    for name, port, message in messages:
        print(f"  {name:<13} {message['action']:<12} {ask_once(context, port, message)}")


def stop(processes):
    """Asks all to end, then ends those that do not."""
    for process in processes.values():
        process.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for name, process in processes.items():
        try:
            code = process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code != 0:
            print(f"  {name} ended with {code}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stay", action="store_true")
    options = parser.parse_args()
    # A service manager's way to say Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    processes = {}
    context = zmq.Context()
    try:
        print("Starting")
        declared = [entry for config in CONFIGURATIONS for entry in read_entries(ROOT, config)]
        entries = in_start_order(startable(declared))
        for entry in entries:
            processes[entry.name] = start(entry)
        late = wait_until_ready(context, entries)
        print(f"  {len(entries) - len(late)} of {len(declared)} declared services run" + "".join(f", not {n}" for n in late))
        print("Talking")
        talk(context)
        if options.stay:
            print("Running; Ctrl-C stops")
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        print("Stopping")
        stop(processes)
        context.term()
    print(f"Done in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
