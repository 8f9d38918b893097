"""Cuts the text of a path, as Jayway's JsonPath writes it, into the tokens that jsonpath-ng's grammar takes."""

from __future__ import annotations

import re
from typing import Final

from statebox.asl.data.jsonpath_filters import OPERATORS, pattern
from statebox.asl.data.jsonpath_functions import function_named, takes_arguments
from statebox.asl.data.jsonpath_tokens import Argument, Call, Carried, Group, Literal, SubPath, Token
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text

# How deep groups, filters and calls may stand in each other: the grammar's actions and the filters made of them nest.
_DEEPEST: Final = 32

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
# In a filter a name also ends where an operator may begin.
_NAME: Final = re.compile(r"(?:[^\s.\[(\\`]|\\.)+")
_NAME_IN_FILTER: Final = re.compile(r"(?:[^\s.\[()\\`<>=~!,&|]|\\.)+")
_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_INDEXES: Final = re.compile(r"-?\d{1,10}(?:[ ]*,[ ]*-?\d{1,10})*", re.ASCII)
_SLICE: Final = re.compile(r"(-?\d{1,10})?[ ]*:[ ]*(-?\d{1,10})?", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORD: Final = re.compile(r"(?:true|false|null)(?!\w)")
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
_OPERATOR: Final = re.compile(r"===?|!==?|<=|>=|=~|<|>|[A-Za-z]+")
_PATTERN: Final = re.compile(r"/((?:[^/\\]|\\.)*)/([a-zA-Z]*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


class MalformedPath(ValueError):
    """The text is no path that Step Functions takes; the message says why."""


def tokenize(text: str) -> list[Token]:
    """The tokens of a whole path that starts with `$`. Raises MalformedPath."""
    scanner = _Scanner(text)
    tokens = scanner.path(_NAME)
    if not scanner.at_end:
        raise scanner.error("unexpected text")
    return tokens


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._position == len(self._text)

    def error(self, reason: str) -> MalformedPath:
        return MalformedPath(f"{reason} at position {self._position} of {self._text!r}")

    def path(self, names: re.Pattern[str]) -> list[Token]:
        """A path from its `$` or `@` on, up to where it ends."""
        tokens = [self._literal(self._text[self._position])]
        while True:
            if self._eat(".."):
                tokens.append(self._token("DOUBLEDOT", ".."))
                if not self._sees("["):
                    tokens += self._after_dot(names)
            elif self._eat("."):
                if not self._sees("["):  # `$.[0]` is `$[0]`
                    tokens += [self._token(".", "."), *self._after_dot(names)]
            elif self._sees("["):
                tokens += self._bracket()
            else:
                return tokens
            if isinstance(tokens[-1].value, Call):
                return tokens

    def _after_dot(self, names: re.Pattern[str]) -> list[Token]:
        if self._sees("*"):
            return [self._literal("*")]
        name = self._match(names)
        if name is None:
            raise self.error("a name is missing")
        if self._sees("("):
            return [self._call(name[0])]
        return [self._token("ID", re.sub(r"\\(.)", r"\1", name[0]))]

    def _bracket(self) -> list[Token]:
        tokens = [self._literal("[")]
        self._skip_blanks()
        if self._sees("'") or self._sees('"'):
            tokens += self._names()
        elif self._sees("*"):
            tokens.append(self._literal("*"))
        elif self._sees("?"):
            tokens.append(self._literal("?"))
            self._skip_blanks()
            if not self._sees("("):
                raise self.error("a filter needs parentheses")
            tokens += self._group()
        elif (found := self._match(_INDEXES, before="]")) is not None:
            for place, index in enumerate(found[0].split(",")):
                tokens += [self._token(",", ",")] * (place > 0) + [self._token("NUMBER", int(index))]
        elif (found := self._match(_SLICE, before="]")) is not None and found.group(1, 2) != (None, None):
            start, stop = found.group(1, 2)
            tokens += [] if start is None else [self._token("NUMBER", int(start))]
            tokens.append(self._token(":", ":"))
            tokens += [] if stop is None else [self._token("NUMBER", int(stop))]
        else:
            raise self.error("a name in quotes, an index, a slice, * or a filter is missing")
        self._skip_blanks()
        if not self._sees("]"):
            raise self.error("] is missing")
        return [*tokens, self._literal("]")]

    def _names(self) -> list[Token]:
        tokens: list[Token] = []
        while True:
            tokens.append(self._token("ID", unquote_name(self._quoted())))
            self._skip_blanks()
            if not self._sees(","):
                return tokens
            tokens.append(self._literal(","))
            self._skip_blanks()

    def _quoted(self) -> str:
        found = self._match(_QUOTED)
        if found is None:
            raise self.error("a text in quotes is missing")
        return found[0]

    def _call(self, name: str) -> Token:
        if function_named(name) is None:
            raise self.error(f"there is no function {name}")
        self._enter("(")
        arguments: list[Argument] = []
        self._skip_blanks()
        while not self._eat(")"):
            if arguments and not self._eat(","):
                raise self.error(", or ) is missing")
            self._skip_blanks()
            arguments.append(self._operand())
            self._skip_blanks()
        self._depth -= 1
        if arguments and not takes_arguments(name):
            raise self.error(f"the function {name} takes no arguments")
        return self._token("ID", Call(name, tuple(arguments)))

    def _group(self) -> list[Token]:
        """A filter's expression from its `(` to its `)`."""
        self._enter("(")
        tokens = [self._token("(", "(")]
        while True:
            self._skip_blanks()
            if self._sees(")"):
                self._depth -= 1
                return [*tokens, self._literal(")")]
            if self._eat("&&"):
                tokens.append(self._token("AND", "&&"))
            elif self._eat("||"):
                tokens.append(self._token("OR", "||"))
            elif self._eat("!"):
                self._skip_blanks()
                if self._sees("("):
                    tokens.append(self._token("ID", Group(tuple(self._group()))))
                else:
                    tokens += [self._token("!", "!"), self._token("ID", self._operand())]
            elif self._sees("("):
                tokens += self._group()
            else:
                tokens += self._comparison()

    def _comparison(self) -> list[Token]:
        tokens = [self._token("ID", self._operand())]
        self._skip_blanks()
        operator = self._match(_OPERATOR)
        if operator is None:
            return tokens
        if operator[0].lower() not in OPERATORS:
            raise self.error(f"there is no operator {operator[0]}")
        self._skip_blanks()
        right = self._operand()
        is_pattern = isinstance(right, Literal) and isinstance(right.value, re.Pattern)
        if is_pattern is not (operator[0] == "=~"):
            raise self.error("=~ takes a regular expression, and nothing else does")
        return [*tokens, self._token("FILTER_OP", operator[0].lower()), self._token("ID", right)]

    def _operand(self) -> Argument:
        if self._sees("@") or self._sees("$"):
            relative = self._sees("@")
            self._enter("")
            path = SubPath(tuple(self.path(_NAME_IN_FILTER)), relative)
            self._depth -= 1
            return path
        if self._sees("'") or self._sees('"'):
            return Literal(_unescape(self._quoted()[1:-1]))
        if self._sees("[") or self._sees("{"):
            return Literal(self._json())
        if (word := self._match(_WORD)) is not None:
            return Literal(_WORDS[word[0]])
        if (number := self._match(_NUMBER)) is not None:
            return Literal(self._read(number[0]))
        if (found := self._match(_PATTERN)) is not None:
            try:
                return Literal(pattern(found[1], found[2]))
            except ValueError as error:
                raise self.error(str(error)) from None
        raise self.error("a value is missing")

    def _json(self) -> Json:
        """A JSON array or object, in which single quotes will do."""
        start = self._position
        nested = 0
        while not self.at_end:
            if self._sees("'") or self._sees('"'):
                self._quoted()
                continue
            nested += self._text[self._position] in "[{"
            nested -= self._text[self._position] in "]}"
            self._position += 1
            if nested == 0:
                return self._read(_QUOTED.sub(_double_quoted, self._text[start : self._position]))
        raise self.error("the array or object does not end")

    def _read(self, text: str) -> Json:
        try:
            return read_json(text)
        except InvalidJson as invalid:
            raise self.error(str(invalid)) from None

    def _enter(self, opening: str) -> None:
        self._position += len(opening)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error("nested too deep")

    def _literal(self, text: str) -> Token:
        """A token that is its own type."""
        self._position += len(text)
        return self._token(text, text)

    def _token(self, type: str, value: str | int | Carried) -> Token:
        return Token(type, value, self._position)

    def _sees(self, text: str) -> bool:
        return self._text.startswith(text, self._position)

    def _eat(self, text: str) -> bool:
        seen = self._sees(text)
        self._position += len(text) * seen
        return seen

    def _match(self, expression: re.Pattern[str], before: str = "") -> re.Match[str] | None:
        """Take what the expression matches here, if (after blanks) `before` follows it."""
        found = expression.match(self._text, self._position)
        if found is not None:
            blanks = _BLANKS.match(self._text, found.end())
            if before and not self._text.startswith(before, found.end() if blanks is None else blanks.end()):
                return None
            self._position = found.end()
        return found

    def _skip_blanks(self) -> None:
        self._match(_BLANKS)


def unquote_name(quoted: str) -> str:
    """The name in quotes. Only the quote itself can be escaped: any other backslash belongs to the name."""
    quote = quoted[0]
    return re.sub(r"\\(.)", lambda found: quote if found[1] == quote else found[0], quoted[1:-1], flags=re.DOTALL)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]), text)


def _double_quoted(found: re.Match[str]) -> str:
    return found[0] if found[1] is None else write_json_text(_unescape(found[1]))
