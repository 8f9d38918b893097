"""Sites for tests: one that needs no actions, and one with an action host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from statebox.embedded import EmbeddedValkey
from tests.http.site import Site, open_actions, open_site


@pytest_asyncio.fixture
async def site(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Site]:
    """A daemon without OpenWhisk."""
    async with open_site(valkey, tmp_path) as site:
        yield site


@pytest_asyncio.fixture
async def acting(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Site]:
    """A daemon with the actions increment, square, slow and broken; it waits for executions no longer than 1 s."""
    async with (
        open_actions(tmp_path / "actions") as actions,
        open_site(valkey, tmp_path, actions=actions, wait_seconds=1.0) as site,
    ):
        yield site
