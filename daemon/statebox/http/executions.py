"""One execution over HTTP, for people: how it is doing, what came out, what it waits for."""

from __future__ import annotations

from aiohttp import web

from statebox.asl.execution import Execution, Status
from statebox.asl.jsontext import Json
from statebox.asl.moment import timestamp
from statebox.engine.service import Service
from statebox.http.messages import EXECUTION_HEADER, answer
from statebox.http.reply import Reply
from statebox.http.seed_answer import continuations_of


class Executions:
    """Serves /executions/<machine>/<name>."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, _: web.BaseRequest, machine: str, name: str) -> Reply:
        """The execution as last written."""
        execution = await self._service.describe_execution(f"{machine}:{name}")
        return answer(execution_shown(execution), headers={EXECUTION_HEADER: execution.id})


def execution_shown(execution: Execution) -> Json:
    """An execution for people: values as JSON, times as in the context object."""
    shown: dict[str, Json] = {
        "execution": execution.id,
        "machine": execution.machine,
        "name": execution.name,
        "status": execution.status,
        "started": timestamp(execution.started_ms),
        "stopped": None if execution.stopped_ms is None else timestamp(execution.stopped_ms),
        "input": execution.input,
    }
    if execution.status is Status.SUCCEEDED:
        shown["output"] = execution.output
    elif execution.ended:
        shown |= {"error": execution.error, "cause": execution.cause}
    else:
        shown["continuations"] = [
            {
                "continuation": command.token,
                "state": command.state,
                "since": timestamp(command.since_ms),
                "until": None if command.deadline_ms is None else timestamp(command.deadline_ms),
            }
            for command in continuations_of(execution)
        ]
    return shown
