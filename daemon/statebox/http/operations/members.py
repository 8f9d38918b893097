"""What the members of operations' inputs may be, as AWS declares it; only the body bounds the size of payloads."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from statebox.asl.jsontext import InvalidJson, Json, read_json
from statebox.engine.errors import ServiceError

Arn = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Definition = Annotated[str, Meta(min_length=1)]
VersionDescription = Annotated[str, Meta(max_length=256)]
TaskToken = Annotated[str, Meta(min_length=1, max_length=2048)]
Error = Annotated[str, Meta(max_length=256)]
Cause = Annotated[str, Meta(max_length=32768)]
StatePath = Annotated[str, Meta(min_length=1, max_length=1024)]
PageSize = Annotated[int, Meta(ge=0, le=1000)]
PageToken = Annotated[str, Meta(min_length=1, max_length=3096)]
ClientToken = Annotated[str, Meta(min_length=1, max_length=64)]
IncludedData = Literal["ALL_DATA", "METADATA_ONLY"]


def page_size(max_results: int) -> int:
    """How much a page holds: 0, which is also what is not said, means 100."""
    return max_results or 100


def json_of(text: str, refused: type[ServiceError]) -> Json:
    """What a JSON text says. Raises `refused`."""
    try:
        return read_json(text)
    except InvalidJson as invalid:
        raise refused(f"It is not JSON: {invalid}") from None
