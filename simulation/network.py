"""The network: connections that carry bytes in virtual time, and that can be slow, be cut, and lose what they carry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from random import Random
from typing import Final, Protocol

from simulation.loop import ACTOR, VirtualLoop, context_of
from statebox.asl.jsontext import Json

# One way, from the quickest to what is usual (s).
_QUICKEST: Final = 0.0001
_USUAL: Final = 0.001


class Peer(Protocol):
    """The server's end of a connection."""

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        ...

    def gone(self) -> None:
        """The client has closed, or the connection was cut."""
        ...


class Fate(Protocol):
    """Whoever decides what happens to what is sent."""

    def sent(self, connection: Connection, data: bytes) -> float | None:
        """How much later than usual (s) it arrives, None when it never does. May cut and kill."""
        ...


class Connection(asyncio.Transport):
    """One connection, as its client sees it."""

    def __init__(self, network: VirtualNetwork, protocol: asyncio.Protocol, peer_of: Callable[[Connection], Peer]):
        super().__init__()
        self.client = ACTOR.get()
        self.open = True
        self._network = network
        self._protocol = protocol
        self._context = copy_context()
        self._peer = peer_of(self)
        # Of what is on its way, when the last will be there: nothing overtakes anything.
        self._there = 0.0
        self._back = 0.0

    # The client's end

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.open:
            return
        taken = bytes(data)
        later = self._network.fate.sent(self, taken)
        if later is not None:
            loop = self._network.loop
            self._there = max(self._there, loop.time() + self._network.latency() + later)
            loop.call_at(self._there, self._peer.receive, taken, context=self._network.context)

    def close(self) -> None:
        if self.open:
            self.open = False
            self._lose(None)

    abort = close

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return not self.open

    def get_extra_info(self, name: str, default: Json = None) -> Json:
        return default

    def pause_reading(self) -> None:
        """Whoever reads slowly is no concern here."""

    def resume_reading(self) -> None:
        """As above."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    # The server's end

    def reply(self, data: bytes, later: float = 0.0) -> None:
        """Send something to the client."""
        if self.open:
            loop = self._network.loop
            self._back = max(self._back, loop.time() + self._network.latency() + later)
            loop.call_at(self._back, self._deliver, data, context=self._context)

    def cut(self) -> None:
        """Break it: what is on its way to the client is lost."""
        if self.open:
            self.open = False
            self._lose(ConnectionResetError("Connection reset by peer"))

    def _deliver(self, data: bytes) -> None:
        if self.open:
            self._protocol.data_received(data)

    def _lose(self, error: Exception | None) -> None:
        loop = self._network.loop
        loop.call_soon(self._protocol.connection_lost, error, context=self._context)
        self._network.forget(self)
        loop.call_soon(self._peer.gone, context=self._network.context)


class VirtualNetwork:
    """All connections to the one server."""

    def __init__(self, loop: VirtualLoop, rng: Random, fate: Fate, peer_of: Callable[[Connection], Peer]) -> None:
        self.loop = loop
        self.fate = fate
        self.context: Context = context_of("network")
        self.down = False
        self._rng = rng
        self._peer_of = peer_of
        self._open: dict[Connection, None] = {}

    def connect(self, protocol: asyncio.Protocol, port: int) -> asyncio.Transport:
        """A connection for the actor at work. Raises OSError while the server is down."""
        if self.down:
            raise ConnectionRefusedError(111, f"Connect call failed ('127.0.0.1', {port})")
        connection = Connection(self, protocol, self._peer_of)
        self._open[connection] = None
        return connection

    def latency(self) -> float:
        """How long one way takes (s)."""
        return _QUICKEST + self._rng.random() * _USUAL

    def cut(self, client: str | None = None) -> None:
        """Break all connections of a client, or of all."""
        for connection in [one for one in self._open if client in (None, one.client)]:
            connection.cut()

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self._open.pop(connection, None)
