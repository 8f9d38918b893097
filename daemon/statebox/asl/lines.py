"""Lines: branches opened for work. A step edits lines and closes them into new branches at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from statebox.asl.execution import AnyWaiting, Branch
from statebox.asl.jsontext import Json


class BranchesNeeded(Exception):
    """The execution was loaded in part, and the step needs all branches below `parent` as well."""

    def __init__(self, parent: str) -> None:
        super().__init__(parent)
        self.parent = parent


class Line:
    """A branch that can be edited."""

    __slots__ = (
        "arguments",
        "came_from",
        "data",
        "entered",
        "entered_ms",
        "id",
        "index",
        "items",
        "last",
        "retried",
        "scope",
        "state",
        "variables",
        "waiting",
    )

    def __init__(self, branch: Branch) -> None:
        self.id = branch.id
        self.scope = branch.scope
        self.state = branch.state
        self.data = branch.data
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
            self.data,
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
    def parent(self) -> str | None:
        """The branch that waits for this one."""
        return self.id.rpartition(".")[0] or None

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

    def open(self, id: str) -> Line | None:
        """The line of a branch; None when the branch is over (or was not loaded)."""
        line = self._open.get(id)
        if line is None and id not in self._gone and id in self._before:
            line = self._open[id] = Line(self._before[id])
        return line

    def add(self, branch: Branch) -> Line:
        """Begin a branch."""
        line = self._open[branch.id] = Line(branch)
        return line

    def children(self, parent: str, begun: int) -> list[Line]:
        """All branches right below `parent`, in order. Raises BranchesNeeded when not all of them are loaded."""
        found = [line for line in (self.open(f"{parent}.{index}") for index in range(begun)) if line is not None]
        if len(found) < begun and not self._whole:
            raise BranchesNeeded(parent)
        return found

    def require_whole(self, root: str) -> None:
        """Raise BranchesNeeded unless all branches are loaded."""
        if not self._whole:
            raise BranchesNeeded(root)

    def remove_below(self, parent: str) -> None:
        """Forget all branches below `parent`."""
        prefix = f"{parent}."
        for id in [id for id in self._open if id.startswith(prefix)]:
            del self._open[id]
        self._gone.update(id for id in self._before if id.startswith(prefix))

    def before(self) -> Iterator[Branch]:
        """The branches as they were before the step, for looking through them."""
        yield from self._before.values()

    def close(self) -> Mapping[str, Branch]:
        """The branches as they are now; those that were not opened are the very same objects."""
        if not self._open and not self._gone:
            return self._before
        after = {id: branch for id, branch in self._before.items() if id not in self._gone}
        for id, line in self._open.items():
            after[id] = line.close()
        return after
