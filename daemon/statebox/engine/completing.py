"""Completing: load what is still missing of an execution that was loaded in part."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from statebox.asl.branches import changed
from statebox.asl.execution import ELSEWHERE, ROOT, Branch, Execution
from statebox.engine.holding import Holding
from statebox.engine.ports import Store


async def with_ways(store: Store, holding: Holding, execution: Execution, missing: Collection[str]) -> Execution:
    """With these branches, as far as they are there, and those above them."""
    loaded = await holding.patiently(lambda: store.ways(execution.id, missing))
    return _with(execution, {id: branch for id, branch in loaded.items() if id not in execution.branches})


async def with_data(store: Store, holding: Holding, execution: Execution, id: str) -> Execution:
    """With its input and the data of one branch."""
    input, branch = await holding.patiently(lambda: store.data(execution.id, id))
    execution = msgspec.structs.replace(execution, input=input)
    return execution if branch is None else _with(execution, {id: branch})


async def with_all_below(store: Store, holding: Holding, execution: Execution, parent: str) -> Execution:
    """With all branches below one, and with the data of all that are there then."""
    loaded = await holding.patiently(lambda: store.branches(execution.id, parent))
    known = {id: branch for id, branch in execution.branches.items() if branch.data is not ELSEWHERE}
    left = [id for id in execution.branches if id not in loaded and id not in known]
    execution = msgspec.structs.replace(
        execution,
        branches={**{id: execution.branches[id] for id in left}, **loaded, **known},
        whole=execution.whole or parent == ROOT,
    )
    for id in left or ([ROOT] if execution.input is ELSEWHERE else []):
        execution = await with_data(store, holding, execution, id)
    return execution


def _with(execution: Execution, loaded: Mapping[str, Branch]) -> Execution:
    return msgspec.structs.replace(execution, branches=changed(execution.branches, loaded, ()))
