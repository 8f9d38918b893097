"""Branches: a mapping that is never changed, and is what a dict would be."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.branches import Branches, changed
from statebox.asl.execution import Branch

IDS = st.integers(0, 400).map(lambda n: f"0.{n}")
CHANGES = st.lists(st.tuples(st.sets(IDS, max_size=20), st.sets(IDS, max_size=20)), max_size=30)


def branch(id: str, data: object = None) -> Branch:
    return Branch(id=id, scope="", state="Wait", data=data)


@given(st.integers(0, 400), CHANGES)
def test_whatever_is_written_and_removed_it_holds_what_a_dict_holds(
    size: int, changes: list[tuple[set[str], set[str]]]
):
    model = {f"0.{n}": branch(f"0.{n}") for n in range(size)}
    branches = changed({}, model, ())
    for step, (written, removed) in enumerate(changes):
        new = {id: branch(id, step) for id in sorted(written)}
        gone = {id for id in removed if id in model and id not in written}
        before, copy = branches, dict(branches)
        branches = changed(branches, new, gone)
        model = {**{id: kept for id, kept in model.items() if id not in gone}, **new}

        assert branches == model
        assert before == copy, "the former one is as it was"
        assert (len(branches), set(branches)) == (len(model), set(model))
        assert all((branches.get(id), id in branches) == (model.get(id), id in model) for id in written | removed)
        assert pickle.loads(pickle.dumps(branches)) == model


def test_a_change_of_one_among_many_copies_few():
    """So that 10,000 changes of 10,000 branches are no 100,000,000."""
    branches = changed({}, {f"0.{n}": branch(f"0.{n}") for n in range(10_000)}, ())
    merges = 0
    for n in range(10_000):
        branches = changed(branches, {f"0.{n}": branch(f"0.{n}", n)}, ())
        merges += not isinstance(branches, Branches)
    assert merges <= 100
    assert [one.data for one in branches.values()] == list(range(10_000))
