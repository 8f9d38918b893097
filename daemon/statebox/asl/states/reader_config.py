"""ReaderConfig: which fields of an ItemReader go together, as AWS checks it for the readers that it has."""

from __future__ import annotations

from typing import Final

from statebox.asl.fields import Fields
from statebox.asl.jsontext import is_object

_CSV: Final = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")
# What an InputType cannot have beside it.
_FOREIGN: Final[dict[str, tuple[str, ...]]] = {
    "JSON": (*_CSV, "ManifestType"),
    "JSONL": _CSV,
    "MANIFEST": _CSV,
    "PARQUET": _CSV,
}


def check_reader_config(map_fields: Fields) -> None:
    """Note what in a Map's ReaderConfig does not go together."""
    reader = map_fields.raw.get("ItemReader")
    config = reader.get("ReaderConfig") if is_object(reader) else None
    # Readers that are not AWS's find out by themselves what they are to read.
    if not is_object(reader) or not is_object(config) or not str(reader.get("Resource")).startswith("arn:"):
        return
    fields = map_fields.inside(config, f"{map_fields.at('ItemReader')}/ReaderConfig")
    match config.get("InputType"):
        case None:
            if config.get("Transformation") == "LOAD_AND_FLATTEN":
                fields.require("InputType")
        case "CSV":
            if fields.require("CSVHeaderLocation") and config["CSVHeaderLocation"] == "GIVEN":
                _require_headers(fields)
        case str(kind):
            for name in config:
                if name in _FOREIGN.get(kind, ()):
                    fields.problem(f"Field '{name}' is not supported")
        case _:
            pass
    pointer = fields.text("ItemsPointer")
    if pointer and not pointer.startswith("/") and config.get("InputType") == "JSON":
        fields.problem(
            f"Invalid input: JSON Pointer expression must start with '/': \"{pointer}\"", fields.at("ItemsPointer")
        )


def _require_headers(fields: Fields) -> None:
    if "CSVHeaders" not in fields:
        fields.problem("These fields are required: [CSVHeaders]")
