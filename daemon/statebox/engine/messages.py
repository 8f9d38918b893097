"""Messages of the `resume` channel: a continuation's id, or JSON that says what is answered, and with what."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json

_LONGEST_SHOWN = 80


class UnreadableMessage(ValueError):
    """The message is no answer to anything; says what it should look like."""


class ResumeMessage(msgspec.Struct, frozen=True):
    """An answer as published: with an output, without one, or with an error.

    It is to a `continuation`, or to the state `state` (its path) of an `execution`; the others are empty then.
    """

    continuation: str = ""
    execution: str = ""
    state: str = ""
    output: Json = None
    has_output: bool = False
    error: str | None = None
    cause: str | None = None
    failed: bool = False


def read_resume_message(message: bytes) -> ResumeMessage:
    """Read `<id>`, `{"continuation": id, "output": any}` or `{"continuation": id, "error": str, "cause": str}`.

    In place of `"continuation": id` stands also `"execution": id, "state": path`.
    Raises UnreadableMessage.
    """
    text = message.decode(errors="replace").strip()
    if not text.startswith(("{", "[", '"')):
        if not text or len(text) > _LONGEST_SHOWN:
            raise _unreadable(text, "it is neither a continuation nor JSON")
        return ResumeMessage(text)
    try:
        raw = read_json(text)
    except InvalidJson as broken:
        raise _unreadable(text, str(broken)) from None
    address = _address(raw) if is_object(raw) else {}
    if not is_object(raw) or not address:
        raise _unreadable(text, 'it must be an object with a "continuation", or with "execution" and "state"')
    if unknown := raw.keys() - address.keys() - {"output", "error", "cause"}:
        raise _unreadable(text, f"nothing is known about {', '.join(sorted(unknown))}")
    error, cause = raw.get("error"), raw.get("cause")
    if not isinstance(error, str | None) or not isinstance(cause, str | None):
        raise _unreadable(text, '"error" and "cause" must be strings')
    failed = error is not None or cause is not None
    if failed and "output" in raw:
        raise _unreadable(text, 'it has both an "output" and an "error"')
    said = (raw.get("output"), "output" in raw, error, cause, failed)
    return ResumeMessage(address.get("continuation", ""), address.get("execution", ""), address.get("state", ""), *said)


def _address(raw: Mapping[str, Json]) -> dict[str, str]:
    """What is answered; empty when that is not said."""
    for names in (("continuation",), ("execution", "state")):
        said = {name: value for name in names if isinstance(value := raw.get(name), str)}
        if len(said) == len(names):
            return said
    return {}


def _unreadable(text: str, why: str) -> UnreadableMessage:
    shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return UnreadableMessage(
        f"a message that cannot be read ({why}): {shown!r}; expected a continuation, "
        '{"continuation": id, "output": any} or {"continuation": id, "error": text, "cause": text}, '
        'or the same with "execution": id, "state": path in place of the continuation'
    )
