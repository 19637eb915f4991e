"""A store: a database in a file, and a remote service that takes its time."""

import json
import sqlite3
import time


class Store:
    def __init__(self, path, settings):
        self.path = path
        self.settings = settings
        with sqlite3.connect(path) as connection:
            connection.execute("create table if not exists seen (word text)")

    def find(self, word):
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute("select count(*) from seen where word = ?", (word,)).fetchone()[0]
        finally:
            connection.close()

    def limits(self):
        with open(self.settings) as file:
            return json.load(file)


def ask_neighbour():
    time.sleep(0.01)
    return {"neighbour": True}
