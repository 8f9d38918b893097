"""The primary: which server takes writes, asked of the sentinels where there are some, each time it is connected to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from redis.exceptions import ResponseError

from statebox.store.addresses import Endpoint
from statebox.store.connection import (
    RedisSettings,
    Reply,
    Unreachable,
    Wire,
    connect,
    connect_to_sentinel,
    pack,
    trouble,
)
from statebox.store.replies import integer, pairs, strings

# Sentinels answer at once or not at all, and one that does not must not hold up the others' answer.
_SENTINEL_SECONDS: Final = 1.0


class Primary:
    """Connects to the primary: at `endpoint`, else where the settings say, else where the sentinels say.

    `changes` counts how often it turned out to be another server.
    """

    def __init__(self, settings: RedisSettings, endpoint: Endpoint | None = None) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._holders: list[Callable[[], None]] = []
        self.changes = 0

    def when_lost(self, let_go: Callable[[], None]) -> None:
        """Have this called for as long as there is something that holds connections to it."""
        self._holders.append(let_go)

    def lost(self, asked: int) -> None:
        """The server that was asked when there had been so many changes is no primary any more: look for it again."""
        if asked == self.changes:
            self.changes += 1
            for let_go in self._holders:
                let_go()

    async def connect(self, name: str) -> Wire:
        """A connection to it that Redis lists under `name`. Raises Unreachable."""
        place = self._settings.place
        if self._endpoint is not None or place.kind == "server":
            # A name is looked up again by each connection, so that a failover by DNS is followed.
            return await connect(self._settings, name, self._endpoint or place.endpoints[0])
        endpoint = await _ask_sentinels(self._settings, name)
        wire = await connect(self._settings, name, endpoint)
        try:
            await _check_role(wire, endpoint, self._settings.command_seconds)
        except BaseException:
            await wire.disconnect(nowait=True)
            raise
        return wire


async def _ask_sentinels(settings: RedisSettings, name: str) -> Endpoint:
    """Where the primary is, by the sentinel that knows the latest failover."""
    place = settings.place
    answers = await asyncio.gather(
        *(_ask_one(settings, name, sentinel) for sentinel in place.endpoints), return_exceptions=True
    )
    found = [answer for answer in answers if not isinstance(answer, BaseException) and answer is not None]
    if found:
        return max(found, key=lambda known: known[0])[1]
    for fault in answers:
        if isinstance(fault, BaseException) and not isinstance(fault, Unreachable):
            raise fault
    if any(answer is None for answer in answers):
        raise Unreachable(f"no sentinel knows a primary of the name '{place.service}'")
    reasons = ", ".join(f"{one}: {why}" for one, why in zip(place.endpoints, answers, strict=True))
    raise Unreachable(f"no sentinel answers ({reasons})")


async def _ask_one(settings: RedisSettings, name: str, sentinel: Endpoint) -> tuple[int, Endpoint] | None:
    """What one sentinel says: the number of the failover (its configuration's epoch), and where the primary is."""
    wire: Wire | None = None
    try:
        with trouble():
            async with asyncio.timeout(min(_SENTINEL_SECONDS, settings.connect_seconds)):
                wire = await connect_to_sentinel(settings, name, sentinel)
                service = settings.place.service
                asked = (("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service), ("SENTINEL", "MASTER", service))
                address, known = await _ask(wire, asked)
    finally:
        if wire is not None:
            await wire.disconnect(nowait=True)
    # It refuses to tell of one that it does not know.
    if address is None or isinstance(address, ResponseError) or isinstance(known, ResponseError):
        return None
    host, port = strings(address)
    return integer(pairs(known)[b"config-epoch"]), Endpoint(host.decode(), integer(port))


async def _check_role(wire: Wire, endpoint: Endpoint, seconds: float) -> None:
    with trouble():
        async with asyncio.timeout(seconds):
            (role,) = await _ask(wire, [("ROLE",)])
    match role:
        case [b"master", *_]:
            return
        case ResponseError():
            raise Unreachable(f"{endpoint} does not tell its role: {role}")
        case _:
            raise Unreachable(f"{endpoint} is no primary (yet, or any more)")


async def _ask(wire: Wire, commands: Iterable[tuple[str, ...]]) -> list[Reply | ResponseError]:
    packed = [pack(command) for command in commands]
    await wire.send_packed_command(b"".join(packed), check_health=False)
    replies: list[Reply | ResponseError] = []
    for _ in packed:
        try:
            replies.append(await wire.read_response())
        except ResponseError as refused:
            replies.append(refused)
    return replies
