"""Keys: where an execution and a continuation live can be told from their names alone."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from uuid import uuid4
from zlib import crc32

import pytest

from statebox.engine.errors import InvalidToken
from statebox.store.keys import Keys, shard_of, shard_of_token


def test_an_execution_lives_where_its_name_says():
    keys = Keys("statebox", 16)

    assert shard_of("orders", "4711", 16) == crc32(b"orders:4711") % 16 == keys.shard_of_id("orders:4711")
    spread = Counter(shard_of("orders", str(n), 16) for n in range(1600))
    assert len(spread) == 16
    assert min(spread.values()) > 50


def test_a_continuation_carries_its_shard_in_its_last_12_bits():
    token = f"{str(uuid4())[:-3]}00f"

    assert shard_of_token(token) == 15
    assert Keys("statebox", 16).of_token(token).base == "statebox:{15}:"
    with pytest.raises(InvalidToken):
        Keys("statebox", 15).of_token(token)


@pytest.mark.parametrize("shards", [0, 4097])
def test_there_are_as_many_shards_as_12_bits_can_name(shards: int):
    with pytest.raises(ValueError, match="1 to 4096 shards"):
        Keys("statebox", shards)
    Keys("statebox", 4096)


@pytest.mark.parametrize("prefix", ["", "a{b", "a}b"])
def test_a_prefix_cannot_be_taken_for_a_hash_tag(prefix: str):
    with pytest.raises(ValueError, match="prefix"):
        Keys(prefix, 1)


def test_expired_continuations_are_heard_of_in_our_own_namespace_only():
    keys = Keys("my[app]*", 4)
    ours = "__keyspace@3__:my[app]*:{2}:continuation:x"
    pattern = keys.expired_pattern(3).replace("\\[", "[[]").replace("\\]", "]").replace("\\*", "[*]")

    assert fnmatchcase(ours, pattern)
    assert not fnmatchcase("__keyspace@3__:mya:{2}:continuation:x", pattern)
    assert keys.shard_of_expired(ours) == 2
    assert keys.shard_of_expired("__keyspace@3__:my[app]*:{4}:continuation:x") is None
    assert keys.shard_of_expired("garbage") is None
