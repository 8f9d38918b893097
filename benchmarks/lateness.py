"""How late unanswered continuations end, beside many foreign keys with a TTL.

Run: .venv/bin/python benchmarks/lateness.py [--continuations 1000] [--foreign 50000] [--without-hints]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics

from redis import Redis

from statebox.asl.jsontext import Json, write_json_text
from statebox.config import Address, Config, DaemonConfig, HttpConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey

_FOREIGN_KEYS = """
for n = 1, tonumber(ARGV[1]) do
  redis.call('SET', 'foreign:' .. n, 'x', 'EX', 1000 + n % 99000)
end
"""


def question(seconds: int) -> str:
    """A machine that waits so long for an answer."""
    ask: Json = {"Type": "Task", "Resource": "module:suspend", "TimeoutSeconds": seconds, "End": True}
    return write_json_text({"StartAt": "Ask", "States": {"Ask": ask}})


async def measure(continuations: int, foreign: int, notifications: str) -> list[float]:
    """Lateness of each, in milliseconds."""
    async with EmbeddedValkey() as valkey:
        client = Redis(unix_socket_path=str(valkey.socket), socket_timeout=30)
        # redis-py leaves the replies of commands without a type.
        client.execute_command("EVAL", _FOREIGN_KEYS, 0, foreign)  # pyright: ignore[reportUnknownMemberType]
        config = Config(
            redis=RedisConfig(url=valkey.url),
            daemon=DaemonConfig(notifications=notifications),
            http=HttpConfig(listen=Address("127.0.0.1", 0)),
        )
        async with Daemon(config, {}) as daemon:
            ids: list[str] = []
            for n in range(continuations):
                begun = await daemon.service.start_execution("late", {}, f"n{n}", question(5 + n % 5))
                ids.append(begun.id)
            late: list[float] = []
            for n, id in enumerate(ids):
                execution = await daemon.service.describe_execution(id)
                while not execution.ended:
                    await asyncio.sleep(0.5)
                    execution = await daemon.service.describe_execution(id)
                assert execution.stopped_ms is not None
                history = await daemon.service.get_execution_history(id)
                scheduled = next(event for event in history if event["type"] == "TaskScheduled")
                late.append(execution.stopped_ms - scheduled["timestamp"] * 1000 - (5 + n % 5) * 1000)
        client.close()
    return late


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--continuations", type=int, default=1000)
    parser.add_argument("--foreign", type=int, default=50_000)
    parser.add_argument("--without-hints", action="store_true", help="keyspace notifications off")
    options = parser.parse_args()
    late = asyncio.run(measure(options.continuations, options.foreign, "off" if options.without_hints else "auto"))
    late.sort()
    print("| continuations | foreign keys with a TTL | p50 ms | p99 ms | max ms | early |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(late)} | {options.foreign} | {statistics.median(late):.1f} | {late[int(len(late) * 0.99)]:.1f} "
        f"| {late[-1]:.1f} | {sum(ms < -0.5 for ms in late)} |"
    )


if __name__ == "__main__":
    main()
