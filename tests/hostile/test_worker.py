"""What is cut off in a worker fails its state like anything else that fails there."""

from __future__ import annotations

import os
import signal

from statebox.asl.inspection.asking import Asked, Mock
from statebox.asl.jsontext import Json, write_json_text
from statebox.daemon import Daemon
from tests.hostile.cases import open_daemon
from tests.waiting import wait_until

HANGS = "{% $match($states.input, /^(a+)+$/) %}"
ENDLESS = "a" * 40 + "!"


async def run(daemon: Daemon, states: Json, input: Json, start_at: str = "A") -> Json:
    """Run a JSONata machine of these states; gives its output."""
    definition = write_json_text({"QueryLanguage": "JSONata", "StartAt": start_at, "States": states})
    beginning = await daemon.service.start_execution("m", input, None, definition)
    execution = await daemon.service.settle(beginning.id, 30)
    assert execution.ended
    return execution.output if execution.error is None else [execution.error, execution.cause]


async def test_a_catcher_takes_what_was_cut_off_and_the_execution_goes_on() -> None:
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B", "Output": "{% $states.errorOutput.Error %}"}]
    branch = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": HANGS, "End": True}}}
    states = {
        "A": {"Type": "Parallel", "Branches": [branch], "Catch": catch, "End": True},
        "B": {"Type": "Pass", "End": True},
    }
    async with open_daemon() as daemon:
        assert await run(daemon, states, ENDLESS) == "States.QueryEvaluationError"


async def test_the_state_that_hangs_is_blamed_and_not_those_before_it() -> None:
    states = {
        "A": {"Type": "Pass", "Output": "{% $contains('b', /b/) ? $states.input %}", "Next": "B"},
        "B": {"Type": "Pass", "Output": HANGS, "End": True},
    }
    async with open_daemon() as daemon:
        error, cause = await run(daemon, states, ENDLESS)
        assert error == "States.QueryEvaluationError"
        assert cause.startswith("An error occurred while executing the state 'B' (entered at the event id #4). ")


async def test_ordinary_expressions_start_no_process() -> None:
    async with open_daemon() as daemon:
        states = {"A": {"Type": "Pass", "Output": "{% $sum([1..10]) %}", "End": True}}
        assert await run(daemon, states, None) == 55
        assert daemon.workers.pids == []


async def test_a_process_is_used_again_and_ends_with_its_daemon() -> None:
    states = {"A": {"Type": "Pass", "Output": "{% $match('ab', /b/).match %}", "End": True}}
    async with open_daemon() as daemon:
        assert await run(daemon, states, None) == "b"
        (pid,) = daemon.workers.pids
        assert await run(daemon, states, None) == "b"
        assert daemon.workers.pids == [pid]
    await wait_until(lambda: not _lives(pid), "the worker to be gone")


async def test_a_process_that_was_killed_while_idle_is_replaced() -> None:
    states = {"A": {"Type": "Pass", "Output": "{% $match('ab', /b/).match %}", "End": True}}
    async with open_daemon() as daemon:
        assert await run(daemon, states, None) == "b"
        (pid,) = daemon.workers.pids
        os.kill(pid, signal.SIGKILL)
        await wait_until(lambda: not daemon.workers.pids, "its end to be seen")
        assert await run(daemon, states, None) == "b"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_state_that_is_tried_alone_is_cut_off_as_well() -> None:
    catch: Json = [{"ErrorEquals": ["States.ALL"], "Next": "B", "Output": "{% $states.errorOutput.Error %}"}]
    parallel: Json = {"Type": "Parallel", "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}]}
    hanging: Json = {**parallel, "QueryLanguage": "JSONata", "Arguments": HANGS, "Catch": catch, "End": True}
    asked = Asked(definition=write_json_text(hanging), input=write_json_text(ENDLESS), mock=Mock("[1]"))
    async with open_daemon() as daemon:
        verdict = await daemon.service.trials.test_state(asked)
        assert (verdict.status, verdict.output) == ("CAUGHT_ERROR", "States.QueryEvaluationError")


async def test_what_is_much_to_look_at_in_a_trial_keeps_nobody_waiting() -> None:
    inside: Json = {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    selector: Json = {"v.$": "States.Format('{}', $$.Map.Item.Value)"}
    state: Json = {"Type": "Map", "ItemProcessor": inside, "ItemSelector": selector, "End": True}
    async with open_daemon() as daemon:
        for items, processes in ((1, 0), (100_000, 1)):
            input = write_json_text([0] * items)
            asked = Asked(definition=write_json_text(state), input=input, mock=Mock("[1]"))
            verdict = await daemon.service.trials.test_state(asked)
            assert (verdict.status, len(verdict.inspection["afterItemSelector"])) == ("SUCCEEDED", items)
            assert len(daemon.workers.pids) == processes
