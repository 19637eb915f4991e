"""The frame in which all services but the web gateway run."""

import argparse
import signal
import time

import zmq

from hearth.directory_client import DirectoryClient
from hearth.health import HealthResponder
from hearth.logs import rotating_log
from hearth.settings import start_settings
from hearth.sockets import reply_socket


def parse_options(arguments=None):
    """What the starter passes to each service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--health-port", type=int, required=True)
    return parser.parse_args(arguments)


class Service:
    """Answers JSON requests on one REP socket, one at a time, until it is told to stop.

    A request is an object with an `action`. Subclasses enter a method for each action in
    `self.handlers`, or override `handle_request` for those that are in no table.
    """

    name = "service"

    def __init__(self, options):
        self.options = options
        self.settings = start_settings()
        self.log = self.make_log()
        self.context = zmq.Context()
        self.socket = reply_socket(self.context, options.port)
        self.directory = DirectoryClient(self.context)
        self.handlers = {"ping": self.handle_ping}
        self.health = HealthResponder(self.context, options.health_port, self.health_report)
        self.started = time.monotonic()
        self.served = 0
        self.running = True

    def make_log(self):
        return rotating_log(self.name)

    def run(self):
        signal.signal(signal.SIGTERM, self._stop_soon)
        signal.signal(signal.SIGINT, self._stop_soon)
        self.health.start()
        self.announce()
        self.on_start()
        try:
            while self.running:
                self._serve_one()
        finally:
            self.stop()

    def announce(self):
        if self.directory.register(self.name, self.options.port) is None:
            self.log.warning("the directory does not answer; running unlisted")

    def on_start(self):
        """For subclasses: what starts with the service."""

    def stop(self):
        """Subclasses close what they opened and then call this."""
        self.health.stop()
        self.directory.close()
        self.socket.close(linger=0)
        self.context.term()

    def handle_ping(self, request):
        return {"ok": True, "name": self.name}

    def handle_request(self, request):
        return {"ok": False, "error": f"no such action: {request.get('action')}"}

    def health_report(self):
        return {"ok": self.running, "name": self.name, "served": self.served, "up": round(time.monotonic() - self.started)}

    def _serve_one(self):
        try:
            request = self.socket.recv_json()
        except zmq.Again:
            return
        except ValueError:
            request = {"action": "unreadable"}
        self.socket.send_json(self._answer(request))
        self.served += 1

    def _answer(self, request):
        handler = self.handlers.get(request.get("action"), self.handle_request)
        try:
            return handler(request)
        except Exception as error:
            self.log.exception("request failed")
            return {"ok": False, "error": str(error)}

    def _stop_soon(self, signum, frame):
        self.running = False
