"""Routing: which version an alias gives an execution, by the weights of its routes."""

from __future__ import annotations

from typing import Final

from statebox.asl.moment import Dice
from statebox.engine.errors import ResourceNotFound, ValidationException
from statebox.engine.registry.machine import Registered, Route

_WHOLE: Final = 100


def check_routes(routes: tuple[Route, ...]) -> None:
    """Refuse routes that do not share out everything, or name a version twice. Raises ValidationException."""
    weights = [route.weight for route in routes]
    if sum(weights) != _WHOLE:
        raise ValidationException(f"Sum of routing configuration weights must equal {_WHOLE}. Received: {weights}")
    if len({route.version for route in routes}) != len(routes):
        raise ValidationException("Routing configuration must contain distinct state machine version ARNs")


def check_versions(machine: Registered, routes: tuple[Route, ...]) -> None:
    """Refuse routes to versions that are not there. Raises ResourceNotFound."""
    if any(machine.version(route.version) is None for route in routes):
        raise ResourceNotFound


def routed(routes: tuple[Route, ...], dice: Dice) -> int:
    """The number of the version that an execution is started with."""
    drawn = dice.fraction() * _WHOLE
    for route in routes:
        if drawn < route.weight:
            return route.version
        drawn -= route.weight
    return routes[-1].version
