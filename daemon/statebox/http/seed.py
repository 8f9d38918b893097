"""The seed's endpoint: one POST starts a machine or goes on from a continuation, and answers when it comes to rest."""

from __future__ import annotations

from aiohttp import web

from statebox.asl.execution import Execution
from statebox.asl.jsontext import Json
from statebox.engine.errors import ServiceError
from statebox.engine.service import Service
from statebox.http.continuations import answer_continuation
from statebox.http.messages import EXECUTION_HEADER, answer, read_body
from statebox.http.reply import Reply
from statebox.http.said import Said, answer_operation, start_operation
from statebox.http.seed_answer import answer_of
from statebox.http.seed_request import Fresh, GoOn, read_asked
from statebox.http.settings import HttpSettings
from statebox.http.settling import Settling


class Seed:
    """Serves the seed's contract."""

    def __init__(self, service: Service, settings: HttpSettings, settling: Settling) -> None:
        self._service = service
        self._settings = settings
        self._settling = settling

    async def post(self, request: web.BaseRequest, **_: str) -> Reply:
        """Do what is asked, and answer as seed_answer says; the execution's id is in a header.

        With an Idempotency-Key a repeated request finds what the first one did, and is told how that is by now.
        """
        match read_asked(request.query, await read_body(request)):
            case Fresh() as fresh:
                execution = await self._run(request, fresh)
            case GoOn() as go_on:
                execution = await self._go_on(request, go_on)
        status, value = answer_of(execution)
        headers = {EXECUTION_HEADER: execution.id}
        return answer(value, status, headers)

    async def _run(self, request: web.BaseRequest, fresh: Fresh) -> Execution:
        beginning = await self._service.start_execution(
            fresh.machine,
            self._input(fresh),
            definition=fresh.definition,
            seed=True,
            operation=start_operation(request, fresh.machine, fresh.definition, fresh.values, fresh.restarted_from),
        )
        begun = beginning.execution
        if begun is not None and (begun.ended or begun.idle):
            return begun
        return await self._settle(request, beginning.id)

    async def _go_on(self, request: web.BaseRequest, asked: GoOn) -> Execution:
        said = Said(asked.payload, operation=answer_operation(request, asked.payload))
        id = await answer_continuation(self._service, asked.continuation, said)
        return await self._settle(request, id, beyond=asked.continuation)

    async def _settle(self, request: web.BaseRequest, id: str, beyond: str | None = None) -> Execution:
        try:
            return await self._settling.settle(request, id, self._settings.wait_seconds, beyond)
        except ServiceError as error:
            error.details["execution"] = id  # it exists, and goes on
            raise

    def _input(self, fresh: Fresh) -> Json:
        constants: dict[str, Json] = {
            "version": self._settings.version,
            "redis_host": self._settings.redis_host,
            "redis_port": self._settings.redis_port,
        }
        if fresh.restarted_from is not None:
            constants["restartedFrom"] = fresh.restarted_from
        return {"constants": constants, "values": fresh.values}
