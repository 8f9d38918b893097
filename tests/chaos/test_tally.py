"""What the tally makes of commands and replies as they go over the wire."""

from __future__ import annotations

import pytest

from chaos.tally import Reply, Tally
from statebox.store.scripts import script


@pytest.fixture
def tally() -> Tally:
    return Tally()


def exchange(tally: Tally, daemon: str, name: str, *arguments: str, reply: Reply, lost: bool = False) -> None:
    """A daemon runs a script, and is answered, or would be."""
    words = ["EVALSHA", script(name).sha, "1", "s:{0}:due", "s:{0}:", "", *arguments]
    asked = tally.read([word.encode() for word in words])
    tally.answered(daemon, asked, reply)
    if lost:
        tally.lost(asked, reply)


def test_what_another_daemon_claims_that_was_not_given_back_is_a_takeover(tally: Tally):
    exchange(tally, "one", "start", "m:a", reply=[b"started", 5, b"kept"])
    exchange(tally, "one", "start", "m:b", reply=[b"started", 5, b"kept"])
    exchange(tally, "one", "checkpoint", "m:b", reply=[b"given", 0])
    assert (tally.holds("one"), tally.holds("two")) == (1, 0)
    values: list[Reply] = [[b"m:a", b"token", 1, [], []], [b"m:b", b"token", 1, [], []]]
    exchange(tally, "two", "claim", "nonce", reply=[values, [], None, 0, 0, 0])
    assert tally.counts["takeovers"] == 1
    assert (tally.holds("one"), tally.holds("two")) == (0, 2)


def test_a_checkpoint_without_the_lease_is_refused_by_the_fence(tally: Tally):
    exchange(tally, "one", "checkpoint", "m:a", reply=[b"lost"])
    assert tally.counts["writes refused by the fence"] == 1


def test_the_same_reply_to_the_same_call_after_it_was_lost_is_a_retry_recognised(tally: Tally):
    exchange(tally, "one", "checkpoint", "m:a", "7", reply=[b"kept", 0], lost=True)
    exchange(tally, "one", "checkpoint", "m:a", "8", reply=[b"kept", 0])
    assert tally.counts["retried operations recognised"] == 0
    exchange(tally, "one", "checkpoint", "m:a", "7", reply=[b"kept", 0])
    assert tally.counts["retried operations recognised"] == 1


def test_a_retry_that_is_told_otherwise_is_not_recognised(tally: Tally):
    exchange(tally, "one", "checkpoint", "m:a", "7", reply=[b"kept", 0], lost=True)
    exchange(tally, "one", "checkpoint", "m:a", "7", reply=[b"lost"])
    assert tally.counts["repeated after a lost reply"] == 1
    assert tally.counts["retried operations recognised"] == 0


@pytest.mark.parametrize(("heard", "found"), [(False, 1), (True, 0)])
def test_what_renew_tells_counts_where_the_hint_was_dropped(tally: Tally, heard: bool, found: int):
    exchange(tally, "one", "start", "m:a", reply=[b"started", 5, b"kept"])
    tally.hint("one", [b"message", b"s:inbox", b"m:a"], heard)
    exchange(tally, "one", "renew", "2000", "m:a", "token", reply=[2])
    assert tally.counts["wakeups found by renew"] == found


@pytest.mark.parametrize(("heard", "found"), [(False, 1), (True, 0)])
def test_what_the_sweep_claims_counts_where_the_hint_was_dropped(tally: Tally, heard: bool, found: int):
    tally.hint("one", [b"message", b"s:due", b"0"], heard)
    exchange(tally, "one", "claim", "nonce", reply=[[], [], None, 0, 0, 0])
    exchange(tally, "one", "claim", "nonce", reply=[[[b"m:a", b"token", 1, [], []]], [], None, 0, 0, 0])
    assert tally.counts["wakeups found by sweep"] == found
