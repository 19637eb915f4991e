"""What the tests of the servers share: the program, and systems to audit."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAGMAP = os.environ.get("LAGMAP", str(ROOT / "target/release/lagmap"))

API = """\
from fastapi import FastAPI

from shop.store import prices

app = FastAPI()


@app.get("/prices")
async def list_prices():
    return prices()
"""

STORE = """\
import requests


def prices():
    return requests.get("http://prices.example", timeout=5).json()
"""


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system with one blocking call behind a helper in another file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "my shop"
    folder = root / "shop"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "api.py").write_text(API)
    (folder / "store.py").write_text(STORE)
    return root
