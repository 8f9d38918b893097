"""Paths: `$…` into the input, `$$…` into the context object, `$name…` into a variable.

Reference paths (names and indexes only) are split by hand and walked directly; any other path is compiled by
jsonpath-ng's grammar, which is imported when the first such path turns up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from statebox.asl.data.jsonata.failures import OutOfSteps
from statebox.asl.data.jsonpath_lexer import MalformedPath, unquote_name
from statebox.asl.data.jsonpath_steps import MISSING, Query
from statebox.asl.data.shapes import is_array, is_object
from statebox.asl.data.sources import Sources
from statebox.asl.errors import RESULT_PATH_MATCH_FAILURE, RUNTIME, StateFailure
from statebox.asl.jsontext import Json, write_json_text

Root: TypeAlias = Literal["input", "context", "variable"]

_LONGEST_NAME: Final = 80
_RESERVED: Final = "states"
# More than a machine has, so that a definition is compiled once; few enough not to grow with what users send.
_CACHED: Final = 4096
# A longer path may give one thing many times.
_LONGEST_PLAIN: Final = 200

_SEGMENT: Final = re.compile(
    r"""
      \. ( (?: [^\s.\[\]()'"`@,:?*\\] | \\. )+ )
    | \[ \s* (?: ([0-9]{1,10}) | ('(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*") ) \s* \]
    """,
    re.VERBOSE | re.DOTALL,
)
_WRONG_BRACKET: Final = re.compile(r"\[(?![\s'\"0-9])")


class InvalidPath(ValueError):
    """The text is no path, or no reference path. The text of the error is what AWS's message goes on with, if it does.

    `detail` says in our own words what is wrong.
    """

    def __init__(self, tail: str, detail: str) -> None:
        super().__init__(tail)
        self.detail = detail


class NoValue(Exception):
    """A path leads nowhere. `path` is its text, `detail` says why in Jayway's words.

    `past_end` says that all there is missing is the element of an existing array that the path ends with.
    """

    def __init__(self, path: str, detail: str, past_end: bool) -> None:
        super().__init__(f"Invalid path '{path}' : {detail}")
        self.path = path
        self.detail = detail
        self.past_end = past_end


class Path:
    """A compiled path.

    `definite` says that it gives one value; otherwise it gives an array of all it finds, empty where it finds nothing.
    `is_reference` says that it consists of names and indexes only; `root` what it starts from, and `variable` is the
    variable's name where it starts from one.
    """

    __slots__ = ("_query", "_steps", "_unbounded", "definite", "is_reference", "root", "text", "variable")

    def __init__(self, text: str, root: Root, variable: str | None, steps: Sequence[str | int] | Query) -> None:
        self.text = text
        self.root: Root = root
        self.variable = variable
        self.is_reference = not isinstance(steps, Query)
        self._query = steps if isinstance(steps, Query) else Query(steps)
        # A reference path is walked without its query.
        self._steps = None if isinstance(steps, Query) else tuple(steps)
        self.definite = self._query.definite
        self._unbounded = self._steps is None and _is_unbounded(text.lstrip("$"))

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def read(self, sources: Sources) -> Json:
        """The value. Raises NoValue when a definite path leads nowhere, StateFailure when the data is too deep.

        And OutOfSteps, when it may take more than the sources allow.
        """
        document = sources.input if self.root == "input" else self._document(sources)
        if self._steps is not None:
            value = document
            try:
                for step in self._steps:
                    if step.__class__ is int and value.__class__ is not list:
                        raise self._no_value(document)
                    value = value[step]
            except (KeyError, TypeError, IndexError):
                if sources.allowance is not None:
                    # Saying why takes as long as the path is.
                    sources.allowance.pay(len(self.text) // 16)
                raise self._no_value(document) from None
            return value
        if sources.allowance is not None:
            if self._unbounded:
                raise OutOfSteps
            sources.allowance.pay_for(document)
        try:
            value = self._query.find(document, document)
        except RecursionError:
            raise StateFailure(RUNTIME, f"The data is nested too deep for the path {self.text}") from None
        if value is MISSING:
            raise self._no_value(document)
        return value

    def write(self, document: Json, value: Json) -> Json:
        """The document with the value at this reference path; the document itself stays as it was.

        Objects on the way are made where they are missing, elements of arrays must be there already. Raises
        StateFailure (States.ResultPathMatchFailure) when the document has no place for it.
        """
        if self._steps is None:
            raise ValueError(f"{self.text} is not a reference path")
        written = [document]
        # What holds the place for the next step; every container on the way is a copy.
        parent: Json = written
        place: str | int = 0
        for step in self._steps:
            parent[place] = self._opened(parent[place], step, document)
            parent, place = parent[place], step
        parent[place] = value
        return written[0]

    def _opened(self, container: Json, step: str | int, document: Json) -> Json:
        """A copy of the container that has a place for the step, to be filled by whoever asks."""
        if isinstance(step, str) and is_object(container):
            return {**container, step: container.get(step, {})}
        if isinstance(step, int) and is_array(container) and step < len(container):
            return [*container]
        raise StateFailure(
            RESULT_PATH_MATCH_FAILURE, f"Unable to apply ReferencePath {self.text} to input {shown(document)}"
        )

    def _document(self, sources: Sources) -> Json:
        if self.root == "context":
            return sources.context()
        assert self.variable is not None
        try:
            return sources.variables[self.variable]
        except KeyError:
            raise NoValue(self.text, f"No results for path: ${self.variable}", False) from None

    def _no_value(self, document: Json) -> NoValue:
        return NoValue(self.text, *self._query.explain(document, document))


def parse_path(text: str) -> Path:
    """Compile a path, or find it among those compiled before. Raises InvalidPath."""
    if len(text) > _LONGEST_CACHED:
        return _parse(text)
    return _parse_cached(text)


def parse_reference_path(text: str) -> Path:
    """Compile a path of names and indexes only. Raises InvalidPath."""
    if not text.startswith("$"):
        raise InvalidPath("Reference path didn't start with '$'", "it does not start with $")
    try:
        path = parse_path(text)
    except InvalidPath as invalid:
        raise InvalidPath(_reference_tail(text), invalid.detail) from None
    if not path.is_reference:
        raise InvalidPath(_reference_tail(text), "only names and indexes can stand in a reference path")
    return path


def shown(value: Json) -> str:
    """A value as it is shown in the cause of a failure: its compact JSON."""
    try:
        return write_json_text(value)
    except RecursionError:
        return "(nested too deep to be shown)"


def _is_unbounded(rest: str) -> bool:
    """Whether a path may take more than going through its document a few times: look at its text, and rather say yes.

    That is a regular expression, one `..` below another, a filter that goes through all of `$` for each candidate, and
    steps that give the same element again and again.
    """
    several = rest.count(",") + rest.count(":")
    return len(rest) > _LONGEST_PLAIN or "=~" in rest or "$" in rest or rest.count("..") > 1 or several > 1


def _reference_tail(text: str) -> str:
    return "'[' must be followed by ' or '['" if _WRONG_BRACKET.search(text) else ""


def _parse(text: str) -> Path:
    root, variable, rest = _split_root(text)
    steps = _split(rest)
    if steps is not None:
        return Path(text, root, variable, steps)
    # jsonpath-ng takes 50 ms to import: only who uses such a path waits for it.
    from statebox.asl.data.jsonpath_grammar import compile_path

    try:
        return Path(text, root, variable, compile_path("$" + rest))
    except MalformedPath as malformed:
        raise InvalidPath("", str(malformed)) from None
    except RecursionError:
        raise InvalidPath("", "it is nested too deep") from None


_parse_cached = lru_cache(_CACHED)(_parse)
# A parsed path takes up to 80 bytes for each of its characters: one that is longer is not worth its place.
_LONGEST_CACHED: Final = 200


def _split_root(text: str) -> tuple[Root, str | None, str]:
    if not text.startswith("$"):
        raise InvalidPath("", "it does not start with $")
    if text.startswith("$$"):
        return "context", None, text[2:]
    end = next((place for place, character in enumerate(text) if character in ".["), len(text))
    name = text[1:end]
    if not name:
        return "input", None, text[1:]
    if not name.isidentifier() or len(name) > _LONGEST_NAME or name == _RESERVED:
        raise InvalidPath("", f"${name} is no variable")
    return "variable", name, text[end:]


def _split(rest: str) -> list[str | int] | None:
    """The steps behind the root of a reference path, or None when it is none."""
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        segment = _SEGMENT.match(rest, position)
        if segment is None:
            return None
        name, index, quoted = segment.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(unquote_name(quoted) if name is None else re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL))
        position = segment.end()
    return steps
