"""IntentParser: from a sentence to an intent and its slots."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.models import load_scorer
from hearth.service import Service, parse_options
from hearth.texts import edit_distance, normalise, phrase_matcher

#: Words that never decide an intent.
FILLERS = [
    "a", "about", "again", "all", "also", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could",
    "do", "for", "from", "have", "hey", "i", "in", "is", "it", "just", "like", "maybe", "me", "my", "now", "of", "on",
    "please", "really", "so", "some", "that", "the", "then", "this", "to", "up", "us", "want", "we", "with", "would",
]  # fmt: skip

COMMANDS = frozenset(["dim", "open", "pause", "play", "remember", "say", "set", "start", "stop", "tell", "turn", "wake"])

DURATION = re.compile(r"(\d+)\s*(second|minute|hour)s?")

ROOMS = ["bath", "bedroom", "cellar", "garage", "garden", "hall", "kitchen", "living room", "office", "attic"]


class IntentParser(Service):
    name = "IntentParser"

    def __init__(self, options):
        super().__init__(options)
        self.devices = {"ceiling light", "desk lamp", "fan", "heater", "radio", "shutter"}
        self.greeting = phrase_matcher(["good morning", "good evening", "hello", "hi there"])
        self.handlers["parse"] = self.handle_parse
        self.handlers["learn_device"] = self.handle_learn_device
        self.handlers["correct"] = self.handle_correct

    def handle_parse(self, request):
        text = normalise(request["text"])
        if self.greeting.match(text):
            return {"intent": "greeting", "slots": {}}
        words = self._telling_words(text)
        return {"intent": self._intent_of(text, words), "slots": self._slots_of(text)}

    def handle_learn_device(self, request):
        if len(self.devices) < 200:
            self.devices.add(normalise(request["name"]))
        return {"ok": True, "devices": len(self.devices)}

    def handle_correct(self, request):
        """What a misheard word may have been, the likeliest first."""
        word = normalise(request["word"])
        near = []
        for known in request["vocabulary"]:
            if edit_distance(word, known) <= 2:
                near.append((edit_distance(word, known), known))
        return {"ok": True, "candidates": [known for _, known in sorted(near)]}

    def _telling_words(self, text):
        telling = []
        for word in text.split():
            if word not in FILLERS:
                telling.append(word)
        return telling

    def _intent_of(self, text, words):
        for word in words:
            if word in COMMANDS and word in ("remember", "timer"):
                return "memory" if word == "remember" else "timer"
        scorer = load_scorer(self.settings["intent_model"])
        return scorer(text)[0]["label"]

    def _slots_of(self, text):
        slots = {}
        device = phrase_matcher(self.devices).search(text)
        if device:
            slots["device"] = device.group(1)
        duration = DURATION.search(text)
        if duration:
            slots["duration"] = duration.groups()
        for room in ROOMS:
            if room in text:
                slots["room"] = room
        return slots


if __name__ == "__main__":
    IntentParser(parse_options()).run()
