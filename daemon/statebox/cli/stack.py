"""All that is needed on one machine, in this process: a Valkey of its own, the local action host, the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Self, TypeVar

import click

from statebox.cli.failures import Failure
from statebox.cli.troubles import explained
from statebox.config import Address, OpenWhiskConfig, Secret, load
from statebox.config.values import address
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.logs import set_up_logging
from statebox.openwhisk.local.host import ActionHost

T = TypeVar("T")

ANY_PORT = Address("127.0.0.1", 0)
DEMO_ACTIONS = Path("demo_actions")
# Nobody shares the Valkey with this daemon, so the name is its own: after a crash it goes on at once.
_NAME = "local"
# The host accepts the key for its own namespace only, whatever WHISK_NAMESPACE says.
_OWN_NAMESPACE = "_"


class LocalStack:
    """`async with LocalStack(...) as stack:` everything runs; it ends with the block, and with this process.

    `data` is the folder that keeps Valkey's data and the actions that clients put (None: temporary). `actions` is the
    folder of actions; without it tasks go to the OpenWhisk that the environment names. `flags` and `environment` are
    what the daemon is told beside that, as for `config.load`. Raises Failure.
    """

    def __init__(
        self,
        *,
        data: Path | None,
        actions: Path | None,
        actions_listen: Address = ANY_PORT,
        flags: Mapping[str, object],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._data = data
        self._actions = actions
        self._actions_listen = actions_listen
        self._flags = flags
        self._environment = environment or {}
        self._parts = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()

    async def _start(self) -> None:
        with explained():
            self.valkey = await self._parts.enter_async_context(EmbeddedValkey(self._data))
            told = {**self._flags, "redis.url": self.valkey.url, "daemon.name": _NAME}
            config = load(told, self._environment, default_file=Path(os.devnull))
        set_up_logging(config.log.level, config.log.format, os.environ)
        self.host = None
        if self._actions is not None:
            data = self._data and self._data / "actions"
            self.host = await start_action_host(
                self._parts, self._actions, self._actions_listen, data, "--actions-listen"
            )
            config = dataclasses.replace(config, openwhisk=_of_host(config.openwhisk, self.host))
        self.daemon = Daemon(config, home=Path.home())
        with explained(config.http.listen):
            await self._parts.enter_async_context(self.daemon)

    @property
    def endpoint(self) -> str:
        """Where the daemon listens, as URL."""
        return self.daemon.url

    async def unless_broken(self, work: Coroutine[object, object, T]) -> T:
        """Do the work. Raises Failure when Valkey ends meanwhile."""
        with explained():
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._broken())
                result = await work
                watch.cancel()
        return result

    async def _broken(self) -> None:
        status = await self.valkey.wait()
        raise Failure(f"the embedded Valkey ended with status {status}; its log:\n{self.valkey.log_tail()}")


async def start_action_host(
    parts: contextlib.AsyncExitStack, folder: Path | None, listen: Address, data: Path | None, option: str
) -> ActionHost:
    """Start a local action host that ends with `parts`. Raises Failure."""
    try:
        host = ActionHost(folder=folder, host=listen.host, port=listen.port, data=data)
    except ValueError as error:
        raise Failure(str(error)) from None
    with explained(listen, option):
        return await parts.enter_async_context(host)


def read_address(_: click.Context, __: click.Parameter, value: str | None) -> Address | None:
    """Read an option that is HOST:PORT. Raises click.BadParameter."""
    try:
        return None if value is None else address(value, Path())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def choose_actions(folder: Path | None) -> Path | None:
    """The folder of actions: the one that was named, else ./demo_actions if it is there."""
    if folder is None and DEMO_ACTIONS.is_dir():
        return DEMO_ACTIONS
    return folder


def _of_host(config: OpenWhiskConfig, host: ActionHost) -> OpenWhiskConfig:
    return dataclasses.replace(
        config,
        apihost=host.url,
        auth=Secret(host.auth),
        bearer=None,
        namespace=_OWN_NAMESPACE,
        insecure=False,
        ca_file=None,
    )
