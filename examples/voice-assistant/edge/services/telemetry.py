"""Telemetry: how loud it is in the rooms, and since when."""

import sqlite3
import sys
import threading
import time
from collections import deque
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.paths import state_file
from hearth.service import Service, parse_options
from hearth.sockets import subscriber

FRAMES_PORT = 17321
BATCH = 50
ROOM_SILENT_AFTER_S = 600


class LevelHistory:
    """Levels as they come in."""

    def __init__(self):
        self.levels = []
        self.minute = deque(maxlen=600)
        self.last_seen = {}

    def note(self, room, level):
        self.levels.append((time.time(), room, level))
        self.minute.append(level)
        self.last_seen[room] = time.monotonic()

    def rooms(self):
        self._drop_silent_rooms()
        return sorted(self.last_seen)

    def loudness(self):
        return sum(self.minute) / len(self.minute) if self.minute else 0.0

    def _drop_silent_rooms(self):
        oldest = time.monotonic() - ROOM_SILENT_AFTER_S
        for room in [room for room, seen in list(self.last_seen.items()) if seen < oldest]:
            self.last_seen.pop(room, None)


class Telemetry(Service):
    name = "Telemetry"

    def __init__(self, options):
        super().__init__(options)
        self.history = LevelHistory()
        self.following = threading.Thread(target=self._follow, name="follow", daemon=True)
        self.handlers["rooms"] = self.handle_rooms
        self.handlers["loudness"] = self.handle_loudness
        self.handlers["export"] = self.handle_export

    def on_start(self):
        self.following.start()

    def stop(self):
        self.running = False
        self.following.join(timeout=2)
        super().stop()

    def handle_rooms(self, request):
        return {"ok": True, "rooms": self.history.rooms()}

    def handle_loudness(self, request):
        return {"ok": True, "loudness": round(self.history.loudness(), 2), "count": len(self.history.levels)}

    def handle_export(self, request):
        """Leaves the last minute where the panel finds it."""
        path = state_file("levels.csv")
        out = open(path, "w", encoding="utf-8")
        out.write("level\n")
        out.write("\n".join(map(str, self.history.minute)))
        if not self.history.minute:
            return {"ok": False, "error": "nothing heard yet"}
        out.close()
        return {"ok": True, "path": str(path)}

    def _follow(self):
        """Reads the microphone's frames; writes their levels in batches."""
        frames = subscriber(self.context, FRAMES_PORT)
        database = sqlite3.connect(state_file("levels.db"))
        try:
            database.execute("CREATE TABLE IF NOT EXISTS levels (number INTEGER, level INTEGER)")
            batch = []
            while self.running:
                try:
                    frame = frames.recv_json()
                except zmq.Again:
                    continue
                self.history.note(frame["room"], frame["level"])
                batch.append((frame["number"], frame["level"]))
                if len(batch) >= BATCH:
                    with database:
                        database.executemany("INSERT INTO levels VALUES (?, ?)", batch)
                    batch.clear()
        finally:
            database.close()
            frames.close()


if __name__ == "__main__":
    Telemetry(parse_options()).run()
