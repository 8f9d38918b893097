"""Wakeups: what Redis says by itself. Hints only: every one may be lost, and the sweep finds the same, only later.

One connection of its own listens to the `resume` channel, to the channels on which scripts tell of deliveries, parked
executions and things that became due, and (where Redis can be asked to say so) to continuations whose TTL has run out.
A confirmed subscription says that everything before it may have been missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from random import random
from typing import Final

from redis.exceptions import ResponseError

from statebox.engine.hints import Hint, InboxFilled, LookNow, Parked, Resume, TaskQueued
from statebox.store.connection import Argument, RedisSettings, Reply, Unreachable, trouble
from statebox.store.keys import Keys
from statebox.store.primary import Primary
from statebox.store.slots import Nodes
from statebox.store.subscriber import Subscriber

_log = logging.getLogger(__name__)

# A server that hangs, or a connection that nobody told us is gone, looks like silence: ping, and require the pong.
_PING_SECONDS: Final = 5.0
_PONG_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 5.0
# K: events by key; x: of keys that expired.
_WANTED_FLAGS: Final = "Kx"


class Wakeups:
    """Listens for ever.

    `status` says whether expired continuations wake us: "on", or "off" for the `reason` beside it. Nobody asks for that
    with `keyspace` false.
    """

    def __init__(
        self,
        settings: RedisSettings,
        shards: int = 1,
        keyspace: bool = True,
        name: str = "statebox",
        ping_seconds: float = _PING_SECONDS,
        pong_seconds: float = _PONG_SECONDS,
    ) -> None:
        self._settings = settings
        self._keys = Keys(settings.prefix, shards)
        self._keyspace = keyspace
        self._name = f"{name}-wakeups"
        self._ping_seconds = ping_seconds
        self._pong_seconds = pong_seconds
        in_cluster = settings.place.kind == "cluster"
        # What is published reaches all nodes of a cluster: any of them does, and another one when it goes. But a node
        # tells of its own expired keys only, and the sweep knows as exactly when something is due.
        self._unheard = "in a cluster the sweep finds what expires" if in_cluster else None
        self._connect = Nodes(settings, self._name).connect_to_any if in_cluster else Primary(settings).connect
        self._pattern = self._keys.expired_pattern(settings.db)
        self._early: list[Hint] = []
        self.status = "off"
        self.reason = "not connected yet"

    async def hints(self) -> AsyncGenerator[Hint]:
        """What wakes us, for ever; a LookNow for all shards each time that we may have been deaf."""
        subscriber: Subscriber | None = None
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                try:
                    if subscriber is None:
                        wire = await self._connect(self._name)
                        subscriber = Subscriber(wire, self._ping_seconds, self._pong_seconds)
                        await self._subscribe(subscriber)
                        pause = _FIRST_PAUSE_SECONDS
                        yield LookNow(None)
                        for early in self._early:
                            yield early
                    with trouble():
                        hint = self._hint(await subscriber.hear())
                    if hint is not None:
                        yield hint
                except Unreachable as gone:
                    self._tell("off", f"Redis cannot be listened to: {gone}")
                    if subscriber is not None:
                        await subscriber.close()
                        subscriber = None
                    await asyncio.sleep(pause * (0.5 + random()))
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            if subscriber is not None:
                await subscriber.close()

    async def _subscribe(self, subscriber: Subscriber) -> None:
        """Ask for everything, and wait until it is confirmed; what is said meanwhile is kept."""
        keys, self._early = self._keys, []
        with trouble():
            async with asyncio.timeout(self._settings.command_seconds):
                await self._ask_for_expired(subscriber)
                told = (keys.inbox_channel, keys.parked_channel, keys.due_channel, keys.queued_channel)
                channels = (self._settings.resume_channel, *told)
                subscriber.say("SUBSCRIBE", *channels)
                await self._confirmed(subscriber, len(channels))
                if self._keyspace and self._unheard is None:
                    subscriber.say("PSUBSCRIBE", self._pattern)
                    try:
                        await self._confirmed(subscriber, 1)
                    except ResponseError as refused:
                        self._tell("off", f"this user may not listen to keyspace notifications: {refused}")

    async def _confirmed(self, subscriber: Subscriber, count: int) -> None:
        while count:
            match await subscriber.hear():
                case [b"subscribe" | b"psubscribe", *_]:
                    count -= 1
                case message:
                    hint = self._hint(message)
                    if hint is not None:
                        self._early.append(hint)

    async def _ask_for_expired(self, subscriber: Subscriber) -> None:
        """Let Redis tell of keys that expire, beside whatever it was asked to tell before."""
        if not self._keyspace:
            self._tell("off", "keyspace notifications are switched off in the configuration")
            return
        if self._unheard is not None:
            self._tell("off", self._unheard)
            return
        try:
            match await _ask(subscriber, "CONFIG", "GET", "notify-keyspace-events"):
                case [_, bytes() as found]:
                    flags = found.decode()
                case _:
                    flags = ""
            # A stands for all kinds of events, x among them.
            wanted = [flag for flag in _WANTED_FLAGS if flag not in flags and not (flag == "x" and "A" in flags)]
            if wanted:
                await _ask(subscriber, "CONFIG", "SET", "notify-keyspace-events", flags + "".join(wanted))
        except ResponseError as refused:
            self._tell("off", f"this user may not turn on keyspace notifications: {refused}")
        else:
            self._tell("on", "")

    def _hint(self, message: Reply) -> Hint | None:
        keys = self._keys
        match message:
            case [b"message", bytes() as channel, bytes() as data]:
                name = channel.decode()
                if name == self._settings.resume_channel:
                    return Resume(data)
                # Anybody may publish anything there.
                said = data.decode(errors="replace")
                if name == keys.inbox_channel:
                    return InboxFilled(said)
                if name == keys.parked_channel:
                    return Parked(said)
                if name == keys.queued_channel:
                    return TaskQueued(said)
                return LookNow(keys.shard_named(said))
            case [b"pmessage", _, bytes() as channel, b"expired"]:
                # Where we may not ask for them, somebody else may have.
                self._tell("on", "")
                return LookNow(keys.shard_of_expired(channel.decode(errors="replace")))
            case _:
                return None

    def _tell(self, status: str, reason: str) -> None:
        if (status, reason) != (self.status, self.reason):
            self.status, self.reason = status, reason
            _log.info("wakeups by expired continuations are %s%s", status, f": {reason}" if reason else "")


async def _ask(subscriber: Subscriber, *command: Argument) -> Reply:
    subscriber.say(*command)
    return await subscriber.hear()
