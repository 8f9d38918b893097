"""The results of a map run: the files of them, and the manifest that points at them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from statebox.asl.jsontext import Json, write_json
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
    written = {
        kind: _write(folder, f"{place}/{kind}_0", writing.type, values, most_bytes)
        for kind, values in (("FAILED", writing.failed), ("PENDING", None), ("SUCCEEDED", writing.succeeded))
    }
    manifest: Json = {"DestinationBucket": folder.name, "MapRunArn": writing.map_run, "ResultFiles": written}
    key = f"{place}/manifest.json"
    folder.write(key, [write_json(manifest)], most_bytes)
    return {"MapRunArn": writing.map_run, "ResultWriterDetails": {"Bucket": folder.name, "Key": key}}


def _write(folder: Folder, name: str, type: str, values: Sequence[Json] | None, most_bytes: int) -> list[Json]:
    """The files written, as the manifest names them: none where there is nothing to write."""
    if values is None:
        return []
    key = f"{name}.{type.lower()}"
    pieces = _as_lines if type == "JSONL" else _as_array
    return [{"Key": key, "Size": folder.write(key, pieces(values), most_bytes)}]


def _as_array(values: Iterable[Json]) -> Iterator[bytes]:
    before = b"["
    for value in values:
        yield before + write_json(value)
        before = b","
    yield b"]" if before == b"," else b"[]"


def _as_lines(values: Iterable[Json]) -> Iterator[bytes]:
    for value in values:
        yield write_json(value) + b"\n"
