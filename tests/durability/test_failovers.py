"""Servers die for good and their replicas take over: work goes on, and what the replica had not received is counted."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import read_json
from tests.cluster import ValkeyCluster
from tests.durability.machines import INCSQUARE, slow
from tests.durability.test_crashes import all_suspended, answer_all_and_check, incsquare_input, start_many
from tests.durability.world import Daemon, Refused, World, check_history
from tests.sentinels import Watched
from tests.waiting import wait_until

# Longer than a failover takes, so that nothing has to be taken over: whose lease goes on may go on.
_LEASE = "--lease-seconds=20"


async def test_work_goes_on_when_a_daemon_and_a_node_of_the_cluster_die(cluster_world: World):
    """The replica is promoted, the other daemon takes over; each transition happens once."""
    cluster = cluster_world.server
    assert isinstance(cluster, ValkeyCluster)
    first = await cluster_world.daemon("first")
    second = await cluster_world.daemon("second")
    ids = await start_many(first, 12)
    ids |= {await second.start_execution(slow(1.5), {"n": n}, name=f"more-{n}"): n for n in range(0, 12, 2)}
    await wait_until(lambda: len(cluster_world.calls()) >= 20, "the calls to be under way")
    await cluster.serving("{0}").kill()
    await first.kill()
    await answer_all_and_check(second, ids)


async def test_after_a_failover_what_the_replica_had_goes_on_and_what_it_had_not_is_counted(watched_world: World):
    """Nothing is done twice and nobody is fenced who holds a lease; the lost answers can be given again."""
    world, watched = watched_world, watched_world.server
    assert isinstance(watched, Watched)
    daemons = [await world.daemon("one", _LEASE), await world.daemon("two", _LEASE)]
    asked = {await daemons[n % 2].start_execution(INCSQUARE, incsquare_input(n), name=f"asks-{n}"): n for n in range(8)}
    tokens = await all_suspended(daemons[0], asked)
    busy = {await daemons[n % 2].start_execution(slow(4), {"n": n}, name=f"busy-{n}"): n for n in range(6)}
    await wait_until(lambda: len(world.calls()) == 8 * 2 + 6, "the calls to be under way")

    watched.cut_replication()
    started = [await daemons[n % 2].start_execution(slow(0.1), {"n": n}, name=f"late-{n}") for n in range(5)]
    answered = list(asked)[:3]
    for id in answered:
        await daemons[1].post(f"/continuations/{tokens[id]}", {"answered": "in vain"})
    before = watched.primary
    await before.kill()
    await wait_until(lambda: watched.primary is not before, "a failover", seconds=20)
    await wait_until(lambda: is_back(daemons[0]), "the daemon to have found the new primary", seconds=20)

    lost_starts = [id for id in (*started, *asked, *busy) if not await is_there(daemons[0], id)]
    assert lost_starts == started, "the acknowledged starts that were lost"
    open_again = [id for id in asked if tokens[id] in await daemons[0].continuations(id)]
    assert [id for id in answered if id in open_again] == answered, "the acknowledged answers that were lost"
    assert len(open_again) == len(asked)

    for id, token in tokens.items():
        await daemons[0].post(f"/continuations/{token}", {"answered": True})
        with pytest.raises(Refused) as refused:
            await daemons[1].post(f"/continuations/{token}", {"answered": "twice"})
        assert refused.value.status == 409, id
    for id, n in asked.items():
        described = await daemons[1].ended(id)
        assert read_json(described["output"]) == {"values": {"value": (n + 1) ** 2 + 1}, "answered": True}
        check_history(await daemons[1].history(id))
    for token in (await all_suspended(daemons[1], busy)).values():
        await daemons[1].post(f"/continuations/{token}")
    for id in busy:
        assert (await daemons[0].ended(id))["status"] == "SUCCEEDED"
        check_history(await daemons[0].history(id))

    # What was answered in vain has made its last call once for each answer; the lost starts had made theirs.
    repeated = {attempt for attempt, times in world.calls_by_attempt().items() if times > 1}
    assert len(repeated) <= len(answered)
    assert len(world.calls()) == 8 * 3 + 6 + len(started) + len(answered)
    assert not any("went on elsewhere" in daemon.log() and name in daemon.log() for daemon in daemons for name in busy)


async def is_back(daemon: Daemon) -> bool:
    async with daemon.world.http.get(daemon.url + "/readyz") as answer:
        return answer.status == 200


async def is_there(daemon: Daemon, id: str) -> bool:
    try:
        await daemon.describe(id)
    except Refused as refused:
        return not refused.type.endswith("ExecutionDoesNotExist")
    return True
