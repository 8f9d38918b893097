r"""CSV as Step Functions reads it.

Records end with a line; a field in double quotes may hold delimiters and line ends; `""` stands for one double quote,
also outside of quotes; a backslash takes the meaning from a backslash, a double quote or the delimiter that follows
it, and is dropped before anything else. Empty lines are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
# Possessive: no way back. Bounded, as a search keeps all other threads waiting until it is done.
_IN_QUOTES: Final = re.compile(r'(?:[^"\\]|""){1,65536}+')


class InvalidCsv(ValueError):
    """The text is not CSV; the message names the line."""


def read_records(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the fields of each record. Raises InvalidCsv for a quote that is never closed, with its line."""
    records = _Records(text, delimiter)
    while not records.at_end:
        record = records.next()
        if record is not None:
            yield record


class _Records:
    """A text, and how far it has been read."""

    def __init__(self, text: str, delimiter: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._at = 0
        self._special = {"\\", '"', delimiter}
        self._plain = re.compile(rf'[^"\\\r\n{re.escape(delimiter)}]+')

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def next(self) -> list[str] | None:
        """The next record; None for an empty line."""
        end = _LINE_END.search(self._text, self._at)
        line = self._text[self._at : end.start() if end else len(self._text)]
        if '"' in line or "\\" in line:
            return self._quoted_record()
        self._at = end.end() if end else len(self._text)
        return line.split(self._delimiter) if line else None

    def _quoted_record(self) -> list[str]:
        fields = [self._field()]
        while self._text.startswith(self._delimiter, self._at):
            self._at += 1
            fields.append(self._field())
        end = _LINE_END.match(self._text, self._at)
        if end:
            self._at = end.end()
        return fields

    def _field(self) -> str:
        """A field; what follows the end of its quotes belongs to it as well."""
        quoted = self._text.startswith('"', self._at)
        pieces = [self._in_quotes()] if quoted else []
        while not self.at_end:
            plain = self._plain.match(self._text, self._at)
            character = self._text[self._at]
            if plain:
                pieces.append(plain[0])
                self._at = plain.end()
            elif character == "\\":
                pieces.append(self._escaped())
            elif character == '"':
                pieces.append('"')
                self._at += 2 if self._text.startswith('""', self._at) else 1
            else:
                break
        return "".join(pieces)

    def _in_quotes(self) -> str:
        began = self._at
        self._at += 1
        pieces: list[str] = []
        while not self.at_end:
            plain = _IN_QUOTES.match(self._text, self._at)
            if plain:
                pieces.append(plain[0].replace('""', '"'))
                self._at = plain.end()
            elif self._text[self._at] == "\\":
                pieces.append(self._escaped())
            else:
                self._at += 1
                return "".join(pieces)
        line = len(_LINE_END.findall(self._text, 0, began)) + 1
        raise InvalidCsv(f"line {line}: the double quote that begins a field there is never closed")

    def _escaped(self) -> str:
        """What a backslash and the character after it stand for; a meaningless backslash alone is passed over."""
        following = self._text[self._at + 1 : self._at + 2]
        if following in self._special:
            self._at += 2
            return following
        self._at += 1
        return ""
