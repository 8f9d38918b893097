"""The server: Redis as its clients see it, on the keyspace, with the real scripts and a time of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b, sha1
from random import Random
from typing import Final, Protocol

import hiredis

from simulation.keyspace import OK, Answer, Failure, Keyspace, Status
from simulation.loop import VirtualLoop
from simulation.lua import Lua
from simulation.mirror import Mirror
from simulation.network import Connection

EPOCH_MS: Final = 1_800_000_000_000
# How late Redis may tell of a key that has expired (s): some at once, most when it gets round to it.
_LATE_EXPIRY: Final = 5.0


class Watcher(Protocol):
    """Whoever looks on."""

    def before(self, connection: Connection, command: Sequence[bytes]) -> bool:
        """A command is about to be carried out; false when it must not be."""
        ...

    def after(self, connection: Connection, command: Sequence[bytes], answer: Answer) -> float | None:
        """It was carried out; how much later its reply comes (s), None when it never does. May cut and kill."""
        ...


class Server:
    """One Redis. `patch` turns the text of a script into what is run instead."""

    def __init__(self, loop: VirtualLoop, lua: Lua, rng: Random, patch: Callable[[str], str]) -> None:
        self.loop = loop
        self.keyspace = Keyspace(self.now_ms)
        self.watcher: Watcher | None = None
        self.clients: dict[Client, None] = {}
        # How far its clock is ahead of the true time (ms).
        self.ahead_ms = 0
        # Whether hints are lost now.
        self.mute = False
        # What happened, so that two runs can be compared.
        self.trace = blake2b(digest_size=16)
        self.carried_out = 0
        # A real one beside it, while there is one.
        self.mirror: Mirror | None = None
        self._lua = lua
        self._rng = rng
        self._patch = patch
        self._scripts: dict[bytes, bytes] = {}
        lua.keyspace = self.keyspace

    def now_ms(self) -> int:
        """Its time."""
        return EPOCH_MS + int(self.loop.time() * 1000) + self.ahead_ms

    def accept(self, connection: Connection) -> Client:
        """A client connects."""
        client = Client(self, connection)
        self.clients[client] = None
        return client

    def flush_scripts(self) -> None:
        """Forget all scripts, as SCRIPT FLUSH and a restart do."""
        self._scripts.clear()

    def carry_out(self, client: Client, command: Sequence[bytes]) -> Answer:
        """One command. Raises Failure."""
        name = command[0].upper()
        match name:
            case b"EVALSHA" | b"EVAL":
                return self._evaluate(name, command)
            case b"CLIENT" | b"SELECT":
                return OK
            case b"INFO":
                return b"# Server\r\nredis_version:7.2.0\r\nredis_mode:standalone\r\n"
            case b"CONFIG" if command[1].upper() == b"GET":
                return [b"notify-keyspace-events", b"Kx"]
            case b"SCRIPT" if command[1].upper() == b"FLUSH":
                self.flush_scripts()
                return OK
            case _:
                answer = self.keyspace.run(command)
                if self.mirror is not None:
                    self.mirror.compare(command, answer)
                return answer

    def tell(self) -> None:
        """Pass on what was published, and see to it that expired continuations are told of."""
        for channel, message in self.keyspace.published:
            self.publish(channel, message)
        self.keyspace.published.clear()
        for key in self.keyspace.with_ttl:
            if b":continuation:" in key:
                self._tell_when_expired(key)
        self.keyspace.with_ttl.clear()

    def publish(self, channel: bytes, message: bytes) -> None:
        """Tell the subscribers; unless the message is lost, as messages are."""
        if self.mute:
            return
        self.trace.update(b"%s %s\n" % (channel, message))
        for client in list(self.clients):
            client.hear(channel, message)

    def note(self, *what: bytes) -> None:
        """Let something be part of the trace."""
        self.trace.update(b"%.6f " % self.loop.time() + b" ".join(what) + b"\n")

    def _evaluate(self, name: bytes, command: Sequence[bytes]) -> Answer:
        if name == b"EVAL":
            sha = sha1(command[1], usedforsecurity=False).hexdigest().encode()
            self._scripts[sha] = self._patch(command[1].decode()).encode()
        else:
            sha = command[1]
        text = self._scripts.get(sha)
        if text is None:
            raise Failure("NOSCRIPT No matching script. Please use EVAL.")
        count = int(command[2])
        arguments = list(command[3 + count :])
        if len(arguments) > 1 and arguments[1] == b"":
            # The time is given to the scripts, as whoever owns the time may.
            arguments[1] = b"%d" % self.now_ms()
        answer = self._lua.evaluate(text, command[3 : 3 + count], arguments)
        if self.mirror is not None:
            self.mirror.compare([b"EVAL", text, *command[2 : 3 + count], *arguments], answer)
        return answer

    def _tell_when_expired(self, key: bytes) -> None:
        """Tell of a key's end some time after it, if it has come to that."""
        at_ms = self.keyspace.expiry_ms(key)
        if at_ms is None:
            return
        delay = (at_ms - self.now_ms()) / 1000 + 0.001 + self._rng.random() ** 3 * _LATE_EXPIRY

        def tell() -> None:
            if self.keyspace.expiry_ms(key) in (None, at_ms) and self.keyspace.peek(key) is None:
                self.publish(b"__keyspace@0__:" + key, b"expired")

        self.loop.call_later(delay, tell)


class Client:
    """One connection, as the server sees it."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self._server = server
        self._connection = connection
        self._reader = hiredis.Reader()
        self._channels: list[bytes] = []
        self._patterns: list[bytes] = []

    def receive(self, data: bytes) -> None:
        """Carry out what has arrived; also of a client that has gone meanwhile, as Redis has it in its buffer."""
        self._reader.feed(data)
        replies: list[bytes] = []
        latest = 0.0
        while command := _command(self._reader):
            later = self._one(command, replies)
            if later is None:
                return
            latest = max(latest, later)
        if replies:
            self._connection.reply(b"".join(replies), latest)

    def _one(self, command: list[bytes], replies: list[bytes]) -> float | None:
        server, watcher = self._server, self._server.watcher
        if watcher is not None and not watcher.before(self._connection, command):
            return None
        name = command[0].upper()
        if name in (b"SUBSCRIBE", b"PSUBSCRIBE"):
            kept = self._channels if name == b"SUBSCRIBE" else self._patterns
            for channel in command[1:]:
                kept.append(channel)
                replies.append(encode([name.lower(), channel, len(self._channels) + len(self._patterns)]))
            return 0.0
        if name == b"PING" and (self._channels or self._patterns):
            replies.append(encode([b"pong", b""]))
            return 0.0
        answer: Answer
        try:
            answer = server.carry_out(self, command)
            replies.append(encode(answer))
        except Failure as failed:
            answer = str(failed).encode()
            replies.append(b"-%s\r\n" % answer.replace(b"\r\n", b" ").replace(b"\n", b" "))
        server.carried_out += 1
        server.note(self._connection.client.encode(), *command[:2], replies[-1])
        server.tell()
        return 0.0 if watcher is None else watcher.after(self._connection, command, answer)

    def hear(self, channel: bytes, message: bytes) -> None:
        """Tell it what was published, if it wants to know."""
        if channel in self._channels:
            self._connection.reply(encode([b"message", channel, message]))
        for pattern in self._patterns:
            if fnmatchcase(channel.decode(), _as_fnmatch(pattern.decode())):
                self._connection.reply(encode([b"pmessage", pattern, channel, message]))

    def gone(self) -> None:
        """It hears nothing any more."""
        self._server.clients.pop(self, None)


def _command(reader: hiredis.Reader) -> list[bytes] | None:
    """The next command that has arrived as a whole."""
    # Clients send nothing but arrays of strings.
    found: list[bytes] | bool = reader.gets()
    return found or None if isinstance(found, list) else None


def _as_fnmatch(pattern: str) -> str:
    return pattern.replace("\\", "")


def encode(answer: Answer) -> bytes:
    """An answer as it is on the wire (version 2)."""
    match answer:
        case None:
            return b"$-1\r\n"
        case Status():
            return b"+%s\r\n" % answer.encode()
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(answer), answer)
        case int():
            return b":%d\r\n" % answer
        case list():
            return b"*%d\r\n" % len(answer) + b"".join(map(encode, answer))
    raise AssertionError(f"no answer of Redis: {answer!r}")
