"""A large JSON text, parsed piece by piece.

The parser keeps all other threads waiting until it is done, the event loop's too. So a text of megabytes is cut where
members of its arrays and objects end: a cut is right when what stands before it parses, as JSON is read from left to
right without looking back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from statebox.asl.jsontext import InvalidJson, Json, read_json

_PIECE_CHARACTERS: Final = 64 * 1024
# As deep as the parser goes with a stack that is in use already.
_DEEPEST: Final = 500
# A string, or the quote of one that does not end; and what arrays and objects are made of. Possessive: no way back.
_TOKEN: Final = re.compile(r'"(?:[^"\\]*+(?:\\.[^"\\]*+)*+")?|[\[\]{},]', re.DOTALL)
_COLON: Final = re.compile(r"[ \t\r\n]*:[ \t\r\n]*\Z")
_BLANKS: Final = " \t\r\n"


def read_json_by_pieces(text: str, piece_characters: int = _PIECE_CHARACTERS) -> Json:
    """Parse a JSON text as `read_json` does, giving way to other threads. Raises InvalidJson."""
    return read_json(text) if len(text) <= piece_characters else _Pieces(text, piece_characters).read()


@dataclass(slots=True)
class _Open:
    """An array or object whose end has not been seen.

    Its text from `at` has not been parsed; `built` has the members before. `taken`: the last member came parsed, and a
    comma or the end must follow. `key` is the string in front of it: its key, where it stands in an object.
    """

    start: int
    at: int
    key: tuple[int, int]
    is_object: bool
    built: Json = None
    taken: bool = False


class _Pieces:
    """A text, and the arrays and objects in it that are open."""

    def __init__(self, text: str, piece_characters: int) -> None:
        self._text = text
        self._most = piece_characters
        self._open: list[_Open] = []

    def read(self) -> Json:
        string = (0, 0)
        for token in _TOKEN.finditer(self._text):
            at, end = token.span()
            character = self._text[at]
            if character == '"':
                if end - at == 1:
                    self._refuse("Unterminated string starting", at)
                string = (at, end)
            elif character in "[{":
                self._begin(_Open(at, end, string, character == "{"))
            elif not self._open:
                self._refuse("Expecting value", at)
            elif character == ",":
                self._separate(self._open[-1], at)
            else:
                closed = self._close(at)
                if not self._open:
                    if self._text[end:].strip(_BLANKS):
                        self._refuse("Extra data", end)
                    return read_json(self._text) if closed.built is None else closed.built
        if self._open:
            self._refuse("Unexpected end", len(self._text))
        return read_json(self._text)

    def _begin(self, opened: _Open) -> None:
        if not self._open and self._text[: opened.start].strip(_BLANKS):
            self._refuse("Expecting value", 0)
        if len(self._open) == _DEEPEST:
            raise InvalidJson("the JSON is nested too deep")
        self._open.append(opened)

    def _separate(self, innermost: _Open, at: int) -> None:
        """A comma: cut here if enough has come together."""
        if innermost.taken or at - innermost.at > self._most:
            self._parse(innermost, at)
            innermost.at, innermost.taken = at + 1, False

    def _close(self, at: int) -> _Open:
        closed = self._open.pop()
        if (self._text[at] == "}") is not closed.is_object:
            self._refuse(f"Unexpected '{self._text[at]}'", at)
        # One that was never cut is parsed with what it stands in.
        if closed.built is not None:
            self._parse(closed, at)
            if self._open:
                self._take(self._open[-1], closed, at + 1)
        return closed

    def _parse(self, parent: _Open, end: int) -> None:
        """Parse the members up to here."""
        piece = self._text[parent.at : end]
        blank = not piece.strip(_BLANKS)
        # After a member that came parsed nothing may stand here, else something must.
        if blank is not parent.taken:
            self._refuse("Expecting ',' delimiter" if parent.taken else "Expecting value", end if blank else parent.at)
        if blank:
            return
        brackets = "{}" if parent.is_object else "[]"
        try:
            members = read_json(brackets[0] + piece + brackets[1])
        except InvalidJson:
            line, column = self._place(parent.at)
            # It fails once more, with the piece where it stands, so that the error has its place in the whole text.
            members = read_json("\n" * (line - 1) + " " * (column - 2) + brackets[0] + piece + brackets[1])
        if parent.is_object:
            self._built(parent).update(members)
        else:
            self._built(parent).extend(members)

    def _take(self, parent: _Open, member: _Open, end: int) -> None:
        """Put a parsed member into what it stands in, after parsing what stands before it."""
        begin = member.key[0] if parent.is_object else member.start
        if parent.is_object and not _COLON.match(self._text[member.key[1] : member.start]):
            self._refuse("Expecting property name enclosed in double quotes", member.start)
        before = self._text[parent.at : max(begin, parent.at)].rstrip(_BLANKS)
        if parent.taken or begin < parent.at or (before and not before.endswith(",")):
            self._refuse("Expecting ',' delimiter", member.start)
        if before:
            self._parse(parent, parent.at + len(before) - 1)
        if parent.is_object:
            self._built(parent)[read_json(self._text[slice(*member.key)])] = member.built
        else:
            self._built(parent).append(member.built)
        parent.at, parent.taken = end, True

    def _built(self, parent: _Open) -> Json:
        if parent.built is None:
            parent.built = {} if parent.is_object else []
        return parent.built

    def _place(self, at: int) -> tuple[int, int]:
        return self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at)

    def _refuse(self, what: str, at: int) -> NoReturn:
        line, column = self._place(at)
        raise InvalidJson(f"{what} at line {line} column {column}")
