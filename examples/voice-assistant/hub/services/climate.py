"""Climate: drives the heating, which answers slowly."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options

#: How long the heating takes to confirm what it was told, in seconds.
VALVE_S = 0.06
HEAT_S = 0.4
BOOST_S = 0.9


class Climate(Service):
    name = "Climate"

    def __init__(self, options):
        super().__init__(options)
        self.target = 20
        self.handlers["target"] = self.handle_target
        self.handlers["valve"] = self.handle_valve
        self.handlers["heat"] = self.handle_heat
        self.handlers["boost"] = self.handle_boost

    def handle_target(self, request):
        return {"ok": True, "target": self.target}

    def handle_valve(self, request):
        """One radiator."""
        time.sleep(VALVE_S)
        return {"ok": True, "room": request["room"]}

    def handle_heat(self, request):
        """The whole house."""
        time.sleep(HEAT_S)
        self.target = 22
        return {"ok": True, "target": self.target}

    def handle_boost(self, request):
        """The boiler, too."""
        time.sleep(BOOST_S)
        self.target = 24
        return {"ok": True, "target": self.target}


if __name__ == "__main__":
    Climate(parse_options()).run()
