"""The REST API of the action host: who may call, in which form errors go out, and what the host says about itself."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import logging
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.openwhisk.activation import is_object
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.refusals import Refusal, malformed, too_large
from statebox.openwhisk.local.runtimes import Runtimes

# The transaction id of the request that is being served.
TRANSACTION: ContextVar[str] = ContextVar("transaction")

logger = logging.getLogger(__name__)

_MOST_LISTED = 200
# A transaction id goes into logs and into the action's environment.
_LONGEST_TRANSACTION = 200


class Gate:
    """The middleware: lets in who proves to be who they say, and gives every error OpenWhisk's form.

    Requests for a host that is not this machine, or on behalf of a web page of another origin, are refused: any page
    that a browser on this machine shows can send requests to 127.0.0.1.
    """

    def __init__(self, namespace: str, auth: str) -> None:
        self._namespace = namespace
        self._expected = f"Basic {base64.b64encode(auth.encode()).decode()}".encode()

    def middleware(self) -> Middleware:
        """It, as aiohttp wants it."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            given = request.headers.get("X-Request-ID", "")[:_LONGEST_TRANSACTION]
            # Ids with this beginning are the system's own in OpenWhisk.
            transaction = given if given and not given.startswith("sid_") else uuid.uuid4().hex
            TRANSACTION.set(transaction)
            try:
                self._admit(request)
                response = await handler(request)
            except Refusal as refusal:
                response = _error(refusal.status, refusal.message, transaction)
                if refusal.status == 401:
                    response.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="OpenWhisk secure realm"'
            except web.HTTPRequestEntityTooLarge as error:
                response = _error(413, error.text or error.reason, transaction)
            except web.HTTPException as error:
                words = {404: "The requested resource does not exist."}
                response = _error(error.status, words.get(error.status, error.reason), transaction, error.headers)
            except Exception:
                logger.exception("the action host failed to serve %s %s", request.method, request.path)
                response = _error(500, "There was an internal server error.", transaction)
            response.headers["X-Request-ID"] = transaction
            return response

        return gate

    def _admit(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if not _is_this_machine(request.host) or origin not in (None, f"http://{request.host}"):
            raise Refusal(403, "Requests for another host or from another origin are refused.")
        given = request.headers.get(hdrs.AUTHORIZATION, "").encode(errors="replace")
        if not hmac.compare_digest(given, self._expected):
            raise Refusal(401, "The supplied authentication is invalid.")
        namespace = request.match_info.get("namespace", "_")
        if namespace not in ("_", self._namespace):
            raise Refusal(403, f"The supplied authentication is not authorized to access '{namespace}'.")


class About:
    """What the host says about itself."""

    def __init__(self, namespace: str, runtimes: Runtimes, limits: HostLimits) -> None:
        self._namespace = namespace
        self._runtimes = runtimes
        self._limits = limits

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        return [
            web.get("/", self.root),
            web.get("/api/v1", self.version),
            web.get("/api/v1/namespaces", self.namespaces),
            # The Go client, and so wsk, asks for this one.
            web.get("/api/v1/namespaces/", self.namespaces),
            web.get("/api/v1/namespaces/{namespace}/limits", self.limits),
            web.route("*", "/api/v1/namespaces/{namespace}/{kind:triggers|rules}{rest:(/.*)?}", self.not_here),
        ]

    async def root(self, request: web.Request) -> web.Response:
        """What wsk and deployment tools ask first."""
        limits = self._limits
        return answer(
            {
                "description": "OpenWhisk",
                "api_paths": ["/api/v1"],
                "limits": {
                    "actions_per_minute": limits.per_minute or 0,
                    "concurrent_actions": limits.concurrent or 0,
                    "triggers_per_minute": 0,
                    "sequence_length": limits.sequence_length,
                    "min_action_duration": limits.least_timeout_ms,
                    "max_action_duration": limits.most_timeout_ms,
                    "min_action_memory": limits.least_memory_mb * 1_048_576,
                    "max_action_memory": limits.most_memory_mb * 1_048_576,
                    "min_action_logs": 0,
                    "max_action_logs": 10 * 1_048_576,
                },
                "runtimes": {
                    runtime.language: [{"kind": runtime.kind, "default": True, "deprecated": False}]
                    for runtime in self._runtimes
                },
                "support": {},
            }
        )

    async def version(self, request: web.Request) -> web.Response:
        """What `wsk property get --all` asks."""
        return answer(
            {
                "description": "OpenWhisk API",
                "api_version": "1.0.0",
                "api_version_path": "v1",
                "build": "statebox",
                "buildno": "local",
            }
        )

    async def namespaces(self, request: web.Request) -> web.Response:
        """The one namespace there is."""
        return answer([self._namespace])

    async def limits(self, request: web.Request) -> web.Response:
        """The limits on calls; a very large number where there is none."""
        no_limit = 1_000_000_000
        return answer(
            {
                "concurrentInvocations": self._limits.concurrent or no_limit,
                "invocationsPerMinute": self._limits.per_minute or no_limit,
                "firesPerMinute": 0,
                "allowedKinds": self._runtimes.kinds,
                "storeActivations": True,
            }
        )

    async def not_here(self, request: web.Request) -> web.Response:
        """What OpenWhisk has and this host does not."""
        raise Refusal(501, "The local action host has no triggers and no rules.")


def answer(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer; `body` may be JSON already, as bytes."""
    data = body if isinstance(body, bytes) else write_json(body)
    return web.Response(body=data, status=status, headers=headers, content_type="application/json")


async def read_object(request: web.Request, limit: int) -> dict[str, Json]:
    """The JSON object in the body of a request; no body is an empty object. Raises Refusal."""
    # Said before it is read: what is refused anyway need not be in memory first.
    if (length := request.content_length) is not None and length > limit:
        raise too_large(length, limit)
    body = await request.read()
    if len(body) > limit:
        raise too_large(len(body), limit)
    if not body.strip():
        return {}
    if request.content_type != "application/json":
        raise Refusal(415, "The request's Content-Type is not supported. Expected: application/json")
    try:
        value = read_json(body)
    except InvalidJson as error:
        raise malformed(str(error)) from None
    if not is_object(value):
        raise malformed("a JSON object was expected")
    return value


def flag(request: web.Request, name: str) -> bool:
    """A query parameter that is true or not."""
    return request.query.get(name, "false").lower() == "true"


def number(request: web.Request, name: str) -> int | None:
    """A query parameter that is a whole number. Raises Refusal."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, f"The query parameter '{name}' was malformed: a whole number was expected.")
    return int(text)


def page(request: web.Request, name: str, items: list[Json]) -> web.Response:
    """One page of a listing, or with `count` how many there are. Raises Refusal."""
    skip, limit = number(request, "skip") or 0, number(request, "limit")
    if flag(request, "count"):
        return answer({name: max(0, len(items) - skip)})
    if limit is not None and limit > _MOST_LISTED:
        raise Refusal(400, f"The value of the 'limit' parameter is not in the range of 0 to {_MOST_LISTED}.")
    limit = 30 if limit is None else limit or _MOST_LISTED
    return answer(items[skip : skip + limit])


def _error(status: int, message: str, transaction: str, headers: Mapping[str, str] | None = None) -> web.Response:
    kept = {"Allow": headers[hdrs.ALLOW]} if headers is not None and hdrs.ALLOW in headers else None
    return answer({"error": message, "code": transaction}, status, kept)


def _is_this_machine(host: str) -> bool:
    """Whether a Host header names this machine by a name that no foreign DNS server can give."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
