"""Parses expressions with jsonata-python, whose errors become AWS's words."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Final

from statebox.asl.data.jsonata.failures import MESSAGES
from statebox.asl.data.jsonata.node import Node
from statebox.asl.data.jsonata.regexes import InvalidRegex, Regex, compile_regex
from statebox.asl.data.jsonata.tree import read_tree
from statebox.asl.jsontext import Json, write_json_text

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")


class InvalidExpression(ValueError):
    """The text is no JSONata; the message is AWS's, which is jsonata-js's without its code."""


def parse(text: str) -> Node:
    """Read an expression. Raises InvalidExpression."""
    library = _Library.loaded()
    try:
        # A reader that looks one character ahead finds this one instead of the end.
        return read_tree(library.tree_of(text + "\n"))
    except library.error as error:
        raise InvalidExpression(_message(error, text)) from None
    except InvalidRegex as invalid:
        raise InvalidExpression(f"Invalid regular expression: {invalid}") from None
    except RecursionError:
        raise InvalidExpression("The expression is nested too deep") from None
    except KeyError as unknown:
        raise InvalidExpression(f"Unknown operator: {write_json_text(str(unknown.args[0]))}") from None
    except IndexError:
        # All that it reads without looking where the text ends are comments.
        raise InvalidExpression(MESSAGES["S0106"]) from None
    except RuntimeError as error:
        raise InvalidExpression(str(error)) from None
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        raise InvalidExpression("Syntax error") from None


class _Library:
    """jsonata-python, which is loaded when the first expression is read: it takes a while, and many never need it."""

    def __init__(self) -> None:
        limit = sys.getrecursionlimit()
        from jsonata.jexception import JException
        from jsonata.parser import Parser

        # On being loaded it raises the limit for the whole process.
        sys.setrecursionlimit(limit)
        self.error = JException
        self._parser = Parser

    @staticmethod
    @lru_cache(maxsize=1)
    def loaded() -> _Library:
        return _Library()

    def tree_of(self, text: str) -> Json:
        # A parser keeps what it saw, so each text gets its own.
        parser: Json = self._parser()
        return parser.parse(text, _regex)


def _regex(pattern: str, flags: Json) -> Regex:
    return Regex(compile_regex(pattern, flags.case_insensitive, flags.multiline))


def _message(error: Json, text: str) -> str:
    code = error.error
    values = [error.current, error.expected]
    if code == "S0301" and error.current is not None:
        code = "S0103"
    if code == "S0102":
        literal = _NUMBER.match(text, error.location)
        values = [literal[0] if literal else None, None]
    if code == "S0208":
        before = text[: error.location]
        values = [before[before.rfind("(") :].count(",") + 1, None]
    template = MESSAGES.get(code, str(error))
    # In the order in which jsonata-python gives what the braces stand for.
    names = re.findall(r"\{(\w+)\}", template)
    shown = {name: write_json_text(_as_json(value)) for name, value in zip(names, values, strict=False)}
    return template.format_map(shown)


def _as_json(value: Json) -> Json:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
