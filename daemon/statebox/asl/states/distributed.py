"""What a distributed Map has beside an inline one: a reader, batches, a writer, and failures that it can bear."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.payloads import render
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.fields import JSONATA, Fields
from statebox.asl.jsontext import Json, write_json
from statebox.asl.quantities import Quantity, read_quantity
from statebox.asl.states.reader_config import check_reader_config
from statebox.asl.states.results import TRANSFORMATIONS

_MOST_ITEMS: Final = 100_000_000
_LARGEST_BATCH_BYTES: Final = 262_144
_LONGEST_LABEL: Final = 40
_NOT_IN_LABELS: Final = re.compile(r'[\s?*<>{}\[\]:;,\\|^~$#%&`"\x00-\x1f\x7f-\x9f]')
_NOT_IN_DEFAULT_LABELS: Final = re.compile(r'[\s?*<>{}\[\]:;,\\|^~$#%&`"/\x00-\x1f\x7f-\x9f]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An ItemReader or a ResultWriter: a resource, its parameters, and how the data are written there.

    A writer without a resource gives the data their form and hands them on.
    """

    resource: str
    parameters: Template | JsonataTemplate | None
    config: Mapping[str, Json]
    most_items: Quantity | None = None

    def arguments(self, sources: Sources) -> dict[str, Json]:
        """What the resource is given."""
        parameters: Json = {} if self.parameters is None else render(self.parameters, sources)
        return {"Resource": self.resource, "Parameters": parameters, "Config": dict(self.config)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batcher:
    """An ItemBatcher."""

    items: Quantity | None
    bytes: Quantity | None
    input: Template | JsonataTemplate | None

    def batches(self, sources: Sources, items: Sequence[Json]) -> list[Json]:
        """The inputs of the children: {"BatchInput"?, "Items"}."""
        most = _or_infinity(self.items, sources)
        most_bytes = _or_infinity(self.bytes, sources)
        common: dict[str, Json] = {} if self.input is None else {"BatchInput": render(self.input, sources)}
        overhead = len(write_json({**common, "Items": []}))
        groups: list[list[Json]] = []
        size = math.inf
        for item in items:
            length = len(write_json(item)) + 1
            if not groups or len(groups[-1]) >= most or size + length > most_bytes:
                groups.append([])
                size = overhead
            groups[-1].append(item)
            size += length
        return [{**common, "Items": group} for group in groups]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributed:
    """The fields of a distributed Map."""

    label: str
    reader: Transfer | None
    batcher: Batcher | None
    writer: Transfer | None
    tolerated_count: Quantity | None
    tolerated_percentage: Quantity | None

    @classmethod
    def read(cls, name: str, fields: Fields) -> Self:
        """Read them."""
        check_reader_config(fields)
        return cls(
            label=_read_label(name, fields),
            reader=_read_transfer(fields, "ItemReader", "ReaderConfig"),
            batcher=_read_batcher(fields),
            writer=_read_transfer(fields, "ResultWriter", "WriterConfig"),
            tolerated_count=read_quantity(fields, "ToleratedFailureCount"),
            tolerated_percentage=read_quantity(fields, "ToleratedFailurePercentage", high=100, whole=False),
        )

    def bearable(self, sources: Sources) -> tuple[float | None, float | None]:
        """How many failures, and how many percent, it can bear; None where it does not say."""
        count = None if self.tolerated_count is None else self.tolerated_count.resolve(sources)
        percentage = None if self.tolerated_percentage is None else self.tolerated_percentage.resolve(sources)
        return count, percentage


def most_failures(bearable: tuple[float | None, float | None], total: int) -> int:
    """How many of `total` items may fail: no more than the count says, and than the percentage says."""
    count, percentage = bearable
    if count is None and percentage is None:
        return 0
    bounds = [total if count is None else int(count), total if percentage is None else int(total * percentage / 100)]
    return min(bounds)


def _or_infinity(quantity: Quantity | None, sources: Sources) -> float:
    found = None if quantity is None else quantity.resolve(sources)
    return math.inf if found is None else found


def _read_label(name: str, fields: Fields) -> str:
    label = fields.text("Label")
    if label is None:
        return _NOT_IN_DEFAULT_LABELS.sub("", name)[:_LONGEST_LABEL]
    if not label or len(label) > _LONGEST_LABEL or _NOT_IN_LABELS.search(label):
        fields.problem(
            f"Label must have 1 to {_LONGEST_LABEL} characters and none of blanks, "
            '? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` "',
            fields.at("Label"),
        )
    return label


def _read_transfer(fields: Fields, name: str, config: str) -> Transfer | None:
    raw = fields.object(name)
    if raw is None:
        return None
    inner = fields.inside(raw, fields.at(name))
    arguments, foreign = ("Arguments", "Parameters") if inner.language == JSONATA else ("Parameters", "Arguments")
    inner.refuse_unknown(("Resource", arguments, config), (foreign,))
    if name == "ItemReader" or config not in raw or any(field != config for field in raw):
        inner.require("Resource")
    raw_config = inner.object(config) or {}
    reader = fields.inside(raw_config, inner.at(config))
    if name == "ItemReader":
        reader.refuse_unknown(
            (
                "InputType",
                "CSVHeaderLocation",
                "CSVHeaders",
                "CSVDelimiter",
                "MaxItems",
                *_paths(fields, "MaxItemsPath"),
                "ItemsPointer",
                "Transformation",
                "ManifestType",
            ),
            ("MaxItemsPath",),
        )
        reader.choice("CSVDelimiter", ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"))
        reader.text("ItemsPointer")
        reader.choice("Transformation", ("NONE", "LOAD_AND_FLATTEN"))
        reader.choice("ManifestType", ("ATHENA_DATA", "S3_INVENTORY"))
        reader.choice("InputType", ("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"))
        reader.choice("CSVHeaderLocation", ("FIRST_ROW", "GIVEN"))
    else:
        reader.refuse_unknown(("Transformation", "OutputType"))
        reader.choice("Transformation", TRANSFORMATIONS)
        reader.choice("OutputType", ("JSON", "JSONL"))
    return Transfer(
        resource=inner.text("Resource") or "",
        parameters=inner.payload(arguments, f"{name}/{arguments}"),
        config={key: value for key, value in raw_config.items() if key not in ("MaxItems", "MaxItemsPath")},
        most_items=read_quantity(reader, "MaxItems", high=_MOST_ITEMS, inside=f"{name}/{config}/", negative=True),
    )


def _read_batcher(fields: Fields) -> Batcher | None:
    raw = fields.object("ItemBatcher")
    if raw is None:
        return None
    inner = fields.inside(raw, fields.at("ItemBatcher"))
    paths = ("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath")
    inner.refuse_unknown(
        ("MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput", *_paths(fields, *paths)),
        paths,
    )
    where = "ItemBatcher/"
    return Batcher(
        items=read_quantity(inner, "MaxItemsPerBatch", low=1, inside=where),
        bytes=read_quantity(inner, "MaxInputBytesPerBatch", low=1, high=_LARGEST_BATCH_BYTES, inside=where),
        input=inner.payload("BatchInput", f"{where}BatchInput"),
    )


def _paths(fields: Fields, *names: str) -> tuple[str, ...]:
    """Those names, which only JSONPath has."""
    return () if fields.language == JSONATA else names
