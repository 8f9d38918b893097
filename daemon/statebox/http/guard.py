"""Who may ask: not the web pages that a browser on this machine shows, and where it is set only who shows who it is."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from aiohttp import web

from statebox.engine.errors import ValidationException
from statebox.http.errors import ForeignRequest, MissingAuthenticationTokenException, TokenRequired
from statebox.http.messages import AWS_PREFIX, LOGS_PREFIX, TARGET_HEADER
from statebox.http.roles import Role, check_role
from statebox.http.settings import HttpSettings
from statebox.http.sigv4 import ALGORITHM, Signed, read_signature

# Whoever restarts this daemon when it hangs has no token, and learns nothing from it.
_FREE_OF_TOKENS: Final = frozenset({"/livez", "/readyz"})
_OF_AWS: Final = (AWS_PREFIX, LOGS_PREFIX)
_SYNC: Final = "sync-"
_AUTHORITY: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]:/@]+))(?::([0-9]*))?\Z")


class RemoteWithoutToken(Exception):
    """The address can be reached from other machines, and no token is set."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} can be reached from other machines, where everybody could run everything: set a token, "
            "or say --allow-remote-without-token"
        )


def check_exposure(settings: HttpSettings) -> None:
    """Refuse to listen beyond this machine without a token. Raises RemoteWithoutToken."""
    if settings.guarded or settings.allow_remote_without_token or _is_loopback(settings.host):
        return
    raise RemoteWithoutToken(settings.host)


class Guard:
    """Checks each request before anything else looks at it.

    A web page anywhere can make the browser of somebody here send requests to 127.0.0.1. If it has its own name point
    here (DNS rebinding) that stands in the Host header, otherwise its origin in Origin or Sec-Fetch-Site.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._named = frozenset(map(_plain, settings.allowed_hosts))
        self._hosts = self._named | {_plain(settings.host), "localhost"}
        self._guarded = settings.guarded
        self._tokens = tuple((_digest(token), Role.OPERATOR) for token in settings.tokens)
        self._tokens += tuple((_digest(token), Role.VIEWER) for token in settings.viewer_tokens)
        self._keys = {key.id: key for key in settings.access_keys}
        self._region = settings.region

    def check(self, request: web.BaseRequest) -> Signed | None:
        """Let the request pass, or say whose signature it claims to have; that is to be verified with its body.

        Raises ForeignRequest, TokenRequired, SecurityError, ValidationException.
        """
        authority = self._check_host(request)
        self._check_origin(request, authority)
        if not self._guarded or request.path in _FREE_OF_TOKENS:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if self._keys and scheme == ALGORITHM:
            return read_signature(request, self._keys, self._region, datetime.now(UTC))
        if self._keys and scheme.lower() != "bearer" and request.headers.get(TARGET_HEADER, "").startswith(_OF_AWS):
            raise MissingAuthenticationTokenException
        check_role(self._role_of(scheme, token), "the bearer of this token", request)
        return None

    def _check_host(self, request: web.BaseRequest) -> str:
        hosts = request.headers.getall("Host", [])
        if not hosts and request.version < (1, 1):
            return ""  # no browser: they have all sent it for decades
        if len(hosts) != 1:
            raise ValidationException("A request has one Host header")
        host = _host_of(hosts[0])
        if host is None or not (self._is_ours(host, request) or self._is_ours(_unprefixed(host, request), request)):
            raise ForeignRequest(
                f"This daemon does not serve the host {hosts[0]!r}: name it among the allowed hosts if it is meant"
            )
        return hosts[0].lower()

    def _is_ours(self, host: str, request: web.BaseRequest) -> bool:
        return host in self._hosts or _is_loopback(host) or host == _arrived_at(request)

    def _check_origin(self, request: web.BaseRequest, authority: str) -> None:
        if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
            raise ForeignRequest("Requests that a page of another site makes are refused")
        origin = request.headers.get("Origin")
        if origin is None:
            return
        scheme, _, rest = origin.lower().partition("://")
        if scheme in ("http", "https") and rest and (rest == authority or _host_of(rest) in self._named):
            return
        raise ForeignRequest(f"Requests that a page of {origin} makes are refused")

    def _role_of(self, scheme: str, token: str) -> Role:
        given = _digest(token.strip())
        # All are compared, and digests only, so that the time it takes tells nothing.
        known = [role for one, role in self._tokens if hmac.compare_digest(given, one)]
        if scheme.lower() != "bearer" or not known:
            raise TokenRequired
        return known[0]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


# Every request of a client says the same, and what it means never changes.
@lru_cache(maxsize=256)
def _host_of(authority: str) -> str | None:
    """The host in `host:port`, or None when it is none."""
    match = _AUTHORITY.match(authority)
    return None if match is None else _plain(match[1] or match[2])


def _unprefixed(host: str, request: web.BaseRequest) -> str:
    """The host without what AWS's clients put before it for some operations.

    Not for browsers, who tell the origin of whatever they POST: `sync-` and our name can be the name of another.
    """
    if request.method != "POST" or "Origin" in request.headers:
        return host
    return _plain(host.removeprefix(_SYNC))


def _plain(host: str) -> str:
    """A host in the one form that hosts are compared in."""
    host = host.strip("[]").rstrip(".").lower()
    address = _address(host)
    return host if address is None else str(address)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _arrived_at(request: web.BaseRequest) -> str | None:
    """The address that the connection was made to: no page can have it as its name, unless this daemon served it."""
    transport = request.transport
    name = None if transport is None else transport.get_extra_info("sockname")
    return None if name is None else _plain(name[0])
