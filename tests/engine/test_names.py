"""Names and ids that the daemon gives by itself."""

from __future__ import annotations

import uuid

from statebox.engine.names import fresh_id, fresh_uuid


def test_a_fresh_uuid_is_a_random_one_as_the_library_writes_it():
    given = [fresh_uuid() for _ in range(200)]

    assert [str(uuid.UUID(text)) for text in given] == given
    assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in given} == {(4, uuid.RFC_4122)}
    assert len(set(given)) == 200


def test_a_fresh_id_is_128_bits_in_hex():
    assert len(bytes.fromhex(fresh_id())) == 16
    assert fresh_id() != fresh_id()
