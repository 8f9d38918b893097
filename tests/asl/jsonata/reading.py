"""What tests of JSONata read from: scopes of plain values, and what expressions give in them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from statebox.asl.data.jsonata.expressions import ExpressionFailure, parse_expression
from statebox.asl.data.jsonata.grammar import InvalidExpression
from statebox.asl.data.jsonata.meter import MOST_STEPS
from statebox.asl.data.jsonata.scope import Scope
from statebox.asl.jsontext import Json
from statebox.asl.moment import Dice

ENTROPY = b"sixteen bytes or more"
# 2023-11-14T22:13:20.123Z
NOW_MS = 1_700_000_000_123


def scope(
    input: Json = None,
    *,
    context: Json = None,
    variables: Mapping[str, Json] | None = None,
    entropy: bytes = ENTROPY,
    steps: int = MOST_STEPS,
) -> Scope:
    """A scope with these values in `$states` and behind `$name`."""
    return Scope(input, lambda: context, variables or {}, NOW_MS, Dice(entropy), steps=steps)


def value(text: str, input: Json = None, *, context: Json = None, variables: Mapping[str, Json] | None = None) -> Json:
    """What an expression gives."""
    return parse_expression(text).evaluate(scope(input, context=context, variables=variables))


def failure(text: str, input: Json = None) -> str:
    """How an evaluation fails, without AWS's words before it."""
    with pytest.raises(ExpressionFailure) as raised:
        value(text, input)
    return str(raised.value).removeprefix("threw an error during evaluation").removeprefix(". ").removeprefix(": ")


def refusal(text: str) -> str:
    """Why a text is no expression."""
    with pytest.raises(InvalidExpression) as raised:
        parse_expression(text)
    return str(raised.value)
