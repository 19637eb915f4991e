"""The transcript of the day, one line for each thing said."""

import os

from hearth.paths import state_file

#: What one look at the end of a transcript takes in.
TAIL_BYTES = 16 * 1024
LARGEST = 4 * 1024 * 1024


class TranscriptArchive:
    """Appends through one open file, which starts afresh when it has grown large.

    Only one thread may append.
    """

    def __init__(self, name="transcript.txt"):
        self._path = state_file(name)
        self._file = open(self._path, "a", encoding="utf-8", buffering=1)

    def append(self, line):
        if self._file.tell() > LARGEST:
            self._file.truncate(0)
        self._file.write(line + "\n")

    def recent(self, count):
        """The last `count` lines."""
        return self._tail().splitlines()[-count:]

    def size(self):
        return os.path.getsize(self._path)

    def close(self):
        self._file.close()

    def _tail(self):
        with open(self._path, "rb") as transcript:
            transcript.seek(0, os.SEEK_END)
            transcript.seek(max(0, transcript.tell() - TAIL_BYTES))
            return transcript.read(TAIL_BYTES).decode("utf-8", "replace")
