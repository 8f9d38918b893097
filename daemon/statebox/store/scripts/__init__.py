"""The Lua scripts: one file per change of state, put together from its parts, and the hash by which Redis knows it."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

import msgspec

_INCLUDE: Final = re.compile(r"^--!include (\S+)$", re.MULTILINE)


class Script(msgspec.Struct, frozen=True):
    """One script: its name, its text with all parts in place, and the sha1 (hex) that EVALSHA takes."""

    name: str
    text: str
    sha: str


@cache
def script(name: str, *, in_cluster: bool = False) -> Script:
    """The script of that name; in a cluster it makes sure first that its slot is here as a whole.

    Raises FileNotFoundError when there is none.
    """
    folder = files(__name__)

    def read(path: str) -> str:
        return folder.joinpath(path).read_text("utf-8")

    text = _INCLUDE.sub(lambda found: read(found[1]), read(f"{name}.lua"))
    if in_cluster:
        text = read("cluster/whole_slot.lua") + text
    # Redis names scripts by sha1; nothing is kept secret by it.
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())
