import asyncio, json, threading, time
from functools import lru_cache, partial
import requests, zmq, sqlite3

class Service:
    handlers = {}
    _instance = None

    def __init__(self, port: int = 5555):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.REP)
        self.socket.bind(f"tcp://*:{port}")
        self.cache = {}
        self.lock = threading.Lock()
        self.handlers = {"get": self.handle_get, "put": partial(self.handle_put, True)}

    def run(self):
        while True:
            message = json.loads(self.socket.recv())
            handler = getattr(self, f"handle_{message['kind']}", None) or self.handlers[message["kind"]]
            self.socket.send_string(json.dumps(handler(message)))

    def handle_get(self, message):
        with self.lock:
            self.cache[message["key"]] = requests.get(message["url"]).text
        return [x for x in self.cache.values() if x in list(self.cache)]

    def handle_put(self, force, message):
        db = sqlite3.connect("x.db")
        for row in message["rows"]:
            db.execute("insert into t values (?)", (row,))
            db.commit()
        return {"ok": True}

@lru_cache(maxsize=None)
def load(name): return open(name).read()

async def main():
    time.sleep(1)
    await asyncio.gather(*(asyncio.to_thread(load, n) for n in "abc"))

if __name__ == "__main__":
    threading.Thread(target=Service().run).start()
    asyncio.run(main())
