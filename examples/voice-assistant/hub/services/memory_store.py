"""MemoryStore: what the household asked to be remembered."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.entry_store import EntryStore
from hearth.paths import state_file
from hearth.service import Service, parse_options

BY_SPEAKER = "SELECT topic, said FROM entries WHERE speaker = ? ORDER BY id DESC LIMIT 200"


class MemoryStore(Service):
    name = "MemoryStore"

    def __init__(self, options):
        super().__init__(options)
        self.path = state_file("memory.db")
        self._check_file()
        self.store = EntryStore(self.path)
        self.handlers.update(
            {
                "remember": self.handle_remember,
                "import": self.handle_import,
                "restore": self.handle_restore,
                "recall": self.handle_recall,
                "minutes": self.handle_minutes,
                "page": self.handle_page,
                "pairs": self.handle_pairs,
                "owners": self.handle_owners,
            }
        )

    def stop(self):
        self.store.close()
        super().stop()

    def handle_remember(self, request):
        self.store.add(request["entry"])
        return {"ok": True}

    def handle_import(self, request):
        """Takes over the memories of another assistant."""
        for entry in request["entries"]:
            self.store.add(entry)
        return {"ok": True, "count": len(request["entries"])}

    def handle_restore(self, request):
        """Takes back a copy that this service once gave out."""
        self.store.add_all(request["entries"])
        return {"ok": True, "count": len(request["entries"])}

    def handle_recall(self, request):
        """All that one speaker said, newest first."""
        connection = sqlite3.connect(self.path)
        rows = connection.execute(BY_SPEAKER, (request["speaker"],)).fetchall()
        topics = sorted({topic for topic, _said in rows})
        connection.close()
        return {"ok": True, "topics": topics, "said": [said for _topic, said in rows]}

    def handle_minutes(self, request):
        """The latest entries as one text to read aloud."""
        minutes = ""
        for speaker, topic, said in self.store.latest(request.get("limit", 500)):
            minutes = minutes + speaker + " on " + topic + ": " + said + "\n"
        return {"ok": True, "text": minutes}

    def handle_page(self, request):
        """The same for the panel, with a head."""
        lines = [f"{speaker}: {said}" for speaker, _topic, said in self.store.latest(request.get("limit", 500))]
        return {"ok": True, "text": "\n".join(["Memories", *lines])}

    def handle_pairs(self, request):
        """Which questions of a list have an answer in another, by their key."""
        pairs = []
        for question in request["questions"]:
            for answer in request["answers"]:
                if answer["key"] == question["key"]:
                    pairs.append((question["text"], answer["text"]))
        return {"ok": True, "pairs": pairs}

    def handle_owners(self, request):
        """Who owns each of the things asked for."""
        owner_of = {thing["name"]: thing["owner"] for thing in request["things"]}
        return {"ok": True, "owners": [owner_of.get(name) for name in request["names"]]}

    def _check_file(self):
        with closing(sqlite3.connect(self.path)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            self.log.error("the memory is damaged: %s", verdict)


if __name__ == "__main__":
    MemoryStore(parse_options()).run()
