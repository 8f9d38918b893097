"""The operations on map runs: look at them, and let them go on otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from statebox.asl.execution import Status
from statebox.asl.jsontext import Json
from statebox.asl.states.results import family_of
from statebox.engine.names import execution_id
from statebox.engine.records import MapRun
from statebox.http.operations.members import Arn, LongArn, PageSize, PageToken, page_size
from statebox.http.pages import read_event_page_token, write_page_token
from statebox.http.protocol import Call, Operation
from statebox.http.shapes import date
from statebox.http.validation import Request

_COUNTED: Final = {
    "running": Status.RUNNING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "timedOut": Status.TIMED_OUT,
    "aborted": Status.ABORTED,
}


class DescribeMapRun(Request, frozen=True):
    """A map run."""

    map_run_arn: LongArn


async def describe_map_run(call: Call, ask: DescribeMapRun) -> Json:
    """How a map run is doing."""
    run = await call.service.map_runs.describe(ask.map_run_arn)
    # What a batch of it works on cannot be told before it has begun.
    items_a_child = run.items / run.total if run.total else 0
    waiting = round(run.pending * items_a_child)
    shown: dict[str, Json] = {
        "mapRunArn": run.arn,
        "executionArn": call.service.place.execution_arn(run.execution),
        "status": run.status,
        "startDate": date(run.started_ms),
        "maxConcurrency": run.concurrency,
        "toleratedFailurePercentage": run.tolerated_percentage or 0.0,
        "toleratedFailureCount": run.tolerated_count or 0,
        "itemCounts": _counts(run, run.worked_on, run.items, waiting),
        "executionCounts": _counts(run, run.executions, run.total, run.pending),
        "redriveCount": run.redrives,
    }
    if run.stopped_ms is not None:
        shown["stopDate"] = date(run.stopped_ms)
    if run.redriven_ms is not None:
        shown["redriveDate"] = date(run.redriven_ms)
    return shown


class ListMapRuns(Request, frozen=True):
    """An execution, by ARN or id, and from where on."""

    execution_arn: Arn
    max_results: PageSize = 0
    next_token: PageToken | None = None


async def list_map_runs(call: Call, ask: ListMapRuns) -> Json:
    """The map runs of an execution, in the order of their starts."""
    limit = page_size(ask.max_results)
    first = 0 if ask.next_token is None else read_event_page_token(ask.next_token)
    found = await call.service.map_runs.list(execution_id(ask.execution_arn), first, limit + 1)
    shown: dict[str, Json] = {"mapRuns": [_listed(call, run) for run in found[:limit]]}
    return shown if len(found) <= limit else {**shown, "nextToken": write_page_token(first + limit)}


class UpdateMapRun(Request, frozen=True):
    """A map run, and what is to be otherwise."""

    map_run_arn: LongArn
    max_concurrency: Annotated[int, Meta(ge=0)] | None = None
    tolerated_failure_percentage: Annotated[float, Meta(ge=0, le=100)] | None = None
    tolerated_failure_count: Annotated[int, Meta(ge=0)] | None = None


async def update_map_run(call: Call, ask: UpdateMapRun) -> Json:
    """Let a map run go on with other bounds."""
    await call.service.map_runs.update(
        ask.map_run_arn, ask.max_concurrency, ask.tolerated_failure_count, ask.tolerated_failure_percentage
    )
    return {}


def _listed(call: Call, run: MapRun) -> Json:
    place, family = family_of(run.arn)
    shown: dict[str, Json] = {
        "executionArn": call.service.place.execution_arn(run.execution),
        "mapRunArn": run.arn,
        "stateMachineArn": f"{place}:stateMachine:{family}",
        "startDate": date(run.started_ms),
    }
    return shown if run.stopped_ms is None else {**shown, "stopDate": date(run.stopped_ms)}


def _counts(run: MapRun, by_status: Mapping[Status, int], total: int, pending_redrive: int) -> Json:
    counts = {name: by_status.get(status, 0) for name, status in _COUNTED.items()}
    begun = sum(counts.values())
    return {
        "pending": max(0, total - begun),
        **counts,
        "total": total,
        "resultsWritten": begun if run.written else 0,
        "failuresNotRedrivable": 0,
        "pendingRedrive": pending_redrive,
    }


MAP_RUNS: Final = (
    Operation(DescribeMapRun, describe_map_run),
    Operation(ListMapRuns, list_map_runs),
    Operation(UpdateMapRun, update_map_run),
)
