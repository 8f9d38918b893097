"""The codec: an execution as the fields of a Redis hash, and back.

`head` never changes, `input` is the user's value, `state` changes with every step. A branch has two fields: its small
record `b:<id>`, and its data `i:<id>`, which is only written when it changed. Everything is JSON text, so that users'
values (integers of any size) come back exactly. All but `input` begin with the number of their format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from statebox.asl.execution import ELSEWHERE, AnyWaiting, Branch, Execution, Status
from statebox.asl.jsontext import InvalidJson, Json, read_own_json, write_json
from statebox.engine.errors import Unreadable
from statebox.engine.names import Place

# What is written; of older formats those of the last two releases are read. 2: heads leave out what follows from the
# id, histories are lists. Who knows only 1 would break off in the middle of a step there, so must leave these alone.
FORMAT: Final = 2
OLDEST_FORMAT: Final = 1
# What ARNs name where nothing else is told. It must stay: what was written relies on it.
_PLACE: Final = Place("us-east-1", "000000000000")

_T = TypeVar("_T")


class NewerFormat(Unreadable):
    """What is stored was written by a newer statebox; this one leaves it alone."""

    def __init__(self, message: str | None = None, format: int = 0) -> None:
        super().__init__(message)
        self.format = format


class Texts:
    """The JSON texts of one checkpoint's values: each value that occurs more than once is rendered once.

    Values are known by identity, so it must not outlive them.
    """

    def __init__(self) -> None:
        self._texts: dict[int, bytes] = {}

    def of(self, value: Json) -> bytes:
        """The value's JSON text."""
        text = self._texts.get(id(value))
        if text is None:
            text = self._texts[id(value)] = write_json(value)
        return text


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What is None follows from the id (`_names`), as it mostly does: each suspended execution takes memory."""

    format: int
    id: str
    uid: str
    machine: str | None
    name: str | None
    arn: str | None
    machine_arn: str | None
    role_arn: str | None
    shard: int
    started_ms: int
    seed: bool
    scope: str = ""
    parent: str | None = None
    parent_task: str | None = None
    map_run: str | None = None
    answers: str | None = None
    items: int = 1
    version: int | None = None
    alias: str | None = None


class _State(msgspec.Struct, frozen=True, array_like=True):
    """`response` is empty, or holds the response."""

    format: int
    status: Status
    next_event: int
    now_ms: int
    deadline_ms: int | None
    stopped_ms: int | None
    unfinished: bool
    error: str | None
    cause: str | None
    output: Json
    response: list[Json]
    variables_bytes: int = 0
    redrives: int = 0
    redriven_ms: int | None = None


class _Record(msgspec.Struct, frozen=True, array_like=True):
    format: int
    scope: str
    state: str | None
    entered_ms: int
    entered: int
    last: int
    retried: tuple[int, ...]
    waiting: AnyWaiting | None
    index: int | None
    variables: Mapping[str, Json]


# These read users' values inside of them as read_json does, which is made of the same.
_read_head = msgspec.json.Decoder(_Head)
_read_state = msgspec.json.Decoder(_State)
_read_record = msgspec.json.Decoder(_Record)


def write_head(execution: Execution) -> bytes:
    """The part of an execution that never changes, but its input."""
    e = execution
    machine, name, arn, machine_arn, role_arn = _names(e.id)
    head = _Head(
        FORMAT,
        e.id,
        e.uid,
        None if e.machine == machine else e.machine,
        None if e.name == name else e.name,
        None if e.arn == arn else e.arn,
        None if e.machine_arn == machine_arn else e.machine_arn,
        None if e.role_arn == role_arn else e.role_arn,
        e.shard,
        e.started_ms,
        e.seed,
        e.scope,
        e.parent,
        e.parent_task,
        e.map_run,
        e.answers,
        e.items,
        e.version,
        e.alias,
    )
    return write_json(head)


def write_state(execution: Execution, texts: Texts) -> bytes:
    """The part of an execution that belongs to no branch."""
    e = execution
    return write_json(
        _State(
            FORMAT,
            e.status,
            e.next_event,
            e.now_ms,
            e.deadline_ms,
            e.stopped_ms,
            e.unfinished,
            e.error,
            e.cause,
            msgspec.Raw(texts.of(e.output)),
            [] if e.response is msgspec.UNSET else [e.response],
            e.variables_bytes,
            e.redrives,
            e.redriven_ms,
        )
    )


def write_record(branch: Branch) -> bytes:
    """Where a branch stands."""
    b = branch
    return write_json(
        _Record(FORMAT, b.scope, b.state, b.entered_ms, b.entered, b.last, b.retried, b.waiting, b.index, b.variables)
    )


def write_data(branch: Branch, texts: Texts) -> bytes:
    """What a branch works on: `[format, data, [arguments], [items]]`; empty are those that are the data itself."""
    arguments = b"" if branch.arguments is msgspec.UNSET else texts.of(branch.arguments)
    items = b"" if branch.items is msgspec.UNSET else texts.of(branch.items)
    return b"[%d,%b,[%b],[%b]]" % (FORMAT, texts.of(branch.data), arguments, items)


def read_start(head: bytes) -> tuple[int, int]:
    """When an execution started (ms), and how many items of a map run it works on. Raises NewerFormat, Unreadable."""
    found = _read(_read_head, {b"head": head}, b"head")
    return found.started_ms, found.items


def read_execution(fields: Mapping[bytes, bytes], whole: bool) -> Execution:
    """The execution whose fields these are, or those of them that were loaded. Raises NewerFormat, Unreadable."""
    head = _read(_read_head, fields, b"head")
    state = _read(_read_state, fields, b"state")
    machine, name, arn, machine_arn, role_arn = _names(head.id)
    return Execution(
        id=head.id,
        uid=head.uid,
        machine=machine if head.machine is None else head.machine,
        name=name if head.name is None else head.name,
        arn=arn if head.arn is None else head.arn,
        machine_arn=machine_arn if head.machine_arn is None else head.machine_arn,
        role_arn=role_arn if head.role_arn is None else head.role_arn,
        shard=head.shard,
        input=ELSEWHERE if not whole and b"input" not in fields else _read_value(fields, b"input"),
        started_ms=head.started_ms,
        status=state.status,
        deadline_ms=state.deadline_ms,
        next_event=state.next_event,
        now_ms=state.now_ms,
        branches=read_branches(fields, in_part=not whole),
        output=state.output,
        error=state.error,
        cause=state.cause,
        stopped_ms=state.stopped_ms,
        seed=head.seed,
        response=state.response[0] if state.response else msgspec.UNSET,
        unfinished=state.unfinished,
        variables_bytes=state.variables_bytes,
        whole=whole,
        scope=head.scope,
        parent=head.parent,
        parent_task=head.parent_task,
        map_run=head.map_run,
        answers=head.answers,
        items=head.items,
        redrives=state.redrives,
        redriven_ms=state.redriven_ms,
        version=head.version,
        alias=head.alias,
    )


def read_branches(fields: Mapping[bytes, bytes], below: str | None = None, in_part: bool = False) -> dict[str, Branch]:
    """The branches among the fields (below one of them), in their order. Raises NewerFormat, Unreadable.

    In part: the data of some may have been left ELSEWHERE.
    """
    prefix = b"b:" if below is None else f"b:{below}.".encode()
    ids = [name[2:].decode() for name in fields if name.startswith(prefix)]
    return {id: _read_branch(id, fields, in_part) for id in _in_order(ids)}


def read_place(record: bytes) -> tuple[str | None, AnyWaiting | None]:
    """The state that a branch is in and what it waits for, by its record. Raises NewerFormat, Unreadable."""
    found = _read(_read_record, {b"record": record}, b"record")
    return found.state, found.waiting


def read_input(value: bytes) -> Json:
    """The input of an execution. Raises Unreadable."""
    return _read_value({b"input": value}, b"input")


def check_format(value: bytes) -> None:
    """Refuse a value of a format that is not known yet. Raises NewerFormat, Unreadable."""
    if value.startswith((b"[2,", b"[1,")):
        return
    digits = value[1:].partition(b",")[0]
    if not digits.isdigit():
        raise Unreadable(f"What is stored has no format: {value[:20]!r}")
    if int(digits) > FORMAT:
        raise NewerFormat(
            f"What is stored has the format {int(digits)}, written by a newer statebox; this one knows {FORMAT}"
            " and leaves it alone",
            int(digits),
        )
    raise Unreadable(f"What is stored has the format {int(digits)}, which this statebox does not know any more")


def _names(id: str) -> tuple[str, str, str, str, str]:
    """What follows from an id where nothing else is told: machine, name, and the ARNs of execution, machine, role."""
    machine, _, name = id.rpartition(":")
    return machine, name, _PLACE.execution_arn(id), _PLACE.machine_arn(machine), _PLACE.role_arn()


def _in_order(ids: list[str]) -> Iterable[str]:
    return ids if len(ids) < 2 else sorted(ids, key=lambda id: [int(step) for step in id.split(".")])


def _read_branch(id: str, fields: Mapping[bytes, bytes], in_part: bool) -> Branch:
    encoded = id.encode()
    record, name = _read(_read_record, fields, b"b:" + encoded), b"i:" + encoded
    if in_part and name not in fields:
        value: Json = [FORMAT, ELSEWHERE, [], []]
    else:
        value = _read_value(fields, name, formatted=True)
    _, data, arguments, items = value
    return Branch(
        id,
        record.scope,
        record.state,
        data,
        record.entered_ms,
        record.entered,
        record.last,
        record.retried,
        record.waiting,
        record.index,
        record.variables,
        arguments[0] if arguments else msgspec.UNSET,
        items[0] if items else msgspec.UNSET,
    )


def _read(decoder: msgspec.json.Decoder[_T], fields: Mapping[bytes, bytes], name: bytes) -> _T:
    value = _field(fields, name)
    check_format(value)
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Unreadable(f"The field {name.decode()} cannot be read: {error}") from error


def _read_value(fields: Mapping[bytes, bytes], name: bytes, formatted: bool = False) -> Json:
    value = _field(fields, name)
    if formatted:
        check_format(value)
    try:
        return read_own_json(value)
    except InvalidJson as error:
        raise Unreadable(f"The field {name.decode()} cannot be read: {error}") from error


def _field(fields: Mapping[bytes, bytes], name: bytes) -> bytes:
    value = fields.get(name)
    if value is None:
        raise Unreadable(f"The field {name.decode()} is missing")
    return value
