"""A daemon, and boto3 as its client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from statebox.embedded import EmbeddedValkey
from tests.aws.calling import Caller
from tests.aws.sfn import PASS, Sfn
from tests.http.site import Site, open_site


@pytest_asyncio.fixture
async def site(valkey: EmbeddedValkey, tmp_path: Path) -> AsyncIterator[Site]:
    """A daemon with one machine, `local`, in its folder."""
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / "local.json").write_text(PASS)
    async with open_site(valkey, tmp_path, machines=tmp_path / "machines") as site:
        yield site


@pytest_asyncio.fixture
async def other(valkey: EmbeddedValkey, tmp_path: Path, site: Site) -> AsyncIterator[Site]:
    """Another daemon on the same Redis, with no folder of machines."""
    async with open_site(valkey, tmp_path, name="other") as other:
        yield other


@pytest_asyncio.fixture
async def sfn(site: Site) -> Sfn:
    """boto3's client of the first daemon."""
    return Sfn(site.daemon.url)


@pytest_asyncio.fixture
async def call(site: Site) -> Caller:
    """The same, with what tests of executions need."""
    return Caller(site)
