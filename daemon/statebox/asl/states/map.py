"""Map: walk the item processor once for each item, and go on with the array of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import msgspec

from statebox.asl.data.jsonata.templates import EvaluationFailure, JsonataTemplate
from statebox.asl.data.jsonata_flow import JsonataFlow, scope_of
from statebox.asl.data.jsonpath import NoValue, Path
from statebox.asl.data.payloads import render
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.errors import ITEM_READER_FAILED, RESULT_WRITER_FAILED, RUNTIME, StateFailure
from statebox.asl.events import AnyEvent, TaskFailed, TaskSucceeded
from statebox.asl.execution import AnyWaiting, OnChildren, OnTask
from statebox.asl.fields import JSONATA, Fields
from statebox.asl.history import CODES
from statebox.asl.jsontext import Json, is_array, is_object, write_json_text
from statebox.asl.quantities import Quantity, read_quantity
from statebox.asl.recovery import Catcher, Retrier, read_catch, read_retry
from statebox.asl.states.distributed import Distributed, most_failures
from statebox.asl.states.resource import READ_ITEMS, WRITE_RESULT
from statebox.asl.states.results import ItemResult, collected
from statebox.asl.states.state import Allowed, Await, Broken, ScopeReader, State, Transition, Visit

_STARTED: Final = CODES["MapStateStarted"]
_SUCCEEDED: Final = CODES["MapStateSucceeded"]
_RUN_STARTED: Final = CODES["MapRunStarted"]
_RUN_SUCCEEDED: Final = CODES["MapRunSucceeded"]
_RUN_FAILED: Final = CODES["MapRunFailed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(State):
    """A Map state; its item processor is the machine's scope `<name>[]`. `distributed` is None inline."""

    type: ClassVar[str] = "Map"
    has_result: ClassVar[bool] = True
    allowed: ClassVar[Allowed] = Allowed(
        both=(
            "Next",
            "End",
            "ItemProcessor",
            "Iterator",
            "ItemSelector",
            "MaxConcurrency",
            "Assign",
            "Retry",
            "Catch",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "ToleratedFailureCount",
            "ToleratedFailurePercentage",
        ),
        jsonpath=(
            "ItemsPath",
            "Parameters",
            "MaxConcurrencyPath",
            "InputPath",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentagePath",
        ),
        jsonata=("Items", "Output"),
    )

    items_path: Path | None = None
    items: JsonataTemplate | None = None
    item_selector: Template | JsonataTemplate | None = None
    max_concurrency: Quantity | None = None
    distributed: Distributed | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        processor = fields.only_one("ItemProcessor", "Iterator", required=True)
        distributed = False
        if processor is not None and (raw := fields.object(processor)) is not None:
            inner = fields.inside(raw, fields.at(processor))
            distributed = _is_distributed(inner)
            scopes.read_scope(_scope(name), inner)
        fields.only_one("ItemSelector", "Parameters")
        jsonata = fields.language == JSONATA
        selector = fields.payload("ItemSelector") or (None if jsonata else fields.template("Parameters"))
        # AWS takes these fields from an inline Map too, and passes them over.
        run = Distributed.read(name, fields)
        # A Map's Parameters is its item selector, under its older name; it is no template over the input.
        return cls(
            **cls.common(name, fields if jsonata else fields.without(["Parameters"])),
            items_path=fields.reference_path("ItemsPath", ("input", "context", "variable")),
            items=_items(fields, distributed),
            item_selector=selector,
            max_concurrency=read_quantity(fields, "MaxConcurrency"),
            distributed=run if distributed else None,
            retry=read_retry(fields),
            catch=read_catch(fields),
        )

    @property
    def recovery(self) -> tuple[tuple[Retrier, ...], tuple[Catcher, ...]]:
        return self.retry, self.catch

    def enter(self, visit: Visit) -> Transition:
        sources = self._sources(visit)
        reader = None if self.distributed is None else self.distributed.reader
        found: Json = [] if reader is not None else self.iterated(sources)
        # Only a distributed Map iterates over the members of an object.
        keyed = is_object(found)
        items: Sequence[Json] = [{"Key": k, "Value": v} for k, v in found.items()] if is_object(found) else found
        concurrency = None if self.max_concurrency is None else self.max_concurrency.resolve(sources)
        started = visit.write(_STARTED, len(items))
        waiting = OnChildren(started=started, total=len(items), concurrency=int(concurrency or 0))
        if self.distributed is None:
            return Await(waiting, items=msgspec.UNSET if items is visit.input else items)
        bearable = self.distributed.bearable(sources)
        map_run = visit.map_run_arn(self.distributed.label, started)
        if reader is not None:
            arguments = reader.arguments(sources)
            most = None if reader.most_items is None else reader.most_items.resolve(sources)
            run_started = visit.write(_RUN_STARTED, map_run)
            if most is not None and most < 0:
                return _run_failed(visit, ITEM_READER_FAILED, "field MaxItems must be positive")
            return Await(OnTask(run_started, READ_ITEMS, visit.now_ms), {**arguments, "MaxItems": most or 0})
        visit.write(_RUN_STARTED, map_run)
        return self._begin(visit, msgspec.structs.replace(waiting, map_run=map_run), items, bearable, keyed)

    def resume(self, visit: Visit, waiting: AnyWaiting, event: AnyEvent) -> Transition | None:
        assert isinstance(waiting, OnTask)
        assert self.distributed is not None
        match event:
            case TaskSucceeded(output=output) if waiting.resource == READ_ITEMS:
                items = self.picked(visit, output)
                if not is_array(items):
                    return _run_failed(visit, ITEM_READER_FAILED, "Attempting to map over non-iterable node.")
                return self._read(visit, waiting, items)
            case TaskSucceeded(output=output):
                return self._succeed(visit, waiting.event, output)
            case TaskFailed(error=_, cause=cause):
                error = ITEM_READER_FAILED if waiting.resource == READ_ITEMS else RESULT_WRITER_FAILED
                return _run_failed(visit, error, cause or "")
            case _:
                return None

    def item_input(self, visit: Visit, index: int, items: Sequence[Json]) -> Json:
        """What an iteration starts with."""
        # The items of a distributed Map were selected and put in batches before.
        if self.distributed is not None:
            return items[index]
        return self.item_selected(visit, index, items[index])

    def items_in(self, input: Json) -> int:
        """How many items an iteration with this input stands for: those of its batch."""
        return len(input["Items"]) if self.distributed is not None and self.distributed.batcher is not None else 1

    def scope_of(self, index: int) -> str:
        """The scope that an iteration walks through."""
        return _scope(self.name)

    def distributed_results(self, visit: Visit, waiting: OnChildren, results: Sequence[ItemResult]) -> Transition:
        """Go on with what came of all children, or have it written first."""
        assert self.distributed is not None
        writer = self.distributed.writer
        run_started = waiting.started + 1
        outputs = [result.output for result in results if not result.ended.failed]
        if writer is None:
            return self._succeed(visit, run_started, outputs)
        if not writer.resource:
            return self._succeed(visit, run_started, collected(results, waiting.map_run, writer.config))
        arguments = writer.arguments(self._sources(visit))
        everything = writer.config.get("Transformation", "NONE") == "NONE"
        records = [result.record(waiting.map_run) for result in results if everything or result.ended.failed]
        return Await(
            OnTask(run_started, WRITE_RESULT, visit.now_ms),
            {**arguments, "MapRunArn": waiting.map_run, "Results": outputs, "Records": records},
        )

    def _read(self, visit: Visit, waiting: OnTask, items: Sequence[Json]) -> Transition:
        """The reader has brought what to iterate over: go on as if it had been there."""
        assert self.distributed is not None
        sources = self._sources(visit)
        concurrency = None if self.max_concurrency is None else self.max_concurrency.resolve(sources)
        children = OnChildren(
            started=waiting.event - 1,
            total=len(items),
            concurrency=int(concurrency or 0),
            map_run=visit.map_run_arn(self.distributed.label, waiting.event - 1),
        )
        return self._begin(visit, children, items, self.distributed.bearable(sources))

    def _begin(
        self,
        visit: Visit,
        waiting: OnChildren,
        items: Sequence[Json],
        bearable: tuple[float | None, float | None],
        keyed: bool = False,
    ) -> Transition:
        assert self.distributed is not None
        most = most_failures(bearable, len(items))
        selected = [self.item_selected(visit, index, item, keyed) for index, item in enumerate(items)]
        if self.distributed.batcher is not None:
            selected = self.distributed.batcher.batches(self._sources(visit), selected)
        count, percentage = (None if bound is None else float(bound) for bound in bearable)
        waiting = msgspec.structs.replace(
            waiting, total=len(selected), bearable=most, items=len(items), tolerated=(count, percentage)
        )
        return Await(waiting, items=selected)

    def _succeed(self, visit: Visit, run_started: int, result: Json) -> Transition:
        """The run's end: MapRunSucceeded points at its start, the state's end at that, Exited at the start again."""
        run_succeeded = visit.note(_RUN_SUCCEEDED, run_started)
        visit.note(_SUCCEEDED, run_succeeded)
        visit.point_back_to(run_started)
        return self.leave(visit, result)

    def _sources(self, visit: Visit) -> Sources:
        sources = visit.sources()
        return sources.of(self.flow.selected(sources))

    def item_selected(self, visit: Visit, index: int, item: Json, keyed: bool = False) -> Json:
        """What ItemSelector makes of an item; `keyed` is one with the Key and Value of an object's member."""
        if self.item_selector is None:
            return item
        sources = visit.item_sources(index, item["Value"], item["Key"]) if keyed else visit.item_sources(index, item)
        return render(self.item_selector, sources.of(self.flow.selected(sources)))

    def iterated(self, sources: Sources) -> Json:
        """What is iterated over: an array, or an object where that can be."""
        if self.items is not None:
            found = self.items.expect("array", scope_of(sources), None if self.distributed is None else "object")
        elif isinstance(self.flow, JsonataFlow):
            found = sources.input
        else:
            return self._items_at_path(sources)
        if not self._iterates(found):
            raise EvaluationFailure("Items", f"Map state input must be an array but was: {write_json_text(found)}")
        return found

    def _items_at_path(self, sources: Sources) -> Json:
        text = "$" if self.items_path is None else self.items_path.text
        try:
            items = sources.input if self.items_path is None else self.items_path.read(sources)
        except NoValue:
            items = None
        if not self._iterates(items):
            # AWS shows a path into the context object as the path that is read there.
            shown = text.removeprefix("$") if text.startswith("$$") else text
            raise StateFailure(RUNTIME, f'Reference path "{shown}" must point to array.')
        return items

    def _iterates(self, found: Json) -> bool:
        return is_array(found) or (self.distributed is not None and is_object(found))

    def picked(self, visit: Visit, read: Json) -> Json:
        """What ItemsPath picks out of what the reader brought; one that leads nowhere is passed over, as AWS does."""
        if self.items_path is not None:
            try:
                picked = self.items_path.read(visit.sources().of(read))
            except NoValue:
                picked = None
            if is_array(picked):
                return picked
        return read


def _run_failed(visit: Visit, error: str, cause: str) -> Broken:
    """The run's end when its items cannot be read or its results not be written; the state may be retried."""
    visit.write(_RUN_FAILED, error, cause)
    return Broken(StateFailure(error, cause), inside=True)


def _items(fields: Fields, distributed: bool) -> JsonataTemplate | None:
    """An expression, or an array with expressions in it; a distributed Map takes an object as well."""
    if fields.language != JSONATA:
        return None
    if distributed and is_object(fields.raw.get("Items")):
        return fields.jsonata("Items")
    if not fields.holds_expression("Items") and fields.array("Items", may_be_empty=True) is None:
        return None
    return fields.jsonata("Items")


def _scope(name: str) -> str:
    # With brackets, as a branch of a Parallel: a state may be called as any name with an index, or have no name at all.
    return f"{name}[]"


def _is_distributed(processor: Fields) -> bool:
    raw = processor.object("ProcessorConfig")
    if raw is None:
        return False
    config = processor.inside(raw, processor.at("ProcessorConfig"))
    config.refuse_unknown(("Mode", "ExecutionType"))
    config.choice("ExecutionType", ("STANDARD", "EXPRESS"))
    distributed = config.choice("Mode", ("INLINE", "DISTRIBUTED")) == "DISTRIBUTED"
    if distributed:
        config.require("ExecutionType")
    return distributed
