"""Waiting for something to become true, as a test may: with an end, and with words for what did not happen."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

_POLL_SECONDS = 0.005


async def wait_until(predicate: Callable[[], bool | Awaitable[bool]], what: str, *, seconds: float = 10.0) -> None:
    """Ask again and again until the predicate holds; fail the test when it does not within `seconds`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if loop.time() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        await asyncio.sleep(_POLL_SECONDS)
