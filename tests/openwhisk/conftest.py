"""What the tests of the bridge and of the host share: a scripted server, action hosts, clients and invokers."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent
from typing import TypeAlias

import pytest
import pytest_asyncio

from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.config import Basic, OpenWhiskConfig
from statebox.openwhisk.invoker import OpenWhiskInvoker
from statebox.openwhisk.local.host import ActionHost
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.patience import Patience
from tests.openwhisk.rest import Rest
from tests.openwhisk.scripted import Scripted, scripted_server
from tests.programs import need_program

# As patient as the real one, in a hundredth of the time.
HASTY = Patience(retries=3, retry_first_s=0.01, retry_cap_s=0.3, poll_first_s=0.005, poll_cap_s=0.02, poll_margin_s=0.2)

Connect: TypeAlias = Callable[..., Awaitable[OpenWhiskClient]]
StartHost: TypeAlias = Callable[..., Awaitable[ActionHost]]
Write: TypeAlias = Callable[[str, str], Path]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Scripted]:
    async with scripted_server() as running:
        yield running


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens clients: `await connect(config, in_flight=…)`."""
    async with AsyncExitStack() as stack:

        async def open(config: OpenWhiskConfig, **options: float) -> OpenWhiskClient:
            # The options are those of OpenWhiskClient, by name.
            client = OpenWhiskClient(config, **options)  # pyright: ignore[reportArgumentType]
            return await stack.enter_async_context(client)

        yield open


@pytest_asyncio.fixture
async def invoker(server: Scripted, connect: Connect) -> OpenWhiskInvoker:
    """An invoker for the scripted server."""
    return OpenWhiskInvoker(await connect(server.config), HASTY)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an action: `write("package/name.py", code)`."""

    def write_file(name: str, code: str) -> Path:
        file = tmp_path / "actions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(code))
        return file

    return write_file


@pytest_asyncio.fixture
async def start_host(tmp_path: Path) -> AsyncIterator[StartHost]:
    """Starts action hosts on the folder that `write` writes to: `await start_host(limits=…)`."""
    async with AsyncExitStack() as stack:

        async def start(limits: HostLimits | None = None, **options: Path | str | None) -> ActionHost:
            (tmp_path / "actions").mkdir(exist_ok=True)
            chosen: dict[str, Path | str | None] = {"folder": tmp_path / "actions", "node": None, **options}
            # The options are those of ActionHost, by name.
            host = ActionHost(limits=limits, **chosen)  # pyright: ignore[reportArgumentType]
            return await stack.enter_async_context(host)

        yield start


@pytest_asyncio.fixture
async def host(start_host: StartHost) -> ActionHost:
    """An action host for Python actions."""
    return await start_host()


@pytest_asyncio.fixture
async def node_host(start_host: StartHost) -> ActionHost:
    """An action host for Python and Node actions."""
    return await start_host(node=str(need_program("node")))


@pytest_asyncio.fixture
async def client(host: ActionHost, connect: Connect) -> OpenWhiskClient:
    """A client of `host`."""
    return await connect(config_of(host))


@pytest_asyncio.fixture
async def rest(host: ActionHost) -> AsyncIterator[Rest]:
    """Plain requests to `host`."""
    async with Rest(host) as rest:
        yield rest


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return cert, key


def config_of(host: ActionHost) -> OpenWhiskConfig:
    return OpenWhiskConfig(host=host.url, credentials=Basic(host.auth))
