"""Functions that encode strings: base 64, URLs, hashes; and `$parse`, which reads JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final, NoReturn

from statebox.asl.data.jsonata.failures import InternalFailure, JsonataError
from statebox.asl.data.jsonata.native import Native
from statebox.asl.data.jsonata.runtime import Run
from statebox.asl.data.jsonata.values import UNDEFINED
from statebox.asl.jsontext import InvalidJson, Json, read_json

_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_COMPONENT: Final = frozenset(_LETTERS + b"-_.!~*'()")
_URL: Final = frozenset(_LETTERS + b"-_.!~*'();/?:@&=+$,#")
# What $decodeUrl leaves encoded.
_RESERVED: Final = frozenset(bytes([byte]) for byte in b";/?:@&=+$,#")


def _base64encode(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else base64.b64encode(text.encode()).decode()


def _base64decode(_: Run, text: Json) -> Json:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise InternalFailure from None


def _encoded(text: str, kept: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in text.encode())


def _encode_url_component(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else _encoded(text, _COMPONENT)


def _encode_url(_: Run, text: Json) -> Json:
    return text if text is UNDEFINED else _encoded(text, _URL)


def _decoded(text: str, left_encoded: frozenset[bytes]) -> str:
    first, *parts = text.split("%")
    decoded = bytearray(first.encode())
    for part in parts:
        byte = bytes.fromhex(part[:2]) if len(part) >= 2 else b"\xff"
        decoded += f"%{part[:2]}".encode() if byte in left_encoded else byte
        decoded += part[2:].encode()
    return decoded.decode()


def _decode_url_component(_: Run, text: Json) -> Json:
    try:
        return text if text is UNDEFINED else _decoded(text, frozenset())
    except ValueError:
        raise JsonataError("D3140", message="decodeUrlComponent", value=text) from None


def _decode_url(_: Run, text: Json) -> Json:
    try:
        return text if text is UNDEFINED else _decoded(text, _RESERVED)
    except ValueError:
        raise JsonataError("D3140", message="decodeUrl", value=text) from None


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
