"""Player: plays sounds in the room, one after the other."""

import hashlib
import queue
import sys
import threading
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options
from hearth.sockets import address

PANEL_PORT = 17310
CHUNK = 64 * 1024


class Player(Service):
    name = "Player"

    def __init__(self, options):
        super().__init__(options)
        self.waiting = queue.Queue(maxsize=50)
        self.played = 0
        self.playing = threading.Thread(target=self._play, name="play", daemon=True)
        self.watching = threading.Thread(target=self._watch_panel, name="watch", daemon=True)
        self.handlers["play"] = self.handle_play
        self.handlers["fingerprint"] = self.handle_fingerprint

    def on_start(self):
        self.playing.start()
        self.watching.start()

    def stop(self):
        self.running = False
        self.playing.join(timeout=1)
        self.watching.join(timeout=1)
        super().stop()

    def handle_play(self, request):
        try:
            self.waiting.put_nowait(request["sound"])
        except queue.Full:
            return {"ok": False, "error": "too many sounds wait"}
        return {"ok": True, "waiting": self.waiting.qsize()}

    def handle_fingerprint(self, request):
        """Which version of a sound file lies here."""
        digest = hashlib.sha256()
        with open(request["path"], "rb") as sound:
            while chunk := sound.read(CHUNK):
                digest.update(chunk)
        return {"ok": True, "sha256": digest.hexdigest()}

    def _play(self):
        while self.running:
            try:
                sound = self.waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            self.log.info("playing %s", sound)
            self.played += 1

    def _watch_panel(self):
        """Buttons of the panel arrive here."""
        buttons = self.context.socket(zmq.PULL)
        buttons.bind(address(PANEL_PORT))
        poller = zmq.Poller()
        poller.register(buttons, zmq.POLLIN)
        try:
            while self.running:
                if dict(poller.poll(200)).get(buttons):
                    self.log.info("button %s", buttons.recv_json())
        finally:
            buttons.close(linger=0)


if __name__ == "__main__":
    Player(parse_options()).run()
