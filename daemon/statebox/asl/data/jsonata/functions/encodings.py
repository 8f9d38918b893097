"""Functions that encode strings: base 64, URLs, hashes; and `$parse`, which reads JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Final, NoReturn

from statebox.asl.data.jsonata.failures import InternalFailure, JsonataError
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import InvalidJson, Json, read_json

_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_COMPONENT: Final = _LETTERS + b"-_.!~*'()"
_URL: Final = _COMPONENT + b";/?:@&=+$,#"
# What $decodeUrl leaves encoded.
_RESERVED: Final = b";/?:@&=+$,#"


def _base64encode(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else base64.b64encode(text.encode()).decode()


def _base64decode(_: Run, text: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise InternalFailure from None


def _encoded(text: Json, kept: bytes, run: Run) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    data = text.encode()
    others = len(data.translate(None, kept))
    run.text(len(data) + 2 * others)
    run.charge(others)
    return re.sub(b"[^" + re.escape(kept) + b"]", _percent, data).decode()


def _percent(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


def _encode_url_component(run: Run, text: Json) -> Json:
    return _encoded(text, _COMPONENT, run)


def _encode_url(run: Run, text: Json) -> Json:
    return _encoded(text, _URL, run)


def _decoded(text: Json, function: str, left_encoded: bytes, run: Run) -> Json:
    """Raises JsonataError (D3140)."""
    if text is UNDEFINED:
        return UNDEFINED
    first, *parts = text.split("%")
    run.charge(len(parts))
    decoded = bytearray(first.encode())
    try:
        for part in parts:
            byte = bytes.fromhex(part[:2]) if len(part) >= 2 else b""
            decoded += f"%{part[:2]}".encode() if not byte or byte in left_encoded else byte
            decoded += part[2:].encode() if byte else b"\xff"
        return decoded.decode()
    except ValueError:
        raise JsonataError("D3140", message=function, value=text) from None


def _decode_url_component(run: Run, text: Json) -> Json:
    return _decoded(text, "decodeUrlComponent", b"", run)


def _decode_url(run: Run, text: Json) -> Json:
    return _decoded(text, "decodeUrl", _RESERVED, run)


def _hash(_: Run, text: Json, algorithm: Json) -> Json:
    if text is UNDEFINED or algorithm is UNDEFINED:
        return UNDEFINED
    if algorithm not in _ALGORITHMS:
        names = "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        raise JsonataError("D3137", message=f"Hash algorithm '{algorithm}' must be one of {names}")
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _parse(_: Run, text: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        value = read_json(text)
        # Our own reader takes the last one of several members with the same name.
        json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (InvalidJson, ValueError, RecursionError):
        raise JsonataError("D3137", message="Invalid JSON") from None
    return value


def _refuse_duplicates(members: list[tuple[str, Json]]) -> None:
    if len(dict(members)) < len(members):
        _refuse("duplicate members")


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)


ENCODINGS: Final = (
    Native("base64encode", "<s-:s>", 1, _base64encode),
    Native("base64decode", "<s-:s>", 1, _base64decode),
    Native("encodeUrlComponent", "<s-:s>", 1, _encode_url_component),
    Native("encodeUrl", "<s-:s>", 1, _encode_url),
    Native("decodeUrlComponent", "<s-:s>", 1, _decode_url_component),
    Native("decodeUrl", "<s-:s>", 1, _decode_url),
    Native("hash", "<ss?:s>", 2, _hash),
    Native("parse", "<s?:x>", 1, _parse),
)
