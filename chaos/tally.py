"""The tally: what went over the wire between one daemon and the Valkey, in counts; only it sees all of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, TypeAlias

import msgspec

from statebox.store import scripts
from statebox.store.scripts import script

# What hiredis makes of a reply; errors come as exceptions.
Reply: TypeAlias = "int | bytes | list[Reply] | Exception | None"
# Of a script's command: EVALSHA sha 1 due base now, then what the script's head lists.
_FIRST: Final = 6
_APPLIED: Final = (b"kept", b"given", b"started", b"told", b"claimed")
HINTS: Final = (b"message", b"pmessage")


class Asked(msgspec.Struct, frozen=True):
    """A command that awaits its reply: of a script its name, a digest of its arguments, and these themselves."""

    script: str
    digest: bytes
    arguments: Sequence[bytes]


class Tally:
    """The counts of all daemons together, and who holds which execution."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        # Scripts by name: how often each was answered.
        self.scripts: Counter[str] = Counter()
        self._names: dict[bytes, str] = {}
        for path in files(scripts).iterdir():
            if path.name.endswith(".lua"):
                name = path.name.removesuffix(".lua")
                self._names[script(name).sha.encode()] = name
                self._names[script(name).text.encode()] = name
        # Set whenever a script is on its way to the Valkey.
        self.asked = asyncio.Event()
        self._owners: dict[bytes, str] = {}
        # Replies that a daemon never got, of calls that were carried out.
        self._lost: dict[bytes, bytes] = {}
        self._unheard_inboxes: set[bytes] = set()
        self._unheard_due: set[str] = set()

    def read(self, command: Sequence[bytes]) -> Asked:
        """What a command asks for."""
        if len(command) > _FIRST and command[0] in (b"EVALSHA", b"EVAL") and command[1] in self._names:
            self.asked.set()
            digest = hashlib.blake2b(b"\0".join(command[2:]), digest_size=16).digest()
            return Asked(self._names[command[1]], digest, command)
        return Asked("", b"", ())

    def holds(self, daemon: str) -> int:
        """How many executions a daemon has leases of."""
        return sum(owner == daemon for owner in self._owners.values())

    def lost(self, asked: Asked, reply: Reply) -> None:
        """A reply did not reach its daemon."""
        match reply:
            case [bytes() as word, *_] if asked.script and word in _APPLIED:
                self.counts["replies lost of calls that were carried out"] += 1
                self._lost[asked.digest] = word
            case _:
                pass

    def answered(self, daemon: str, asked: Asked, reply: Reply) -> None:
        """The Valkey answered a daemon's command."""
        if not asked.script:
            return
        self.scripts[asked.script] += 1
        match reply:
            case Exception():
                self.counts[f"errors: {str(reply)[:24]}"] += 1
            case [bytes() as word, *rest]:
                self._recognise(asked, word)
                self._said(daemon, asked, word, rest)
            case list():
                self._listed(daemon, asked, reply)
            case _ if asked.script == "release":
                for id in asked.arguments[_FIRST::2]:
                    self._gave(daemon, id)
            case _:
                pass

    def _recognise(self, asked: Asked, word: bytes) -> None:
        if asked.digest in self._lost:
            self.counts["repeated after a lost reply"] += 1
            if self._lost.pop(asked.digest) == word:
                self.counts["retried operations recognised"] += 1

    def _said(self, daemon: str, asked: Asked, word: bytes, rest: Sequence[Reply]) -> None:
        """A script replied with a word."""
        match asked.script, word, rest:
            case "start", b"started", [_, b"kept", *_]:
                self._owners[asked.arguments[_FIRST]] = daemon
            case "checkpoint", b"lost", _:
                self.counts["writes refused by the fence"] += 1
            case "checkpoint", b"answered", _:
                self.counts["steps refused as an answer came first"] += 1
            case "checkpoint", b"given", _:
                self._gave(daemon, asked.arguments[_FIRST])
            case _, b"claimed", [value]:
                self._took(daemon, value)
            case _:
                pass

    def _listed(self, daemon: str, asked: Asked, reply: Sequence[Reply]) -> None:
        """A script replied with lists."""
        match asked.script, reply:
            case "claim", [list() as values, list() as aside, *_]:
                self.counts["set aside"] += len(aside)
                for value in values:
                    self._took(daemon, value)
                if values and daemon in self._unheard_due:
                    self._unheard_due.discard(daemon)
                    self.counts["wakeups found by sweep"] += 1
            case "renew", _:
                self._renewed(asked.arguments[_FIRST + 1 :: 2], reply)
            case _:
                pass

    def hint(self, daemon: str, message: Sequence[Reply], heard: bool) -> None:
        """Pub/sub told a daemon something, or would have."""
        self.counts["hints heard" if heard else "hints dropped"] += 1
        match message:
            case [b"message", bytes() as channel, bytes() as id] if channel.endswith(b":inbox"):
                if heard:
                    self._unheard_inboxes.discard(id)
                elif self._owners.get(id) == daemon:
                    self._unheard_inboxes.add(id)
            case [b"message", bytes() as channel, _] if not channel.endswith(b":due"):
                pass
            case _:
                if heard:
                    self._unheard_due.discard(daemon)
                else:
                    self._unheard_due.add(daemon)

    def _took(self, daemon: str, value: Reply) -> None:
        match value:
            case [bytes() as id, *_]:
                former = self._owners.get(id)
                if former is not None:
                    self.counts["takeovers" if former != daemon else "taken again by the same daemon"] += 1
                self._owners[id] = daemon
            case _:
                pass

    def _gave(self, daemon: str, id: bytes) -> None:
        if self._owners.get(id) == daemon:
            del self._owners[id]

    def _renewed(self, ids: Sequence[bytes], standing: Sequence[Reply]) -> None:
        for id, state in zip(ids, standing, strict=False):
            if state == 0:
                self.counts["leases found lost by renew"] += 1
            elif state == 2 and id in self._unheard_inboxes:
                self._unheard_inboxes.discard(id)
                self.counts["wakeups found by renew"] += 1
