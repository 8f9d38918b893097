"""The codec: what is written comes back equal, and what cannot be read is told apart from what is newer."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statebox.asl.events import AnyEvent, CallbackAnswered, ExecutionStopped, TaskFailed, TaskHeartbeat, TaskSucceeded
from statebox.asl.execution import Branch, Execution, OnChildren, OnRetry, OnTask, OnTimer, OnTurn, Status
from statebox.asl.history import ABSENT, CODES, PAYLOADS, HistoryEvent
from statebox.asl.jsontext import Json, write_json
from statebox.store.chunks import read_chunk, write_chunk
from statebox.store.codec import (
    NewerFormat,
    Texts,
    Unreadable,
    read_execution,
    write_data,
    write_head,
    write_record,
    write_state,
)
from statebox.store.entries import read_entry, write_around_task, write_entry
from tests.store.values import branch, events, execution

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
times = st.integers(0, 2**53)
maybe_times = st.none() | times
counts = st.integers(0, 2**40)
waitings = st.one_of(
    st.none(),
    st.just(OnTurn()),
    st.builds(OnTimer, times),
    st.builds(OnRetry, times),
    st.builds(OnChildren, counts, counts, counts, counts, counts, counts),
    st.builds(
        OnTask,
        counts,
        texts,
        times,
        maybe_times,
        maybe_times,
        st.none() | counts,
        st.none() | texts,
        st.booleans(),
        st.none() | texts,
    ),
)
unset_or_values = st.just(msgspec.UNSET) | values
branches = st.builds(
    Branch,
    id=st.sampled_from(["0", "0.0", "0.1", "0.10", "0.2", "0.10.3"]),
    scope=texts,
    state=st.none() | texts,
    data=values,
    entered_ms=times,
    entered=counts,
    last=counts,
    retried=st.lists(counts, max_size=3).map(tuple),
    waiting=waitings,
    index=st.none() | counts,
    variables=st.dictionaries(texts, values, max_size=3),
    arguments=unset_or_values,
    items=unset_or_values,
)
executions = st.builds(
    Execution,
    id=texts,
    uid=texts,
    machine=texts,
    name=texts,
    arn=texts,
    machine_arn=texts,
    role_arn=texts,
    shard=st.integers(0, 4095),
    input=values,
    started_ms=times,
    status=st.sampled_from(Status),
    deadline_ms=maybe_times,
    next_event=counts,
    now_ms=times,
    branches=st.lists(branches, max_size=4).map(lambda found: {one.id: one for one in found}),
    output=values,
    error=st.none() | texts,
    cause=st.none() | texts,
    stopped_ms=maybe_times,
    seed=st.booleans(),
    response=unset_or_values,
    unfinished=st.booleans(),
    variables_bytes=counts,
)


def fields_of(execution: Execution) -> dict[bytes, bytes]:
    """What is stored of an execution."""
    texts = Texts()
    fields = {
        b"head": write_head(execution),
        b"input": texts.of(execution.input),
        b"state": write_state(execution, texts),
    }
    for one in execution.branches.values():
        fields[f"b:{one.id}".encode()] = write_record(one)
        fields[f"i:{one.id}".encode()] = write_data(one, texts)
    return fields


def test_what_follows_from_the_id_is_not_stored():
    """Each suspended execution keeps it in memory."""
    assert write_head(execution()).count(b"m:x") == 1
    assert b"arn:" not in write_head(execution())


def test_names_that_are_all_stored_are_read_as_they_are():
    e = execution()
    names = (e.id, e.uid, e.machine, e.name, e.arn, e.machine_arn, e.role_arn)
    told = {**fields_of(e), b"head": write_json([1, *names, e.shard, e.started_ms, e.seed])}
    assert read_execution(told, whole=True) == e


def exactly(value: object) -> str:
    """Tells 1 from 1.0 and from True, and -0.0 from 0.0, which == does not."""
    return repr(value)


@given(executions)
def test_an_execution_comes_back_as_it_was(one: Execution):
    read = read_execution(fields_of(one), whole=True)

    in_order = dict(sorted(one.branches.items(), key=lambda item: [int(step) for step in item[0].split(".")]))
    assert exactly(read) == exactly(msgspec.structs.replace(one, branches=in_order))


@st.composite
def histories(draw: st.DrawFn) -> tuple[HistoryEvent, ...]:
    first = draw(st.integers(1, 2**40))
    shared = draw(values)
    found: list[HistoryEvent] = []
    for id in range(first, first + draw(st.integers(1, 8))):
        code = draw(st.sampled_from(list(CODES.values())))
        width = draw(st.integers(0, len(PAYLOADS[code])))
        row = [draw(values | st.just(ABSENT) | st.just(shared)) for _ in range(width)]
        found.append(HistoryEvent(id, draw(st.integers(0, id)), draw(times), code, tuple(row)))
    return tuple(found)


@given(histories())
def test_history_comes_back_as_it_was(history: tuple[HistoryEvent, ...]):
    assert exactly(tuple(read_chunk(write_chunk(history, Texts())))) == exactly(history)


@given(
    st.one_of(
        st.builds(CallbackAnswered, st.just("0.1:7")),
        st.builds(TaskHeartbeat, st.just("0.1:7")),
        st.builds(TaskSucceeded, st.just("0.1:7"), values, st.none() | texts, st.none() | texts),
        st.builds(TaskFailed, st.just("0.1:7"), st.none() | texts, st.none() | texts, st.none() | texts),
        st.builds(ExecutionStopped, st.none() | texts, st.none() | texts),
    )
)
def test_what_is_delivered_comes_back_as_it_was(event: AnyEvent):
    entry = write_entry(event)

    assert exactly(read_entry(entry)) == exactly(event)
    if not isinstance(event, ExecutionStopped):
        assert entry.startswith(b"2 0.1 [")
        head, tail = write_around_task(lambda task: msgspec.structs.replace(event, task=task))
        assert entry == b"2 0.1 " + head + b'"0.1:7"' + tail


def test_each_payload_stands_once_in_a_chunk():
    """22 events of ten Pass states with the same KiB take little more than that."""
    payload = {"text": "x" * 1000}

    chunk = write_chunk(events(1, 22, payload=payload), Texts())

    assert chunk.count(b"xxxx" * 250) == 1
    assert len(chunk) < 1500


def test_equal_payloads_that_were_made_apart_stand_once_as_well():
    history = [HistoryEvent(n, n - 1, 0, CODES["PassStateEntered"], ("S", {"text": "y" * 100})) for n in range(1, 5)]

    assert write_chunk(history, Texts()).count(b"y" * 100) == 1


def test_payloads_are_rendered_once_for_branches_and_history():
    texts, value = Texts(), {"some": "value"}

    assert texts.of(value) is texts.of(value)
    assert write_data(branch("0", value, arguments=value), texts) == b'[2,{"some":"value"},[{"some":"value"}],[]]'


def test_payloads_that_are_read_share_their_values():
    first, second = read_chunk(write_chunk(events(1, 2, payload={"a": 1}), Texts()))

    assert first.values[1] is second.values[1]


def test_a_gap_in_the_history_is_a_fault():
    history = (*events(1, 2), *events(4, 5))

    with pytest.raises(ValueError, match="gap in the history before the event 4"):
        write_chunk(history, Texts())


def test_what_was_stored_before_variables_were_counted_is_read():
    """The count stands at the end, and its absence means none."""
    fields = fields_of(execution())
    fields[b"state"] = fields[b"state"].removesuffix(b",0,0,null]") + b"]"
    assert fields[b"state"].endswith(b",[]]")
    assert read_execution(fields, whole=True).variables_bytes == 0


def test_a_field_that_is_missing_is_said_to_be():
    fields = fields_of(execution(branches=[branch()]))

    for missing in (b"head", b"input", b"state", b"i:0"):
        with pytest.raises(Unreadable, match=f"The field {missing.decode()} is missing"):
            read_execution({name: value for name, value in fields.items() if name != missing}, whole=True)


@pytest.mark.parametrize("field", [b"head", b"state", b"b:0", b"i:0"])
@pytest.mark.parametrize(
    ("value", "error", "why"),
    [
        (b"[1,", Unreadable, "cannot be read"),
        (b"garbage", Unreadable, "no format"),
        (b"[0,1]", Unreadable, "the format 0, which this statebox does not know any more"),
        (b"[3,true]", NewerFormat, "the format 3, written by a newer statebox; this one knows 2"),
        (b"[31,true]", NewerFormat, "the format 31"),
    ],
)
def test_a_field_that_is_broken_or_newer_is_said_to_be(field: bytes, value: bytes, error: type[Unreadable], why: str):
    fields = {**fields_of(execution(branches=[branch()])), field: value}

    with pytest.raises(error, match=why):
        read_execution(fields, whole=True)


def test_an_input_that_is_broken_is_said_to_be():
    with pytest.raises(Unreadable, match="The field input cannot be read"):
        read_execution({**fields_of(execution()), b"input": b"{"}, whole=True)


@pytest.mark.parametrize(
    "chunk", [b"[1,", b"[1,1]", b'[1,1,0,[],[["x"]]]', b"[1,1,0,[],[[0,0,0,5]]]", b"[1,1,0,[],[[999,0,0]]]"]
)
def test_a_chunk_that_is_broken_is_said_to_be(chunk: bytes):
    with pytest.raises(Unreadable, match="A chunk of history cannot be read"):
        read_chunk(chunk)


@pytest.mark.parametrize(
    ("entry", "why"), [(b"x", "no format"), (b"1 0 [", "cannot be read"), (b'1 0 ["No"]', "cannot be read")]
)
def test_an_entry_that_is_broken_is_said_to_be(entry: bytes, why: str):
    with pytest.raises(Unreadable, match=why):
        read_entry(entry)


def test_an_entry_of_a_newer_format_is_said_to_be():
    with pytest.raises(NewerFormat, match="the format 3"):
        read_entry(b'3 0 ["CallbackAnswered","0:1"]')
