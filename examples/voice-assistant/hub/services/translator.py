"""Translator: says it in another language."""

import sys
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[2])))

from hearth.service import Service, parse_options
from hearth.texts import normalise
from hearth.web_client import fetch_text_within


class Translator(Service):
    name = "Translator"

    def __init__(self, options):
        super().__init__(options)
        self.phrases = {}
        self.languages = ["de", "en", "fr"]
        self.handlers["translate"] = self.handle_translate
        self.handlers["languages"] = self.handle_languages

    def handle_translate(self, request):
        text = normalise(request["text"])
        key = (request["to"], text)
        if key not in self.phrases:
            self.phrases[key] = self._fetch(text, request["to"])
        return {"ok": True, "text": self.phrases[key]}

    def handle_languages(self, request):
        return {"ok": True, "languages": self.languages}

    def _fetch(self, text, language):
        base = self.settings["translate_url"]
        return fetch_text_within(f"{base}?to={language}&text={quote(text)}", 3)


if __name__ == "__main__":
    Translator(parse_options()).run()
