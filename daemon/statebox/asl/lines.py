"""Lines: branches opened for work. A step edits lines and closes them into new branches at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from statebox.asl.branches import changed
from statebox.asl.execution import ELSEWHERE, ROOT, AnyWaiting, Branch, OnChildren
from statebox.asl.jsontext import Json


class BranchesNeeded(Exception):
    """The execution was loaded in part, and the step needs all branches below `parent` as well."""

    def __init__(self, parent: str) -> None:
        super().__init__(parent)
        self.parent = parent


class DataNeeded(BranchesNeeded):
    """What a branch works on was not loaded with it, nor was the execution's input, and the step needs it."""

    def __init__(self, branch: str) -> None:
        super().__init__(ROOT)
        self.branch = branch


class Line:
    """A branch that can be edited."""

    __slots__ = (
        "_data",
        "arguments",
        "came_from",
        "entered",
        "entered_ms",
        "id",
        "index",
        "items",
        "last",
        "parent",
        "retried",
        "scope",
        "state",
        "variables",
        "waiting",
    )

    def __init__(self, branch: Branch) -> None:
        self.id = branch.id
        # The branch that waits for this one.
        self.parent = branch.parent
        self.scope = branch.scope
        self.state = branch.state
        self._data = branch.data
        self.entered_ms = branch.entered_ms
        self.entered = branch.entered
        self.last = branch.last
        # The event before the state's Entered, while that is part of the step.
        self.came_from = branch.entered
        self.retried = branch.retried
        self.waiting: AnyWaiting | None = branch.waiting
        self.index = branch.index
        self.variables = branch.variables
        self.arguments = branch.arguments
        self.items = branch.items

    def close(self) -> Branch:
        """The branch that the line has become."""
        return Branch(
            self.id,
            self.scope,
            self.state,
            self._data,
            self.entered_ms,
            self.entered,
            self.last,
            self.retried,
            self.waiting,
            self.index,
            self.variables,
            self.arguments,
            self.items,
        )

    @property
    def data(self) -> Json:
        """The raw input of its state. Raises DataNeeded when it was not loaded."""
        if self._data is ELSEWHERE:
            raise DataNeeded(self.id)
        return self._data

    @data.setter
    def data(self, data: Json) -> None:
        self._data = data

    @property
    def given(self) -> Json:
        """What the work of its state was given: the evaluated arguments, or the state's input itself."""
        return self.data if self.arguments is msgspec.UNSET else self.arguments


class Lines:
    """All branches of an execution, those under work as lines."""

    def __init__(self, branches: Mapping[str, Branch], whole: bool) -> None:
        self._before = branches
        self._whole = whole
        self._open: dict[str, Line] = {}
        self._gone: set[str] = set()
        # What a failure on its way up has cut off; None stands for a branch that is as it was before.
        self._wreck: dict[str, Line | None] = {}

    def open(self, id: str) -> Line | None:
        """The line of a branch; None when the branch is over (or was not loaded)."""
        line = self._open.get(id)
        if line is None and id not in self._gone and id in self._before:
            line = self._open[id] = Line(self._before[id])
        return line

    def look(self, id: str) -> Line | Branch | None:
        """A branch as it is now, for looking only: what is opened is written."""
        return self._open.get(id) or (None if id in self._gone else self._before.get(id))

    def add(self, branch: Branch) -> Line:
        """Begin a branch."""
        line = self._open[branch.id] = Line(branch)
        return line

    def children(self, parent: str, begun: int) -> list[Line]:
        """All branches right below `parent`, in order. Raises BranchesNeeded when not all of them are loaded."""
        found = [line for line in (self.open(f"{parent}.{index}") for index in range(begun)) if line is not None]
        if not self._whole:
            if len(found) < begun:
                raise BranchesNeeded(parent)
            self._require_data(parent)
        return found

    def require_all(self, parent: str, begun: int) -> None:
        """Raise BranchesNeeded unless all branches right below `parent` are loaded."""
        if not self._whole and any(self.look(f"{parent}.{index}") is None for index in range(begun)):
            raise BranchesNeeded(parent)

    def require_whole(self, root: str) -> None:
        """Raise BranchesNeeded unless all branches are loaded."""
        if not self._whole:
            raise BranchesNeeded(root)

    def variables_below(self, parent: str) -> Iterator[Mapping[str, Json]]:
        """The variables of all branches below `parent`."""
        for id in self._below(parent):
            line = self._open.get(id)
            yield self._before[id].variables if line is None else line.variables

    def remove_below(self, parent: str, failed: bool = False) -> None:
        """Forget all branches below `parent`, which must still be waiting for them.

        Where that is because one of them has failed, they come back should the failure end the execution.
        """
        for id in self._below(parent):
            line = self._open.pop(id, None)
            if failed:
                self._wreck[id] = line
            if id in self._before:
                self._gone.add(id)

    def forget_wreck(self) -> None:
        """The failure was met: what it had cut off is over."""
        self._wreck.clear()

    def restore_wreck(self) -> None:
        """The failure ends the execution: what it had cut off is there again, as it was then."""
        for id, line in self._wreck.items():
            self._gone.discard(id)
            if line is not None:
                self._open[id] = line

    def before(self) -> Iterator[Branch]:
        """The branches as they were before the step, for looking through them."""
        yield from self._before.values()

    def close(self) -> Closed:
        """The branches as they are now; those that were not opened are the very same objects."""
        written = {id: line.close() for id, line in self._open.items()}
        removed = frozenset(self._gone - written.keys())
        if not written and not removed:
            return Closed(self._before)
        return Closed(
            branches=changed(self._before, written, removed),
            changed=frozenset(written),
            reloaded=frozenset(id for id, branch in written.items() if _has_new_data(self._before.get(id), branch)),
            removed=removed,
        )

    def _require_data(self, id: str) -> None:
        """Raise DataNeeded unless it is there: a fork that is over goes on with its own data or is tried again."""
        branch = self._before.get(id)
        if id not in self._open and branch is not None and branch.data is ELSEWHERE:
            raise DataNeeded(id)

    def _below(self, parent: str) -> list[str]:
        """What there is below a branch; found by what it waits for, as looking through all costs each join all."""
        fork = self._open.get(parent) or self._before.get(parent)
        if fork is None or not isinstance(fork.waiting, OnChildren):
            return []
        found: list[str] = []
        for index in range(fork.waiting.begun):
            id = f"{parent}.{index}"
            if id in self._open or (id in self._before and id not in self._gone):
                found += (id, *self._below(id))
        return found


class Closed(msgspec.Struct, frozen=True):
    """All branches after a step, and what it did to them: see interpreter.Step."""

    branches: Mapping[str, Branch]
    changed: frozenset[str] = frozenset()
    reloaded: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def _has_new_data(old: Branch | None, new: Branch) -> bool:
    return old is None or old.data is not new.data or old.arguments is not new.arguments or old.items is not new.items
