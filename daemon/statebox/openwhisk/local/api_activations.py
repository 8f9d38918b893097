"""The REST API of the action host: the records of what ran."""

from __future__ import annotations

import re

from aiohttp import web

from statebox.asl.jsontext import Json, read_json
from statebox.openwhisk.local.activations import Activations
from statebox.openwhisk.local.api import answer, flag, number, page
from statebox.openwhisk.local.refusals import Refusal, no_such_resource

_ROOT = "/api/v1/namespaces/{namespace}/activations"
_ID = re.compile(r"[0-9a-f]{32}")


class ActivationsApi:
    """Activations. The record of one is there when it has ended, not before."""

    def __init__(self, activations: Activations) -> None:
        self._activations = activations

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        return [
            web.get(_ROOT, self.list),
            web.get(f"{_ROOT}/{{id}}", self.get),
            web.get(f"{_ROOT}/{{id}}/result", self.result),
            web.get(f"{_ROOT}/{{id}}/logs", self.logs),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Records, the newest first: those of one action, of a span of time, with all they say or in short."""
        found: list[Json] = list(
            self._activations.find(
                request.query.get("name") or None,
                number(request, "since"),
                number(request, "upto"),
                docs=flag(request, "docs"),
            )
        )
        return page(request, "activations", found)

    async def get(self, request: web.Request) -> web.Response:
        """The whole record."""
        return answer(self._text(request))

    async def result(self, request: web.Request) -> web.Response:
        """How it ended and what it returned."""
        return answer(read_json(self._text(request))["response"])

    async def logs(self, request: web.Request) -> web.Response:
        """What it wrote."""
        return answer({"logs": read_json(self._text(request))["logs"]})

    def _text(self, request: web.Request) -> bytes:
        id = request.match_info["id"]
        if not _ID.fullmatch(id):
            raise Refusal(400, f"The activation id '{id}' is not valid: 32 hexadecimal digits are.")
        text = self._activations.get(id)
        if text is None:
            raise no_such_resource()
        return text
