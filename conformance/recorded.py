"""Recorded: the folder with what AWS Step Functions was recorded to do, and with the program that compares."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from statebox.asl.jsontext import Json, read_json

_BESIDE = Path(__file__).parents[2] / "shared" / "conformance"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The cases, and `match(case, actual)`, which says in `ok` and `ok_strict` how well an answer agrees."""

    cases: list[Mapping[str, Json]]
    match: Callable[[Json, Json], Mapping[str, Json]]


def folder() -> Path:
    """Where the recordings are looked for: STATEBOX_CONFORMANCE, else ../shared/conformance beside the checkout."""
    given = os.environ.get("STATEBOX_CONFORMANCE")
    return Path(given) if given else _BESIDE


def load(place: Path) -> Recorded:
    """Load cases.json and compare.py from a folder."""
    spec = importlib.util.spec_from_file_location("recorded_compare", place / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    return Recorded(read_json((place / "cases.json").read_bytes()), compare.match)
