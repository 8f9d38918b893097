"""Answers by the path of a state, over HTTP: also before the state waits for one, or its execution is started."""

from __future__ import annotations

from aiohttp import web

from statebox.asl.jsontext import Json
from statebox.asl.moment import timestamp
from statebox.engine.records import StateStanding
from statebox.engine.service import Service
from statebox.http.continuations import CHANNEL, continuation_shown
from statebox.http.messages import EXECUTION_HEADER, answer
from statebox.http.reply import Reply
from statebox.http.said import read_said
from statebox.http.statuses import ANSWERED, KEPT


class StateAnswers:
    """Serves /executions/<machine>/<name>/answers/<state>, where <state> is a path as `Ask` or `Review[1]/Ask`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, _: web.BaseRequest, machine: str, name: str, state: str) -> Reply:
        """Whether the state waits, was answered, or has an answer kept for it. Never changes anything."""
        found = await self._service.state(f"{machine}:{name}", state)
        return answer(standing_shown(found), headers={EXECUTION_HEADER: found.execution})

    async def post(self, request: web.BaseRequest, machine: str, name: str, state: str) -> Reply:
        """Answer it, with body and parameters as for a continuation; what comes early is kept until it is asked for."""
        id = f"{machine}:{name}"
        said = await read_said(request)
        taken = await self._service.answer_state(
            id, state, said.payload, said.error, said.cause, said.operation, CHANNEL
        )
        shown = {"execution": id, "state": state, "status": "answered" if taken else "kept"}
        return answer(shown, ANSWERED if taken else KEPT, {EXECUTION_HEADER: id})


def standing_shown(standing: StateStanding) -> Json:
    """What is known about a state, for people: of its continuation where there is one, else of the answer kept."""
    if standing.continuation is not None:
        return continuation_shown(standing.continuation)
    shown: dict[str, Json] = {"execution": standing.execution, "state": standing.state, "status": standing.status}
    if standing.answered_ms is not None:
        shown |= {"answered": timestamp(standing.answered_ms), "channel": standing.channel}
    return shown
