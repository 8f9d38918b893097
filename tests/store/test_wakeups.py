"""Wakeups: what Redis tells by itself arrives, silence is noticed, and no trouble ends the listening."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import hiredis
import pytest

from statebox.asl.events import CallbackAnswered
from statebox.embedded import EmbeddedValkey
from statebox.engine.hints import Hint, InboxFilled, LookNow, Parked, Resume
from statebox.engine.ownership import Checkpoint, Claimed
from statebox.engine.records import Answer
from statebox.store.connection import RedisSettings
from statebox.store.replies import strings
from statebox.store.wakeups import Wakeups
from tests.cluster import ValkeyCluster
from tests.servers import Server, ask
from tests.store.conftest import Daemons
from tests.store.proxy import Proxy
from tests.store.values import (
    DEFINITION,
    NOON,
    branch,
    callback,
    ended,
    execution,
    first_step,
    new_token,
    parked_step,
    suspended,
)
from tests.waiting import wait_until


@contextlib.asynccontextmanager
async def listening(wakeups: Wakeups) -> AsyncGenerator[list[Hint]]:
    """All hints so far, from the first subscription on."""
    heard: list[Hint] = []

    async def listen() -> None:
        nonlocal heard
        async for hint in wakeups.hints():
            heard += [hint]

    listener = asyncio.ensure_future(listen())
    try:
        await wait_until(lambda: LookNow(None) in heard, "the subscription to be confirmed")
        yield heard
    finally:
        listener.cancel()
        await asyncio.wait([listener])
        assert listener.cancelled()


def wakeups_on(server: Server, *, shards: int = 1, keyspace: bool = True) -> Wakeups:
    return Wakeups(RedisSettings(url=server.url), shards, keyspace)


async def test_a_message_on_the_resume_channel_is_handed_on_as_it_is(daemons: Daemons):
    async with listening(wakeups_on(daemons.server)) as heard:
        for message in ("a continuation", '{"continuation": 1}', "", "garbage \0 \x7f"):
            ask(daemons.server, "PUBLISH", "resume", message)
        ask(daemons.server, "PUBLISH", "another", "message")

        await wait_until(lambda: len(heard) == 5, "the messages")
        assert heard[1:] == [
            Resume(b"a continuation"),
            Resume(b'{"continuation": 1}'),
            Resume(b""),
            Resume(b"garbage \0 \x7f"),
        ]


async def test_scripts_tell_what_was_delivered_and_what_was_parked(daemons: Daemons):
    store, other = await daemons.open("a"), await daemons.open("b")
    token = new_token()
    held = execution(branches=[suspended(token)])
    started = await store.start(DEFINITION, first_step(held, opened=(callback(token),)), "op")
    assert started.lease is not None
    async with listening(wakeups_on(daemons.server)) as heard:
        await other.answer(Answer(token, CallbackAnswered, "op", "test"))
        await wait_until(lambda: InboxFilled("m:x") in heard, "the owner to be told")

        parked = Checkpoint(held, consumed=1, release=True)
        await store.checkpoint(started.lease, parked)
        await wait_until(lambda: Parked("m:x") in heard, "it to be told that it is parked")

        claimed = await store.stop("m:x", None, None, "stop")
        assert isinstance(claimed, Claimed)
        await store.checkpoint(claimed.lease, Checkpoint(ended(held), removed=frozenset("0"), consumed=1, release=True))
        await wait_until(lambda: heard.count(Parked("m:x")) == 2, "it to be told that it has ended")


async def test_what_becomes_due_at_once_is_told(daemons: Daemons):
    """A lease that is given back, and what an operator retries, need not wait for the next sweep."""
    store = await daemons.open(claim_limit=1, shards=8)
    run = execution(branches=[branch()], shards=8)
    started = await store.start(DEFINITION, first_step(run), "op")
    assert started.lease is not None
    async with listening(wakeups_on(daemons.server, shards=8)) as heard:
        await store.release([started.lease])
        await wait_until(lambda: LookNow(run.shard) in heard, "the others to be told to look")
        assert (await store.claim(run.shard, 10)).set_aside == (run.id,)
        await store.retry(run.id)
        await wait_until(lambda: heard.count(LookNow(run.shard)) == 2, "the others to be told again")


async def test_what_only_a_newer_daemon_can_read_is_told_to_all(daemons: Daemons):
    store = await daemons.open()
    token = new_token()
    await store.start(DEFINITION, parked_step(execution(branches=[suspended(token)]), token), "op")
    ask(daemons.server, "HSET", "statebox:{0}:execution:m:x", "format", 3)
    async with listening(wakeups_on(daemons.server)) as heard:
        await store.answer(Answer(token, CallbackAnswered, "op", "test"))

        await wait_until(lambda: heard[1:] == [LookNow(0), InboxFilled("m:x")], "the newer ones to be told")


async def test_a_continuation_that_expires_wakes_its_shard(daemons: Daemons):
    store = await daemons.open(shards=8)
    wakeups = wakeups_on(daemons.server, shards=8)
    run = execution(shards=8)
    token = new_token(run.shard)
    parked = execution(shards=8, branches=[suspended(token, deadline_ms=NOON + 100)])
    async with listening(wakeups) as heard:
        if isinstance(daemons.server, ValkeyCluster):
            assert (wakeups.status, wakeups.reason) == ("off", "in a cluster the sweep finds what expires")
        elif wakeups.status == "off":
            assert wakeups.reason.startswith("this user may not turn on keyspace notifications: unknown command")
        else:
            assert (wakeups.status, wakeups.reason) == ("on", "")
            await store.start(DEFINITION, parked_step(parked, token, NOON + 100), "op")
            await wait_until(lambda: LookNow(run.shard) in heard, "the expired continuation to be told")
            ask(daemons.server, "DEL", f"statebox:{{{run.shard}}}:continuation:{token}")


@pytest.mark.parametrize(
    ("before", "after"),
    [("", {"K", "x"}), ("Elg", {"E", "l", "g", "K", "x"}), ("KEA", {"A", "K", "E"}), ("AE", {"A", "K", "E"})],
)
async def test_flags_that_others_need_stay(valkey: EmbeddedValkey, before: str, after: set[str]):
    ask(valkey, "CONFIG SET", "notify-keyspace-events", before)

    async with listening(wakeups_on(valkey)):
        found = ask(valkey, "CONFIG GET", "notify-keyspace-events")
        assert isinstance(found, dict)
        assert set(str(found["notify-keyspace-events"])) == after  # pyright: ignore[reportUnknownArgumentType]


async def test_where_config_is_forbidden_somebody_else_may_have_turned_them_on(own_valkey: EmbeddedValkey):
    ask(own_valkey, "CONFIG SET", "notify-keyspace-events", "Kx")
    ask(own_valkey, "ACL SETUSER", "box", "on", ">secret", "~*", "&*", "+@all", "-config")
    wakeups = Wakeups(RedisSettings(url=own_valkey.url, username="box", password="secret"))

    async with listening(wakeups) as heard:
        assert wakeups.status == "off"
        assert "may not turn on keyspace notifications" in wakeups.reason
        ask(own_valkey, "SET", "statebox:{0}:continuation:x", "m:x", "PX", 1)
        await wait_until(lambda: LookNow(0) in heard, "the expired key to be told")
        assert wakeups.status == "on"


async def test_where_the_notifications_channel_is_forbidden_the_rest_is_heard(own_valkey: EmbeddedValkey):
    ask(own_valkey, "ACL SETUSER", "box", "on", ">secret", "resetchannels", "&resume", "&statebox:*", "+@all", "~*")
    wakeups = Wakeups(RedisSettings(url=own_valkey.url, username="box", password="secret"))

    async with listening(wakeups) as heard:
        assert wakeups.status == "off"
        assert "may not listen to keyspace notifications" in wakeups.reason
        ask(own_valkey, "PUBLISH", "resume", "x")
        await wait_until(lambda: Resume(b"x") in heard, "the message")


async def test_a_user_who_may_listen_to_nothing_is_told_so(own_valkey: EmbeddedValkey):
    ask(own_valkey, "ACL SETUSER", "box", "on", ">secret", "resetchannels", "+@all", "~*")
    wakeups = Wakeups(RedisSettings(url=own_valkey.url, username="box", password="secret"))
    listener = asyncio.ensure_future(anext(wakeups.hints()))

    await wait_until(lambda: "cannot be listened to" in wakeups.reason, "the refusal")
    ask(own_valkey, "ACL SETUSER", "box", "allchannels")

    assert await listener == LookNow(None)


async def test_what_is_said_before_everything_is_confirmed_is_kept(tmp_path: Path):
    """Between the confirmations of two channels there may be messages of the first one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(65536):
            parser.feed(data)
            while command := parser.gets():
                match strings(command):
                    case [b"SUBSCRIBE", *channels]:
                        for count, channel in enumerate(channels, 1):
                            writer.write(
                                b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:%d\r\n" % (len(channel), channel, count)
                            )
                            writer.write(b"*3\r\n$7\r\nmessage\r\n$6\r\nresume\r\n$1\r\n%d\r\n" % count)
                    case _:
                        writer.write(b"+OK\r\n")
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "server.sock")
    wakeups = Wakeups(RedisSettings(url=f"unix://{tmp_path}/server.sock"), keyspace=False)
    async with listening(wakeups) as heard:
        await wait_until(lambda: len(heard) == 6, "the messages")
        assert heard == [LookNow(None), *(Resume(b"%d" % count) for count in (1, 2, 3, 4, 5))]
    server.close()


async def test_notifications_can_be_switched_off(valkey: EmbeddedValkey):
    wakeups = wakeups_on(valkey, keyspace=False)

    async with listening(wakeups) as heard:
        assert (wakeups.status, wakeups.reason) == (
            "off",
            "keyspace notifications are switched off in the configuration",
        )
        assert ask(valkey, "CONFIG GET", "notify-keyspace-events") == {"notify-keyspace-events": ""}
        ask(valkey, "PUBLISH", "resume", "x")
        await wait_until(lambda: Resume(b"x") in heard, "the message")


async def test_garbage_on_our_channels_does_no_harm(valkey: EmbeddedValkey):
    async with listening(wakeups_on(valkey)) as heard:
        for channel in ("statebox:inbox", "statebox:parked", "statebox:due"):
            ask(valkey, "EVAL", "return redis.call('PUBLISH', KEYS[1], '\\255\\0')", 1, channel)
        ask(valkey, "PUBLISH", "statebox:due", "99")

        await wait_until(lambda: len(heard) == 5, "the messages")
        assert heard[3:] == [LookNow(None), LookNow(None)]


async def test_whoever_was_deaf_looks_at_everything(own_valkey: EmbeddedValkey):
    """Pub/sub forgets who is away."""
    wakeups = wakeups_on(own_valkey)
    async with listening(wakeups) as heard:
        ask(own_valkey, "CLIENT KILL", "TYPE", "pubsub")
        await wait_until(lambda: heard.count(LookNow(None)) == 2, "a new subscription")

        await own_valkey.kill()
        await wait_until(lambda: wakeups.status == "off", "the loss to be noticed")
        assert "Redis cannot be listened to" in wakeups.reason
        await own_valkey.restart()
        await wait_until(lambda: heard.count(LookNow(None)) == 3, "another subscription")

        assert wakeups.status == "on"
        ask(own_valkey, "PUBLISH", "resume", "x")
        await wait_until(lambda: Resume(b"x") in heard, "the message")


async def test_a_server_that_hangs_is_noticed_and_heard_again(own_valkey: EmbeddedValkey):
    """Its silence looks like the silence of a healthy one: only a ping tells."""
    wakeups = Wakeups(RedisSettings(url=own_valkey.url, connect_seconds=1), ping_seconds=0.1, pong_seconds=0.2)
    async with listening(wakeups) as heard:
        os.kill(own_valkey.pid, signal.SIGSTOP)
        try:
            await wait_until(lambda: "no answer to a ping" in wakeups.reason, "the silence to be noticed")
        finally:
            os.kill(own_valkey.pid, signal.SIGCONT)
        await wait_until(lambda: heard.count(LookNow(None)) == 2, "a new subscription")


async def test_a_quiet_connection_is_kept(valkey: EmbeddedValkey, tmp_path: Path):
    async with Proxy(tmp_path, valkey.socket).running() as proxy:
        wakeups = Wakeups(RedisSettings(url=proxy.url), ping_seconds=0.02, pong_seconds=5)
        async with listening(wakeups) as heard:
            await wait_until(lambda: proxy.carried > 20, "some pings to be answered")
            assert heard == [LookNow(None)]
        assert proxy.connections == 1


async def test_a_redis_that_comes_later_is_heard(tmp_path: Path):
    server = EmbeddedValkey(tmp_path)
    wakeups = Wakeups(RedisSettings(url=f"unix://{tmp_path}/valkey.sock"))
    heard: list[Hint] = []

    async def listen() -> None:
        nonlocal heard
        async for hint in wakeups.hints():
            heard += [hint]

    listener = asyncio.ensure_future(listen())
    await wait_until(lambda: "cannot be listened to" in wakeups.reason, "the first try to fail")
    async with server:
        await wait_until(lambda: heard == [LookNow(None)], "the subscription")
        listener.cancel()
        await asyncio.wait([listener])
