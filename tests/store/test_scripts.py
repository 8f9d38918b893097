"""The scripts: each says what it takes and why it is one step, and Redis knows it by its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import statebox.store.scripts
from statebox.store.scripts import script

FOLDER = Path(statebox.store.scripts.__file__).parent
NAMES = sorted(file.stem for file in FOLDER.glob("*.lua"))


@pytest.mark.parametrize("name", NAMES)
def test_each_script_begins_with_what_it_takes_and_why_it_is_one_step(name: str):
    head = (FOLDER / f"{name}.lua").read_text().partition("--!include")[0]

    for word in ("-- One step", "-- KEYS[1] due", "-- ARGV    base, now", "-- Returns"):
        assert word in head, f"{name}.lua does not say: {word}"


@pytest.mark.parametrize("name", NAMES)
def test_parts_stand_where_they_are_included(name: str):
    whole = script(name)

    assert "--!include" not in whole.text
    assert "local function" in whole.text
    assert whole.sha == hashlib.sha1(whole.text.encode()).hexdigest()
    assert script(name) is whole


def test_all_parts_are_used():
    used = "".join((FOLDER / f"{name}.lua").read_text() for name in NAMES)

    for part in (FOLDER / "parts").glob("*.lua"):
        assert f"--!include parts/{part.name}" in used


def test_a_script_that_is_not_there_is_a_fault():
    with pytest.raises(FileNotFoundError):
        script("nothing")
