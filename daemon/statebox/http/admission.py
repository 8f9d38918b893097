"""Admission: how many requests are served at once, and how much their bodies may hold in all; more are sent away."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import Final, Self

from aiohttp import web

from statebox.engine.errors import TooManyRequests

# Whoever watches over this daemon is answered however much there is to do.
_ALWAYS: Final = frozenset({"/livez", "/readyz", "/healthz"})


class Admission:
    """Counts what is being served by one server."""

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self.requests = 0
        self.bytes = 0

    def admit(self, request: web.BaseRequest) -> contextlib.AbstractContextManager[object]:
        """Let a request in, for as long as it is being served. Raises TooManyRequests."""
        if request.path in _ALWAYS:
            return contextlib.nullcontext()
        if self.requests >= self._most_requests:
            raise TooManyRequests("This daemon serves as many requests as it may; try again later")
        return Share(self)

    def has_room_for(self, size: int) -> bool:
        """Whether so many bytes more fit in; the only ones always do, as their own limit is for one request."""
        return self.bytes == 0 or self.bytes + size <= self._most_bytes


class Share:
    """One request among those being served, and what its body holds, in bytes. To be entered at once."""

    __slots__ = ("_admission", "_former", "_size")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._size = 0

    def __enter__(self) -> Self:
        self._admission.requests += 1
        self._former = _share.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _share.reset(self._former)
        self.take(0)
        self._admission.requests -= 1

    def take(self, size: int) -> None:
        """Make its size this one. Raises TooManyRequests."""
        if size > self._size and not self._admission.has_room_for(size - self._size):
            raise TooManyRequests("The requests that this daemon serves are as large as they may be; try again later")
        self._admission.bytes += size - self._size
        self._size = size


# That of the request that is being served.
_share: ContextVar[Share | None] = ContextVar("share", default=None)


def make_room_for_body(size: int) -> None:
    """Make room for the body of this request, before it is read or when its size is known. Raises TooManyRequests."""
    share = _share.get()
    if share is not None:
        share.take(size)
