"""The checks: what must hold of the data at any time, and of everything in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from simulation.keyspace import Keyspace, Scores, Value
from simulation.machines import BEAT_SECONDS, LATE, LIMIT_MS, WAITS_MS, Ending, wrong
from simulation.users import Beat, Given, Wanted
from statebox.asl.history import HistoryEvent, describe
from statebox.asl.jsontext import Json
from statebox.store.chunks import read_chunk

_NEVER = 1_000_000
_ENDINGS = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"})


class Shard:
    """All that is kept in one shard, to be looked at."""

    def __init__(self, keyspace: Keyspace, shard: int) -> None:
        self._keyspace = keyspace
        self._base = b"statebox:{%d}:" % shard
        self._by_kind: dict[bytes, list[tuple[str, Value]]] = {}
        for key, value in keyspace.items():
            if key.startswith(self._base):
                kind, colon, name = key.removeprefix(self._base).partition(b":")
                self._by_kind.setdefault(kind + colon, []).append((name.decode(), value))
        self.executions = {name: _hash(value) for name, value in self.all(b"execution:")}
        self.tokens = {name: _hash(value) for name, value in self.all(b"token:")}

    def all(self, kind: bytes) -> list[tuple[str, Value]]:
        """All keys of a kind, by what follows it."""
        return self._by_kind.get(kind, [])

    def members(self, name: str) -> dict[str, float]:
        """The members of a set or sorted set, with their scores."""
        value = self._keyspace.peek(self._base + name.encode())
        if isinstance(value, Scores):
            return {member.decode(): score for member, score in value.by_member.items()}
        return {member.decode(): 0.0 for member in sorted(value)} if isinstance(value, set) else {}

    def history(self, id: str) -> list[HistoryEvent]:
        """The events of all chunks, as they stand."""
        value = self._keyspace.peek(self._base + b"history:" + id.encode())
        return [event for chunk in value for event in read_chunk(chunk)] if isinstance(value, list) else []

    def has(self, name: str) -> bool:
        """Whether there is such a key."""
        return self._keyspace.peek(self._base + name.encode()) is not None


def always(shard: Shard, now_ms: int | None) -> Iterator[str]:
    """What is wrong although it must hold between any two commands; `now_ms` None: the clock went back."""
    if now_ms is not None:
        yield from _in_time(shard, now_ms)
    yield from _looked_after(shard)
    yield from _sets(shard)


def _in_time(shard: Shard, now_ms: int) -> Iterator[str]:
    due = shard.members("due")
    for id, fields in shard.executions.items():
        if json.loads(fields["state"])[3] > now_ms:
            yield f"{id} has gone on in a time that has not come"
        if "lease" not in fields and due.get(id, 0) > now_ms and shard.has(f"inbox:{id}"):
            yield f"{id} has something in its inbox, and nobody will look before its deadline"


def _looked_after(shard: Shard) -> Iterator[str]:
    """Every live execution is looked at some time, or waits for an answer and nothing else."""
    executions = shard.executions
    running = {id for id, fields in executions.items() if fields["status"] == "RUNNING"}
    due, aside = set(shard.members("due")), set(shard.members("aside"))
    if beyond := (due | aside) - running:
        yield f"in due or set aside, but not running: {sorted(beyond)}"
    if both := due & aside:
        yield f"in due and set aside: {sorted(both)}"
    asked = {fields["execution"] for fields in shard.tokens.values() if fields["status"] == "waiting"}
    for id in sorted(running - due - aside):
        if "lease" in executions[id]:
            yield f"{id} is held by a lease that never ends"
        elif shard.has(f"inbox:{id}"):
            yield f"{id} has something in its inbox, and nobody will look"
        elif shard.has(f"timers:{id}"):
            yield f"{id} has a deadline that nobody will look at"
        elif id not in asked and not _waits_for_one_of(executions[id], running - {id}):
            yield f"{id} waits for nothing"
    for id in sorted(executions.keys() - running):
        if shard.has(f"timers:{id}") or shard.has(f"inbox:{id}"):
            yield f"{id} has ended and left its timers or its inbox"


def _waits_for_one_of(fields: Mapping[str, str], others: set[str]) -> bool:
    """Whether one of the others is a child that it waits for."""
    text = "".join(value for name, value in fields.items() if name.startswith("b:"))
    return any('"' + other.rpartition(":")[2] + '"' in text for other in others)


def _sets(shard: Shard) -> Iterator[str]:
    """The sets say the same as the executions and continuations."""
    executions = shard.executions
    held = {(name, id) for name, value in shard.all(b"held:") if isinstance(value, set) for id in map(_text, value)}
    owned = {(fields["owner"], id) for id, fields in executions.items() if "owner" in fields}
    if held != owned:
        yield f"held and owned differ: {sorted(held ^ owned)}"
    waiting = {token for token, fields in shard.tokens.items() if fields["status"] == "waiting"}
    if differ := set(shard.members("waiting")) ^ waiting:
        yield f"waiting and tokens differ: {sorted(differ)}"
    if differ := set(shard.members("index")) ^ set(executions):
        yield f"the index is wrong: {sorted(differ)}"
    indexed = {
        (name.removeprefix("s:"), id)
        for name, value in shard.all(b"index:")
        if name.startswith("s:") and isinstance(value, Scores)
        for id in _members(value)
    }
    if differ := indexed ^ {(f"{f['status']}:{id.partition(':')[0]}", id) for id, f in executions.items()}:
        yield f"the index by status is wrong: {sorted(differ)}"


def history(id: str, events: Sequence[HistoryEvent]) -> Iterator[str]:
    """What is wrong with a history: gaps, a chain that leads nowhere, what happened twice, what happened too early."""
    if not events:
        yield f"{id} has no history"
        return
    ids = [event.id for event in events]
    if ids != list(range(1, len(events) + 1)):
        yield f"{id}: the ids of its history are {ids}"
        return
    if any(event.previous >= event.id for event in events):
        yield f"{id}: an event points forward"
    times = [event.at_ms for event in events]
    if times != sorted(times):
        yield f"{id}: times go backwards"
    if [event.type for event in events if event.type in _ENDINGS] != [events[-1].type]:
        yield f"{id}: {[event.type for event in events]}"
    # Every event but the ends of forks is followed once; what follows it twice happened twice.
    followed: dict[int, list[str]] = {}
    for event in events:
        followed.setdefault(event.previous, []).append(event.type)
    for event in events:
        after = followed.get(event.id, [])
        if event.type.endswith(("Scheduled", "Started", "Submitted")) and "MapState" not in event.type:
            many = [type for type in after if not type.endswith(("StateEntered", "IterationStarted"))]
            if len(many) > 1 and "ParallelState" not in event.type and "MapRun" not in event.type:
                yield f"{id}: {event.type} {event.id} is followed by {many}"
        if event.type in ("TaskTimedOut", "ExecutionTimedOut"):
            yield from _timed_out(id, events, event)
        if event.type == "WaitStateEntered":
            yield from _too_early(id, events, event)


def _timed_out(id: str, events: Sequence[HistoryEvent], event: HistoryEvent) -> Iterator[str]:
    """Whether a deadline passed before its time."""
    began, limit_ms = events[0], LIMIT_MS
    if event.type == "TaskTimedOut":
        began = event
        while began.type != "TaskScheduled":
            began = events[began.previous - 1]
        limits = _details(began)
        limit_ms = 1000 * min(int(limits["timeoutInSeconds"]), int(limits.get("heartbeatInSeconds", _NEVER)))
    if event.at_ms - began.at_ms < limit_ms:
        yield f"{id}: {event.type} after {event.at_ms - began.at_ms} ms instead of {limit_ms}"


def _too_early(id: str, events: Sequence[HistoryEvent], entered: HistoryEvent) -> Iterator[str]:
    name = _details(entered).get("name", "")
    for event in events:
        if event.previous == entered.id and event.type == "WaitStateExited":
            lasted_ms = event.at_ms - entered.at_ms
            if lasted_ms < WAITS_MS[name]:
                yield f"{id}: {name} lasted {lasted_ms} ms"


def endings(shards: Sequence[Shard], wanted: Sequence[Wanted], answers: Sequence[Given]) -> Iterator[str]:
    """What is wrong in the end: what was lost, what was taken twice, what came of it."""
    executions = {id: (shard, fields) for shard in shards for id, fields in shard.executions.items()}
    tokens = {token: fields for shard in shards for token, fields in shard.tokens.items()}
    yield from _answers(tokens, answers)
    yield from _early_answers(executions, tokens, answers)
    answered = _answered(tokens, answers)
    for id, (shard, fields) in executions.items():
        if fields["status"] == "RUNNING":
            yield f"{id} has not ended"
            continue
        events = shard.history(id)
        yield from history(id, events)
        yield from _told(id, events, tokens, answered)
    for one in wanted:
        if one.refused:
            yield f"{one.id}: its start was refused to the very request that started it"
        if one.id not in executions:
            if one.acknowledged:
                yield f"{one.id} was acknowledged, and is not there"
            continue
        fields = executions[one.id][1]
        if fields["status"] == "RUNNING":
            continue
        places = _places(one, fields, executions, tokens, answered)
        output = json.loads(fields["state"])[9]
        problem = wrong(one.kind, one.number, Ending(fields["status"], output, places), stopped=one.stopped)
        if problem is not None:
            yield f"{one.id}: {problem}"


def _answered(tokens: Mapping[str, Mapping[str, str]], answers: Sequence[Given]) -> dict[str, frozenset[str]]:
    """By token that was answered, with what: one value, or one of those that were published."""
    values = {given.operation: given.value for given in answers}
    return {
        token: frozenset({values[fields["operation"]]})
        if fields["operation"] in values
        else frozenset(given.value for given in answers if given.published and given.token == token)
        for token, fields in tokens.items()
        if fields["status"] == "answered"
    }


def _early_answers(
    executions: Mapping[str, tuple[Shard, Mapping[str, str]]],
    tokens: Mapping[str, Mapping[str, str]],
    answers: Sequence[Given],
) -> Iterator[str]:
    """Whether what was kept was used, once, whatever came later.

    What comes after the state was left is kept for the next time that it is entered.
    """
    used: set[tuple[str, str]] = set()
    left_ms: dict[str, int] = {}
    for fields in tokens.values():
        if fields["status"] == "answered":
            used.add((fields["execution"], fields["operation"]))
        if fields["state"] == "Ask":
            left_ms[fields["execution"]] = int(fields.get("answered") or fields.get("closed") or 0)
    first: dict[str, str] = {}
    for given in answers:
        if not given.execution:
            continue
        took = (given.execution, given.operation) in used
        if given.told in ("taken", "kept"):
            if given.execution in first:
                yield f"{given.execution}: both {first[given.execution]} and {given.value} were accepted for one state"
            first[given.execution] = given.value
            stopped = given.execution in executions and executions[given.execution][1]["status"] == "ABORTED"
            too_late = left_ms.get(given.execution, given.told_ms + 1) <= given.told_ms
            if not took and not (given.told == "kept" and (stopped or too_late)):
                yield f"{given.execution}: the answer {given.value} was {given.told}, and is not in it"
        elif given.told and took:
            yield f"the answer {given.value} was used, and its user told {given.told}"


def beats(shards: Sequence[Shard], beats: Sequence[Beat]) -> Iterator[str]:
    """Whether a deadline passed that a heartbeat had put off."""
    last_ms: dict[str, int] = {}
    for beat in beats:
        last_ms[beat.token] = max(beat.sent_ms, last_ms.get(beat.token, 0))
    for shard in shards:
        of = {fields["execution"]: token for token, fields in shard.tokens.items() if token in last_ms}
        for id, token in of.items():
            for event in shard.history(id):
                until_ms = last_ms[token] + 1000 * BEAT_SECONDS
                if event.type == "TaskTimedOut" and event.at_ms < until_ms:
                    yield f"{id}: it timed out {until_ms - event.at_ms} ms too early after a heartbeat"


def _answers(tokens: Mapping[str, Mapping[str, str]], answers: Sequence[Given]) -> Iterator[str]:
    for given in answers:
        if given.execution:
            continue
        fields = tokens.get(given.token, {})
        took = fields.get("status") == "answered" and fields.get("operation") == given.operation
        if given.told == "taken" and not took:
            yield f"the answer {given.value} was acknowledged, and {given.token} is {fields.get('status')} otherwise"
        if given.told not in ("", "taken") and took:
            yield f"the answer {given.value} was taken, and its user told {given.told}"


def _told(
    id: str,
    events: Sequence[HistoryEvent],
    tokens: Mapping[str, Mapping[str, str]],
    answered: Mapping[str, frozenset[str]],
) -> Iterator[str]:
    """Whether the history tells what was answered: it must have been taken in, once, and nothing else."""
    texts = [_details(event).get("output", "") for event in events if event.type == "TaskSucceeded"]
    for token, values in answered.items():
        if tokens[token]["execution"] == id:
            seen = sum(f'"{value}"' == text for value in values for text in texts)
            if seen != 1:
                yield f"{id}: an answer that was taken ({sorted(values)}) is {seen} times in its history"
    given = {f'"{value}"' for token, values in answered.items() if tokens[token]["execution"] == id for value in values}
    for text in texts:
        if text.startswith('"v') and text not in given:
            yield f"{id}: its history tells of the answer {text}, which was not taken"


def _places(
    one: Wanted,
    fields: Mapping[str, str],
    executions: Mapping[str, tuple[Shard, Mapping[str, str]]],
    tokens: Mapping[str, Mapping[str, str]],
    answered: Mapping[str, frozenset[str]],
) -> dict[str, Json]:
    """By branch, what was answered. Of what was published any will do, so the one that the output shows."""
    output = json.dumps(json.loads(fields["state"])[9])
    places: dict[str, Json] = {}
    for token, values in answered.items():
        of, branch = tokens[token]["execution"], tokens[token]["task"].rpartition(":")[0]
        shown = [value for value in sorted(values) if f'"{value}"' in output] or sorted(values)[:1] or [LATE]
        if of == one.id:
            places[branch] = shown[0]
        elif of in executions and of.startswith(f"{one.kind}/"):
            parent, task = json.loads(executions[of][1]["head"])[12:14]
            if parent == one.id:
                places[task.rpartition(":")[0]] = shown[0]
    return places


def _details(event: HistoryEvent) -> dict[str, str]:
    for value in describe(event).values():
        if isinstance(value, dict):
            # The one member with the details; what is compared here is text, but for numbers of seconds.
            return cast("dict[str, str]", value)
    return {}


def _hash(value: Value) -> dict[str, str]:
    assert isinstance(value, dict)
    return {_text(name): _text(field) for name, field in value.items()}


def _members(value: Scores) -> Iterator[str]:
    return map(_text, value.by_member)


def _text(value: bytes) -> str:
    return value.decode()
