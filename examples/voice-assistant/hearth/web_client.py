"""HTTP as the skills need it."""

import http.client
import json
import urllib.request


def fetch_json(url):
    """The JSON document behind an address."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())


def fetch_text_within(url, seconds):
    """The text behind an address, or TimeoutError."""
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        return answer.read().decode("utf-8")


class AlmanacClient:
    """Sunrise and sunset from the almanac, over one connection that stays open."""

    def __init__(self, host, port):
        self._connection = http.client.HTTPConnection(host, port, timeout=2)

    def sun(self):
        try:
            self._connection.request("GET", "/almanac")
            return json.loads(self._connection.getresponse().read())["sun"]
        except (OSError, http.client.HTTPException):
            # The other side may have closed it; the next request connects again.
            self._connection.close()
            return None

    def close(self):
        self._connection.close()
