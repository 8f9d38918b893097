"""Who may ask: not the web pages that a browser on this machine shows, and only with a token where tokens are set."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from functools import lru_cache
from typing import Final

from aiohttp import web

from statebox.engine.errors import ValidationException
from statebox.http.errors import ForeignRequest, TokenRequired
from statebox.http.settings import HttpSettings

# Whoever restarts this daemon when it hangs has no token, and learns nothing from it.
_FREE_OF_TOKENS: Final = frozenset({"/livez", "/readyz"})
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
    if settings.tokens or settings.allow_remote_without_token or _is_loopback(settings.host):
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
        self._tokens = tuple(map(_digest, settings.tokens))

    def check(self, request: web.BaseRequest) -> None:
        """Let the request pass. Raises ForeignRequest, TokenRequired, ValidationException."""
        authority = self._check_host(request)
        self._check_origin(request, authority)
        if self._tokens and request.path not in _FREE_OF_TOKENS:
            self._check_token(request)

    def _check_host(self, request: web.BaseRequest) -> str:
        hosts = request.headers.getall("Host", [])
        if not hosts and request.version < (1, 1):
            return ""  # no browser: they have all sent it for decades
        if len(hosts) != 1:
            raise ValidationException("A request has one Host header")
        host = _host_of(hosts[0])
        if host is None or not (host in self._hosts or _is_loopback(host) or host == _arrived_at(request)):
            raise ForeignRequest(
                f"This daemon does not serve the host {hosts[0]!r}: name it among the allowed hosts if it is meant"
            )
        return hosts[0].lower()

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

    def _check_token(self, request: web.BaseRequest) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = _digest(token.strip())
        # All are compared, and digests only, so that the time it takes tells nothing.
        known = sum(hmac.compare_digest(given, one) for one in self._tokens)
        if scheme.lower() != "bearer" or not known:
            raise TokenRequired


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


# Every request of a client says the same, and what it means never changes.
@lru_cache(maxsize=256)
def _host_of(authority: str) -> str | None:
    """The host in `host:port`, or None when it is none."""
    match = _AUTHORITY.match(authority)
    return None if match is None else _plain(match[1] or match[2])


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
