"""Answers by every channel, at the same moment as each other and as what ends the wait: one outcome, told to all."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest

from statebox.asl.jsontext import Json, read_json
from tests.durability.machines import ASK_EACH, INCSQUARE, ask, ask_beside_failure
from tests.durability.world import Daemon, Refused, World, check_history
from tests.waiting import wait_until


async def publish(world: World, daemon: Daemon, token: str) -> None:
    """PUBLISH resume <id>."""
    del daemon
    world.publish(token)


async def publish_json(world: World, daemon: Daemon, token: str) -> None:
    """PUBLISH resume {"continuation": …, "output": …}."""
    del daemon
    world.publish(f'{{"continuation": "{token}", "output": {{}}}}')


async def post(world: World, daemon: Daemon, token: str) -> None:
    """POST /continuations/<id>."""
    del world
    await daemon.post(f"/continuations/{token}", {})


async def seed(world: World, daemon: Daemon, token: str) -> None:
    """POST /?continuation=<id>."""
    del world
    await daemon.post(f"/?continuation={token}")


async def send_task_success(world: World, daemon: Daemon, token: str) -> None:
    """AWS's SendTaskSuccess."""
    del world
    await daemon.ask("SendTaskSuccess", taskToken=token, output="{}")


WAYS = (publish, publish_json, post, seed, send_task_success)


async def one_token(daemon: Daemon, id: str) -> str:
    """The continuation that an execution waits for."""
    found: list[str] = []

    async def there_is_one() -> bool:
        found[:] = await daemon.continuations(id)
        return bool(found)

    await wait_until(there_is_one, f"{id} to be suspended")
    return found[0]


async def test_200_executions_are_answered_in_random_order_by_a_mix_of_all_ways(any_world: World):
    """All end right, and each answer is taken once."""
    world = any_world
    daemon = await world.daemon("one")
    ids = await asyncio.gather(
        *(daemon.start_execution(INCSQUARE, {"values": {"value": n}}, name=f"x{n}") for n in range(200))
    )
    tokens = [await one_token(daemon, id) for id in ids]
    order = list(range(200))
    random.Random(7).shuffle(order)
    await asyncio.gather(*(WAYS[place % len(WAYS)](world, daemon, tokens[n]) for place, n in enumerate(order)))
    for n, id in enumerate(ids):
        described = await daemon.ended(id)
        assert read_json(described["output"])["values"] == {"value": (n + 1) ** 2 + 1}
        check_history(await daemon.history(id))
    with pytest.raises(Refused, match="answered before"):
        await send_task_success(world, daemon, tokens[0])
    assert set(world.calls_by_attempt().values()) == {1}


async def test_of_two_answers_at_the_same_moment_one_wins_and_the_other_is_told(world: World):
    """Also through two daemons."""
    daemons = [await world.daemon("one"), await world.daemon("two")]
    for round in range(20):
        id = await daemons[0].start_execution(ask(), {}, name=f"r{round}")
        token = await one_token(daemons[0], id)
        outcomes = await asyncio.gather(
            *(daemons[n % 2].post(f"/continuations/{token}", {"by": n}) for n in range(4)), return_exceptions=True
        )
        told = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert [refused.status for refused in told] == [409] * 3
        winner = next(n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException))
        assert read_json((await daemons[1].ended(id))["output"]) == {"by": winner}


async def outcome_of(answer: asyncio.Future[Json]) -> str:
    """Taken, or how it was refused."""
    [outcome] = await asyncio.gather(answer, return_exceptions=True)
    if isinstance(outcome, Refused) and outcome.status in (409, 410):
        return "refused"
    if isinstance(outcome, BaseException):
        raise outcome
    return "taken"


async def test_an_answer_and_a_timeout_at_the_same_moment_have_one_outcome(world: World):
    """The answer was taken and the execution has it, or it was refused and the execution timed out."""
    daemon = await world.daemon("one")
    seen: Counter[str] = Counter()

    async def race(round: int) -> None:
        id = await daemon.start_execution(ask(1), {}, name=f"t{round}")
        token = await one_token(daemon, id)
        waited_for = await daemon.ask("Statebox.DescribeContinuation", continuation=token)
        # The race is about this very moment.
        await asyncio.sleep(waited_for["deadline"] - time.time() + (round - 18) * 0.002)
        told = await outcome_of(asyncio.ensure_future(daemon.post(f"/continuations/{token}", {"in time": True})))
        described = await daemon.ended(id)
        assert (told == "taken") == (described["status"] == "SUCCEEDED"), (told, described)
        check_history(await daemon.history(id))
        seen[told] += 1

    await asyncio.gather(*(race(round) for round in range(30)))
    assert set(seen) == {"taken", "refused"}, f"the race was no race: {seen}"


async def test_an_answer_and_a_stop_at_the_same_moment_have_one_outcome(world: World):
    """An answer that was taken stands in the history, in front of the stop."""
    daemons = [await world.daemon("one"), await world.daemon("two")]
    machine = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Task", "Resource": "module:suspend", "Next": "More"},
            "More": {"Type": "Task", "Resource": "module:suspend", "End": True},
        },
    }
    for round in range(30):
        id = await daemons[0].start_execution(machine, {}, name=f"s{round}")
        token = await one_token(daemons[0], id)
        answer = asyncio.ensure_future(daemons[round % 2].post(f"/continuations/{token}", {"in time": True}))
        stop = asyncio.ensure_future(daemons[1].ask("StopExecution", executionArn=id, error="Enough"))
        told, _ = await asyncio.gather(outcome_of(answer), stop)
        described = await daemons[0].ended(id)
        assert described["status"] == "ABORTED"
        events = await daemons[0].history(id)
        check_history(events)
        assert ("TaskSucceeded" in [event["type"] for event in events]) == (told == "taken")


async def test_an_answer_and_a_sibling_s_failure_at_the_same_moment_have_one_outcome(world: World):
    """The execution fails either way; an answer that was taken stands in the history."""
    daemon = await world.daemon("one")
    seen: Counter[str] = Counter()

    async def race(round: int) -> None:
        id = await daemon.start_execution(ask_beside_failure(0.6), {}, name=f"f{round}")
        token = await one_token(daemon, id)
        await asyncio.sleep(0.52 + round * 0.006)  # the race is about this very moment
        told = await outcome_of(asyncio.ensure_future(daemon.post(f"/continuations/{token}", {"in time": True})))
        described = await daemon.ended(id)
        assert (described["status"], described["error"]) == ("FAILED", "Boom")
        events = await daemon.history(id)
        check_history(events)
        assert ("TaskSucceeded" in [event["type"] for event in events]) == (told == "taken"), (told, events)
        seen[told] += 1

    for start in range(0, 24, 8):
        await asyncio.gather(*(race(start + n) for n in range(8)))
    assert set(seen) == {"taken", "refused"}, f"the race was no race: {seen}"


async def test_the_iterations_of_a_map_are_answered_in_any_order(world: World):
    """Each has its own continuation."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(ASK_EACH, [{"n": n} for n in range(30)], name="each")
    answer = await daemon.ask("Statebox.ListContinuations", executionArn=id)
    open = {entry["state"]: entry["continuation"] for entry in answer["continuations"]}
    assert list(open) == [f"Each[{n}]/Ask" for n in range(30)]
    order = list(range(30))
    random.Random(3).shuffle(order)
    for n in order:
        await daemon.post(f"/continuations/{open[f'Each[{n}]/Ask']}", {"answer": n})
    described = await daemon.ended(id)
    assert read_json(described["output"]) == [{"n": n, "answer": n} for n in range(30)]


@pytest.mark.parametrize("notifications", ["auto", "off"])
async def test_nobody_s_deadline_is_missed(any_world: World, notifications: str):
    """With hints or without, and where Redis forbids to turn them on: the sweep finds it."""
    daemon = await any_world.daemon("one", f"--notifications={notifications}")
    id = await daemon.start_execution(ask(1, Catch=[]), {}, name="deaf")
    described = await daemon.ended(id, seconds=5)
    assert described["error"] == "States.Timeout"


async def test_garbage_on_the_resume_channel_is_logged_and_harms_nobody(world: World):
    """Whatever it is."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(ask(), {}, name="x")
    token = await one_token(daemon, id)
    for garbage in (
        "",
        "x" * 100_000,
        "{",
        "[]",
        '{"continuation": 5}',
        "\x00\xff",
        "not-there",
        '{"continuation":"a"}',
    ):
        world.publish(garbage)
    world.publish(f'{{"continuation": "{token}", "error": "No", "cause": "because"}}')
    described = await daemon.ended(id)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "No", "because")
    assert "cannot be read" in daemon.log()
