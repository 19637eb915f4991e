"""Talks to the Directory, which knows the port of every service."""

import zmq

from hearth.sockets import address

DIRECTORY_PORT = 17101


class DirectoryClient:
    """Holds one socket for as long as its service runs."""

    def __init__(self, context, port=DIRECTORY_PORT):
        self._socket = context.socket(zmq.REQ)
        self._limit_waits(1500)
        self._socket.connect(address(port))

    def _limit_waits(self, milliseconds):
        for option in (zmq.RCVTIMEO, zmq.SNDTIMEO):
            self._socket.setsockopt(option, milliseconds)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.REQ_RELAXED, 1)
        self._socket.setsockopt(zmq.REQ_CORRELATE, 1)

    def register(self, name, port):
        return self._ask({"action": "register", "name": name, "port": port})

    def names(self):
        """The names of all services that registered."""
        answer = self._ask({"action": "list"})
        return answer["names"] if answer else []

    def close(self):
        self._socket.close()

    def _ask(self, message):
        try:
            self._socket.send_json(message)
            return self._socket.recv_json()
        except zmq.Again:
            return None
