"""What the household told its assistant, in SQLite."""

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    speaker TEXT NOT NULL,
    topic TEXT NOT NULL,
    said TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_by_speaker ON entries (speaker);
"""

INSERT = "INSERT INTO entries (speaker, topic, said) VALUES (?, ?, ?)"


def as_row(entry):
    return entry["speaker"], entry.get("topic", "general"), entry["said"]


class EntryStore:
    """One connection, kept for the life of the service."""

    def __init__(self, path):
        self._connection = sqlite3.connect(path)
        self._connection.executescript(SCHEMA)

    def add(self, entry):
        """Writes one entry, safe on disk when this returns."""
        self._connection.execute(INSERT, as_row(entry))
        self._connection.commit()

    def add_all(self, entries):
        """Writes many entries in one transaction."""
        with self._connection:
            self._connection.executemany(INSERT, [as_row(entry) for entry in entries])

    def latest(self, limit):
        rows = self._connection.execute("SELECT speaker, topic, said FROM entries ORDER BY id DESC LIMIT ?", (limit,))
        return rows.fetchall()

    def close(self):
        self._connection.close()
