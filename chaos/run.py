"""One run: the world is set up, lived in, broken, left to settle, stopped, checked, and forgotten."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from chaos.checker import Checker, Violation, read_calls
from chaos.clients import Clients
from chaos.faults import MORE_SECONDS, Faults
from chaos.ledger import Ledger
from chaos.machines import KINDS
from chaos.plan import DAEMONS, Plan
from chaos.proxy import Proxy
from chaos.tally import Tally
from statebox.asl.jsontext import write_json_text
from statebox.engine.errors import ServiceUnavailable
from statebox.store.commits import Commits
from statebox.store.connection import RedisSettings
from statebox.store.delivering import StoreSettings
from statebox.store.keys import Keys
from statebox.store.redis_store import RedisStore
from statebox.store.replies import integer
from tests.durability.world import World, open_world
from tests.servers import ask
from tests.store.audit import audit

ACTIONS: Final = Path(__file__).parent / "actions"
# Longer than any run: the checker must find everything; time is made to pass afterwards.
_RETENTION_DAYS: Final = 1
_RETENTION_MS: Final = _RETENTION_DAYS * 24 * 3600 * 1000
_END_EVERY_TTL: Final = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('PTTL', key) >= 0 then redis.call('PEXPIRE', key, 0) end
end
"""
# The part of the time in which executions are started: the last ones have to live through something as well.
_STARTS: Final = 0.8
_MORE_PAUSE_SECONDS: Final = 0.2
# Counts that show that the run was worth something: none may be 0.
WANTED: Final = (
    "kills of a daemon holding leases",
    "takeovers",
    "writes refused by the fence",
    "retried operations recognised",
    "second answers refused",
    "early answers used",
    "wakeups found by sweep or renew only",
)
WANTED_OF_VALKEY: Final = ("Valkey restarts with commands in flight",)


class Report(msgspec.Struct):
    """How a run ended."""

    plan: Plan
    counts: Counter[str]
    violations: list[Violation]
    folder: str
    seconds: float

    @property
    def missing(self) -> list[str]:
        """Which of the counts that must not be 0 are."""
        wanted = (*WANTED, *(WANTED_OF_VALKEY if self.plan.kills_valkey else ()))
        return [name for name in wanted if not self.counts[name]]


async def run(plan: Plan, folder: Path) -> Report:
    """Run it. The folder, which is there, keeps the logs and what shows the violations."""
    began = time.monotonic()
    ledger, tally = Ledger(), Tally()
    async with AsyncExitStack() as undo:
        world = await undo.enter_async_context(open_world(folder, ACTIONS, appendfsync=plan.appendfsync))
        store = RedisStore(
            StoreSettings(daemon="checker", redis=RedisSettings(url=world.valkey.url), retention_ms=_RETENTION_MS)
        )
        await store.connect()
        undo.push_async_callback(store.close)
        reads, keys = Commits(RedisSettings(url=world.valkey.url), "clients"), Keys("statebox", 1)
        reads.open()
        undo.push_async_callback(reads.close)
        before = _keys_there(world)
        proxies = await _open_proxies(undo, world, tally)
        await _open_daemons(world, proxies, plan, folder)
        # Many wait for daemons that are frozen: nobody must wait for their connections.
        http = await undo.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        left = await _live(world, http, proxies, reads, keys, store, tally, ledger, plan)
        for daemon in world.daemons:
            await daemon.stop()
        log = folder / "invocations.jsonl"
        checker = Checker(store, reads, keys, ledger, read_calls(log.read_text().splitlines()))
        checker.violations += left
        await checker.check()
        try:
            await audit(world.valkey)
        except AssertionError as wrong:
            checker.violations.append(Violation("", f"the keys contradict each other: {wrong}"))
        checker.violations += await _forget(world, before)
    counts = tally.counts + ledger.counts + checker.counts
    counts["wakeups found by sweep or renew only"] = counts["wakeups found by sweep"] + counts["wakeups found by renew"]
    (folder / "violations.jsonl").write_text(
        "".join(write_json_text(msgspec.to_builtins(wrong)) + "\n" for wrong in checker.violations)
    )
    return Report(plan, counts, checker.violations, str(folder), time.monotonic() - began)


async def _open_proxies(undo: AsyncExitStack, world: World, tally: Tally) -> dict[str, Proxy]:
    proxies = {name: Proxy(name, world.valkey.socket.parent, world.valkey.socket, tally) for name in DAEMONS}
    for proxy in proxies.values():
        await undo.enter_async_context(proxy.running())
    return proxies


async def _open_daemons(world: World, proxies: dict[str, Proxy], plan: Plan, folder: Path) -> None:
    machines = folder / "machines"
    machines.mkdir(exist_ok=True)
    for kind in KINDS:
        (machines / f"{kind.name}.json").write_text(write_json_text(kind.definition))
    for name in DAEMONS:
        await world.daemon(
            name,
            f"--redis-url={proxies[name].url}",
            f"--lease-seconds={plan.lease_seconds}",
            f"--retention-days={_RETENTION_DAYS}",
            f"--machines={machines}",
            "--log-format=text",
        )


async def _live(
    world: World,
    http: aiohttp.ClientSession,
    proxies: dict[str, Proxy],
    reads: Commits,
    keys: Keys,
    store: RedisStore,
    tally: Tally,
    ledger: Ledger,
    plan: Plan,
) -> list[Violation]:
    """Start and answer everything while it is broken; returns what has not ended in time."""
    dice = random.Random(f"clients {plan.seed}")
    clients = Clients(world, http, ledger, reads, keys, dice)
    faults = Faults(world, proxies, tally, ledger, plan, keys)
    crowd = [(ledger.open(n), dice.random() * plan.seconds * _STARTS) for n in range(plan.executions)]
    try:
        async with asyncio.timeout(plan.seconds + MORE_SECONDS + plan.settle_seconds), asyncio.TaskGroup() as group:
            watching = group.create_task(clients.watch(group))
            starts = [group.create_task(clients.live(life, after)) for life, after in crowd]
            later = group.create_task(_live_on(clients, faults, ledger, plan))
            await faults.run()
            await asyncio.wait([*starts, later])
            await _all_ended(reads, keys, store, ledger)
            watching.cancel()
    except TimeoutError:
        running = await reads.ask("ZRANGE", keys.shards[0].due, 0, -1)
        return [Violation("", f"not everything has ended {plan.settle_seconds} s after the last fault", repr(running))]
    return []


async def _live_on(clients: Clients, faults: Faults, ledger: Ledger, plan: Plan) -> None:
    """As long as things are broken beyond the planned time, there is something to break."""
    await asyncio.sleep(plan.seconds)
    while not faults.over:
        ledger.counts["executions started beyond the plan"] += 1
        await clients.live(ledger.open(len(ledger.lives)), _MORE_PAUSE_SECONDS)


async def _all_ended(reads: Commits, keys: Keys, store: RedisStore, ledger: Ledger) -> None:
    """Wait until nothing runs. What was set aside is tried again, as an operator would."""
    [shard] = keys.shards
    while True:
        try:
            live = integer(await reads.ask("ZCARD", shard.due)) + integer(await reads.ask("ZCARD", shard.waiting))
            for summary in await store.set_aside():
                live += 1
                ledger.counts["set aside, and tried again by hand"] += 1
                await store.retry(summary.id)
        except ServiceUnavailable:
            continue
        if not live:
            return
        await asyncio.sleep(0.2)


def _keys_there(world: World) -> set[str]:
    joined = ask(world.valkey, "EVAL", "return table.concat(redis.call('KEYS', '*'), '\\n')", 0)
    return set(str(joined).splitlines())


async def _forget(world: World, before: set[str]) -> list[Violation]:
    """Let the time of retention pass: what has a TTL goes, the sweep does the rest, and all is as it was before."""
    ask(world.valkey, "EVAL", _END_EVERY_TTL, 0)
    later_ms = time.time_ns() // 1_000_000 + 2 * _RETENTION_MS
    sweeper = RedisStore(
        StoreSettings(daemon="sweeper", redis=RedisSettings(url=world.valkey.url)), now_ms=lambda: later_ms
    )
    await sweeper.connect()
    try:
        await sweeper.sweep()
    finally:
        await sweeper.close()
    left = sorted(_keys_there(world) - before)
    return [Violation("", f"{len(left)} keys are left for ever", left[:100])] if left else []
