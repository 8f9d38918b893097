"""The items in a file: what its JSON, JSON Lines or CSV text iterates over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from statebox.asl.data.csvtext import InvalidCsv, read_records
from statebox.asl.data.jsonpointer import PointsNowhere, pointed_at
from statebox.asl.jsontext import InvalidJson, Json, is_array, is_object, read_json
from statebox.files.errors import FileTrouble
from statebox.files.jsonpieces import read_json_by_pieces
from statebox.files.limits import FileLimits
from statebox.files.requests import CsvLayout, Reading


def read_items(content: bytes, reading: Reading, limits: FileLimits) -> list[Json]:
    """The items in the content of a file.

    Raises FileTrouble for what cannot be read, and when there are more items than the limits allow although the Map has
    not asked for fewer.
    """
    path = reading.path
    text = _decode(path, content)
    # Counted in strings as well: that is quick, and few texts have many there.
    if reading.type != "CSV" and text.count("[") + text.count("{") > limits.brackets:
        raise FileTrouble(f"{path} has more than the {limits.brackets} opening brackets that can be read")
    items: Iterable[Json]
    match reading.type:
        case "JSON":
            items = _members(path, text, reading.pointer)
        case "JSONL":
            items = _lines(path, text)
        case _:
            items = _rows(path, text, reading.csv, limits.cells)
    wanted = list(islice(items, min(reading.most_items, limits.items + 1)))
    if len(wanted) > limits.items:
        raise FileTrouble(f"{path} has more than the {limits.items} items that can be read")
    return wanted


def _decode(path: str, content: bytes) -> str:
    try:
        # Some programs put a byte order mark in front; it would become part of the first header.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileTrouble(f"{path}, line {line}: not UTF-8") from None


def _members(path: str, text: str, pointer: str) -> Iterable[Json]:
    try:
        value = read_json_by_pieces(text)
    except InvalidJson as error:
        raise FileTrouble(f"{path}: not JSON: {error}") from None
    try:
        value = pointed_at(value, pointer)
    except PointsNowhere as nowhere:
        raise FileTrouble(str(nowhere)) from None
    if is_array(value):
        return value
    if is_object(value):
        return ({"Key": key, "Value": member} for key, member in value.items())
    raise FileTrouble("Attempting to map over non-iterable node.")


def _lines(path: str, text: str) -> Iterator[Json]:
    # Only this ends a line: a JSON text may hold the other characters that Python takes for line ends.
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            yield read_json(line)
        except InvalidJson as error:
            # The parser was shown this line alone and takes it for the first.
            told = str(error).replace("at line 1 column", "at column")
            raise FileTrouble(f"{path}, line {number}: not JSON: {told}") from None


def _rows(path: str, text: str, layout: CsvLayout, most_cells: int) -> Iterator[Json]:
    records = read_records(text, layout.delimiter)
    try:
        headers = layout.headers or tuple(next(records, ()))
        if len(set(headers)) < len(headers):
            raise FileTrouble("CSV headers cannot contain duplicates.")
        empty = dict.fromkeys(headers, "")
        for number, fields in enumerate(records, 1):
            if number * len(headers) > most_cells:
                raise FileTrouble(f"{path} has more than the {most_cells} cells, rows times columns, that can be read")
            yield empty | dict(zip(headers, fields, strict=False))
    except InvalidCsv as error:
        raise FileTrouble(f"{path}, {error}") from None
