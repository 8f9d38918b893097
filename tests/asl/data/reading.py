"""What tests of the data layer read from: sources made of plain values."""

from __future__ import annotations

from collections.abc import Mapping

from statebox.asl.data.jsonpath import parse_path
from statebox.asl.data.sources import Sources
from statebox.asl.jsontext import Json
from statebox.asl.moment import Dice

ENTROPY = b"sixteen bytes or more"

STORE: Json = {
    "store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553", "price": 8.99},
            {"category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord", "isbn": "0-395", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 19.95},
    },
    "expensive": 10,
}


def sources(input: Json = None, *, context: Json = None, variables: Mapping[str, Json] | None = None) -> Sources:
    """Sources with these values behind `$`, `$$` and `$name`."""
    return Sources(input, lambda: context, variables or {}, 0, Dice(ENTROPY))


def read(path: str, input: Json, *, context: Json = None, variables: Mapping[str, Json] | None = None) -> Json:
    """What a path gives."""
    return parse_path(path).read(sources(input, context=context, variables=variables))
