"""Branches as a mapping that is never changed: the next one shares what did not change with the one before it.

A Map over 10,000 items takes more than 10,000 steps, and copying 10,000 branches in each would make every item dearer
the more there are. So a large mapping is a base and a few changes; when the changes have become many, they are merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, TypeVar, overload

from statebox.asl.execution import Branch

# Up to here a dict is copied faster than anything cleverer.
_SMALL: Final = 128

_T = TypeVar("_T")


class Branches(Mapping[str, Branch]):
    """Many branches: those of a base, but for the changes (None: it is over)."""

    __slots__ = ("_base", "_changes", "_size")

    def __init__(self, base: Mapping[str, Branch], changes: Mapping[str, Branch | None], size: int) -> None:
        self._base = base
        self._changes = changes
        self._size = size

    def __getitem__(self, id: str) -> Branch:
        branch = self.get(id)
        if branch is None:
            raise KeyError(id)
        return branch

    @overload
    def get(self, key: str, /) -> Branch | None: ...
    @overload
    def get(self, key: str, /, default: Branch | _T) -> Branch | _T: ...
    def get(self, key: str, /, default: Branch | _T | None = None) -> Branch | _T | None:
        """The branch, or the default where there is none."""
        branch = self._changes[key] if key in self._changes else self._base.get(key)
        return default if branch is None else branch

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self.get(id) is not None

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        for id in self._base:
            if id not in self._changes or self._changes[id] is not None:
                yield id
        for id, branch in self._changes.items():
            if branch is not None and id not in self._base:
                yield id

    def __reduce__(self) -> tuple[type[dict[str, Branch]], tuple[dict[str, Branch]]]:
        return dict, (dict(self),)

    def __repr__(self) -> str:
        return f"Branches({dict(self)!r})"

    def changed(self, written: Mapping[str, Branch], removed: Collection[str]) -> Mapping[str, Branch]:
        """These with some written and others, which must be there, removed."""
        changes = {**self._changes, **dict.fromkeys(removed), **written}
        size = self._size - len(removed) + sum(id not in self for id in written)
        if len(changes) ** 2 <= 4 * len(self._base):
            return Branches(self._base, changes, size)
        # By now copying the changes again and again costs what copying all of them once does.
        merged = dict(self._base)
        for id, branch in changes.items():
            if branch is not None:
                merged[id] = branch
            else:
                merged.pop(id, None)
        return merged


def changed(
    before: Mapping[str, Branch], written: Mapping[str, Branch], removed: Collection[str]
) -> Mapping[str, Branch]:
    """The branches with some written and others, which must be there and are not among those written, removed."""
    if isinstance(before, Branches):
        return before.changed(written, removed)
    if len(before) > _SMALL:
        return Branches(before, {}, len(before)).changed(written, removed)
    after = {id: branch for id, branch in before.items() if id not in removed} if removed else dict(before)
    after.update(written)
    return after
