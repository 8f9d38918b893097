"""Trials: what the core makes of one recorded TestState call, in the form that is compared."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from conformance.functions import Functions
from statebox.asl.answers import Asked as Question
from statebox.asl.answers import Succeeds
from statebox.asl.events import AnyEvent, TaskFailed, TaskSucceeded
from statebox.asl.inspection.answering import response
from statebox.asl.inspection.asking import Asked
from statebox.asl.inspection.attempt import attempt
from statebox.asl.inspection.setting import TrialRefused, Wanted
from statebox.asl.jsontext import Json, write_json_text
from statebox.asl.moment import Moment
from statebox.asl.walk import AWS_LIMITS, BEGAN_MS
from statebox.engine.apimodels import api_models

_PLACE = "us-east-1:111111111111"
_MOMENT = Moment(BEGAN_MS, b"recorded")
# The members that are JSON texts; recorded are the values that they say.
_TEXTS = ("definition", "input", "variables", "context")


def try_recorded(case: Mapping[str, Json]) -> dict[str, Json]:
    """Try a state as recorded; returns what compare.py takes as the actual answer."""
    request: Mapping[str, Json] = case["request"]
    asked = msgspec.convert({name: _told(request, name) for name in request if not name.endswith("_text")}, Asked)
    try:
        verdict = attempt(asked, api_models(), _PLACE, _MOMENT, limits=AWS_LIMITS)
        if isinstance(verdict, Wanted):
            verdict = attempt(asked, api_models(), _PLACE, _MOMENT, _work(case, verdict), limits=AWS_LIMITS)
    except TrialRefused as refused:
        return {"error": {"code": refused.code, "message": refused.message}}
    assert not isinstance(verdict, Wanted)
    return {"response": response(verdict, request.get("inspectionLevel", "INFO"))}


def _told(request: Mapping[str, Json], name: str) -> Json:
    value: Json = request[name]
    text: Json = request.get(f"{name}_text")
    if name not in _TEXTS or isinstance(text, str):
        return value if text is None else text
    return value if isinstance(value, str) else write_json_text(value)


def _work(case: Mapping[str, Json], wanted: Wanted) -> AnyEvent:
    call = wanted.call
    question = Question("StateName", "StateName", 0, call.resource, call.arguments, None, BEGAN_MS, "")
    answer = Functions(case)(question)
    if isinstance(answer, Succeeds):
        return TaskSucceeded(call.id, answer.output)
    return TaskFailed(call.id, getattr(answer, "error", None), getattr(answer, "cause", None))
