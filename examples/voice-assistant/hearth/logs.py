"""Loggers that write below the state folder."""

import logging
from logging.handlers import RotatingFileHandler

from hearth.paths import state_file

LINE = "%(asctime)s %(name)s %(levelname)s %(message)s"


def rotating_log(name):
    """A logger that keeps three files of half a megabyte."""
    handler = RotatingFileHandler(state_file(f"logs/{name}.log"), maxBytes=512 * 1024, backupCount=3)
    return _with_handler(name, handler)


def verbose_log(name):
    """A logger for devices on the work bench: every frame, in one file."""
    handler = logging.FileHandler(state_file(f"logs/{name}-verbose.log"))
    return _with_handler(name, handler)


def _with_handler(name, handler):
    log = logging.getLogger(name)
    handler.setFormatter(logging.Formatter(LINE))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return log
