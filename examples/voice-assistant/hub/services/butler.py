"""Butler: several things at one word."""

import sys
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options
from hearth.sockets import request_socket

CLIMATE_PORT = 17110

#: A person does not wait longer for the night to begin.
NIGHT_PATIENCE_MS = 250


class Butler(Service):
    name = "Butler"

    def __init__(self, options):
        super().__init__(options)
        self.climate = request_socket(self.context, CLIMATE_PORT, wait_ms=5000)
        self.hurried = request_socket(self.context, CLIMATE_PORT, wait_ms=NIGHT_PATIENCE_MS)
        self.handlers["evening"] = self.handle_evening
        self.handlers["night"] = self.handle_night
        self.handlers["air"] = self.handle_air

    def stop(self):
        self.climate.close()
        self.hurried.close()
        super().stop()

    def handle_evening(self, request):
        self.climate.send_json({"action": "heat"})
        return self.climate.recv_json()

    def handle_night(self, request):
        """The heating is told, but its answer mostly comes too late."""
        try:
            self.hurried.send_json({"action": "boost"})
            return self.hurried.recv_json()
        except zmq.Again:
            return {"ok": True, "told": True}

    def handle_air(self, request):
        """Closes the radiators, room by room."""
        closed = []
        for room in request["rooms"]:
            self.climate.send_json({"action": "valve", "room": room})
            closed.append(self.climate.recv_json()["room"])
        return {"ok": True, "closed": closed}


if __name__ == "__main__":
    Butler(parse_options()).run()
