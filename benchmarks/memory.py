"""What suspended executions cost: the daemon's memory with none and with many, and Redis memory for each.

Run: .venv/bin/python benchmarks/memory.py [--executions 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

import msgspec
from redis import Redis

from statebox.asl.jsontext import Json, write_json_text
from statebox.config import Address, Config, HttpConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey

ASK: Json = {
    "StartAt": "Ask",
    "States": {"Ask": {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": 86_400, "End": True}},
}


def resident_mib() -> float:
    """This process's resident memory, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


class _Memory(msgspec.Struct):
    used_memory: int


def used_memory(client: Redis) -> int:
    """What Redis uses, in bytes."""
    # redis-py leaves the replies of commands without a type.
    info = client.execute_command("INFO", "memory")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return msgspec.convert(info, _Memory).used_memory


async def measure(executions: int) -> None:
    """Measure and print a Markdown table."""
    async with EmbeddedValkey() as valkey:
        client = Redis(unix_socket_path=str(valkey.socket), socket_timeout=30, decode_responses=True)
        config = Config(redis=RedisConfig(url=valkey.url), http=HttpConfig(listen=Address("127.0.0.1", 0)))
        async with Daemon(config, {}) as daemon:
            definition = write_json_text(ASK)

            async def start(first: int, last: int) -> None:
                for n in range(first, last):
                    context: Json = {"values": {"value": n}, "text": "x" * 200}
                    await daemon.service.start_execution("ask", context, f"n{n}", definition)

            await start(0, 500)  # so that everything is loaded and warm
            gc.collect()
            resident, used = resident_mib(), used_memory(client)
            await asyncio.gather(
                *(start(500 + n * executions // 20, 500 + (n + 1) * executions // 20) for n in range(20))
            )
            await asyncio.sleep(1)
            gc.collect()
            counts = await daemon.service.counts()
            after, used_after = resident_mib(), used_memory(client)
            print("| suspended | daemon MiB before | daemon MiB after | in its memory | Redis bytes for each |")
            print("|---|---|---|---|---|")
            print(
                f"| {counts.suspended} | {resident:.1f} | {after:.1f} | {daemon.service.running_here} "
                f"| {(used_after - used) / executions:.0f} |"
            )
        client.close()


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=20_000)
    asyncio.run(measure(parser.parse_args().executions))


if __name__ == "__main__":
    main()
