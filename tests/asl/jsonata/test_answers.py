"""Expressions give what jsonata-js 2.0.6 gives: answers.json holds what it was seen to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import Json, read_json, write_json
from tests.asl.jsonata.reading import failure, refusal, value

ANSWERS: Final[Json] = read_json(Path(__file__).with_name("answers.json").read_bytes())
INPUT: Final[Json] = ANSWERS["input"]


@pytest.mark.parametrize(("text", "answer"), ANSWERS["values"].items())
def test_expressions_with_a_value_give_that_value(text: str, answer: Json):
    before = write_json(INPUT)
    given = value(text, INPUT)
    assert given == answer
    assert [type(given) is bool, type(given) is list] == [type(answer) is bool, type(answer) is list]
    assert write_json(INPUT) == before


@pytest.mark.parametrize("text", ANSWERS["undefined"])
def test_expressions_without_a_value_are_undefined(text: str):
    assert value(text, INPUT) is UNDEFINED


@pytest.mark.parametrize(("text", "message"), ANSWERS["errors"].items())
def test_expressions_that_fail_say_why(text: str, message: str):
    assert failure(text, INPUT) == message


@pytest.mark.parametrize(("text", "message"), ANSWERS["invalid"].items())
def test_what_is_no_expression_is_refused_with_the_reason(text: str, message: str):
    assert refusal(text) == message
