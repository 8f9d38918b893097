"""Definitions: kept at hand within bounds, and sent again where they have gone."""

from __future__ import annotations

from statebox.engine.ownership import Claimed
from statebox.store.definitions import Definitions
from statebox.store.redis_store import RedisStore
from tests.servers import ask
from tests.store.conftest import Daemons
from tests.store.values import DEFINITION, another_definition, branch, ended, execution, first_step


def test_texts_are_kept_at_hand_by_shard():
    definitions = Definitions()
    definitions.keep("hash", "text", 1)

    assert definitions.text("hash") == "text"
    assert definitions.is_stored("hash", 1)
    assert not definitions.is_stored("hash", 2)
    definitions.keep("hash", "text", 2)
    assert definitions.is_stored("hash", 2)
    assert definitions.text("other") is None
    assert not definitions.is_stored("other", 1)


def test_the_texts_that_were_used_longest_ago_make_room():
    definitions = Definitions(most_texts=3, most_characters=10)
    for hash in ("a", "b", "c"):
        definitions.keep(hash, hash, 0)
    definitions.text("a")

    definitions.keep("d", "d", 0)
    assert [hash for hash in "abcd" if definitions.text(hash) is not None] == ["a", "c", "d"]

    definitions.keep("big", "x" * 9, 0)
    assert [hash for hash in ("a", "c", "d", "big") if definitions.text(hash) is not None] == ["d", "big"]
    definitions.keep("bigger", "x" * 100, 0)
    assert definitions.text("bigger") is not None
    assert definitions.text("big") is None


async def test_whoever_claims_gets_the_definition_it_has_never_seen(store: RedisStore, daemons: Daemons):
    for n in range(4):
        step = first_step(execution(f"x{n}", branches=[branch()]))
        await store.start(another_definition(f'{{"n":{n % 2}}}'), step, str(n))
    daemons.time.pass_by(store.settings.lease_ms)

    claims = await (await daemons.open("b")).claim(0, 10)

    assert [claimed.definition for claimed in claims.claimed] == ['{"n":0}', '{"n":1}', '{"n":0}', '{"n":1}']


async def test_an_execution_whose_definition_is_gone_cannot_be_run(store: RedisStore, daemons: Daemons):
    """Nobody but an operator can delete it; the execution is set aside in the end."""
    await store.start(DEFINITION, first_step(execution(branches=[branch()])), "op")
    key = f"statebox:{{0}}:definition:{DEFINITION.hash}"
    ask(daemons.server, "HDEL", key, "text")
    daemons.time.pass_by(store.settings.lease_ms)

    assert (await (await daemons.open("b")).claim(0, 10)).claimed == ()


async def test_a_definition_that_went_with_its_last_user_is_sent_again(store: RedisStore, daemons: Daemons):
    other = await daemons.open("b")
    await store.start(DEFINITION, first_step(ended(execution("first")), release=True), "op1")
    daemons.time.pass_by(store.settings.retention_ms)
    await other.sweep()

    await store.start(DEFINITION, first_step(execution("second", branches=[branch()])), "op2")

    daemons.time.pass_by(store.settings.lease_ms)
    (claimed,) = (await other.claim(0, 10)).claimed
    assert isinstance(claimed, Claimed)
    assert claimed.definition == DEFINITION.text
