"""Runs a program and measures it: wall time, peak memory, exit code. Also gets pinned packages from PyPI."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    seconds: float
    processor_seconds: float
    """User and system time of all threads."""
    kibibytes: int
    code: int | None
    """The exit code; None if it was stopped for taking too long, negative for a signal."""
    errors: str


def run(command: list[str], limit: float | None = None, cwd: Path | None = None, errors: Path | None = None) -> Run:
    """Runs a command to its end, or until `limit` seconds are over. Its standard output is dropped."""
    told = errors or Path(os.devnull)
    with open(told, "wb") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
        stopped = False

        def stop(*_: object) -> None:
            nonlocal stopped
            stopped = True
            process.kill()

        if limit is not None:
            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, limit)
        _, status, usage = os.wait4(process.pid, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    text = told.read_text(errors="replace") if errors else ""
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, None if stopped else process.returncode, text)


def packages(listed: Path, folder: Path, names: set[str] | None = None) -> dict[str, Path]:
    """The unpacked packages of a list of pins (`name==version`), by pin. What is there is not fetched again."""
    found = {}
    for line in listed.read_text().splitlines():
        pin = line.split("#")[0].strip()
        if not pin or names is not None and pin.split("==")[0] not in names:
            continue
        target = folder / pin
        if not target.is_dir():
            fetch(pin, folder, target)
        found[pin] = target
    return found


def fetch(pin: str, folder: Path, target: Path) -> None:
    fetched = folder / f"{pin}.fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--dest", str(fetched), pin], check=True)
    (archive,) = fetched.iterdir()
    unpacked = folder / f"{pin}.unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(unpacked)
    else:
        with tarfile.open(archive) as source:
            source.extractall(unpacked, filter="data")
    shutil.rmtree(fetched)
    unpacked.rename(target)
