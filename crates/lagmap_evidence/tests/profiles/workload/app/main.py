"""A small service under load: what every profiler of the tests is run on."""

import json
import pathlib
import sys
import tempfile
import threading

from app.codec import fingerprint, tokenize
from app.store import Store, ask_neighbour

TEXT = "the quick brown fox jumps over the lazy dog and comes back for more " * 40


def handle(store, number):
    words = tokenize(TEXT)
    limits = store.limits()
    found = store.find(words[number % len(words)])
    ask_neighbour()
    return fingerprint(words) + found + limits["most"]


def heartbeat(stop):
    while not stop.wait(0.05):
        fingerprint(["beat"] * 50)


def keep(held, number):
    held.append(bytearray(200_000 + number))


def serve(requests):
    held = []
    with tempfile.TemporaryDirectory() as folder:
        settings = pathlib.Path(folder, "settings.json")
        settings.write_text(json.dumps({"most": 3, "names": list(range(2000))}))
        store = Store(str(pathlib.Path(folder, "seen.db")), str(settings))
        stop = threading.Event()
        thread = threading.Thread(target=heartbeat, args=(stop,))
        thread.start()
        total = 0
        for number in range(requests):
            total += handle(store, number)
            keep(held, number)
        stop.set()
        thread.join()
    return total


if __name__ == "__main__":
    print(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
