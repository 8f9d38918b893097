"""A Redis Cluster on loopback: three primaries, and replicas of them where they are wanted."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol, Self

import redis

from statebox.asl.jsontext import Json
from statebox.embedded import EmbeddedValkey
from statebox.store.slots import SLOTS, slot_of_key
from tests.certificates import Certificates
from tests.programs import need_program
from tests.waiting import wait_until

_PRIMARIES: Final = 3
# How long a node may be silent before the others call it dead.
_NODE_TIMEOUT_MS: Final = 1000


class Listening(Protocol):
    """What can be asked over its unix socket."""

    socket: Path


class ValkeyCluster:
    """`async with ValkeyCluster() as cluster:` primaries that share the slots evenly, with so many replicas each.

    The nodes know each other from the file in which they keep such things, so that nothing has to be agreed upon: they
    are ready after the 2 s that a node waits by itself before it takes writes. With certificates they speak TLS only,
    also with each other.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        replicas: int = 0,
        appendfsync: str = "everysec",
        certificates: Certificates | None = None,
    ) -> None:
        self._data = data
        self._certificates = certificates
        self._count = _PRIMARIES * (1 + replicas)
        self._appendfsync = appendfsync
        self._undo = contextlib.AsyncExitStack()
        self.nodes: Sequence[EmbeddedValkey] = ()
        self.ports: Sequence[int] = ()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as undo:
            folder = self._data
            if folder is None:
                folder = Path(tempfile.mkdtemp(prefix="statebox-"))
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
            self.ports = free_ports(self._count)
            buses = free_ports(self._count)
            self.nodes = [self._node(folder / str(n), buses, n) for n in range(self._count)]
            for node in self.nodes:
                await undo.enter_async_context(node)
            await wait_until(self._is_ready, "the cluster to be ready", seconds=20)
            self._undo = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._undo.aclose()

    @property
    def primaries(self) -> Sequence[EmbeddedValkey]:
        """The nodes that began as primaries."""
        return self.nodes[:_PRIMARIES]

    @property
    def url(self) -> str:
        """Where to connect: two of the nodes, as the others are found through them."""
        scheme = "redis" if self._certificates is None else "rediss"
        return f"{scheme}+cluster://127.0.0.1:{self.ports[1]},127.0.0.1:{self.ports[0]}"

    def serving(self, key: str) -> EmbeddedValkey:
        """The node that serves a key's slot now."""
        slot = slot_of_key(key.encode())
        for node in self.nodes:
            with contextlib.suppress(redis.ConnectionError):
                for first, last, server, *_ in ask_node(node, ("CLUSTER SLOTS",)):
                    if first <= slot <= last:
                        return self.nodes[self.ports.index(server[1])]
        raise AssertionError(f"nobody serves {key}")

    async def move(self, key: str, target: EmbeddedValkey, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Have a key's slot served by another node: key by key, as redis-cli --cluster reshard does it.

        `meanwhile` happens after each key.
        """
        source, slot = self.serving(key), slot_of_key(key.encode())
        source_id, target_id = ask_node(source, ("CLUSTER MYID",)), ask_node(target, ("CLUSTER MYID",))
        ask_node(target, ("CLUSTER SETSLOT", slot, "IMPORTING", source_id))
        ask_node(source, ("CLUSTER SETSLOT", slot, "MIGRATING", target_id))
        port = self.ports[self.nodes.index(target)]
        while keys := ask_node(source, ("CLUSTER GETKEYSINSLOT", slot, 1)):
            ask_node(source, ("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys))
            await meanwhile()
        for node in (target, source, *self.primaries):
            ask_node(node, ("CLUSTER SETSLOT", slot, "NODE", target_id))

    def _node(self, data: Path, buses: Sequence[int], me: int) -> EmbeddedValkey:
        data.mkdir(parents=True)
        lines = [self._line(n, buses[n], me) for n in range(self._count)]
        (data / "nodes.conf").write_text("".join(lines) + f"vars currentEpoch {self._count} lastVoteEpoch 0\n")
        options = [
            ("bind", "127.0.0.1"),
            *self._speaking(self.ports[me]),
            ("cluster-enabled", "yes"),
            ("cluster-port", str(buses[me])),
            ("cluster-config-file", "nodes.conf"),
            ("cluster-node-timeout", str(_NODE_TIMEOUT_MS)),
            ("repl-diskless-sync-delay", "0"),
        ]
        binary = None if self._certificates is None else need_program("redis-server")
        return EmbeddedValkey(data, appendfsync=self._appendfsync, options=options, binary=binary)

    def _speaking(self, port: int) -> list[tuple[str, ...]]:
        if self._certificates is None:
            return [("port", str(port))]
        return [("tls-port", str(port)), ("tls-cluster", "yes"), *self._certificates.options()]

    def _line(self, n: int, bus: int, me: int) -> str:
        """What nodes.conf says of one node."""
        flags = ["myself"] if n == me else []
        primary = n % _PRIMARIES
        first, behind = (edge * SLOTS // _PRIMARIES for edge in (primary, primary + 1))
        if n < _PRIMARIES:
            flags.append("master")
            of, slots = "-", f" {first}-{behind - 1}"
        else:
            flags.append("slave")
            of, slots = _id(primary), ""
        where = f"127.0.0.1:{self.ports[n]}@{bus}"
        return f"{_id(n)} {where} {','.join(flags)} {of} 0 0 {primary + 1} connected{slots}\n"

    def _is_ready(self) -> bool:
        return all(ask_node(node, ("CLUSTER INFO",))["cluster_state"] == "ok" for node in self.nodes) and all(
            ask_node(node, ("INFO", "replication"))["master_link_status"] == "up" for node in self.nodes[_PRIMARIES:]
        )


def ask_node(node: Listening, command: Sequence[str | int]) -> Json:
    """What one server says to a command, texts as text."""
    with closing(
        redis.Redis(unix_socket_path=str(node.socket), decode_responses=True, socket_timeout=10, protocol=2)
    ) as client:
        # redis-py leaves the replies of commands without a type.
        return client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _id(n: int) -> str:
    return f"{n + 1:040x}"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, no two the same; below those that the kernel gives to others meanwhile."""
    with contextlib.ExitStack() as probes:
        found: list[int] = []
        while len(found) < count:
            port, probe = random.randrange(10_000, 32_000), probes.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
        return found
