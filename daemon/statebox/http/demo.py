"""The machine that the seed's endpoint runs when it is given none: incsquare.json, a copy of state_machines/'s."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from statebox.asl.jsontext import Json, read_json

NAME: Final = "incsquare"
DEFINITION: Final[Json] = read_json(files("statebox.http").joinpath(f"{NAME}.json").read_bytes())["statemachine"][NAME]
