"""The program of a worker process: reads pickled Work on its standard input and writes the answers to its output.

`python -m statebox.engine.worker_main FD BYTES`: FD is the shared memory for the progress, BYTES the most memory that
the process may have. It ends with its input, and at once when it has no memory left.
"""

from __future__ import annotations

import mmap
import pickle
import resource
import sys
from typing import BinaryIO, Final

from statebox.asl.definition import StateMachine
from statebox.asl.inspection.attempt import attempt
from statebox.asl.inspection.setting import TrialRefused
from statebox.asl.interpreter import Step, advance, joined
from statebox.asl.lines import BranchesNeeded
from statebox.engine.apimodels import api_models
from statebox.engine.errors import InvalidDefinition
from statebox.engine.machines import Machines
from statebox.engine.work import (
    LENGTH,
    PROGRESS,
    Answer,
    Check,
    Declined,
    Done,
    Faulty,
    Incomplete,
    Refused,
    Request,
    Tried,
    Try,
    Valid,
    Work,
    packed,
    without_unchanged,
)

# Fewer than a daemon keeps: each process has a copy, and what they take is missing for evaluations.
_KEPT: Final = 32
_KEPT_CHARACTERS: Final = 512 << 10


def main() -> None:
    """Work until there is no more."""
    memory, most_bytes = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    progress = mmap.mmap(memory, PROGRESS.size)
    machines = Machines(kept=_KEPT, kept_characters=_KEPT_CHARACTERS)
    try:
        while (work := _read(sys.stdin.buffer)) is not None:
            sys.stdout.buffer.write(packed(_answer(work, machines, progress)))
            sys.stdout.buffer.flush()
            del work
    except MemoryError:
        sys.exit(1)


def _read(stream: BinaryIO) -> Request | None:
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    # What comes in is from the parent process alone.
    return pickle.loads(stream.read(LENGTH.unpack(header)[0]))  # noqa: S301


def _answer(work: Request, machines: Machines, progress: mmap.mmap) -> Answer:
    try:
        if isinstance(work, Check):
            # From here on the time counts.
            PROGRESS.pack_into(progress, 0, 0, 1)
            machines.machine(work.definition)
            return Valid()
        if isinstance(work, Try):
            return _try(work, progress)
        step = _fold(work, machines.machine(work.definition), progress)
    except BranchesNeeded as needed:
        return Incomplete(needed.parent)
    except InvalidDefinition as invalid:
        return Refused(invalid.message, invalid.details.get("problems"))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and asks for something else next time
        return Faulty(repr(error))
    return Done(without_unchanged(step), step.execution is work.execution)


def _try(work: Try, progress: mmap.mmap) -> Answer:
    models = api_models()
    PROGRESS.pack_into(progress, 0, 0, 1)
    try:
        return Tried(
            attempt(work.asked, models, work.place, work.moment, work.answer, limits=work.limits, aborted=work.aborted)
        )
    except TrialRefused as refused:
        return Declined(refused.code, refused.message, refused.problems)


def _fold(work: Work, machine: StateMachine, progress: mmap.mmap) -> Step:
    steps = [Step(work.execution)]
    for place, (event, moment) in enumerate(work.events):

        def watch(evaluation: int, place: int = place) -> None:
            PROGRESS.pack_into(progress, 0, place, evaluation)

        steps.append(advance(machine, steps[-1].execution, event, moment, work.limits, watch=watch))
    return joined(steps)


if __name__ == "__main__":
    main()
