"""Routes: which handler serves which path and method, and what is said about all others."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from statebox.http.errors import MethodNotAllowed, UnknownPath
from statebox.http.reply import Reply

# Called with the request and, by name, what stands in the variable parts of its path.
Handler = Callable[..., Awaitable[Reply]]

_VARIABLE: Final = re.compile(r"\{(\w+)(\.\.\.)?\}")


class Routes:
    """A table of paths. In each path `{name}` stands for one segment, and `{name...}` for all that is left.

    Paths without variables are looked up, the others tried in their order: the busiest comes first.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Handler]]) -> None:
        self._plain = {path: _with_head(methods) for path, methods in table.items() if "{" not in path}
        self._patterns = [(_pattern(path), _with_head(methods)) for path, methods in table.items() if "{" in path]

    async def serve(self, request: web.BaseRequest) -> Reply:
        """Have a request answered. Raises UnknownPath, MethodNotAllowed and what its handler raises."""
        # A slash that stands in a segment as %2F parts nothing.
        path = request.rel_url.path_safe
        methods = self._plain.get(path)
        if methods is not None:
            return await _handler(methods, request)(request)
        for pattern, methods in self._patterns:
            if found := pattern.fullmatch(path):
                variables = {name: _plain(text) for name, text in found.groupdict().items()}
                return await _handler(methods, request)(request, **variables)
        raise UnknownPath(f"There is nothing at {request.path}")


def _pattern(path: str) -> re.Pattern[str]:
    """What a path with variables matches. Between them stands, in odd places, what is meant literally."""
    pieces = _VARIABLE.split(path)
    pieces[::3] = map(re.escape, pieces[::3])
    pieces[1::3] = [f"(?P<{name}>" for name in pieces[1::3]]
    pieces[2::3] = [".+)" if rest else "[^{}/]+)" for rest in pieces[2::3]]
    return re.compile("".join(pieces))


def _plain(text: str) -> str:
    return text.replace("%2F", "/").replace("%25", "%") if "%" in text else text


def _with_head(methods: Mapping[str, Handler]) -> Mapping[str, Handler]:
    """What can be got can be asked for without its body, too."""
    return {**methods, "HEAD": methods["GET"]} if "GET" in methods else methods


def _handler(methods: Mapping[str, Handler], request: web.BaseRequest) -> Handler:
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(sorted(methods))
        # In the seed's words, where there is but one.
        expected = "post" if allowed == "POST" else allowed
        raise MethodNotAllowed(f"Expected {expected} method, got {request.method.lower()}", allowed)
    return handler
