"""The results of a map run: the file of them, and the manifest that points at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from statebox.asl.jsontext import Json, is_array, write_json, write_json_text
from statebox.files.folder import Folder
from statebox.files.requests import Writing


def write_results(folder: Folder, writing: Writing, most_bytes: int) -> Json:
    """Write them, and return what the Map goes on with: {"MapRunArn", "ResultWriterDetails": {"Bucket", "Key"}}.

    The manifest comes last: where it is, everything is. A second call for the same run writes the same once more.
    Raises FileTrouble.
    """
    place = "/".join(part for part in (*writing.path.split("/"), str(writing.run_id)) if part not in ("", "."))
    # An absolute path is to be refused as it was given, not made relative by the way.
    place = f"/{place}" if writing.path.startswith("/") else place
    succeeded: list[Json] = []
    if writing.results:
        key = f"{place}/SUCCEEDED_0.{writing.type.lower()}"
        pieces = _as_lines if writing.type == "JSONL" else _as_array
        size = folder.write(key, pieces(_transformed(writing.results, writing.transformation)), most_bytes)
        succeeded.append({"Key": key, "Size": size})
    manifest: Json = {
        "DestinationBucket": folder.name,
        "MapRunArn": writing.map_run,
        "ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": succeeded},
    }
    key = f"{place}/manifest.json"
    folder.write(key, [write_json(manifest)], most_bytes)
    return {"MapRunArn": writing.map_run, "ResultWriterDetails": {"Bucket": folder.name, "Key": key}}


def _transformed(results: Sequence[Json], transformation: str) -> Iterator[Json]:
    """COMPACT: the outputs; FLATTEN: the members of outputs that are arrays; NONE: records as Step Functions writes."""
    for result in results:
        if transformation == "NONE":
            yield {
                "Output": write_json_text(result),
                "OutputDetails": {"Included": True},
                "Status": "SUCCEEDED",
            }
        elif transformation == "FLATTEN" and is_array(result):
            yield from result
        else:
            yield result


def _as_array(values: Iterable[Json]) -> Iterator[bytes]:
    before = b"["
    for value in values:
        yield before + write_json(value)
        before = b","
    yield b"]" if before == b"," else b"[]"


def _as_lines(values: Iterable[Json]) -> Iterator[bytes]:
    for value in values:
        yield write_json(value) + b"\n"
