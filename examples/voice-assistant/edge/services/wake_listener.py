"""WakeListener: hears the wake word and publishes what follows it, frame by frame."""

import queue
import sys
import threading
import time
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.logs import verbose_log
from hearth.service import Service, parse_options
from hearth.sockets import address, publisher

PANEL_PORT = 17310

#: What the simulated microphone hears, over and over.
HEARD = ["hello there", "lites in the kichen on", "what is the wether", "remember to water the plants"]

FRAMES_A_SECOND = 10


class Microphone:
    """Gives a frame every tenth of a second, from a thread of its own."""

    def __init__(self):
        self.frames = queue.Queue(maxsize=100)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._record, name="microphone", daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join(timeout=1)

    def _record(self):
        number = 0
        while not self._stopping.is_set():
            words = HEARD[number // 20 % len(HEARD)].split()
            frame = {"room": "kitchen", "number": number, "level": number % 7, "words": words[number % len(words)]}
            number += 1
            try:
                self.frames.put_nowait(frame)
            except queue.Full:
                pass
            time.sleep(1 / FRAMES_A_SECOND)


class WakeListener(Service):
    name = "WakeListener"

    def __init__(self, options):
        super().__init__(options)
        self.microphone = Microphone()
        self.panel_context = zmq.Context()
        self.panel = self.panel_context.socket(zmq.PUSH)
        self.panel.connect(address(PANEL_PORT))
        self.muted = False
        self.publishing = threading.Thread(target=self._publish, name="publish", daemon=True)
        self.handlers["mute"] = self.handle_mute

    def make_log(self):
        return verbose_log(self.name)

    def on_start(self):
        self.microphone.start()
        self.publishing.start()

    def stop(self):
        self.running = False
        self.microphone.stop()
        self.publishing.join(timeout=2)
        self.panel.close()
        self.panel_context.term()
        super().stop()

    def handle_mute(self, request):
        """The ring of lights on the device shows whether it listens."""
        self.muted = bool(request["muted"])
        self.panel.send_json({"ring": "off" if self.muted else "on"}, zmq.NOBLOCK)
        return {"ok": True, "muted": self.muted}

    def _publish(self):
        """Owns the PUB socket."""
        out = publisher(self.context, self.options.port + 20)
        try:
            while self.running:
                frame = self._next_frame()
                if frame is not None and not self.muted:
                    out.send_json(frame)
        finally:
            out.close(linger=0)

    def _next_frame(self):
        while self.microphone.frames.empty():
            if not self.running:
                return None
            time.sleep(0.002)
        return self.microphone.frames.get_nowait()


if __name__ == "__main__":
    WakeListener(parse_options()).run()
