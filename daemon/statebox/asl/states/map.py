"""Map: walk the item processor once for each item, and go on with the array of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import msgspec

from statebox.asl.data.flow import read_or_fail
from statebox.asl.data.jsonpath import NoValue, Path
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.execution import OnChildren
from statebox.asl.fields import Fields
from statebox.asl.history import CODES
from statebox.asl.jsontext import Json, is_array, write_json_text
from statebox.asl.recovery import Catcher, Retrier, read_catch, read_retry
from statebox.asl.states.state import Await, ScopeReader, State, Transition, Visit

_STARTED: Final = CODES["MapStateStarted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(State):
    """An inline Map state; its item processor is the machine's scope of the state's own name."""

    type: ClassVar[str] = "Map"
    allowed: ClassVar[tuple[str, ...]] = (
        "Next",
        "End",
        "ItemProcessor",
        "Iterator",
        "ItemsPath",
        "ItemSelector",
        "Parameters",
        "MaxConcurrency",
        "MaxConcurrencyPath",
        "InputPath",
        "ResultSelector",
        "ResultPath",
        "OutputPath",
        "Assign",
        "Retry",
        "Catch",
    )

    items_path: Path | None = None
    item_selector: Template | None = None
    max_concurrency: int | Path = 0
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        processor = fields.only_one("ItemProcessor", "Iterator", required=True)
        if processor is not None and (raw := fields.object(processor)) is not None:
            inner = Fields(raw, fields.at(processor), fields.problems)
            _read_processor_config(inner)
            scopes.read_scope(name, inner)
        fields.only_one("ItemSelector", "Parameters")
        fields.only_one("MaxConcurrencyPath", "MaxConcurrency")
        selector = fields.template("ItemSelector") or fields.template("Parameters")
        common = cls.common(name, Fields(_without_parameters(fields), fields.location, fields.problems))
        path = fields.reference_path("MaxConcurrencyPath", ("input", "variable"))
        return cls(
            **common,
            items_path=fields.reference_path("ItemsPath", ("input", "context", "variable")),
            item_selector=selector,
            max_concurrency=fields.integer("MaxConcurrency", 0) or 0 if path is None else path,
            retry=read_retry(fields),
            catch=read_catch(fields),
        )

    @property
    def recovery(self) -> tuple[tuple[Retrier, ...], tuple[Catcher, ...]]:
        return self.retry, self.catch

    def enter(self, visit: Visit) -> Transition:
        sources = visit.sources()
        effective = self.flow.selected(sources)
        items = self._items(sources.of(effective))
        concurrency = self._concurrency(sources.of(effective))
        started = visit.write(_STARTED, len(items))
        return Await(
            OnChildren(started=started, total=len(items), concurrency=concurrency),
            items=msgspec.UNSET if items is visit.input else items,
        )

    def item_input(self, visit: Visit, index: int, items: Sequence[Json]) -> Json:
        """What an iteration starts with."""
        if self.item_selector is None:
            return items[index]
        sources = visit.item_sources(index, items[index])
        return self.item_selector.render(sources.of(self.flow.selected(sources)))

    def scope_of(self, index: int) -> str:
        """The scope that an iteration walks through."""
        return self.name

    def _items(self, sources: Sources) -> Sequence[Json]:
        text = "$" if self.items_path is None else self.items_path.text
        try:
            items = sources.input if self.items_path is None else self.items_path.read(sources)
        except NoValue:
            items = None
        if not is_array(items):
            raise StateFailure(RUNTIME, f'Reference path "{text}" must point to array.')
        return items

    def _concurrency(self, sources: Sources) -> int:
        path = self.max_concurrency
        if not isinstance(path, Path):
            return path
        value = read_or_fail(path, sources)
        if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            text = value if isinstance(value, str) else write_json_text(value)
            raise StateFailure(
                RUNTIME,
                f'The MaxConcurrencyPath field refers to value "{text}" which is not a valid integer: {path.text}',
            )
        if value < 0:
            raise StateFailure(RUNTIME, "MaxConcurrency cannot be negative.")
        return value


def _without_parameters(fields: Fields) -> dict[str, Json]:
    # A Map's Parameters is its item selector, under its older name; it is no template over the input.
    return {name: value for name, value in fields.raw.items() if name != "Parameters"}


def _read_processor_config(processor: Fields) -> None:
    raw = processor.object("ProcessorConfig")
    if raw is not None:
        config = Fields(raw, processor.at("ProcessorConfig"), processor.problems)
        config.refuse_unknown(("Mode", "ExecutionType"))
        config.choice("Mode", ("INLINE",))
