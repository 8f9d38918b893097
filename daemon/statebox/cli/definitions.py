"""What a user gives: a file with a definition, bare or in the seed's wrapper, and an input on the command line."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from statebox import __version__
from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json, write_json_text
from statebox.cli.failures import Failure, system_words
from statebox.engine.errors import ValidationException
from statebox.http.seed_request import Fresh, read_asked

STDIN = "-"
# What the seed's endpoint takes in a body.
_WRAPPER = ("statemachine", "input", "continuation")


class Unreadable(Failure):
    """A file cannot be read as what it should be; `reason` says why, with line and column at its end if there are."""

    def __init__(self, file: str, reason: str, verb: str = ":") -> None:
        super().__init__(f"{file}{verb} {reason}")
        self.reason = reason


class BrokenJson(Unreadable):
    """A file that should hold a definition is no JSON."""

    def __init__(self, file: str, fault: str) -> None:
        super().__init__(file, f"not valid JSON: {fault}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Named:
    """One definition: the machine's name, its JSON text, and whether it came in the seed's wrapper.

    A wrapped one is started as the seed did: an input n becomes {"constants": {...}, "values": {"value": n}}.
    `file` is what it was read from, as messages name it, `file_text` the whole text of that, and `within` the names
    that lead to it there. `input` is the one in the wrapper, if any; `unknown` names the wrapper's other members.
    """

    name: str
    text: str
    seed: bool = False
    file: str = ""
    file_text: str = ""
    within: tuple[str, ...] = ()
    input: Json = None
    unknown: tuple[str, ...] = ()


def read_definitions(file: str) -> Sequence[Named]:
    """Read the definitions in a file (`-`: stdin), one unless it is a wrapper around several.

    A wrapper is {"statemachine": {name: definition, ...}} or {name: definition, ...}; anything else counts as a
    definition, named after the file. Raises Failure.
    """
    text = read_text(file)
    try:
        content = read_json(text)
    except InvalidJson as invalid:
        raise BrokenJson(shown(file), str(invalid)) from None
    wrapped = _wrapped(content)
    if wrapped is None:
        return [Named("stdin" if file == STDIN else Path(file).stem, text, file=shown(file), file_text=text)]
    if not wrapped:
        raise Unreadable(shown(file), "there is no definition in it: its wrapper is empty")
    around = () if wrapped is content else ("statemachine",)
    beside: dict[str, Json] = {} if wrapped is content else content
    return [
        Named(
            name,
            write_json_text(definition),
            seed=True,
            file=shown(file),
            file_text=text,
            within=(*around, name),
            input=beside.get("input"),
            unknown=tuple(member for member in beside if member not in _WRAPPER),
        )
        for name, definition in wrapped.items()
    ]


def read_definition(file: str, machine: str | None = None) -> Named:
    """Read the definition that a file would run: of a wrapper the first, as the seed did, or the one of that name.

    For a bare definition `machine` is the name it gets instead of the file's. Raises Failure.
    """
    found = read_definitions(file)
    if found[0].unknown:
        raise Failure(
            f"{shown(file)}: nothing is known about {', '.join(found[0].unknown)} in the wrapper; there are"
            " statemachine and input"
        )
    if machine is None:
        return found[0]
    if not found[0].seed:
        return dataclasses.replace(found[0], name=machine)
    for named in found:
        if named.name == machine:
            return named
    raise Failure(f"{shown(file)}: there is no machine {machine} in it, only {', '.join(n.name for n in found)}")


def as_the_seed(named: Named, input: str | None) -> tuple[Named, str]:
    """What the seed's endpoint makes of a definition's name and of an input (JSON text): a machine and its input.

    Without an input it is the wrapper's own. Raises click.BadParameter, Failure.
    """
    wrapper = {
        "statemachine": {named.name: read_json(named.text)},
        "input": named.input if input is None else read_json(input),
    }
    try:
        asked = read_asked({}, wrapper)
    except ValidationException as error:
        if input is None:
            raise Failure(f"{named.file}: {error.message}") from None
        raise click.BadParameter(f"--input: {error.message}") from None
    assert isinstance(asked, Fresh)  # there is no continuation in it
    # Where Redis is the seed said here as well; that is not for clients to know.
    value = {"constants": {"version": __version__}, "values": asked.values}
    return Named(asked.machine, asked.definition, seed=True), write_json_text(value)


def looks_like_file(text: str) -> bool:
    """Whether a word that may be a file or a machine's name means a file."""
    return text == STDIN or Path(text).is_file() or "/" in text or text.endswith((".json", ".asl"))


def read_json_argument(text: str | None, option: str) -> str | None:
    """Read the value of an option that is JSON, @FILE or `-`; None where the option was not given.

    Returns the JSON text, checked. Raises click.BadParameter, Failure.
    """
    if text is None:
        return None
    place = option
    if text == STDIN or text.startswith("@"):
        file = STDIN if text == STDIN else text[1:]
        place = f"{option} ({shown(file)})"
        text = read_text(file)
    try:
        read_json(text)
    except InvalidJson as invalid:
        hint = "" if not text.strip() or text.strip()[0] in '{["' else " (a text needs double quotes: '\"text\"')"
        raise click.BadParameter(f"{place}: not valid JSON: {invalid}{hint}") from None
    return text


def read_text(file: str) -> str:
    """The text of a file, or of stdin for `-`. Raises Failure."""
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(shown(file), f"cannot be read: {system_words(error)}", "") from None
    try:
        # An editor's byte order mark is no part of the JSON.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise Unreadable(shown(file), f"not UTF-8 at line {line} column {column}", " is") from None


def _wrapped(content: Json) -> dict[str, Json] | None:
    """The definitions in a wrapper; None when it is none."""
    if not is_object(content) or "StartAt" in content or "States" in content:
        return None
    if "statemachine" in content:
        inner: Json = content["statemachine"]
        return inner if is_object(inner) else None
    # Without the key: only what looks like definitions by name, so that problems of a bare one are still named as such.
    defined = [isinstance(one, dict) and ("StartAt" in one or "States" in one) for one in content.values()]
    return content if defined and all(defined) else None


def shown(file: str) -> str:
    """A file as messages name it."""
    return "stdin" if file == STDIN else file
