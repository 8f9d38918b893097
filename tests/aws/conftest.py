"""A daemon, and AWS's client for Python."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from statebox.embedded import EmbeddedValkey
from tests.aws.calling import Caller
from tests.http.site import open_site


@pytest_asyncio.fixture
async def call(valkey: EmbeddedValkey, tmp_path: Path):
    """Calls operations."""
    async with open_site(valkey, tmp_path) as site:
        yield Caller(site)
