"""The shelf: machines change one after the other, whoever changes them, and are looked at cheaply."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from statebox.asl.jsontext import Json
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import Unreadable
from statebox.engine.machines import definition_of
from statebox.engine.registry.machine import Registered, Revision, Version
from statebox.engine.registry.shelf import Shelved
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons, daemons_on
from tests.store.values import NOON

ONE, TWO = definition_of("{}"), definition_of('{"Comment": "other"}')


def machine(name: str = "m", definition: str = ONE.hash) -> Registered:
    """A machine as it was created."""
    return Registered(name, "STANDARD", NOON, Revision(definition, "role", NOON))


async def shelved(store: RedisStore, name: str = "m") -> Shelved:
    """What is there."""
    found = await store.shelf.read(name)
    assert found is not None
    return found


async def test_a_machine_is_read_as_it_was_written(store: RedisStore):
    revision = Revision(ONE.hash, "role", NOON, "r1", {"level": "OFF"}, {"enabled": True}, {"type": "AWS_OWNED_KEY"})
    written = msgspec.structs.replace(
        machine(), versions=(Version(1, revision, NOON, "first"),), last_version=1, tags={"a": "b"}, deleting=True
    )
    stamp = await store.shelf.write(written, None, ONE)
    assert await shelved(store) == Shelved(written, stamp or "")
    assert await store.shelf.stamp("m") == stamp
    assert await store.shelf.text("m", ONE.hash) == ONE.text


async def test_of_two_who_change_what_they_have_read_the_second_is_refused(daemons: Daemons):
    one, other = await daemons.open("a"), await daemons.open("b")
    await one.shelf.write(machine(), None, ONE)
    before = await shelved(one)

    first = msgspec.structs.replace(before.machine, tags={"who": "one"})
    second = msgspec.structs.replace(before.machine, tags={"who": "other"})
    assert await one.shelf.write(first, before) is not None
    assert await other.shelf.write(second, before) is None
    assert not await other.shelf.remove(before)
    assert await other.shelf.write(machine(), None, ONE) is None
    assert (await shelved(other)).machine == first


async def test_definitions_go_with_the_last_revision_that_needs_them(store: RedisStore):
    await store.shelf.write(machine(), None, ONE)
    await store.shelf.write(machine(definition=TWO.hash), await shelved(store), TWO)
    assert await store.shelf.text("m", ONE.hash) is None
    assert await store.shelf.text("m", TWO.hash) == TWO.text


async def test_a_removed_machine_leaves_nothing(store: RedisStore):
    await store.shelf.write(machine(), None, ONE)
    before = await shelved(store)
    assert await store.shelf.remove(before)
    assert await store.shelf.remove(before), "a repeated call is told the same"
    assert (await store.shelf.read("m"), await store.shelf.stamp("m")) == (None, None)
    assert await store.shelf.names(None, 10) == []


async def test_names_are_listed_in_their_order(store: RedisStore):
    for name in ("c", "a", "b"):
        await store.shelf.write(machine(name), None, ONE)
    assert await store.shelf.names(None, 2) == ["a", "b"]
    assert await store.shelf.names("b", 2) == ["c"]


async def test_all_who_ask_at_once_share_one_question(valkey: EmbeddedValkey):
    async with daemons_on(valkey) as daemons:
        store = await daemons.open()
        stamp = await store.shelf.write(machine(), None, ONE)
        ask(valkey, "CONFIG RESETSTAT")
        assert await asyncio.gather(*(store.shelf.stamp("m") for _ in range(50))) == [stamp] * 50
        assert await store.shelf.stamp("m") == stamp
        commands: Json = ask(valkey, "INFO", "commandstats")
        assert commands["cmdstat_hget"]["calls"] == 2


async def test_who_shares_a_question_gets_an_answer_when_the_other_gives_up(store: RedisStore):
    stamp = await store.shelf.write(machine(), None, ONE)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(store.shelf.stamp("m"))
        second = group.create_task(store.shelf.stamp("m"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == stamp


async def test_a_machine_that_a_newer_statebox_wrote_is_left_alone(daemons: Daemons):
    store = await daemons.open()
    await store.shelf.write(machine(), None, ONE)
    ask(daemons.server, "HSET", "statebox:{meta}:machine:m", "record", '[2,{"new":"shape"}]')
    with pytest.raises(Unreadable, match="format 2"):
        await store.shelf.read("m")
