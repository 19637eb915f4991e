"""Starts some of the services, sends them a load whose repeated requests are known, and says how many those are.

    python load.py [--requests N] [--seed N]        one line of JSON: of each kind of work, how often, and how much of it is repeated

The same seed gives the same requests. What counts as repeated is what a cache of 1,000 entries would answer.
"""

import argparse
import json
import random
import sys
from collections import OrderedDict

import zmq

from hearth.sockets import request_socket
from hearth.startup import in_start_order, read_entries
from run import CONFIGURATIONS, ROOT, problem_of, start, stop, wait_until_ready

NEEDED = ["Directory", "IntentParser", "SkillRunner"]

#: Words that are far from each other, so that each misheard one is near to one of them only.
KNOWN = ["weather", "kitchen", "telephone", "calendar", "umbrella", "breakfast", "playlist", "headlights"]

#: Entries of the cache that is asked about.
WINDOW = 1000


class Repeats:
    """Counts what a cache that forgets the least recently used would answer."""

    def __init__(self):
        self.calls = self.repeated = 0
        self.seen = OrderedDict()

    def add(self, key):
        self.calls += 1
        if self.seen.pop(key, False):
            self.repeated += 1
        self.seen[key] = True
        if len(self.seen) > WINDOW:
            self.seen.popitem(last=False)

    def result(self):
        return {"calls": self.calls, "repeated": self.repeated, "share": self.repeated / max(self.calls, 1)}


def misheard(rng, number):
    """Different words, each with one digit in the place of a letter."""
    words = set()
    while len(words) < number:
        word = rng.choice(KNOWN)
        at = rng.randrange(len(word))
        words.add(word[:at] + str(rng.randrange(10)) + word[at + 1 :])
    return sorted(words)


def requests(number, seed):
    """Port, message, kind and key of each request; few words are said often and many rarely."""
    rng = random.Random(seed)
    words = misheard(rng, 300)
    rng.shuffle(words)
    often = [1 / (rank + 1) for rank in range(len(words))]
    devices = 0
    for index in range(number):
        word = rng.choices(words, often)[0]
        yield 17103, {"action": "correct", "word": word, "vocabulary": KNOWN}, "correct", word
        if index % 4 == 0:
            yield 17104, {"action": "perform", "skill": "volume", "text": "how loud"}, "volume", ""
        if index % 40 == 20:
            devices += 1
            yield 17103, {"action": "learn_device", "name": f"lamp {devices}"}, None, None
        if index % 2 == 0:
            yield 17103, {"action": "parse", "text": f"turn on lamp {index % 7}"}, "parse", devices


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    processes, context = {}, zmq.Context()
    known = {"correct": Repeats(), "volume": Repeats(), "parse": Repeats()}
    try:
        declared = [entry for config in CONFIGURATIONS for entry in read_entries(ROOT, config)]
        entries = in_start_order([entry for entry in declared if entry.name in NEEDED and problem_of(entry, {}) is None])
        for entry in entries:
            processes[entry.name] = start(entry)
        late = wait_until_ready(context, entries)
        if late:
            sys.exit(f"not ready in time: {', '.join(late)}")
        sockets = {port: request_socket(context, port, wait_ms=8000) for port in (17103, 17104)}
        # At its start the parser makes the pattern of its greetings.
        known["parse"].add("greeting")
        for port, message, kind, key in requests(options.requests, options.seed):
            sockets[port].send_json(message)
            answer = sockets[port].recv_json()
            if not answer.get("ok", True):
                sys.exit(f"{message} was not answered: {answer}")
            if kind:
                known[kind].add(key)
        for socket in sockets.values():
            socket.close(linger=0)
        print("load:", json.dumps({kind: repeats.result() for kind, repeats in known.items()}), flush=True)
    finally:
        stop(processes)
        context.term()


if __name__ == "__main__":
    main()
