"""The fixtures that all tests stand on."""

from __future__ import annotations

import pytest
import redis

from statebox.embedded import EmbeddedValkey
from tests.servers import ask, no_unexpected_permanent_keys
from tests.waiting import wait_until


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_meets_an_empty_server(server: EmbeddedValkey, turn: int):
    assert ask(server, "DBSIZE") == 0
    ask(server, "SET", "left", "over")


@pytest.mark.parametrize("turn", [1, 2])
def test_the_shared_valkey_forgets_what_a_test_configured(valkey: EmbeddedValkey, turn: int):
    assert ask(valkey, "CONFIG GET", "notify-keyspace-events") == {"notify-keyspace-events": ""}
    ask(valkey, "CONFIG SET", "notify-keyspace-events", "KEA")


def test_a_deaf_server_lets_nobody_turn_notifications_on(shared_deaf: EmbeddedValkey):
    with pytest.raises(redis.ResponseError, match="unknown command"):
        ask(shared_deaf, "CONFIG SET", "notify-keyspace-events", "KEA")


async def test_a_server_of_ones_own_can_be_killed(own_valkey: EmbeddedValkey):
    ask(own_valkey, "SET", "kept", "yes")
    await own_valkey.kill()
    await own_valkey.restart()
    assert ask(own_valkey, "GET", "kept") == "yes"


def test_a_key_that_would_stay_for_ever_is_found(valkey: EmbeddedValkey):
    ask(valkey, "SET", "statebox:{0}:due", "")
    ask(valkey, "SET", "passing", "", "PX", 60_000)
    no_unexpected_permanent_keys(valkey, ["statebox:{*}:due"])

    ask(valkey, "SET", "forgotten", "")

    with pytest.raises(AssertionError, match="not on the list of permanent ones: forgotten"):
        no_unexpected_permanent_keys(valkey, ["statebox:{*}:due"])


async def test_waiting_in_vain_says_for_what():
    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match=r"waited 0.01 s in vain for: the end of the world"):
        await wait_until(never, "the end of the world", seconds=0.01)
