"""What a distributed Map asks for: the arguments of its reader and of its writer, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

from statebox.asl.data.csvtext import DELIMITERS
from statebox.asl.jsontext import Json, is_array, is_object
from statebox.asl.states.results import TRANSFORMATIONS, transformed
from statebox.files.errors import FileTrouble

_SCHEME: Final = "file:"
_TYPES: Final = ("JSON", "JSONL", "CSV")
_ENDINGS: Final = {".json": "JSON", ".jsonl": "JSONL", ".ndjson": "JSONL", ".csv": "CSV"}
# What Step Functions reads of a data set at most, whatever MaxItems says.
_MOST_ITEMS: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """How a CSV file is to be read. `headers` None: they stand in its first row."""

    headers: tuple[str, ...] | None = None
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Items to read: at most `most_items` of them. `pointer` is the JSON Pointer of where in a JSON file they are."""

    path: str
    type: str
    csv: CsvLayout
    pointer: str
    most_items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Results to write, below `path` in a folder named after the map run: `succeeded` and `failed` in a file each.

    None: nothing did, and there is no file.
    """

    path: str
    map_run: str
    run_id: UUID
    type: str
    succeeded: Sequence[Json] | None
    failed: Sequence[Json] | None


def read_reading(arguments: Json) -> Reading:
    """Read {"Resource", "Parameters", "Config", "MaxItems"}, where 0 items mean all. Raises FileTrouble."""
    path = _path(arguments, "ItemReader")
    config = _object(arguments, "Config")
    type = config.get("InputType") or _ENDINGS.get(PurePosixPath(path).suffix.lower())
    if type is None:
        raise FileTrouble(f"the name of {path} does not tell what it holds: set InputType to JSON, JSONL or CSV")
    if config.get("Transformation", "NONE") != "NONE":
        raise FileTrouble(f"the Transformation {config['Transformation']} of an ItemReader is not supported for files")
    most_items: Json = arguments.get("MaxItems", 0)
    if not isinstance(most_items, (int, float)) or most_items < 0:
        raise FileTrouble("field MaxItems must be positive")
    return Reading(
        path=path,
        type=_one_of(type, "InputType", _TYPES),
        csv=_layout(config) if type == "CSV" else CsvLayout(),
        pointer=_pointer(config, type),
        most_items=min(int(most_items), _MOST_ITEMS) or _MOST_ITEMS,
    )


def read_writing(arguments: Json) -> Writing:
    """Read {"Resource", "Parameters", "Config", "MapRunArn", "Results", "Records"}. Raises FileTrouble.

    Results are the outputs of what succeeded; Records describe what failed, and with the Transformation NONE the rest.
    """
    path = _path(arguments, "ResultWriter")
    config = _object(arguments, "Config")
    map_run: Json = arguments.get("MapRunArn")
    results: Json = arguments.get("Results")
    records: Json = arguments.get("Records", [])
    try:
        run_id = UUID(str(map_run).rpartition(":")[2])
    except ValueError:
        raise FileTrouble(f"{map_run} is not the ARN of a map run") from None
    if not is_array(results) or not is_array(records):
        raise FileTrouble("the results are not an array")
    transformation = _one_of(config.get("Transformation", "NONE"), "Transformation", TRANSFORMATIONS)
    if transformation == "NONE":
        succeeded = [record for record in records if record.get("Status") == "SUCCEEDED"]
    else:
        succeeded = list(transformed(results, transformation))
    return Writing(
        path=path,
        map_run=map_run,
        run_id=run_id,
        type=_one_of(config.get("OutputType", "JSON"), "OutputType", ("JSON", "JSONL")),
        succeeded=succeeded if results else None,
        failed=[record for record in records if record.get("Status") != "SUCCEEDED"] or None,
    )


def _path(arguments: Json, field: str) -> str:
    """The path that the resource, or the parameter Path beside it, names."""
    resource: Json = arguments.get("Resource")
    if not isinstance(resource, str) or not resource.startswith(_SCHEME):
        raise FileTrouble(
            f"the Resource {resource} of the {field} is not supported: it can be 'file:<path>', or 'file:' with the"
            " path in the parameter Path, relative to the folder for files"
        )
    named = resource.removeprefix(_SCHEME)
    parameters = _object(arguments, "Parameters")
    unknown = [name for name in parameters if name != "Path"]
    if unknown:
        raise FileTrouble(f"the {field} of a file has the parameter Path and no other, but was given {unknown[0]}")
    if named and parameters:
        raise FileTrouble(f"the {field} names its file twice: in its Resource {resource} and in the parameter Path")
    path: Json = parameters.get("Path", named)
    if not isinstance(path, str) or not path:
        raise FileTrouble(f"the {field} names no file: give 'file:<path>', or a text as the parameter Path")
    return path


def _layout(config: Mapping[str, Json]) -> CsvLayout:
    headers: Json = config.get("CSVHeaders")
    # Without a word about it, headers that are given are meant to be used.
    location = config.get("CSVHeaderLocation", "FIRST_ROW" if headers is None else "GIVEN")
    delimiter = DELIMITERS[_one_of(config.get("CSVDelimiter", "COMMA"), "CSVDelimiter", tuple(DELIMITERS))]
    if _one_of(location, "CSVHeaderLocation", ("FIRST_ROW", "GIVEN")) == "FIRST_ROW":
        return CsvLayout(delimiter=delimiter)
    if not is_array(headers) or not headers or not all(isinstance(header, str) for header in headers):
        raise FileTrouble("CSVHeaders must be an array of texts when CSVHeaderLocation is GIVEN")
    return CsvLayout(headers=tuple(headers), delimiter=delimiter)


def _pointer(config: Mapping[str, Json], type: str) -> str:
    pointer: Json = config.get("ItemsPointer", "")
    if pointer and type != "JSON":
        raise FileTrouble("ItemsPointer is for the InputType JSON only")
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise FileTrouble("ItemsPointer must be a JSON Pointer, such as /orders/items")
    return pointer


def _object(arguments: Json, name: str) -> Mapping[str, Json]:
    value: Json = arguments.get(name) or {}
    if not is_object(value):
        raise FileTrouble(f"{name} must be an object")
    return value


def _one_of(value: Json, name: str, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise FileTrouble(f"the {name} {value} is not supported for files: it can be {', '.join(known)}")
    return value
