"""Transcriber: from frames to text."""

import json
import sys
import threading
import time
from collections import deque
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.models import load_recogniser
from hearth.paths import LEXICON_PATH
from hearth.service import Service, parse_options
from hearth.sockets import subscriber

FRAMES_PORT = 17321


class Lexicon:
    """What people here say, and how it is written."""

    def __init__(self, path):
        self._path = path

    def entries(self):
        return json.loads(self._path.read_text(encoding="utf-8"))

    def correct(self, words):
        known = self.entries()
        return [known.get(word, word) for word in words]


class Transcriber(Service):
    name = "Transcriber"

    def __init__(self, options):
        super().__init__(options)
        self.recogniser = load_recogniser(self.settings["speech_model"])
        self.lexicon = Lexicon(LEXICON_PATH)
        self.heard = deque(maxlen=100)
        self.listening = threading.Thread(target=self._listen, name="listen", daemon=True)
        self.handlers["transcribe"] = self.handle_transcribe
        self.handlers["transcribe_file"] = self.handle_transcribe_file
        self.handlers["heard"] = self.handle_heard

    def on_start(self):
        self.listening.start()

    def stop(self):
        self.running = False
        self.listening.join(timeout=2)
        super().stop()

    def handle_transcribe(self, request):
        """Text of frames that come with the request."""
        audio = b""
        for frame in request["frames"]:
            audio += frame.encode() + b" "
        words = self.recogniser.transcribe(audio)["text"].split()
        return {"ok": True, "text": " ".join(self.lexicon.correct(words))}

    def handle_transcribe_file(self, request):
        """Text of a recording that a panel left on disk."""
        recording = Path(request["path"]).read_bytes()
        return {"ok": True, "text": self.recogniser.transcribe(recording)["text"]}

    def handle_heard(self, request):
        return {"ok": True, "words": list(self.heard)}

    def _listen(self):
        """Follows the frames of the microphone."""
        frames = subscriber(self.context, FRAMES_PORT)
        try:
            while self.running:
                try:
                    frame = frames.recv_json()
                except zmq.Again:
                    continue
                self.heard.append(frame["words"])
                time.sleep(0.05)
        finally:
            frames.close()


if __name__ == "__main__":
    Transcriber(parse_options()).run()
