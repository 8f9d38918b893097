"""How one configured value is read: from a word of the environment or of the command line, or from a TOML value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

# Turns what a source holds (text, or a TOML value) into the value; relative paths start from the given folder.
# Raises ValueError whose message continues the sentence "<name>: ...".
Reader = Callable[[object, Path], T]

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
# RFC 6750, section 2.1: what can stand behind "Authorization: Bearer".
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# As AWS makes them; a colon parts the two.
_ACCESS_KEY = re.compile(r"([A-Za-z0-9_-]{3,128}):([A-Za-z0-9._~+/=-]+)")
# A token can be tried again and again over the network: 16 characters of base64 are 96 bits.
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that is never printed: only `reveal` gives it."""

    _value: str

    def reveal(self) -> str:
        """Give the secret itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host name or IP address (IPv6 without brackets) and a port (0: any free one)."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def whole(*, at_least: int, at_most: int) -> Reader[int]:
    """Read a whole number within bounds."""

    def read(raw: object, _: Path) -> int:
        if isinstance(raw, str) and re.fullmatch(r"[+-]?\d+", raw.strip()):
            raw = int(raw)
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise ValueError(f"must be a whole number from {at_least} to {at_most}")
        if not at_least <= raw <= at_most:
            raise ValueError(f"must be from {at_least} to {at_most}")
        return raw

    return read


def number(*, at_least: float, at_most: float) -> Reader[float]:
    """Read a number within bounds; a fraction is allowed."""

    def read(raw: object, _: Path) -> float:
        if isinstance(raw, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", raw.strip()):
            raw = float(raw)
        if not isinstance(raw, int | float) or isinstance(raw, bool):
            raise ValueError(f"must be a number from {at_least:g} to {at_most:g}")
        if not at_least <= raw <= at_most:
            raise ValueError(f"must be from {at_least:g} to {at_most:g}")
        return float(raw)

    return read


def switch(raw: object, _: Path) -> bool:
    """Read a yes or no."""
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be true or false")


def text(raw: object, _: Path) -> str:
    """Read a text that is not empty."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be a text that is not empty")
    return raw.strip()


def matching(pattern: str, words: str) -> Reader[str]:
    """Read a text of a form; `words` says the form, as in "must be ..."."""

    def read(raw: object, _: Path) -> str:
        if not isinstance(raw, str) or not re.fullmatch(pattern, raw):
            raise ValueError(f"must be {words}")
        return raw

    return read


def one_of(*choices: str) -> Reader[str]:
    """Read one of some words."""

    def read(raw: object, _: Path) -> str:
        if not isinstance(raw, str) or raw.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return raw.lower()

    return read


def path(raw: object, base: Path) -> Path:
    """Read a path: `~` is the home folder, a relative one starts from the folder of the file that says it."""
    if not isinstance(raw, str | Path) or not str(raw).strip():
        raise ValueError("must be a path")
    return base / Path(raw).expanduser()


def existing_file(raw: object, base: Path) -> Path:
    """Read the path of a file that is there."""
    file = path(raw, base)
    if not file.is_file():
        raise ValueError(f"must be a file, but there is no file {file}")
    return file


def existing_folder(raw: object, base: Path) -> Path:
    """Read the path of a folder that is there."""
    folder = path(raw, base)
    if not folder.is_dir():
        raise ValueError(f"must be a folder, but there is no folder {folder}")
    return folder


def texts(raw: object, base: Path) -> tuple[str, ...]:
    """Read several texts: a TOML array, or words with commas or blanks between them."""
    return tuple(text(part, base) for part in _parts(raw))


def assignments(raw: object, base: Path) -> tuple[str, ...]:
    """Read several `name=value`: a TOML table, or words with commas or blanks between them."""
    if isinstance(raw, dict):
        table = msgspec.convert(raw, dict[str, object])
        pairs = [f"{name}={text(value, base)}" for name, value in table.items()]
    else:
        pairs = [str(part) for part in _parts(raw)]
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise ValueError("must be a table of names and texts, or NAME=TEXT")
    return tuple(pairs)


def secret(raw: object, _: Path) -> Secret:
    """Read a secret; the line end that editors leave in a file does not belong to it."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be a text that is not empty")
    return Secret(raw.rstrip("\r\n"))


def bearer_tokens(raw: object, base: Path) -> tuple[Secret, ...]:
    """Read the tokens that callers may send, several while one replaces another."""
    tokens = texts(raw, base)
    for token in tokens:
        if not _BEARER_TOKEN.fullmatch(token) or len(token) < _SHORTEST_TOKEN:
            raise ValueError(
                f"each token must have at least {_SHORTEST_TOKEN} characters out of A-Z a-z 0-9 - . _ ~ + /"
                " (make one with: openssl rand -hex 32)"
            )
    return tuple(Secret(token) for token in tokens)


def access_keys(raw: object, base: Path) -> tuple[Secret, ...]:
    """Read the pairs that callers may sign with, several while one replaces another."""
    pairs = texts(raw, base)
    for pair in pairs:
        found = _ACCESS_KEY.fullmatch(pair)
        if found is None or len(found[2]) < _SHORTEST_TOKEN:
            raise ValueError(
                f"each must be ID:SECRET, the ID of 3 to 128 letters, digits, - or _, the secret of at least"
                f" {_SHORTEST_TOKEN} characters out of A-Z a-z 0-9 - . _ ~ + / = (make one with: openssl rand -hex 20)"
            )
    return tuple(Secret(pair) for pair in pairs)


def address(raw: object, _: Path) -> Address:
    """Read HOST:PORT, an IPv6 host in brackets."""
    found = (
        re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})", raw.strip())
        if isinstance(raw, str)
        else None
    )
    if found is None or int(found[3]) > 65535:
        raise ValueError("must be HOST:PORT, as in 127.0.0.1:8083 or [::1]:8083")
    return Address(found[1] or found[2], int(found[3]))


def _parts(raw: object) -> list[object]:
    if isinstance(raw, str):
        return [part for part in re.split(r"[\s,]+", raw) if part]
    if isinstance(raw, list | tuple):
        return msgspec.convert(raw, list[object])
    raise ValueError("must be a list of texts")
