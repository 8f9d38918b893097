"""Sources: the items in what an ItemReader is said to have found, as the text of the file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from statebox.asl.data.csvtext import DELIMITERS, InvalidCsv, read_records
from statebox.asl.data.jsonpointer import PointsNowhere, pointed_at
from statebox.asl.inspection.setting import TrialRefused, invalid
from statebox.asl.jsontext import InvalidJson, Json, is_array, is_object, read_json

_LINES: Final = ("JSONL", "NDJSON")


def items_in(text: str, config: Mapping[str, Json]) -> list[Json]:
    """The items that a reader with this ReaderConfig brings; JSON unless that says otherwise. Raises TrialRefused."""
    kind = config.get("InputType", "JSON")
    if kind == "CSV":
        return list(_rows(text, config))
    if kind in _LINES:
        return [_json(line) for line in text.split("\n") if line.strip()]
    try:
        read = pointed_at(_json(text), config.get("ItemsPointer", ""))
    except PointsNowhere as nowhere:
        raise _wrong(str(nowhere)) from None
    if is_object(read):
        return [{"Key": key, "Value": value} for key, value in read.items()]
    if not is_array(read):
        raise _wrong("it must be an array or an object")
    return read


def _rows(text: str, config: Mapping[str, Json]) -> Iterator[Json]:
    """A row each, as an object of texts; columns that are missing are empty."""
    given = config.get("CSVHeaders") if config.get("CSVHeaderLocation") == "GIVEN" else None
    records = read_records(text, DELIMITERS[config.get("CSVDelimiter", "COMMA")])
    try:
        headers: list[str] = given if is_array(given) else next(records, list[str]())
        if len(set(headers)) < len(headers):
            raise _wrong("CSV headers cannot contain duplicates.")
        empty = dict.fromkeys(headers, "")
        for record in records:
            yield empty | dict(zip(headers, record, strict=False))
    except InvalidCsv as broken:
        raise _wrong(str(broken)) from None


def _json(text: str) -> Json:
    try:
        return read_json(text)
    except InvalidJson as broken:
        raise _wrong(f"it must be valid JSON: {broken}") from None


def _wrong(why: str) -> TrialRefused:
    return invalid(f"Map item reader data cannot be read: {why}")
