"""What was used last is kept, as much of it as there is room for."""

from __future__ import annotations

from statebox.asl.jsontext import write_json_text
from statebox.engine.machines import Machines, definition_of
from statebox.engine.recent import Recent


def test_what_was_used_longest_ago_makes_room():
    recent = Recent[str](most=2, most_characters=100)
    recent.put("a", "A", 1)
    recent.put("b", "B", 1)
    recent.get("a")

    recent.put("c", "C", 1)

    assert (recent.get("a"), recent.get("b"), recent.get("c")) == ("A", None, "C")


def test_long_texts_leave_room_for_fewer():
    recent = Recent[str](most=10, most_characters=10)
    for name in ("a", "b"):
        recent.put(name, name, 5)

    recent.put("c", "c", 6)
    assert [name in recent for name in "abc"] == [False, False, True]

    recent.put("c", "c", 1)
    recent.put("d", "d", 9)
    assert [name in recent for name in "cd"] == [True, True]


def test_what_alone_is_too_much_is_kept_alone():
    recent = Recent[str](most=10, most_characters=10)
    recent.put("a", "a", 1)

    recent.put("b", "b", 1000)

    assert (len(recent), recent.get("b")) == (1, "b")


def test_machines_keep_less_the_longer_their_definitions_are():
    """Many long definitions, each used once, take no more memory than a few."""
    machines = Machines(kept_characters=10_000)
    texts = [
        write_json_text({"Comment": f"{n} {'x' * 4_000}", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
        for n in range(4)
    ]

    first, *_ = [machines.machine(definition_of(text)) for text in texts]

    assert machines.machine(definition_of(texts[3])) is machines.machine(definition_of(texts[3]))
    assert machines.machine(definition_of(texts[0])) is not first
