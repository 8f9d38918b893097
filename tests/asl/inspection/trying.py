"""Trying: TestState's arguments as Python values, and its response."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from statebox.asl.events import AnyEvent
from statebox.asl.inspection.answering import response
from statebox.asl.inspection.asking import Asked
from statebox.asl.inspection.attempt import attempt
from statebox.asl.inspection.models import Models
from statebox.asl.inspection.setting import TrialRefused, Wanted
from statebox.asl.jsontext import Json, read_json, write_json_text
from statebox.asl.moment import Moment
from statebox.asl.walk import AWS_LIMITS, BEGAN_MS
from statebox.engine.apimodels import api_models

INVOKE: Final = "arn:aws:states:::lambda:invoke"
_TEXTS: Final = ("definition", "input", "variables", "context")


def wanted(definition: Json, answer: AnyEvent | None = None, models: Models | None = None, **arguments: Json) -> Json:
    """The work that is Wanted, or the Verdict. Raises TrialRefused."""
    said = {"definition": definition, **arguments}
    texts = {name: write_json_text(value) if name in _TEXTS else value for name, value in said.items()}
    asked = msgspec.convert(texts, Asked)
    moment = Moment(BEGAN_MS, b"a state that is tried")
    found = api_models() if models is None else models
    return attempt(asked, found, "us-east-1:000000000000", moment, answer, limits=AWS_LIMITS)


def tried(definition: Json, answer: AnyEvent | None = None, level: str = "DEBUG", **arguments: Json) -> Json:
    """TestState's response, the JSON texts in it as the values that they say."""
    verdict = wanted(definition, answer, **arguments)
    assert not isinstance(verdict, Wanted), verdict
    said = response(verdict, level)
    if "output" in said:
        said["output"] = read_json(said["output"])
    if "inspectionData" in said:
        data = said["inspectionData"]
        said["inspectionData"] = {k: read_json(v) if isinstance(v, str) else v for k, v in data.items()}
    return said


def refused(definition: Json, **arguments: Json) -> str:
    """Why it is refused, the error's name in front."""
    with pytest.raises(TrialRefused) as refusal:
        wanted(definition, **arguments)
    return f"{refusal.value.code}: {refusal.value.message}"


def mocked(result: Json) -> Json:
    """A mock with this result."""
    return {"result": write_json_text(result)}


def failing(error: str, cause: str | None = None) -> Json:
    """A mock with this error."""
    return {"errorOutput": {"error": error, **({} if cause is None else {"cause": cause})}}


def task(resource: str = INVOKE, **fields: Json) -> Json:
    """A Task state."""
    return {"Type": "Task", "Resource": resource, "End": True, **fields}
