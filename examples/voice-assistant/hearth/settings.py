"""The household's settings."""

import json
from functools import lru_cache

from hearth.paths import CONFIG_PATH


def load_settings():
    """The settings as they are on disk now."""
    with open(CONFIG_PATH, encoding="utf-8") as file:
        settings = json.load(file)
    settings.setdefault("volume", 50)
    settings.setdefault("language", "en")
    return settings


@lru_cache(maxsize=1)
def start_settings():
    """The settings with which this process started."""
    with open(CONFIG_PATH, encoding="utf-8") as file:
        return json.load(file)
