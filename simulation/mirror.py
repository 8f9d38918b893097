"""The mirror: a real Redis that is told the same as the simulated one, and must give the same replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import redis

from simulation.keyspace import Answer, Status

# What depends on the server itself, on the real time, or on who asks.
_ITS_OWN: Final = frozenset(
    {b"TIME", b"INFO", b"CLIENT", b"CONFIG", b"SELECT", b"PING", b"PUBLISH", b"PTTL", b"SCRIPT"}
)


class Mirror:
    """The Redis at `url`, emptied. `differences` says where it answered otherwise.

    Its keys expire in real time, so that nothing may be asked of it after virtual time has jumped.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType] # half a stub
        # It reads some replies into other types.
        self._client.response_callbacks.clear()
        self._ask("FLUSHALL")
        self.differences: list[str] = []
        self.compared = 0

    def compare(self, command: Sequence[bytes], answer: Answer) -> None:
        """Tell it a command that was carried out, and compare the replies."""
        if command[0].upper() in _ITS_OWN:
            return
        real = self._ask(*command)
        self.compared += 1
        if _plain(real) != _plain(answer):
            shown = b" ".join(command[-3:]).decode(errors="replace")
            self.differences.append(f"{shown[:200]}: {_plain(answer)!r} is in truth {_plain(real)!r}")

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _ask(self, *command: str | bytes) -> Answer:
        return cast("Answer", self._client.execute_command(*command))  # pyright: ignore[reportUnknownMemberType]


def _plain(answer: Answer) -> Answer:
    """The answer in an order that does not depend on how hashes and sets are kept."""
    match answer:
        case Status():
            return answer.encode()
        case list():
            return sorted(map(_plain, answer), key=repr)
        case _:
            return answer
