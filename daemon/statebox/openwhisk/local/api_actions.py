"""The REST API of the action host: actions and packages, and calling actions."""

from __future__ import annotations

import asyncio

from aiohttp import web

from statebox.asl.jsontext import Json
from statebox.openwhisk.activation import Ending, is_list
from statebox.openwhisk.local.api import TRANSACTION, answer, flag, number, page, read_object
from statebox.openwhisk.local.background import Background
from statebox.openwhisk.local.catalogue import Catalogue
from statebox.openwhisk.local.entities import Action
from statebox.openwhisk.local.invocations import Invocations, new_id
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.refusals import Refusal

_ROOT = "/api/v1/namespaces/{namespace}"


class ActionsApi:
    """Actions and packages."""

    def __init__(
        self, catalogue: Catalogue, invocations: Invocations, background: Background, limits: HostLimits
    ) -> None:
        self._catalogue = catalogue
        self._invocations = invocations
        self._background = background
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        entity = [
            route(f"{_ROOT}/actions/{place}", handler)
            for place in ("{name}", "{package}/{name}")
            for route, handler in (
                (web.get, self.get),
                (web.put, self.put),
                (web.delete, self.delete),
                (web.post, self.invoke),
            )
        ]
        return [
            web.get(f"{_ROOT}/actions", self.list),
            web.get(f"{_ROOT}/actions/{{package}}/", self.list),
            *entity,
            web.get(f"{_ROOT}/packages", self.list_packages),
            web.get(f"{_ROOT}/packages/{{package}}", self.get_package),
            web.put(f"{_ROOT}/packages/{{package}}", self.put_package),
            web.delete(f"{_ROOT}/packages/{{package}}", self.delete_package),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """All actions, or those of a package."""
        package = request.match_info.get("package")
        if package is not None:
            self._catalogue.package(package)
        found: list[Json] = [action.summarise() for action in self._catalogue.actions(package)]
        return page(request, "actions", found)

    async def get(self, request: web.Request) -> web.Response:
        """An action, with its code unless that is not wanted."""
        return answer(self._named(request).describe(code=request.query.get("code", "true").lower() != "false"))

    async def put(self, request: web.Request) -> web.Response:
        """Create or update an action."""
        body = await read_object(request, self._limits.put_bytes)
        package, name = _place(request)
        action = self._catalogue.put_action(package, name, body, overwrite=flag(request, "overwrite"))
        return answer(action.describe(code=True))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete an action."""
        return answer(self._catalogue.delete_action(*_place(request)).describe(code=True))

    async def invoke(self, request: web.Request) -> web.Response:
        """Call an action, and wait for its end if that is wanted and does not take too long."""
        action = self._named(request)
        wait_ms = self._wait_ms(request)
        payload = await read_object(request, self._limits.payload_bytes)
        parameters = self._invocations.merge(action, payload)
        self._invocations.admit()
        id = new_id()
        # A task of its own: it goes on when the caller stops waiting.
        running = self._background.spawn(self._invocations.invoke(action, parameters, id, TRANSACTION.get()))
        headers = {"x-openwhisk-activation-id": id}
        if flag(request, "blocking"):
            await asyncio.wait({running}, timeout=wait_ms / 1000)
            if running.done():
                return self._ended(running.result(), headers, result_only=flag(request, "result"))
        return answer({"activationId": id}, 202, headers)

    async def list_packages(self, request: web.Request) -> web.Response:
        """All packages."""
        found: list[Json] = [package.summarise() for package in self._catalogue.packages()]
        return page(request, "packages", found)

    async def get_package(self, request: web.Request) -> web.Response:
        """A package and what is in it."""
        package = self._catalogue.package(request.match_info["package"])
        return answer(package.describe(self._catalogue.actions(package.name)))

    async def put_package(self, request: web.Request) -> web.Response:
        """Create or update a package."""
        body = await read_object(request, self._limits.payload_bytes)
        package = self._catalogue.put_package(request.match_info["package"], body, overwrite=flag(request, "overwrite"))
        return answer(package.describe(self._catalogue.actions(package.name)))

    async def delete_package(self, request: web.Request) -> web.Response:
        """Delete an empty package."""
        return answer(self._catalogue.delete_package(request.match_info["package"]).describe([]))

    def _named(self, request: web.Request) -> Action:
        return self._catalogue.action(*_place(request))

    def _wait_ms(self, request: web.Request) -> int:
        most = self._limits.blocking_wait_ms
        asked = number(request, "timeout")
        if asked is not None and not 1 <= asked <= max(most, 60_000):
            raise Refusal(400, f"The query parameter 'timeout' was malformed: must be between 1 and {most} ms.")
        return min(most, asked or most)

    @staticmethod
    def _ended(record: dict[str, Json], headers: dict[str, str], *, result_only: bool) -> web.Response:
        response = record["response"]
        status = 200
        if not response["success"]:
            status = 500 if response["status"] == Ending.INTERNAL_ERROR else 502
        # An array is answered as it is in any case, as OpenWhisk does.
        if result_only or is_list(response["result"]):
            return answer(response["result"], status, headers)
        # The logs are never in this answer; they are in the record that is kept.
        return answer(record | {"logs": []}, status, headers)


def _place(request: web.Request) -> tuple[str, str]:
    """The package (empty: the default one) and the name in the path."""
    return request.match_info.get("package", ""), request.match_info["name"]
