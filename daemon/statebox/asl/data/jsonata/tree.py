"""From the parser's tree to our own nodes, one kind of symbol after the other."""

from __future__ import annotations

import re
from typing import Final

from statebox.asl.data.jsonata import calls, operators, paths, structure
from statebox.asl.data.jsonata.node import Group, Literal, Node, Selection
from statebox.asl.data.jsonata.numbers import number
from statebox.asl.data.jsonata.regexes import RegexNode
from statebox.asl.data.jsonata.signatures import Parameter, Signature
from statebox.asl.data.jsonata.sorting import Sort, Term
from statebox.asl.jsontext import Json

_PARAMETER: Final = re.compile(r"(\[[a-z]*\]|f)([?+]*)")


def read_tree(symbol: Json) -> Node:
    """The node for a symbol of jsonata-python's tree, whose attributes have no types that one could rely on."""
    node = _READERS[symbol.type](symbol)
    filters = tuple(read_tree(one.expr) for one in _once(symbol.predicate))
    # A path gathers by itself, as it may have to gather tuples.
    group = None if symbol.type == "path" else _group(symbol.group)
    if filters or group is not None or symbol.keep_array:
        return Selection(node=node, filters=filters, group=group, keeps=bool(symbol.keep_array))
    return node


def _once(stages: Json) -> list[Json]:
    """Predicates in their order. The parser notes those of the left side of `?:` and `??` twice."""
    return list({stage.position: stage for stage in stages or ()}.values())


def _group(symbol: Json) -> Group | None:
    return None if symbol is None else Group(_pairs(symbol))


def _pairs(symbol: Json) -> tuple[tuple[Node, Node], ...]:
    return tuple((read_tree(name), read_tree(value)) for name, value in symbol.lhs_object)


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
        paths.Numbering(stage.value) if stage.type == "index" else read_tree(stage.expr)
        for stage in _once(symbol.stages)
    )
    return paths.Step(
        node=_sort(symbol) if symbol.type == "sort" else read_tree(symbol),
        stages=stages,
        focus=symbol.focus,
        index=symbol.index if isinstance(symbol.index, str) else None,
        ancestor=None if symbol.ancestor is None else symbol.ancestor.label,
        binds=bool(symbol.tuple),
        constructed=bool(symbol.consarray),
    )


def _sort(symbol: Json) -> Sort:
    return Sort(tuple(Term(read_tree(term.expression), bool(term.descending)) for term in symbol.terms))


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
            members = tuple((read_tree(member), str(member.value) == "[") for member in symbol.expressions)
            return structure.ArrayConstructor(members=members, is_step=bool(symbol.consarray))
        case "{":
            return structure.ObjectConstructor(pairs=Group(_pairs(symbol)))
        case _:
            return operators.Negation(read_tree(symbol.expression))


def _binary(symbol: Json) -> Node:
    left, right = read_tree(symbol.lhs), read_tree(symbol.rhs)
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
        case _:
            return operators.Range(left, right)


def _block(symbol: Json) -> Node:
    return structure.Block(expressions=tuple(map(read_tree, symbol.expressions)))


def _bind(symbol: Json) -> Node:
    return structure.Bind(name=symbol.lhs.value, value=read_tree(symbol.rhs))


def _condition(symbol: Json) -> Node:
    # Its third part has a name that is Python's own word.
    no = getattr(symbol, "_else")  # noqa: B009
    return structure.Condition(
        condition=read_tree(symbol.condition),
        yes=read_tree(symbol.then),
        no=None if no is None else read_tree(no),
    )


def _call(symbol: Json) -> Node:
    function = symbol.procedure
    named: Json = {
        "name": str(function.steps[0].value) if function.type == "path" else _text(function.value),
        "bare": function.type == "path",
    }
    if symbol.type == "partial":
        given = tuple(None if argument.type == "operator" else read_tree(argument) for argument in symbol.arguments)
        return calls.PartialCall(function=read_tree(function), arguments=given, **named)
    arguments = tuple(map(read_tree, symbol.arguments))
    return calls.Call(function=read_tree(function), arguments=arguments, **named)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _lambda(symbol: Json) -> Node:
    body = read_tree(symbol.body)
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
        assert found is not None  # types are put together from a bracket or an f
        times = found[2].replace("?", "", 1) if one.context else found[2]
        parameters.append(Parameter(one.type, found[1], one.subtype, bool(one.context), times[:1]))
    return Signature(parameters)


def _apply(symbol: Json) -> Node:
    # A call takes the left side as its first argument, whatever is selected from its result.
    right = _call(symbol.rhs) if symbol.rhs.type == "function" else read_tree(symbol.rhs)
    return calls.Apply(read_tree(symbol.lhs), right)


def _transform(symbol: Json) -> Node:
    delete = None if symbol.delete is None else read_tree(symbol.delete)
    return calls.Transform(read_tree(symbol.pattern), read_tree(symbol.update), delete)


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
