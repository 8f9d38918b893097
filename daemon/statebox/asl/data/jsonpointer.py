"""JSON Pointer (RFC 6901), with which an ItemsPointer says where in a document the items are."""

from __future__ import annotations

import re
from typing import Final

from statebox.asl.jsontext import Json, is_array, is_object

_INDEX: Final = re.compile(r"(0|[1-9][0-9]{0,17})\Z")


class PointsNowhere(LookupError):
    """There is nothing where it points."""


def pointed_at(value: Json, pointer: str) -> Json:
    """What a pointer leads to. Raises PointsNowhere."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if is_object(value) and name in value:
            value = value[name]
        elif is_array(value) and _INDEX.match(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            raise PointsNowhere(f"the ItemsPointer {pointer} leads to nothing")
    return value
