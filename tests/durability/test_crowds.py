"""Executions with more branches than a claim loads: what happens to one of them must not forget the others."""

from __future__ import annotations

import asyncio

from statebox.asl.jsontext import Json, read_json
from tests.durability.world import World, check_history
from tests.waiting import wait_until

CROWD = 100


def ask_and_work(timeout_seconds: int, seconds: float) -> Json:
    """Many questions, each followed by a call; one that nobody answers in time is left out."""
    return {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "End": True,
                "ItemProcessor": {
                    "StartAt": "Ask",
                    "States": {
                        "Ask": {
                            "Type": "Task",
                            "Resource": "module:suspend",
                            "TimeoutSeconds": timeout_seconds,
                            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
                            "Next": "Work",
                        },
                        "Work": {
                            "Type": "Task",
                            "Resource": "openwhisk:slow",
                            "Parameters": {"seconds": seconds, "answer.$": "$.answer"},
                            "End": True,
                        },
                        "Late": {"Type": "Pass", "Result": "late", "End": True},
                    },
                },
            }
        },
    }


async def test_an_answer_to_a_branch_that_is_not_loaded_is_taken_in(world: World):
    """While another branch keeps the execution in memory."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(ask_and_work(300, 1.0), [{"n": n} for n in range(CROWD)], name="crowd")
    tokens = await daemon.continuations(id)
    assert len(tokens) == CROWD
    await daemon.post(f"/continuations/{tokens[5]}", {"answer": 5})
    await wait_until(lambda: len(world.calls()) == 1, "the first call")
    await daemon.post(f"/continuations/{tokens[50]}", {"answer": 50})
    await wait_until(lambda: len(world.calls()) == 2, "the second call")
    await asyncio.gather(
        *(daemon.post(f"/continuations/{token}", {"answer": n}) for n, token in enumerate(tokens) if n not in (5, 50))
    )
    described = await daemon.ended(id, seconds=60)
    assert [item["answer"] for item in read_json(described["output"])] == list(range(CROWD))
    check_history(await daemon.history(id))


async def test_the_deadlines_of_branches_that_are_not_loaded_pass_in_time(world: World):
    """Also while another branch keeps the execution in memory."""
    daemon = await world.daemon("one")
    id = await daemon.start_execution(ask_and_work(2, 4.0), [{"n": n} for n in range(CROWD)], name="crowd")
    tokens = await daemon.continuations(id)
    await daemon.post(f"/continuations/{tokens[7]}", {"answer": 7})
    described = await daemon.ended(id, seconds=20)
    output = read_json(described["output"])
    assert (output[7], set(output[:7] + output[8:])) == ({"seconds": 4.0, "answer": 7}, {"late"})
    events = await daemon.history(id)
    check_history(events)
    begun = events[0]["timestamp"]
    late = [event["timestamp"] - begun for event in events if event["type"] == "TaskTimedOut"]
    assert len(late) == CROWD - 1
    assert min(late) >= 2
    assert max(late) < 3.5, "they did not wait for the call to end"
