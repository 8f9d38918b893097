"""Exactly-once intake: starts and answers, early ones too, over races of daemons, lost replies and kills."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import aiohttp
import pytest

from statebox.asl.jsontext import Json, read_json
from tests.durability.machines import ASK_EACH, ask, slow
from tests.durability.world import Daemon, Refused, World, check_history
from tests.servers import ask as redis
from tests.waiting import wait_until

PASSING: Json = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


async def two(world: World) -> tuple[Daemon, Daemon]:
    return await world.daemon("one"), await world.daemon("two")


async def later(seconds: float, daemon: Daemon, path: str, body: Json) -> Json:
    await asyncio.sleep(seconds)  # the race is about this very moment
    return await daemon.post(path, body)


async def started_later(seconds: float, daemon: Daemon, name: str) -> str:
    await asyncio.sleep(seconds)  # the race is about this very moment
    return await daemon.start_execution(ask(), {}, name=name)


async def ids_of(daemon: Daemon) -> set[str]:
    """All executions there are."""
    return {one["executionArn"] for one in (await daemon.ask("ListExecutions", maxResults=1000))["executions"]}


async def test_an_early_answer_and_the_state_that_it_is_for_at_the_same_moment_miss_each_other_never(world: World):
    """It is kept before the state is entered, or finds it waiting: in 30 rounds both happen, and all of them end."""
    daemons = await two(world)
    seen: Counter[str] = Counter()
    # One call first, so that the moment is known: an action that is warm takes some ten milliseconds.
    await daemons[0].post("/executions/test/warm/answers/Ask")
    await daemons[0].ended(await daemons[0].start_execution(slow(0), {"n": 0}, name="warm"))

    async def race(round: int) -> None:
        start = daemons[round % 2].start_execution(slow(0.05), {"n": round}, name=f"r{round}")
        answer = later(
            0.06 + round * 0.003, daemons[round // 2 % 2], f"/executions/test/r{round}/answers/Ask", {"a": round}
        )
        id, told = await asyncio.gather(start, answer)
        described = await daemons[0].ended(id)
        assert described["status"] == "SUCCEEDED"
        assert read_json(described["output"])["a"] == round
        events = await daemons[0].history(id)
        check_history(events)
        assert [event["type"] for event in events].count("TaskSucceeded") == 2
        seen[told["status"]] += 1
        with pytest.raises(Refused, match="410"):
            await daemons[1].post(f"/executions/test/r{round}/answers/Ask", {"a": "again"})

    for first in range(0, 30, 5):
        await asyncio.gather(*(race(first + n) for n in range(5)))
    assert set(seen) == {"kept", "answered"}, f"the race was no race: {seen}"


async def test_an_early_answer_and_the_start_at_the_same_moment_miss_each_other_never(world: World):
    """Through two daemons, in 30 rounds; both outcomes occur."""
    daemons = await two(world)
    seen: Counter[str] = Counter()
    for round in range(30):
        # Either is the later one by turns, by 0.2 ms to 130 ms, as each may take a busy machine long.
        lead = 0.0002 * 1.25**round
        answer = later(lead * (round % 2), daemons[1], f"/executions/test/s{round}/answers/Ask", {"a": round})
        start = started_later(lead * (1 - round % 2), daemons[0], f"s{round}")
        told, id = await asyncio.gather(answer, start)
        assert read_json((await daemons[0].ended(id))["output"]) == {"a": round}
        seen[told["status"]] += 1
    assert set(seen) == {"kept", "answered"}, f"the race was no race: {seen}"


async def test_of_many_early_answers_at_the_same_moment_the_first_wins(world: World):
    """By HTTP through two daemons and by PUBLISH; the others are told."""
    daemons = await two(world)
    for round in range(10):
        path = f"/executions/test/w{round}/answers/Ask"
        outcomes = await asyncio.gather(
            *(daemons[n % 2].post(path, {"by": n}) for n in range(4)), return_exceptions=True
        )
        told = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert [refused.status for refused in told] == [409] * 3
        winner = next(n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException))
        message = f'{{"execution": "test:w{round}", "state": "Ask", "output": {{"by": "PUBLISH"}}}}'
        world.publish(message)
        id = await daemons[1].start_execution(ask(), {}, name=f"w{round}")
        assert read_json((await daemons[0].ended(id))["output"]) == {"by": winner}


async def test_a_message_that_every_daemon_hears_answers_one_visit_of_a_state(world: World):
    """A loop waits again at once: the daemon that is slower must not answer that with the same message."""
    daemons = await two(world)
    loop = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Task", "Resource": "module:suspend", "Next": "Again"},
            "Again": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.visit", "NumericLessThan": 9, "Next": "Ask"}],
                "Default": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }
    id = await daemons[0].start_execution(loop, {}, name="loop")
    for visit in range(10):
        message = f'{{"execution": "test:loop", "state": "Ask", "output": {{"visit": {visit}}}}}'
        world.publish(message)

        async def is_taken(visit: int = visit) -> bool:
            return [event["type"] for event in await daemons[0].history(id)].count("TaskSucceeded") > visit

        await wait_until(is_taken, "the message to be acted on")
    said = [
        read_json(event["taskSucceededEventDetails"]["output"])["visit"]
        for event in await daemons[0].history(id)
        if event["type"] == "TaskSucceeded"
    ]
    assert said == list(range(10))
    assert (await daemons[1].ended(id))["status"] == "SUCCEEDED"


async def test_early_answers_for_a_map_survive_the_death_of_the_daemon_that_took_them(strict_world: World):
    """Before the start and while it runs; the daemon that goes on asks nobody."""
    one, other = await two(strict_world)
    for n in range(20):
        await (one, other)[n % 2].post(f"/executions/test/each/answers/Each[{n}]/Ask", {"early": n})
    started = asyncio.ensure_future(one.start_execution(ASK_EACH, [{}] * 30, name="each"))
    await wait_until(
        lambda: redis(strict_world.valkey, "EXISTS", "statebox:{0}:execution:test:each") == 1, "it to be stored"
    )
    await one.kill()
    await asyncio.gather(started, return_exceptions=True)
    for n in range(20, 30):
        await other.post(f"/executions/test/each/answers/Each[{n}]/Ask", {"late": n})
    described = await other.ended("test:each")
    expected = [{"early" if n < 20 else "late": n} for n in range(30)]
    assert read_json(described["output"]) == expected
    check_history(await other.history("test:each"))


async def test_of_two_starts_of_a_name_at_the_same_moment_one_counts(world: World):
    """With the same input both get that execution, with another one of them is refused: as AWS does."""
    daemons = await two(world)
    for round in range(20):
        same = round % 2
        starts = [
            daemons[n].ask(
                "Statebox.StartDefinition",
                definition='{"StartAt":"Ask","States":{"Ask":{"Type":"Task","Resource":"module:suspend","End":true}}}',
                machine="test",
                name=f"n{round}",
                input="{}" if same else str(n),
            )
            for n in range(2)
        ]
        replies = await asyncio.gather(*starts, return_exceptions=True)
        good = [reply for reply in replies if not isinstance(reply, BaseException)]
        if same:
            assert good[0] == good[1]
        else:
            assert len(good) == 1
            assert [reply.type for reply in replies if isinstance(reply, Refused)] == ["ExecutionAlreadyExists"]


async def test_a_start_under_a_key_is_one_execution_whenever_its_daemon_is_killed(strict_world: World):
    """Killed before the write, between the write and the reply, or after: whoever asks again finds the one there is."""
    one, other = await two(strict_world)
    dice = random.Random(5)
    for round, definition in enumerate((PASSING, ask(), PASSING, ask())):
        if round:
            await one.start()
        before = await ids_of(other)
        body = {"statemachine": {"test": definition}, "input": round}
        first = asyncio.ensure_future(one.post("/", body, key=f"start {round}"))
        await asyncio.sleep(dice.uniform(0, 0.012))  # the kill is to come at any moment of it
        await one.kill()
        [outcome] = await asyncio.gather(first, return_exceptions=True)
        again = await other.post("/", body, key=f"start {round}")
        assert isinstance(outcome, aiohttp.ClientError) or outcome == again
        assert await other.post("/", body, key=f"start {round}") == again
        assert len(await ids_of(other) - before) == 1


async def test_an_answer_under_a_key_counts_once_whenever_its_daemon_is_killed(strict_world: World):
    """Early, by path, and by continuation."""
    one, other = await two(strict_world)
    dice = random.Random(6)
    for round in range(3):
        path = f"/executions/test/k{round}/answers/Ask"
        if round:
            await one.start()
            await other.start_execution(ask(), {}, name=f"k{round}")
        if round == 2:
            waits = await other.ask("Statebox.ListContinuations", executionArn=f"test:k{round}")
            path = f"/continuations/{waits['continuations'][0]['continuation']}"
        first = asyncio.ensure_future(one.post(path, {"a": round}, key="mine"))
        await asyncio.sleep(dice.uniform(0, 0.012))  # the kill is to come at any moment of it
        await one.kill()
        [outcome] = await asyncio.gather(first, return_exceptions=True)
        again = await other.post(path, {"a": round}, key="mine")
        assert isinstance(outcome, aiohttp.ClientError) or outcome == again
        with pytest.raises(Refused, match="'mine'"):
            await other.post(path, {"a": "another"}, key="mine")
        if not round:
            await other.start_execution(ask(), {}, name=f"k{round}")
        assert read_json((await other.ended(f"test:k{round}"))["output"]) == {"a": round}
        assert await other.post(path, {"a": round}, key="mine") == again
