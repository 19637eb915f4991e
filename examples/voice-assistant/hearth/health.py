"""The health port that each service opens beside its own."""

import threading

import zmq

from hearth.sockets import address


class HealthResponder:
    """Answers health checks from a thread of its own, also while the service is at work."""

    def __init__(self, context, port, report):
        self._context = context
        self._port = port
        self._report = report
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _serve(self):
        socket = self._context.socket(zmq.REP)
        socket.bind(address(self._port))
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        try:
            while not self._stopping.is_set():
                if poller.poll(200):
                    socket.recv()
                    socket.send_json(self._report())
        finally:
            socket.close(linger=0)
