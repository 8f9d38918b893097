"""A primary, its replica and the sentinels that watch over them, on loopback."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final, Self

import redis

from statebox.embedded import EmbeddedValkey, find_server
from statebox.tether import tethered
from tests.certificates import Certificates
from tests.cluster import ask_node, free_ports
from tests.programs import need_program
from tests.waiting import wait_until

SERVICE: Final = "statebox-test"
_SENTINELS: Final = 3
# How long the primary may be silent before a sentinel calls it dead.
_DOWN_AFTER_MS: Final = 500


class Sentinel:
    """One sentinel: the same program as the servers, which keeps what it knows in the file that configures it."""

    def __init__(self, folder: Path, binary: Path, primary: int, options: Sequence[tuple[str, ...]]) -> None:
        folder.mkdir()
        self._binary = binary
        self.socket = folder / "s.sock"
        self._file = folder / "sentinel.conf"
        self._file.write_text(
            "".join(f"{' '.join(option)}\n" for option in options)
            + f"""bind 127.0.0.1
unixsocket {self.socket}
dir {folder}
logfile {folder}/log
sentinel monitor {SERVICE} 127.0.0.1 {primary} {_SENTINELS // 2 + 1}
sentinel down-after-milliseconds {SERVICE} {_DOWN_AFTER_MS}
sentinel failover-timeout {SERVICE} 3000
"""
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The sentinel while it runs."""
        process = subprocess.Popen(tethered([self._binary, self._file, "--sentinel"]))  # noqa: ASYNC220 -- it takes a ms
        try:
            await wait_until(self.socket.exists, "the sentinel to be there")
            yield
        finally:
            process.kill()
            process.wait()


class Watched:
    """`async with Watched(folder) as watched:` two servers of which one is the primary, and three sentinels.

    With certificates all of them speak TLS only.
    """

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        self._folder = folder
        self._certificates = certificates
        self._binary = find_server() if certificates is None else need_program("redis-server")
        self._undo = contextlib.AsyncExitStack()
        self.servers: Sequence[EmbeddedValkey] = ()
        self.sentinels: Sequence[Sentinel] = ()
        self._ports: Sequence[int] = ()
        self._sentinel_ports: Sequence[int] = ()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as undo:
            self._ports, self._sentinel_ports = free_ports(2), free_ports(_SENTINELS)
            after_primary = ("replicaof", "127.0.0.1", str(self._ports[0]))
            primary = self._server("0", self._options(0))
            replica = self._server("1", [*self._options(1), after_primary])
            self.servers = primary, replica
            for server in self.servers:
                await undo.enter_async_context(server)
            await wait_until(self._is_replicated, "the replica to have everything")
            self.sentinels = [
                Sentinel(self._folder / f"sentinel-{n}", self._binary, self._ports[0], self._speaking(port))
                for n, port in enumerate(self._sentinel_ports)
            ]
            for sentinel in self.sentinels:
                await undo.enter_async_context(sentinel.running())
            await wait_until(self._know_each_other, "the sentinels to know each other and the replica")
            self._undo = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._undo.aclose()

    @property
    def url(self) -> str:
        """Where to connect."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._sentinel_ports)
        scheme = "redis" if self._certificates is None else "rediss"
        return f"{scheme}+sentinel://{hosts}/{SERVICE}"

    @property
    def primary(self) -> EmbeddedValkey:
        """The server that most sentinels call the primary."""
        said = [ask_node(sentinel, ("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE))[1] for sentinel in self.sentinels]
        return self.servers[self._ports.index(int(max(said, key=said.count)))]

    def cut_replication(self) -> None:
        """From now on the replica receives nothing; who is connected to the primary does not notice."""
        # One connection for both, as it has been made without the password.
        with redis.Redis(unix_socket_path=str(self.primary.socket), single_connection_client=True) as client:
            for command in ("CONFIG SET", "requirepass", "unknown to it"), ("CLIENT KILL", "TYPE", "replica"):
                client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType] -- the stub leaves it open

    def _options(self, n: int) -> list[tuple[str, ...]]:
        return [*self._speaking(self._ports[n]), ("bind", "127.0.0.1"), ("repl-diskless-sync-delay", "0")]

    def _speaking(self, port: int) -> list[tuple[str, ...]]:
        if self._certificates is None:
            return [("port", str(port))]
        return [("port", "0"), ("tls-port", str(port)), ("tls-replication", "yes"), *self._certificates.options()]

    def _server(self, name: str, options: Sequence[tuple[str, ...]]) -> EmbeddedValkey:
        return EmbeddedValkey(self._folder / name, options=options, binary=self._binary)

    def _is_replicated(self) -> bool:
        return ask_node(self.servers[1], ("INFO", "replication"))["master_link_status"] == "up"

    def _know_each_other(self) -> bool:
        known = [ask_node(sentinel, ("SENTINEL MASTER", SERVICE)) for sentinel in self.sentinels]
        return all(one["num-other-sentinels"] == _SENTINELS - 1 and one["num-slaves"] == 1 for one in known)
