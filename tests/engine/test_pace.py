"""The pace of claiming: exact while a daemon is alone, spread out where there are others, never more than needed."""

from __future__ import annotations

import pytest

from statebox.engine.pace import Pace


def test_one_that_is_alone_looks_when_something_is_due():
    pace = Pace(1000, dice=lambda: 0.5)
    pace.looked(10.0, expected=True, found=True)

    assert pace.until_due(10.0, 0.2) == pytest.approx(0.2)
    assert pace.after_hint(10.1) == 0.0


def test_what_becomes_due_shortly_after_a_look_is_taken_together():
    pace = Pace(1000, dice=lambda: 0.5)
    pace.looked(10.0, expected=True, found=True)

    assert pace.until_due(10.001, 0.0) == pytest.approx(0.004)
    assert pace.after_hint(10.002) == pytest.approx(0.003)


def test_one_that_came_too_late_lets_others_be_first_now_and_then():
    """Each draws its own delay, so that none is always first."""
    pace = Pace(1000, dice=lambda: 0.5)
    pace.looked(10.0, expected=True, found=False)

    assert pace.until_due(10.0, 0.2) == pytest.approx(0.205)
    assert pace.after_hint(10.1) == pytest.approx(0.005)


def test_one_that_nobody_was_quicker_than_for_a_while_is_alone_again():
    pace = Pace(1000, dice=lambda: 0.5)
    pace.looked(10.0, expected=True, found=False)
    pace.looked(20.0, expected=True, found=True)

    assert pace.until_due(20.0, 0.2) == pytest.approx(0.2)


def test_a_sweep_that_finds_nothing_says_nothing_about_others():
    pace = Pace(1000, dice=lambda: 0.5)
    pace.looked(10.0, expected=False, found=False)

    assert pace.until_due(10.0, 0.2) == pytest.approx(0.2)


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 1.0), (0.999, 0.75)])
def test_sweeps_drift_apart_and_never_take_longer_than_they_may(dice: float, seconds: float):
    assert Pace(1000, dice=lambda: dice).until_sweep() == pytest.approx(seconds, abs=0.01)
