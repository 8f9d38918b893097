"""AWS's Signature Version 4: whether the holder of a secret signed this request, all of it, within the last minutes.

What is signed is the method, the path, the query, the headers that the signature names, and the body as it came: a hash
that a header claims counts for nothing, so that neither a body can be exchanged nor one go unsigned. The parts are
described in the IAM user guide, "Signing AWS API requests".
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from aiohttp import web

from statebox.http.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    UnrecognizedClientException,
)
from statebox.http.messages import LOGS_PREFIX, TARGET_HEADER
from statebox.http.settings import AccessKey

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "states"
_LOGS: Final = "logs"
_TERMINATOR: Final = "aws4_request"
_SKEW: Final = timedelta(minutes=5)
_BASIC_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_PARTS: Final = ("Credential", "SignedHeaders", "Signature")
_CREDENTIAL_PARTS: Final = 5
# What must not be exchanged although a client might leave it out.
_ALWAYS_SIGNED: Final = frozenset({"host"})
_AMAZON: Final = "x-amz-"
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that claims to be signed with a key that there is, in time; only its body has not been looked at."""

    key: AccessKey
    scope: str
    date: str
    head: str
    signed_headers: str
    signature: str

    def verify(self, body: bytes) -> None:
        """Whether the signature is that of this request with this body. Raises InvalidSignatureException."""
        canonical = f"{self.head}\n{self.signed_headers}\n{hashlib.sha256(body).hexdigest()}"
        hashed = hashlib.sha256(canonical.encode(errors="surrogateescape")).hexdigest()
        to_sign = f"{ALGORITHM}\n{self.date}\n{self.scope}\n{hashed}"
        expected = hmac.new(
            _signing_key(self.key.secret, self.scope), to_sign.encode(errors="surrogateescape"), hashlib.sha256
        ).hexdigest()
        given = self.signature.encode(errors="surrogateescape")
        if not hmac.compare_digest(expected.encode(), given):
            raise InvalidSignatureException


def read_signature(request: web.BaseRequest, keys: Mapping[str, AccessKey], region: str, now: datetime) -> Signed:
    """What a request's Authorization header claims. Raises the errors above, in the words of AWS."""
    parts = _authorization(request.headers["Authorization"])
    date = request.headers.get("X-Amz-Date", "")
    missing = [f"Authorization header requires '{name}' parameter." for name in _PARTS if not parts.get(name)]
    if not date:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise IncompleteSignatureException(" ".join(missing))
    key_id, *scope = parts["Credential"].split("/")
    if len(scope) != _CREDENTIAL_PARTS - 1:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{parts['Credential']}'"
        )
    key = keys.get(key_id)
    if key is None:
        raise UnrecognizedClientException
    service = _LOGS if request.headers.get(TARGET_HEADER, "").startswith(LOGS_PREFIX) else _SERVICE
    _check_scope(scope, date, region, service)
    _check_date(date, now)
    names = parts["SignedHeaders"].split(";")
    _check_signed(request, frozenset(names))
    return Signed(
        key=key,
        scope="/".join(scope),
        date=date,
        head=_canonical_head(request, names),
        signed_headers=parts["SignedHeaders"],
        signature=parts["Signature"],
    )


def _authorization(header: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in header.partition(" ")[2].split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise IncompleteSignatureException(
                f"'{name}' not a valid key=value pair (missing equal-sign) in Authorization header"
            )
        parts[name] = value
    return parts


def _check_scope(scope: list[str], date: str, region: str, service: str) -> None:
    day, said_region, said_service, terminator = scope
    wrong: list[str] = []
    if said_region != region:
        wrong.append(
            f"Credential should be scoped to a valid region, not '{said_region}': this daemon's is '{region}'."
        )
    if said_service != service:
        wrong.append(f"Credential should be scoped to correct service: '{service}'.")
    if terminator != _TERMINATOR:
        wrong.append(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{terminator}'.")
    if not date.startswith(day) or len(day) != len("YYYYMMDD"):
        wrong.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{day}' != '{date[:8]}', from '{date}'."
        )
    if wrong:
        raise InvalidSignatureException(" ".join(wrong))


def _check_date(text: str, now: datetime) -> None:
    try:
        date = datetime.strptime(text, _BASIC_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignatureException(f"Date must be in ISO-8601 'basic format'. Got '{text}'.") from None
    earliest, latest = now - _SKEW, now + _SKEW
    if date < earliest:
        raise InvalidSignatureException(
            f"Signature expired: {text} is now earlier than {earliest:{_BASIC_FORMAT}} ({now:{_BASIC_FORMAT}} - 5 min.)"
        )
    if date > latest:
        raise InvalidSignatureException(
            f"Signature not yet current: {text} is still later than {latest:{_BASIC_FORMAT}} "
            f"({now:{_BASIC_FORMAT}} + 5 min.)"
        )


def _check_signed(request: web.BaseRequest, names: frozenset[str]) -> None:
    """The host, and what says which operation and when, must be among what is signed."""
    there = {name.lower() for name in request.headers}
    unsigned = {name for name in there if name in _ALWAYS_SIGNED or name.startswith(_AMAZON)} - names
    if unsigned:
        listed = ", ".join(f"'{name}'" for name in sorted(unsigned))
        raise InvalidSignatureException(f"{listed} must be a 'SignedHeader' in the AWS Authorization.")


def _canonical_head(request: web.BaseRequest, names: list[str]) -> str:
    path, _, query = request.raw_path.partition("?")
    headers = [f"{name}:{','.join(map(_trimmed, request.headers.getall(name, [])))}" for name in names]
    return "\n".join((request.method, _canonical_path(path), _canonical_query(query), *headers, ""))


def _canonical_path(path: str) -> str:
    """Without `.` and `..`, and encoded once more than on the wire."""
    plain = posixpath.normpath(path)
    # Python leaves two slashes at the beginning, and takes the last one away.
    plain = "/" + plain.lstrip("/") + ("/" if path.endswith("/") and plain.strip("/") else "")
    return quote(plain, safe="/~")


def _canonical_query(query: str) -> str:
    parameters = sorted(parameter.partition("=")[::2] for parameter in query.split("&") if parameter)
    return "&".join(f"{name}={value}" for name, value in parameters)


def _trimmed(value: str) -> str:
    return _BLANKS.sub(" ", value.strip())


# A client signs with the same for a day.
@lru_cache(maxsize=256)
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(errors="surrogateescape"), hashlib.sha256).digest()
    return key
