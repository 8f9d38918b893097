"""What Redis did and holds, by its own INFO: scripts, commands, bytes over the wire, bytes of log and of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from redis.asyncio import Redis

_SCRIPTS: Final = ("cmdstat_eval", "cmdstat_evalsha", "cmdstat_fcall")


class Figures(msgspec.Struct, frozen=True):
    """Counters since the server's start. `inner` are the commands that scripts gave."""

    scripts: int
    commands: int
    bytes_in: int
    bytes_out: int
    aof_bytes: int
    memory_bytes: int

    def since(self, before: Figures) -> Figures:
        """What came on top."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(before)
        return Figures(*(after - earlier for after, earlier in zip(mine, theirs, strict=True)))


class _Stats(msgspec.Struct):
    total_net_input_bytes: int
    total_net_output_bytes: int


class _Memory(msgspec.Struct):
    used_memory: int


class _Persistence(msgspec.Struct):
    aof_current_size: int = 0


class _Calls(msgspec.Struct):
    calls: int


async def figures(socket: Path) -> Figures:
    """Those of now."""
    async with Redis(unix_socket_path=str(socket), socket_timeout=30, decode_responses=True) as client:

        async def info(section: str) -> object:
            # redis-py leaves the replies of commands without a type.
            return await client.execute_command("INFO", section)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

        calls = msgspec.convert(await info("commandstats"), dict[str, _Calls])
        stats = msgspec.convert(await info("stats"), _Stats)
        return Figures(
            scripts=sum(calls[name].calls for name in _SCRIPTS if name in calls),
            commands=sum(one.calls for one in calls.values()),
            bytes_in=stats.total_net_input_bytes,
            bytes_out=stats.total_net_output_bytes,
            aof_bytes=msgspec.convert(await info("persistence"), _Persistence).aof_current_size,
            memory_bytes=msgspec.convert(await info("memory"), _Memory).used_memory,
        )
