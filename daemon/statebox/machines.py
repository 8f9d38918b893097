"""The folder of machines: its definitions by name, read where they keep nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from statebox.asl.jsontext import InvalidJson, is_object, read_json, write_json_text
from statebox.engine.errors import InvalidDefinition
from statebox.engine.machines import Machines
from statebox.engine.worker import WorkerFailed

# AWS takes definitions of up to 1 MiB; what is larger than twice that is no definition, and is not even read.
_LARGEST_BYTES: Final = 2 << 20


async def load_machines(machines: Machines, folder: Path | None) -> None:
    """Take the definitions of a folder as the named ones, all or none.

    Raises InvalidDefinition that names the files that are wrong and says what is wrong with them.
    """
    named = {} if folder is None else await asyncio.to_thread(_read, folder)
    try:
        await machines.load(named)
    except WorkerFailed as failed:
        raise InvalidDefinition(f"The folder of machines cannot be checked: {failed}") from failed


def _read(folder: Path) -> dict[str, str]:
    """The definitions by file name without `.json`; the seed's wrapper is taken off."""
    try:
        # glob would take a folder that is gone, or may not be read, for an empty one.
        files = sorted(file for file in folder.iterdir() if file.name.endswith(".json"))
    except OSError as error:
        raise InvalidDefinition(f"The folder of machines cannot be read: {error}") from None
    return {file.stem: _unwrapped(_text(file)) for file in files}


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
        if len(content) > _LARGEST_BYTES:
            raise InvalidDefinition(f"{file.stem}: {file} has more than {_LARGEST_BYTES} bytes")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDefinition(f"{file.stem}: {file} cannot be read: {error}") from None


def _unwrapped(text: str) -> str:
    # What cannot be read is left for the parser of definitions, which says what is wrong with it.
    with contextlib.suppress(InvalidJson):
        raw = read_json(text)
        if is_object(raw) and "States" not in raw and is_object(named := raw.get("statemachine")) and named:
            return write_json_text(next(iter(named.values())))
    return text
