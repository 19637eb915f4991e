"""Speaker: from text to sound."""

import sys
import threading
from collections import OrderedDict, deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.models import load_voice
from hearth.service import Service, parse_options

LARGEST_CACHE = 64


class Speaker(Service):
    name = "Speaker"

    def __init__(self, options):
        super().__init__(options)
        self._voice = None
        self._voice_lock = threading.Lock()
        self._spoken = OrderedDict()
        self._history = deque(maxlen=50)
        self.handlers["speak"] = self.handle_speak
        self.handlers["history"] = self.handle_history

    def on_start(self):
        """Loads the voice beside the first requests."""
        threading.Thread(target=self.voice, name="warm-up", daemon=True).start()

    def voice(self):
        if self._voice is None:
            with self._voice_lock:
                if self._voice is None:
                    self._voice = load_voice()
        return self._voice

    def handle_speak(self, request):
        text = request["text"]
        self._history.append(text)
        sound = self._spoken.get(text)
        if sound is None:
            sound = self.voice()(text)
            self._keep(text, sound)
        return {"ok": True, "samples": len(sound["audio"]), "rate": sound["sampling_rate"]}

    def handle_history(self, request):
        return {"ok": True, "spoken": list(self._history)}

    def _keep(self, text, sound):
        self._spoken[text] = sound
        self._trim()

    def _trim(self):
        while len(self._spoken) > LARGEST_CACHE:
            self._spoken.popitem(last=False)


if __name__ == "__main__":
    Speaker(parse_options()).run()
