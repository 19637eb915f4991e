"""WebGateway: the assistant for phones and browsers, over HTTP.

Everything happens on one event loop. What has to wait for another service goes through one
worker thread, which owns the socket to the router.
"""

import asyncio
import json
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.archive import TranscriptArchive
from hearth.directory_client import DirectoryClient
from hearth.health import HealthResponder
from hearth.logs import rotating_log
from hearth.service import parse_options
from hearth.sockets import request_socket

ROUTER_PORT = 17102
BUTLER_PORT = 17111

#: How long a client may take over its request.
PATIENCE_S = 5

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}


class RouterLink:
    """A socket to the router; used by one thread only."""

    def __init__(self, context):
        self._socket = request_socket(context, ROUTER_PORT, wait_ms=3000)

    def say(self, text, speaker):
        try:
            self._socket.send_json({"action": "say", "text": text, "speaker": speaker})
            return self._socket.recv_json()
        except zmq.Again:
            return None

    def close(self):
        self._socket.close()


class ButlerLink:
    """A socket to the butler; used by one thread only."""

    def __init__(self, context):
        self._socket = request_socket(context, BUTLER_PORT, wait_ms=6000)

    def evening(self):
        try:
            self._socket.send_json({"action": "evening"})
            warm = self._socket.recv_json()
            return warm
        except zmq.Again:
            return {"ok": False}

    def close(self):
        self._socket.close()


class WebGateway:
    name = "WebGateway"

    def __init__(self, options):
        self.options = options
        self.log = rotating_log(self.name)
        self.context = zmq.Context()
        self.router = RouterLink(self.context)
        self.butler = ButlerLink(self.context)
        self.directory = DirectoryClient(self.context)
        self.archive = TranscriptArchive()
        self.health = HealthResponder(self.context, options.health_port, self.health_report)
        self.worker = ThreadPoolExecutor(max_workers=1)
        self.pushes = set()
        self.served = 0
        self.routes = {
            "/ask": self.answer_ask,
            "/history": self.answer_history,
            "/size": self.answer_size,
            "/services": self.answer_services,
            "/almanac": self.answer_almanac,
            "/evening": self.answer_evening,
        }

    async def serve(self):
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        server = await asyncio.start_server(self.handle_client, "127.0.0.1", self.options.port)
        self.health.start()
        async with server:
            await stopping.wait()
        await asyncio.gather(*self.pushes, return_exceptions=True)

    def close(self):
        self.health.stop()
        self.worker.shutdown()
        self.archive.close()
        self.router.close()
        self.butler.close()
        self.directory.close()
        self.context.term()

    def health_report(self):
        return {"ok": True, "name": self.name, "served": self.served}

    async def handle_client(self, reader, writer):
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            status, body = await self.answer(head)
            await self.send(writer, status, body)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            self.log.info("a client left early")
        finally:
            writer.close()

    async def answer(self, head):
        """Finds the route of a request and calls it."""
        self.served += 1
        parts = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(parts) != 3:
            return 400, {"error": "not HTTP"}
        target = urlsplit(parts[1])
        route = self.routes.get(target.path)
        if route is None:
            return 404, {"error": "no such page"}
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        return await route(query)

    async def send(self, writer, status, body):
        payload = json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
            "Connection: close",
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()

    async def answer_ask(self, query):
        if "text" not in query:
            return 400, {"error": "text is missing"}
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self.worker, self.router.say, query["text"], query.get("speaker", "web"))
        if reply is None:
            return 503, {"error": "the assistant is busy"}
        push = asyncio.create_task(self.push_to_panels(reply["text"]))
        self.pushes.add(push)
        push.add_done_callback(self.pushes.discard)
        asyncio.create_task(self.write_down(query["text"], reply["text"]))
        return 200, reply

    async def answer_history(self, query):
        """The end of today's transcript."""
        lines = self.archive.recent(int(query.get("count", 20)))
        return 200, {"lines": lines}

    async def answer_size(self, query):
        size = await asyncio.to_thread(self.archive.size)
        return 200, {"bytes": size}

    async def answer_services(self, query):
        names = self.directory.names()
        return 200, {"services": names}

    async def answer_almanac(self, query):
        """The household's own little almanac; a real one would know the weather."""
        day = time.localtime().tm_yday
        forecast = {"sky": "cloudy" if day % 2 else "clear", "high": 8 + day % 20}
        return 200, {"forecast": forecast, "sun": {"rise": "07:10", "set": "17:45"}}

    async def answer_evening(self, query):
        """Makes it warm; the worker thread waits."""
        loop = asyncio.get_running_loop()
        return 200, await loop.run_in_executor(self.worker, self.butler.evening)

    async def push_to_panels(self, text):
        await asyncio.sleep(0.05)
        self.log.info("shown: %s", text)

    async def write_down(self, question, answer):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self.worker, self.archive.append, f"{question} -> {answer}")


def main():
    gateway = WebGateway(parse_options())
    gateway.directory.register(gateway.name, gateway.options.port)
    try:
        asyncio.run(gateway.serve())
    finally:
        gateway.close()


if __name__ == "__main__":
    main()
