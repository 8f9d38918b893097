"""How long a command that runs things lives: until its work is done, or somebody tells it to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

import uvloop
from click.exceptions import Exit

from statebox.cli.failures import EX_INTERRUPTED, EX_TERMINATED

T = TypeVar("T")

_EXIT_CODES = {signal.SIGINT: EX_INTERRUPTED, signal.SIGTERM: EX_TERMINATED, signal.SIGHUP: EX_TERMINATED}


class Signalled(Exit):
    """The command was told to end, and has put everything away."""

    def __init__(self, signum: signal.Signals) -> None:
        super().__init__(_EXIT_CODES[signum])
        self.signum = signum


def run_to_its_end(work: Coroutine[object, object, T], *signums: signal.Signals) -> T:
    """Run to the end. The signals (SIGINT, SIGTERM, SIGHUP) cancel the work, which may put things away.

    A second one hurries that. Raises Signalled when the work ended for one of them.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_signalled(work, signums or tuple(_EXIT_CODES)))


async def _until_signalled(work: Coroutine[object, object, T], signums: Sequence[signal.Signals]) -> T:
    received: list[signal.Signals] = []
    task = asyncio.ensure_future(work)

    def end(signum: signal.Signals) -> None:
        received.append(signum)
        task.cancel()

    on_signals(end, *signums)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        raise Signalled(received[0]) from None


def on_signals(handle: Callable[[signal.Signals], None], *signums: signal.Signals) -> None:
    """Have signals handled by the running event loop."""
    loop = asyncio.get_running_loop()
    for signum in signums:
        loop.add_signal_handler(signum, handle, signum)
