"""Starts the services, measures how long some requests take, and prints the medians as JSON.

    python measure.py           one line a request: service, request, milliseconds
"""

import json
import statistics
import sys
import time

import zmq

from hearth.sockets import request_socket
from hearth.startup import in_start_order, read_entries
from run import CONFIGURATIONS, ROOT, get, problem_of, start, stop, wait_until_ready

#: What the butler and what they need.
NEEDED = ["Directory", "Climate", "Butler", "DialogRouter", "IntentParser", "SkillRunner", "MemoryStore", "WebGateway"]

#: Service, request as an audit names it, port, message.
REQUESTS = [
    ("Climate", "action=target", 17110, {"action": "target"}),
    ("Climate", "action=valve", 17110, {"action": "valve", "room": "hall"}),
    ("Climate", "action=heat", 17110, {"action": "heat"}),
    ("Climate", "action=boost", 17110, {"action": "boost"}),
    ("Butler", "action=air", 17111, {"action": "air", "rooms": ["hall", "kitchen", "attic"]}),
    ("Butler", "action=evening", 17111, {"action": "evening"}),
    ("MemoryStore", "action=remember", 17106, {"action": "remember", "entry": {"speaker": "Mia", "said": "tea"}}),
]


def ask(context, port, message):
    socket = request_socket(context, port, wait_ms=8000)
    try:
        began = time.perf_counter()
        socket.send_json(message)
        socket.recv_json()
        return (time.perf_counter() - began) * 1000
    finally:
        socket.close()


def web(path):
    began = time.perf_counter()
    get(path)
    return (time.perf_counter() - began) * 1000


def measure(context, rounds=5):
    for service, request, port, message in REQUESTS:
        times = [ask(context, port, message) for _ in range(rounds)]
        yield service, request, statistics.median(times)
    yield "WebGateway", "/evening", statistics.median(web("/evening") for _ in range(rounds))
    # Last: what the butler does not wait for goes on in the heating.
    yield "Butler", "action=night", ask(context, 17111, {"action": "night"})


def main():
    processes = {}
    context = zmq.Context()
    try:
        declared = [entry for config in CONFIGURATIONS for entry in read_entries(ROOT, config)]
        entries = in_start_order([entry for entry in declared if entry.name in NEEDED and problem_of(entry, {}) is None])
        for entry in entries:
            processes[entry.name] = start(entry)
        late = wait_until_ready(context, entries)
        if late:
            sys.exit(f"not ready in time: {', '.join(late)}")
        for service, request, ms in measure(context):
            print(json.dumps({"service": service, "request": request, "ms": round(ms, 2)}), flush=True)
    finally:
        stop(processes)
        context.term()


if __name__ == "__main__":
    main()
