"""Routing: an alias gives each version its share, as the entropy falls."""

from __future__ import annotations

import pytest

from statebox.asl.moment import Dice
from statebox.engine.errors import ValidationException
from statebox.engine.registry.machine import Route
from statebox.engine.registry.routing import check_routes, routed


@pytest.mark.parametrize(("weights", "shares"), [((100, 0), (1000, 0)), ((0, 100), (0, 1000)), ((20, 80), (200, 800))])
def test_each_version_gets_its_share(weights: tuple[int, int], shares: tuple[int, int]):
    routes = (Route(1, weights[0]), Route(2, weights[1]))
    given = [routed(routes, Dice(number.to_bytes(32))) for number in range(1000)]
    assert (given.count(1), given.count(2)) == pytest.approx(shares, abs=40)


def test_the_same_entropy_gives_the_same_version():
    routes = (Route(1, 50), Route(2, 50))
    assert len({routed(routes, Dice(b"x" * 32)) for _ in range(10)}) == 1


@pytest.mark.parametrize("routes", [(Route(1, 99),), (Route(1, 60), Route(2, 50)), (Route(1, 50), Route(1, 50))])
def test_what_is_not_shared_out_as_a_whole_is_refused(routes: tuple[Route, ...]):
    with pytest.raises(ValidationException):
        check_routes(routes)
