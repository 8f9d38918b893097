"""What nothing can be faster than here: one checkpoint-like script, and the action host alone."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from redis.asyncio import Redis

from benchmarks.contest.load import Ask
from benchmarks.contest.processes import cpu_seconds
from benchmarks.contest.sides import http_request, loaded
from benchmarks.contest.workloads import CONTEXT
from statebox.asl.jsontext import write_json_text
from statebox.embedded import EmbeddedValkey
from statebox.store.connection import pack

# As a checkpoint does: compare, write the value, append to the history, say when to look again.
_CHECKPOINT: Final = """
local key = KEYS[1] .. ARGV[1]
if redis.call('HGET', key, 'token') == 'x' then return 0 end
redis.call('HSET', key, 'value', ARGV[2], 'sequence', ARGV[3])
redis.call('RPUSH', key .. ':h', ARGV[2])
redis.call('ZADD', KEYS[1] .. 'due', ARGV[3], ARGV[1])
return 1
"""
_IN_ONE_WRITE: Final = 100


async def script_limit(seconds: float, appendfsync: str) -> str:
    """Such scripts a second over one pipelined connection, as a Markdown row."""
    async with EmbeddedValkey(appendfsync=appendfsync) as valkey:
        async with Redis(unix_socket_path=str(valkey.socket), socket_timeout=30) as client:
            sha: str = await client.script_load(_CHECKPOINT)
        text = write_json_text(CONTEXT)
        reader, writer = await asyncio.open_unix_connection(valkey.socket)
        count, cpu, began = 0, cpu_seconds(valkey.pid), time.perf_counter()
        while time.perf_counter() - began < seconds:
            commands = (
                pack(("EVALSHA", sha, 1, "{limit}", f"e{n}", text, n)) for n in range(count, count + _IN_ONE_WRITE)
            )
            writer.write(b"".join(commands))
            # Each answers ":1", and a line end.
            await reader.readexactly(4 * _IN_ONE_WRITE)
            count += _IN_ONE_WRITE
        took = time.perf_counter() - began
        share = (cpu_seconds(valkey.pid) - cpu) / took
        writer.close()
    what = f"one checkpoint-like script, {_IN_ONE_WRITE} in one write, {appendfsync}"
    return f"| {what} | {count / took:,.0f} | Valkey {share:.0%} |"


async def action_limit(seconds: float, actions: int, pid: int) -> str:
    """Calls of the action host a second by the load generator at concurrency 100, as a Markdown row."""
    request = http_request(actions, "/api/v1/namespaces/_/actions/act?blocking=true", CONTEXT)
    cell = await loaded(Ask([actions], 100, seconds, request), {"action host": pid})
    shares = ", ".join(f"{name} {share:.0%}" for name, share in cell.cpu.items())
    return f"| the action host alone, 100 connections | {cell.outcome.per_second:,.0f} | {shares} |"


async def limits(seconds: float, actions: int, pid: int) -> str:
    """The table."""
    rows = [
        await script_limit(seconds, "everysec"),
        await script_limit(seconds, "always"),
        await action_limit(seconds, actions, pid),
    ]
    return "\n".join(["| limit | a second | shares of one core |", "|---|---:|---|", *rows])


def main() -> None:
    """Print the script's limits alone."""
    for appendfsync in ("everysec", "always"):
        print(asyncio.run(script_limit(2, appendfsync)))


if __name__ == "__main__":
    main()
