"""Compiles a path: jsonpath-ng's grammar reads the tokens, and its tree becomes our own steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from jsonpath_ng import Child, Descendants, Fields, Index, JSONPath, Root, Slice, This
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.filter import And, Expression, Filter, Or
from jsonpath_ng.ext.parser import ExtendedJsonPathParser
from jsonpath_ng.jsonpath import Wildcard

from statebox.asl.data import jsonpath_filters as filters
from statebox.asl.data import jsonpath_steps as steps
from statebox.asl.data.jsonpath_lexer import MalformedPath, tokenize
from statebox.asl.data.jsonpath_tokens import Argument, Call, Group, Literal, SubPath, Token
from statebox.asl.jsontext import Json

_PARSER: Final = ExtendedJsonPathParser()


def compile_path(text: str) -> steps.Query:
    """Compile a path that starts with `$`. Raises MalformedPath."""
    return _query(tokenize(text))


def _parse(tokens: Iterable[Token]) -> JSONPath:
    # Its own class of tokens is private; ours has the same attributes.
    stream: Iterator[Json] = iter(tokens)
    try:
        return _PARSER.parse_token_stream(stream)
    except JSONPathError as error:
        raise MalformedPath(str(error)) from None


def _query(tokens: Iterable[Token]) -> steps.Query:
    compiled: list[steps.Step] = []
    function: steps.Function | None = None
    # Long paths make deep trees, so this walks without recursion, from left to right.
    ahead: list[JSONPath | steps.Descend] = [_parse(tokens)]
    while ahead:
        node = ahead.pop()
        match node:
            case steps.Descend():
                compiled.append(node)
            case Child():
                ahead += [_part(node, "right"), _part(node, "left")]
            case Descendants():
                ahead += [_part(node, "right"), steps.Descend(), _part(node, "left")]
            case Root() | This():
                pass
            case _:
                step = _step(node)
                if isinstance(step, steps.Function):
                    function = step
                else:
                    compiled.append(step)
    # Several names at the end make one object, elsewhere they are several ways at once.
    for place, step in enumerate(compiled[:-1]):
        if isinstance(step, steps.Names):
            compiled[place] = steps.Members(step.names)
    return steps.Query(compiled, function)


def _step(node: JSONPath) -> steps.Step | steps.Function:
    match node:
        case Fields():
            names = _part(node, "fields")
            if isinstance(names[0], Call):
                return steps.Function(names[0].name, tuple(map(_operand, names[0].arguments)))
            return names[0] if len(names) == 1 else steps.Names(names)
        case Index():
            indexes = _part(node, "indices")
            return indexes[0] if len(indexes) == 1 else steps.Indexes(indexes)
        case Slice():
            return steps.Slice(_part(node, "start"), _part(node, "end"))
        case Wildcard():
            return steps.Wildcard()
        case _:
            assert isinstance(node, Filter)  # there are tokens for nothing else
            return steps.Filter(filters.all_of([_predicate(one) for one in _part(node, "expressions")]))


def _predicate(node: JSONPath) -> steps.Predicate:
    match node:
        case And():
            return filters.all_of([_predicate(one) for one in _part(node, "operands")])
        case Or():
            return filters.any_of([_predicate(one) for one in _part(node, "operands")])
        case _:
            assert isinstance(node, Expression)  # there are tokens for nothing else
            return _expression(_part(node, "target"), _part(node, "op"), _part(node, "value"))


def _expression(target: JSONPath, operator: str | None, right: Json) -> steps.Predicate:
    left: Argument | Group = _part(target, "fields")[0]
    match left, operator, right:
        case Group(tokens), None, _:
            return filters.negated(_group(tokens))
        case SubPath(tokens, relative), None, _:
            return filters.exists(_query(tokens), relative)
        case SubPath(tokens, relative), "!", _:
            return filters.negated(filters.exists(_query(tokens), relative))
        case ((SubPath() | Literal()), str(), (SubPath() | Literal())):
            return filters.compare(_operand(left), operator, _operand(right))
        case _:
            raise MalformedPath("a filter takes comparisons and paths")


def _group(tokens: Iterable[Token]) -> steps.Predicate:
    """The predicate of a group that stands alone: jsonpath-ng takes filters in their brackets only."""
    alone = _parse([Token("@", "@"), Token("[", "["), Token("?", "?"), *tokens, Token("]", "]")])
    return filters.all_of([_predicate(one) for one in _part(_part(alone, "right"), "expressions")])


def _part(node: JSONPath, name: str) -> Json:
    """A part of a node of jsonpath-ng's tree, which holds what the tokens held and so says nothing of its type."""
    return vars(node)[name]


def _operand(argument: Argument) -> steps.Operand:
    match argument:
        case Literal(value):
            return filters.literal(value)
        case SubPath(tokens, relative):
            return filters.query(_query(tokens), relative)
