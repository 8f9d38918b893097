"""What a Map iterates over when it is tried alone: each step from its input to the inputs of its iterations."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from statebox.asl.data.jsonata_flow import JsonataFlow
from statebox.asl.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, ITEM_READER_FAILED, StateFailure
from statebox.asl.inspection.notes import Notes
from statebox.asl.inspection.setting import Setting, invalid
from statebox.asl.inspection.visit import AloneAtWork
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.asl.states.map import Map

_EXCEEDED = "The specified tolerated failure threshold was exceeded"


def prepare(state: Map, visit: AloneAtWork, setting: Setting, notes: Notes) -> None:
    """Do all that a Map does before its iterations begin.

    Raises StateFailure for what fails there, and when more iterations failed than it bears, and TrialRefused when more
    failed than there are.
    """
    raw = visit.sources()
    sources = raw.of(state.flow.selected(raw))
    items, keyed = _items(state, visit, setting, notes)
    concurrency = None if state.max_concurrency is None else state.max_concurrency.resolve(sources)
    notes["maxConcurrency"] = int(concurrency or 0)
    bearable = (None, None) if state.distributed is None else state.distributed.bearable(sources)
    count, percentage = bearable
    if count is not None:
        notes["toleratedFailureCount"] = int(count)
    if percentage is not None:
        notes["toleratedFailurePercentage"] = float(percentage)
    total = None if items is None else len(items)
    if items is not None:
        selected = [state.item_selected(visit, index, item, keyed) for index, item in enumerate(items)]
        if state.item_selector is not None:
            notes["afterItemSelector"] = selected
        if state.distributed is not None and state.distributed.batcher is not None:
            notes["afterItemBatcher"] = state.distributed.batcher.batches(sources, selected)
    _check_failures(setting, total, bearable)


def _items(state: Map, visit: AloneAtWork, setting: Setting, notes: Notes) -> tuple[Sequence[Json] | None, bool]:
    """The items, and whether each is the member of an object; None where a reader would have to bring them."""
    raw = visit.sources()
    if state.distributed is not None and (reader := state.distributed.reader) is not None:
        sources = raw.of(state.flow.selected(raw))
        reader.arguments(sources)
        most = None if reader.most_items is None else reader.most_items.resolve(sources)
        if most is not None and most < 0:
            raise StateFailure(ITEM_READER_FAILED, "field MaxItems must be positive")
        if setting.read_items is UNSET:
            return None, False
        if "ItemsPointer" in reader.config:
            notes["afterItemsPointer"] = setting.read_items
        found: Json = state.picked(visit, setting.read_items)
        if state.items_path is not None:
            notes["afterItemsPath"] = found
        if not is_array(found):
            raise StateFailure(ITEM_READER_FAILED, "Attempting to map over non-iterable node.")
        return found[: int(most)] if most else found, False
    found = state.iterated(raw.of(state.flow.selected(raw)))
    if not isinstance(state.flow, JsonataFlow):
        notes["afterItemsPath"] = found
    if is_object(found):
        return [{"Key": key, "Value": value} for key, value in found.items()], True
    return found, False


def _check_failures(setting: Setting, total: int | None, bearable: tuple[float | None, float | None]) -> None:
    failed, mock = setting.failed_items, setting.mock
    if failed is None or mock is None:
        return
    if total is None and is_array(mock.result):
        total = len(mock.result)
    if total is not None and failed > total:
        raise invalid("Map iteration failure count must be less than or equal to the number of Map iterations")
    count, percentage = bearable
    # A Map that says nothing of failures would bear none; AWS takes the mocked result as it is then.
    exceeded = count is not None and failed > count
    if percentage is not None and total:
        exceeded = exceeded or 100 * failed / total > percentage
    if exceeded and mock.result is not UNSET:
        raise StateFailure(EXCEED_TOLERATED_FAILURE_THRESHOLD, _EXCEEDED)
