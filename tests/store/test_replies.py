"""Replies: what Redis never answers is a fault, and not taken for something else."""

from __future__ import annotations

import pytest

from statebox.store.continuations import refusal
from statebox.store.replies import Unexpected, integer, items, maybe_integer, maybe_text, pairs, strings, text


def test_replies_are_typed():
    assert (integer(3), integer(b"3"), integer(b"1.7e12")) == (3, 3, 1_700_000_000_000)
    assert (maybe_integer(None), maybe_integer(b""), maybe_integer(b"3")) == (None, None, 3)
    assert (text(b"\xc3\xa9"), maybe_text(None), maybe_text(b"x")) == ("é", None, "x")
    assert (items([1, b"x"]), strings([b"x"]), pairs([b"a", b"1"])) == ([1, b"x"], [b"x"], {b"a": b"1"})


def test_what_redis_never_answers_is_a_fault():
    with pytest.raises(Unexpected, match="unexpected reply: None"):
        integer(None)
    with pytest.raises(Unexpected):
        text(3)
    with pytest.raises(Unexpected):
        items(b"x")
    with pytest.raises(Unexpected):
        strings([b"x", 1])
    with pytest.raises(Unexpected):
        refusal([b"something"], "op")
