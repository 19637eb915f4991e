"""Directory: knows which service listens where."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options

#: A service that was silent for a day is gone.
FORGET_AFTER_S = 24 * 3600


class Directory(Service):
    name = "Directory"

    def __init__(self, options):
        super().__init__(options)
        self.entries = {}
        self.handlers["register"] = self.handle_register
        self.handlers["lookup"] = self.handle_lookup
        self.handlers["list"] = self.handle_list

    def announce(self):
        """It cannot ask itself: that request would wait behind its own."""
        self.entries[self.name] = (self.options.port, time.monotonic())

    def handle_register(self, request):
        self.entries[request["name"]] = (request["port"], time.monotonic())
        return {"ok": True}

    def handle_lookup(self, request):
        port, _seen = self.entries.get(request["name"], (None, None))
        return {"ok": port is not None, "port": port}

    def handle_list(self, request):
        self._forget_silent()
        return {"ok": True, "names": sorted(self.entries)}

    def _forget_silent(self):
        oldest = time.monotonic() - FORGET_AFTER_S
        for name in [name for name, (_port, seen) in self.entries.items() if seen < oldest]:
            del self.entries[name]


if __name__ == "__main__":
    Directory(parse_options()).run()
