"""Reads expressions: jsonata-python's parser makes a tree of a text, and its tree becomes our own nodes."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Final, NoReturn

from statebox.asl.data.jsonata import calls, operators, paths, structure
from statebox.asl.data.jsonata.failures import MESSAGES
from statebox.asl.data.jsonata.node import Group, Literal, Node, Selection
from statebox.asl.data.jsonata.numbers import number
from statebox.asl.data.jsonata.regexes import InvalidRegex, Regex, RegexNode, compile_regex
from statebox.asl.data.jsonata.signatures import Parameter, Signature
from statebox.asl.data.jsonata.sorting import Sort, Term
from statebox.asl.jsontext import Json, write_json_text

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
_PARAMETER: Final = re.compile(r"(\[[a-z]*\]|f)([?+]*)")
_LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class InvalidExpression(ValueError):
    """The text is no JSONata; the message is AWS's, which is jsonata-js's without its code."""


def parse(text: str) -> Node:
    """Read an expression. Raises InvalidExpression."""
    library = _Library.loaded()
    try:
        # A reader that looks one character ahead finds this one instead of the end.
        return _read(library.tree_of(text + "\n"))
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


def _read(symbol: Json) -> Node:
    reader = _READERS.get(symbol.type)
    if reader is None:
        _refuse("S0206", symbol.value)
    node = reader(symbol)
    filters = tuple(_read(one.expr) for one in _once(symbol.predicate))
    # A path gathers by itself, as it may have to gather tuples.
    group = None if symbol.type == "path" else _group(symbol.group)
    if filters or group is not None or symbol.keep_array:
        return Selection(node=node, filters=filters, group=group, keeps=bool(symbol.keep_array))
    return node


def _refuse(code: str, token: Json) -> NoReturn:
    raise InvalidExpression(MESSAGES[code].format(token=write_json_text(_as_json(token))))


def _once(stages: Json) -> list[Json]:
    """Predicates in their order. The parser notes those of the left side of `?:` and `??` twice."""
    return list({stage.position: stage for stage in stages or ()}.values())


def _group(symbol: Json) -> Group | None:
    return None if symbol is None else Group(_pairs(symbol))


def _pairs(symbol: Json) -> tuple[tuple[Node, Node], ...]:
    return tuple((_read(name), _read(value)) for name, value in symbol.lhs_object)


def _path(symbol: Json) -> Node:
    path = paths.Path(
        steps=tuple(map(_step, symbol.steps)),
        keeps_one=bool(symbol.keep_singleton_array),
        is_absolute=symbol.steps[0].type == "variable",
        carries=bool(symbol.tuple),
        gathers=_group(symbol.group),
    )
    first, *others = path.steps
    is_plain = path == paths.Path(steps=tuple(paths.Step(node=step.node) for step in path.steps), is_absolute=True)
    names = [step.node.name for step in others if isinstance(step.node, paths.Name)]
    if is_plain and isinstance(first.node, paths.Variable) and first.node.name and len(names) == len(others):
        return paths.Reference(path, first.node.name, tuple(names))
    return path


def _step(symbol: Json) -> paths.Step:
    stages = tuple(
        paths.Numbering(stage.value) if stage.type == "index" else _read(stage.expr) for stage in _once(symbol.stages)
    )
    return paths.Step(
        node=_sort(symbol) if symbol.type == "sort" else _read(symbol),
        stages=stages,
        focus=symbol.focus,
        index=symbol.index if isinstance(symbol.index, str) else None,
        ancestor=None if symbol.ancestor is None else symbol.ancestor.label,
        binds=bool(symbol.tuple),
        constructed=bool(symbol.consarray),
    )


def _sort(symbol: Json) -> Sort:
    return Sort(tuple(Term(_read(term.expression), bool(term.descending)) for term in symbol.terms))


def _name(symbol: Json) -> Node:
    return paths.Name(str(symbol.value))


def _wildcard(symbol: Json) -> Node:
    return paths.Wildcard() if symbol.type == "wildcard" else paths.Descendants()


def _parent(symbol: Json) -> Node:
    return paths.Parent(symbol.slot.label)


def _literal(symbol: Json) -> Node:
    value = symbol.value
    if isinstance(value, str):
        # Escapes make a character beyond the first 65,536 of two halves.
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = number(float(value))
    return Literal(value)


def _variable(symbol: Json) -> Node:
    return paths.Variable(symbol.value)


def _regex_literal(symbol: Json) -> Node:
    return RegexNode(symbol.value)


def _unary(symbol: Json) -> Node:
    match str(symbol.value):
        case "[":
            members = tuple((_read(member), str(member.value) == "[") for member in symbol.expressions)
            return structure.ArrayConstructor(members=members, is_step=bool(symbol.consarray))
        case "{":
            return structure.ObjectConstructor(pairs=Group(_pairs(symbol)))
        case _:
            return operators.Negation(_read(symbol.expression))


def _binary(symbol: Json) -> Node:
    left, right = _read(symbol.lhs), _read(symbol.rhs)
    sign = str(symbol.value)
    match sign:
        case "+" | "-" | "*" | "/" | "%":
            return operators.Arithmetic(sign, left, right)
        case "=" | "!=":
            return operators.Equality(sign == "!=", left, right)
        case "<" | "<=" | ">" | ">=":
            return operators.Comparison(sign, left, right)
        case "and" | "or":
            return operators.Logic(sign == "and", left, right)
        case "in":
            return operators.Membership(left, right)
        case "&":
            return operators.Concatenation(left, right)
        case "..":
            return operators.Range(left, right)
        case _:
            _refuse("S0204", sign)


def _block(symbol: Json) -> Node:
    return structure.Block(expressions=tuple(map(_read, symbol.expressions)))


def _bind(symbol: Json) -> Node:
    return structure.Bind(name=symbol.lhs.value, value=_read(symbol.rhs))


def _condition(symbol: Json) -> Node:
    # Its third part has a name that is Python's own word.
    no = getattr(symbol, "_else")  # noqa: B009
    return structure.Condition(
        condition=_read(symbol.condition),
        yes=_read(symbol.then),
        no=None if no is None else _read(no),
    )


def _call(symbol: Json) -> Node:
    function = symbol.procedure
    named: Json = {
        "name": str(function.steps[0].value) if function.type == "path" else _text(function.value),
        "bare": function.type == "path",
    }
    if symbol.type == "partial":
        given = tuple(None if argument.type == "operator" else _read(argument) for argument in symbol.arguments)
        return calls.PartialCall(function=_read(function), arguments=given, **named)
    arguments = tuple(map(_read, symbol.arguments))
    return calls.Call(function=_read(function), arguments=arguments, **named)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _lambda(symbol: Json) -> Node:
    body = _read(symbol.body)
    if symbol.thunk and isinstance(body, calls.Call):
        return calls.LastCall(body)
    return calls.LambdaNode(
        parameters=tuple(parameter.value for parameter in symbol.arguments),
        body=body,
        signature=None if symbol.signature is None else _signature(symbol.signature),
    )


def _signature(signature: Json) -> Signature:
    parameters: list[Parameter] = []
    # The parser has read it already, and does not keep the text.
    for one in signature._params:  # noqa: SLF001
        found = _PARAMETER.fullmatch(one.regex)
        if found is None:
            _refuse("S0201", one.regex)
        times = found[2].replace("?", "", 1) if one.context else found[2]
        parameters.append(Parameter(one.type, found[1], one.subtype, bool(one.context), times[:1]))
    return Signature(parameters)


def _apply(symbol: Json) -> Node:
    # A call takes the left side as its first argument, whatever is selected from its result.
    right = _call(symbol.rhs) if symbol.rhs.type == "function" else _read(symbol.rhs)
    return calls.Apply(_read(symbol.lhs), right)


def _transform(symbol: Json) -> Node:
    delete = None if symbol.delete is None else _read(symbol.delete)
    return calls.Transform(_read(symbol.pattern), _read(symbol.update), delete)


_READERS: Final = {
    "path": _path,
    "name": _name,
    "wildcard": _wildcard,
    "descendant": _wildcard,
    "parent": _parent,
    "string": _literal,
    "number": _literal,
    "value": _literal,
    "variable": _variable,
    "regex": _regex_literal,
    "unary": _unary,
    "binary": _binary,
    "block": _block,
    "bind": _bind,
    "condition": _condition,
    "function": _call,
    "partial": _call,
    "lambda": _lambda,
    "apply": _apply,
    "transform": _transform,
}
