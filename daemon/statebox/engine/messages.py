"""Messages of the `resume` channel: a continuation's id, or JSON that says what it is answered with."""

from __future__ import annotations

import msgspec

from statebox.asl.jsontext import InvalidJson, Json, is_object, read_json

_LONGEST_SHOWN = 80


class UnreadableMessage(ValueError):
    """The message is no answer to anything; says what it should look like."""


class ResumeMessage(msgspec.Struct, frozen=True):
    """An answer as published: with an output, without one, or with an error."""

    continuation: str
    output: Json = None
    has_output: bool = False
    error: str | None = None
    cause: str | None = None
    failed: bool = False


def read_resume_message(message: bytes) -> ResumeMessage:
    """Read `<id>`, `{"continuation": id, "output": any}` or `{"continuation": id, "error": str, "cause": str}`.

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
    if not is_object(raw) or not isinstance(raw.get("continuation"), str):
        raise _unreadable(text, 'it must be an object with a "continuation"')
    if unknown := raw.keys() - {"continuation", "output", "error", "cause"}:
        raise _unreadable(text, f"nothing is known about {', '.join(sorted(unknown))}")
    error, cause = raw.get("error"), raw.get("cause")
    if not isinstance(error, str | None) or not isinstance(cause, str | None):
        raise _unreadable(text, '"error" and "cause" must be strings')
    failed = error is not None or cause is not None
    if failed and "output" in raw:
        raise _unreadable(text, 'it has both an "output" and an "error"')
    return ResumeMessage(raw["continuation"], raw.get("output"), "output" in raw, error, cause, failed)


def _unreadable(text: str, why: str) -> UnreadableMessage:
    shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return UnreadableMessage(
        f"a message that cannot be read ({why}): {shown!r}; expected a continuation, "
        '{"continuation": id, "output": any} or {"continuation": id, "error": text, "cause": text}'
    )
