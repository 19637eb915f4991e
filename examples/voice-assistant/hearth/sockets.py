"""ZMQ sockets as the services use them.

Everything speaks JSON over 127.0.0.1. A socket made here belongs to the thread that made it.
"""

import zmq

HOST = "tcp://127.0.0.1"

#: How long a receive waits before its loop looks whether the service should stop.
TICK_MS = 250


def address(port):
    return f"{HOST}:{port}"


def reply_socket(context, port):
    """A bound REP socket whose receive wakes up every tick."""
    socket = context.socket(zmq.REP)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, TICK_MS)
    socket.bind(address(port))
    return socket


def request_socket(context, port, wait_ms=2000):
    """A REQ socket that gives up after `wait_ms` and can be used again after that."""
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, wait_ms)
    socket.setsockopt(zmq.SNDTIMEO, wait_ms)
    socket.setsockopt(zmq.REQ_RELAXED, 1)
    socket.setsockopt(zmq.REQ_CORRELATE, 1)
    socket.connect(address(port))
    return socket


def patient_socket(context, port):
    """A REQ socket for partners whose answers take as long as they take."""
    socket = context.socket(zmq.REQ)
    socket.connect(address(port))
    return socket


def publisher(context, port):
    """A bound PUB socket that drops what a slow listener does not fetch."""
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.SNDHWM, 500)
    socket.bind(address(port))
    return socket


def subscriber(context, port, topic=b""):
    """A SUB socket whose receive wakes up every tick."""
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, TICK_MS)
    socket.setsockopt(zmq.RCVHWM, 500)
    socket.setsockopt(zmq.SUBSCRIBE, topic)
    socket.connect(address(port))
    return socket


def ask_once(context, port, message, wait_ms=1500):
    """One question to a service that is rarely asked; None if it does not answer in time."""
    once = context.socket(zmq.REQ)
    try:
        once.setsockopt(zmq.LINGER, 0)
        once.setsockopt(zmq.RCVTIMEO, wait_ms)
        once.setsockopt(zmq.SNDTIMEO, wait_ms)
        once.connect(address(port))
        once.send_json(message)
        return once.recv_json()
    except zmq.Again:
        return None
    finally:
        once.close(linger=0)
