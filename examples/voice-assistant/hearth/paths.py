"""Where things lie, relative to the folder that holds run.py."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG_PATH = ROOT / "config" / "settings.json"
LEXICON_PATH = ROOT / "data" / "lexicon.json"

#: Everything that the services write: databases, transcripts, logs.
STATE = Path(os.environ.get("HEARTH_STATE", ROOT / "var"))


def state_file(name):
    """A file below the state folder, whose folder exists afterwards."""
    path = STATE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
