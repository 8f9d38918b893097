"""The activation records: what ran, how it ended and what it wrote, as far back as there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from statebox.asl.jsontext import Json, read_json, write_json
from statebox.openwhisk.activation import Ending
from statebox.openwhisk.local.entities import Action
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.runs import Outcome

_CODES = {ending: code for code, ending in enumerate(Ending)}


def make_record(
    action: Action, id: str, outcome: Outcome, *, start_ms: int, end_ms: int, cause: str | None
) -> dict[str, Json]:
    """The record of a run. `cause` is the activation of the sequence that it was part of."""
    annotations: dict[str, Json] = {
        "path": action.path,
        "kind": action.kind,
        "limits": {"timeout": action.timeout_ms, "memory": action.memory_mb, "logs": 10, "concurrency": 1},
        "timeout": outcome.timed_out,
        "waitTime": outcome.wait_ms,
    }
    if outcome.load_ms is not None:
        annotations["initTime"] = outcome.load_ms
    if cause is not None:
        annotations["causedBy"] = "sequence"
    record: dict[str, Json] = {
        "namespace": action.namespace,
        "name": action.name,
        "version": action.version,
        "subject": action.namespace,
        "activationId": id,
        "start": start_ms,
        "end": end_ms,
        "duration": end_ms - start_ms,
        "response": {
            "status": outcome.ending,
            "success": outcome.ending is Ending.SUCCESS,
            "result": outcome.result,
        },
        "logs": outcome.logs,
        "annotations": [{"key": key, "value": value} for key, value in annotations.items()],
        "publish": False,
    }
    if cause is not None:
        record["cause"] = cause
    return record


class _Kept(msgspec.Struct, frozen=True):
    summary: dict[str, Json]
    text: bytes


class Activations:
    """Keeps records, the newest ones."""

    def __init__(self, limits: HostLimits) -> None:
        self._limits = limits
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, record: dict[str, Json]) -> None:
        """Keep a record, and forget the oldest ones if there is no more room."""
        left_out = ("response", "logs", "subject")
        summary = {key: value for key, value in record.items() if key not in left_out}
        summary["statusCode"] = _CODES[record["response"]["status"]]
        kept = _Kept(summary, write_json(record))
        self._kept[record["activationId"]] = kept
        self._bytes += len(kept.text)
        while len(self._kept) > self._limits.activations or self._bytes > self._limits.activation_bytes:
            _, forgotten = self._kept.popitem(last=False)
            self._bytes -= len(forgotten.text)

    def get(self, id: str) -> bytes | None:
        """The record as JSON text, None when there is none (yet, or any more)."""
        kept = self._kept.get(id)
        return None if kept is None else kept.text

    def find(self, name: str | None, since_ms: int | None, upto_ms: int | None, *, docs: bool) -> Iterator[Json]:
        """Records, or their summaries, of an action (`name` or `package/name`) and a span of time, the newest first."""
        for kept in reversed(self._kept.values()):
            start_ms = kept.summary["start"]
            if (since_ms is not None and start_ms < since_ms) or (upto_ms is not None and start_ms > upto_ms):
                continue
            if name is not None and name not in (kept.summary["name"], _path(kept.summary)):
                continue
            yield read_json(kept.text) if docs else kept.summary


def _path(summary: dict[str, Json]) -> str:
    """`package/name`, from the annotation that says `namespace/package/name`."""
    return summary["annotations"][0]["value"].partition("/")[2]
