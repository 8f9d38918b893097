"""Requests: what is sent to OpenWhisk, byte for byte. What is the same for each call is made once."""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

import statebox
from statebox.openwhisk.config import InvalidOpenWhiskConfig, OpenWhiskConfig
from statebox.openwhisk.names import ActionName

# Of how many actions the beginning of a call is kept.
_MOST_KEPT: Final = 1000
# What a header's value may hold; a line's end in it would be the end of the header, and the next line anybody's.
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Requests:
    """The requests to one OpenWhisk. Raises InvalidOpenWhiskConfig for credentials that cannot be sent."""

    def __init__(self, config: OpenWhiskConfig, *, blocking_wait_ms: int | None, extra_logging: bool) -> None:
        url = URL(config.api_url)
        self._base = url.raw_path
        credentials = config.credentials.header
        if not _VALUE.fullmatch(credentials):
            raise InvalidOpenWhiskConfig("there are control characters in the credentials for OpenWhisk")
        headers = {
            "Host": str(url.host_port_subcomponent),
            "Authorization": credentials,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"statebox/{statebox.__version__}",
        }
        if extra_logging:
            headers["X-OW-EXTRA-LOGGING"] = "on"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._get = f" HTTP/1.1\r\n{lines}\r\n"
        self._post = f" HTTP/1.1\r\n{lines}Content-Type: application/json\r\nX-Request-ID: "
        self._query = "?blocking=true&result=false" + (
            "" if blocking_wait_ms is None else f"&timeout={blocking_wait_ms}"
        )
        self._kept: dict[tuple[ActionName, bool], bytes] = {}

    def call(self, action: ActionName, parameters: bytes, request_id: str, *, blocking: bool) -> bytes:
        """A call of an action. `request_id` is visible ASCII."""
        if not (request_id.isascii() and request_id.isprintable()):
            raise ValueError("a request id is visible ASCII")
        beginning = self._kept.get((action, blocking))
        if beginning is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            path = self._base + action.path + (self._query if blocking else "")
            beginning = self._kept[action, blocking] = f"POST {path}{self._post}".encode()
        return b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (beginning, request_id.encode(), len(parameters), parameters)

    def look(self, path: str) -> bytes:
        """A GET of what is at `path` below the API's root; it is percent-encoded."""
        return f"GET {self._base}{path}{self._get}".encode()
