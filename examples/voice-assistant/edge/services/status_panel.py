"""StatusPanel: what the little screen in the room shows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options
from hearth.texts import initials


class StatusPanel(Service):
    name = "StatusPanel"

    def __init__(self, options):
        super().__init__(options)
        self.line = "Welcome"
        self.handlers["show"] = self.handle_show
        self.handlers["read"] = self.handle_read

    def handle_show(self, request):
        self.line = f"{initials(request['speaker'])}: {request['text']}"
        return {"ok": True}

    def handle_read(self, request):
        return {"ok": True, "line": self.line}


if __name__ == "__main__":
    StatusPanel(parse_options()).run()
