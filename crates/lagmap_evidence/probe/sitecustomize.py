"""Starts the probe in each Python process below `lagmap probe`, and hands on to the `sitecustomize` that it stands before."""

import os
import sys


def start():
    folder = os.environ.get("LAGMAP_PROBE")
    if not folder:
        return
    here = os.path.dirname(os.path.abspath(__file__))
    import lagmap_probe

    try:
        lagmap_probe.state.start()
    except Exception as error:  # The program runs as ever.
        sys.stderr.write(f"lagmap probe: nothing is watched: {type(error).__name__}: {error}\n")
        return
    # The interpreter compiles its script by itself: if that is to be watched, it is started anew with the probe as the script.
    words = getattr(sys, "orig_argv", None) or command_line()
    at = script(words)
    if at and os.environ.pop("LAGMAP_PROBE_AGAIN", None) != str(os.getpid()) and lagmap_probe.state.places(words[at]):
        os.environ["LAGMAP_PROBE_AGAIN"] = str(os.getpid())
        probe = os.path.join(here, "lagmap_probe.py")
        os.execv(sys.executable, [sys.executable, *words[1:at], probe, *words[at:]])


def command_line():
    """Before Python 3.10 only the system knows it."""
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def script(words):
    """Where the script stands in a command of the interpreter; nothing for `-c`, `-m` and the like."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-W", "-X", "--check-hash-based-pycs"):
            at += 1
        elif not words[at].startswith(("-W", "-X")) and set(words[at]) & set("cm") or words[at] == "-":
            return None
        at += 1
    return at if at < len(words) else None


start()


def next_one():
    """The `sitecustomize` of the system or of the user's environment."""
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    rest = [folder for folder in sys.path if os.path.abspath(folder) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec and spec.loader:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


next_one()
