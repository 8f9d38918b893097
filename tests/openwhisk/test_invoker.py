"""The invoker: how a task ends, whatever OpenWhisk does, and that nothing is called twice that may have run."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSubmitted, TaskSucceeded
from statebox.asl.jsontext import Json, read_json
from statebox.openwhisk.config import Basic, OpenWhiskConfig
from statebox.openwhisk.invoker import OpenWhiskInvoker
from statebox.openwhisk.patience import Patience, jittered
from tests.openwhisk.conftest import HASTY, Connect
from tests.openwhisk.scripted import Scripted, Step, answer, hang_up, record
from tests.waiting import wait_until

ID = "a" * 32
PENDING = answer(404, {"error": "The requested resource does not exist.", "code": "t"})


def task(resource: str, arguments: Json = None, reference: str | None = None) -> InvokeTask:
    return InvokeTask("0:5", resource, {} if arguments is None else arguments, "uid-5", reference)


def polling(*steps: Step, limit_ms: int = 100) -> Step:
    """Answers polls with `steps`, and the question for the action's time limit by itself."""
    left = list(steps)

    def step(request: web.Request) -> web.Response:
        if "/actions/" in request.path:
            entity = {"namespace": "ns", "name": "inc", "limits": {"timeout": limit_ms}}
            return answer(200, entity)(request)
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    return step


async def test_a_task_is_one_blocking_call_and_its_result(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(answer(200, record({"value": 7, "more": 1})))
    assert await invoker.invoke(task("module:inc", {"value": 6})) == TaskSucceeded("0:5", 7, ID)
    assert await invoker.invoke(task("openwhisk:inc", 6)) == TaskSucceeded("0:5", {"value": 7, "more": 1}, ID)
    assert [read_json(asked.body) for asked in server.asked] == [{"value": 6}, {"value": 6}]
    assert {asked.headers["X-Request-ID"] for asked in server.asked} == {"uid-5"}


async def test_the_configured_namespace_is_that_of_names_without_one(server: Scripted, connect: Connect):
    config = OpenWhiskConfig(host=server.url, credentials=Basic("a:b"), namespace="ours")
    server.will(answer(200, record({})))
    await OpenWhiskInvoker(await connect(config), HASTY).invoke(task("openwhisk:math/inc"))
    assert server.asked[0].path.startswith("/api/v1/namespaces/ours/actions/math/inc?")


async def test_lambda_invoke_gets_awss_envelope(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(answer(200, record({"value": 7})))
    ended = await invoker.invoke(task("arn:aws:states:::lambda:invoke", {"FunctionName": "inc", "Payload": 6}))
    assert isinstance(ended, TaskSucceeded)
    assert (ended.output["Payload"], ended.output["StatusCode"], ended.reference) == (7, 200, ID)
    server.will(answer(202, {"activationId": ID}))
    arguments = {"FunctionName": "inc", "InvocationType": "Event"}
    ended = await invoker.invoke(task("arn:aws:states:::lambda:invoke", arguments))
    assert isinstance(ended, TaskSucceeded)
    assert (ended.output["StatusCode"], ended.reference) == (202, ID)


async def test_a_failing_function_fails_the_task_with_its_error_type(server: Scripted, invoker: OpenWhiskInvoker):
    error = {"errorType": "OutOfStock", "errorMessage": "none left"}
    server.will(answer(502, record({"error": error}, "application error")))
    resource = "arn:aws:lambda:us-east-1:123456789012:function:inc"
    assert await invoker.invoke(task(resource)) == TaskFailed(
        "0:5",
        "OutOfStock",
        f'{{"errorMessage":"none left","errorType":"OutOfStock","requestId":"{ID}","stackTrace":[]}}',
        ID,
    )


async def test_a_function_that_is_to_have_its_token_answered_must_itself_succeed(
    server: Scripted, invoker: OpenWhiskInvoker
):
    """What it returns is what its submission has responded."""
    resource, arguments = "arn:aws:states:::lambda:invoke.waitForTaskToken", {"FunctionName": "inc", "Payload": 6}
    server.will(answer(200, record({"value": 7})))
    submitted = await invoker.invoke(task(resource, arguments))
    assert isinstance(submitted, TaskSubmitted)
    assert (submitted.output["Payload"], submitted.reference) == (7, ID)

    server.will(answer(502, record({"error": {"errorType": "No"}}, "application error")))
    failed = await invoker.invoke(task(resource, arguments))
    assert isinstance(failed, TaskFailed)
    assert failed.error == "No"


async def test_a_blocking_call_that_outlives_the_wait_is_submitted_and_then_polled_and_never_called_again(
    server: Scripted, invoker: OpenWhiskInvoker
):
    server.will(answer(202, {"activationId": ID}))
    submitted = await invoker.invoke(task("module:inc", {"value": 6}))
    assert submitted == TaskSubmitted("0:5", ID, {"activationId": ID})
    server.will(polling(PENDING, PENDING, answer(200, record({"value": 7}))))
    assert await invoker.invoke(task("module:inc", {"value": 6}, ID)) == TaskSucceeded("0:5", 7, ID)
    assert [asked.method for asked in server.asked].count("POST") == 1


async def test_sync_submits_and_polls_until_the_record_is_there(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(answer(202, {"activationId": ID}))
    assert await invoker.invoke(task("openwhisk:inc.sync")) == TaskSubmitted("0:5", ID, {"activationId": ID})
    assert server.asked[0].query == {}
    error = record({"error": "boom"}, "application error")
    server.will(polling(PENDING, answer(200, error)))
    ended = await invoker.invoke(task("openwhisk:inc.sync", reference=ID))
    assert ended == TaskFailed("0:5", "OpenWhisk.ApplicationError", "boom", ID)


async def test_a_callback_is_submitted_and_not_polled(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(answer(202, {"activationId": ID}))
    submitted = TaskSubmitted("0:5", ID, {"activationId": ID})
    assert await invoker.invoke(task("openwhisk:ask.waitForTaskToken", {"token": "t"})) == submitted
    assert await invoker.invoke(task("openwhisk:ask.waitForTaskToken", {"token": "t"}, ID)) == submitted
    assert [(asked.query, asked.body) for asked in server.asked] == [({}, b'{"token":"t"}')]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_call_that_was_not_started_is_made_again_under_the_same_request_id(
    server: Scripted, invoker: OpenWhiskInvoker, status: int
):
    server.will(answer(status, {"error": "not now"}), answer(status, b""), answer(200, record({"value": 7})))
    assert await invoker.invoke(task("module:inc")) == TaskSucceeded("0:5", 7, ID)
    assert [asked.headers["X-Request-ID"] for asked in server.asked] == ["uid-5"] * 3


@pytest.mark.parametrize(
    ("status", "error"), [(429, "OpenWhisk.TooManyRequests"), (503, "OpenWhisk.ServiceUnavailable")]
)
async def test_patience_with_a_busy_openwhisk_ends(
    server: Scripted, invoker: OpenWhiskInvoker, status: int, error: str
):
    server.will(answer(status, {"error": "not now"}))
    assert await invoker.invoke(task("module:inc")) == TaskFailed("0:5", error, f"HTTP {status}: not now")
    assert len(server.asked) == 1 + HASTY.retries


async def test_an_openwhisk_that_cannot_be_reached_is_tried_again_and_then_given_up(connect: Connect):
    config = OpenWhiskConfig(host="http://127.0.0.1:1", credentials=Basic("a:b"))
    ended = await OpenWhiskInvoker(await connect(config), HASTY).invoke(task("module:inc"))
    assert isinstance(ended, TaskFailed)
    assert ended.error == "OpenWhisk.Unreachable"


async def test_retry_after_is_waited_for(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(answer(429, {"error": "not now"}, {"Retry-After": "1"}), answer(200, record({"value": 7})))
    began = asyncio.get_running_loop().time()
    assert await invoker.invoke(task("module:inc")) == TaskSucceeded("0:5", 7, ID)
    # A whole second was asked for; patience ends at its own cap.
    assert asyncio.get_running_loop().time() - began >= HASTY.retry_cap_s


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_may_have_run_is_not_called_again(server: Scripted, invoker: OpenWhiskInvoker, status: int):
    server.will(answer(status, b"<html>"))
    ended = await invoker.invoke(task("module:inc"))
    assert isinstance(ended, TaskFailed)
    assert ended.error == "OpenWhisk.InternalError"
    assert len(server.asked) == 1


async def test_a_connection_that_breaks_is_not_used_to_call_again(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(hang_up)
    ended = await invoker.invoke(task("module:inc"))
    assert isinstance(ended, TaskFailed)
    assert ended.error == "OpenWhisk.Lost"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "OpenWhisk.BadRequest"),
        (401, "States.Permissions"),
        (403, "States.Permissions"),
        (404, "OpenWhisk.ActionNotFound"),
        (409, "OpenWhisk.Conflict"),
        (413, "States.DataLimitExceeded"),
    ],
)
async def test_a_refused_call_fails_at_once(server: Scripted, invoker: OpenWhiskInvoker, status: int, error: str):
    server.will(answer(status, {"error": "no", "code": "t"}))
    cause = f"HTTP {status}: no" if status != 404 else "module:inc: HTTP 404: no"
    assert await invoker.invoke(task("module:inc")) == TaskFailed("0:5", error, cause)
    assert len(server.asked) == 1


async def test_a_resource_that_cannot_be_called_fails_the_task(server: Scripted, invoker: OpenWhiskInvoker):
    ended = await invoker.invoke(task("openwhisk:a/b/c/d"))
    assert isinstance(ended, TaskFailed)
    assert ended.error == "OpenWhisk.BadRequest"
    assert not server.asked


async def test_trouble_with_polling_does_not_end_a_run(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(
        polling(
            answer(503, b""), hang_up, answer(429, {"error": "x"}), answer(500, b""), answer(200, record({"value": 7}))
        )
    )
    assert await invoker.invoke(task("module:inc", reference=ID)) == TaskSucceeded("0:5", 7, ID)


async def test_credentials_that_are_refused_end_polling(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(polling(answer(401, {"error": "no"})))
    assert await invoker.invoke(task("module:inc", reference=ID)) == TaskFailed(
        "0:5", "States.Permissions", "HTTP 401: no", ID
    )


async def test_a_run_without_a_record_is_lost_after_twice_its_time_limit(server: Scripted, invoker: OpenWhiskInvoker):
    server.will(polling(PENDING))
    began = asyncio.get_running_loop().time()
    ended = await invoker.invoke(task("module:inc", reference=ID))
    took_s = asyncio.get_running_loop().time() - began
    assert ended == TaskFailed(
        "0:5", "OpenWhisk.Lost", f"there is no record of activation {ID} of /_/inc in the time it could take", ID
    )
    assert took_s > 0.3  # 2 x 100 ms, and 200 ms, less the last wait
    assert len([asked for asked in server.asked if "/actions/" in asked.path]) == 1


async def test_a_run_that_cannot_be_asked_about_is_given_up_for_that_reason(
    server: Scripted, invoker: OpenWhiskInvoker
):
    server.will(polling(*[PENDING] * 3, answer(503, {"error": "down"})))
    assert await invoker.invoke(task("module:inc", reference=ID)) == TaskFailed(
        "0:5", "OpenWhisk.ServiceUnavailable", "HTTP 503: down", ID
    )


async def test_a_success_whose_result_openwhisk_does_not_keep_is_lost(server: Scripted, invoker: OpenWhiskInvoker):
    kept = {"activationId": ID, "response": {"status": "success", "success": True}}
    server.will(polling(answer(200, kept)))
    ended = await invoker.invoke(task("module:inc", reference=ID))
    assert isinstance(ended, TaskFailed)
    assert ended.error == "OpenWhisk.Lost"
    failed = {"activationId": ID, "response": {"status": "application error", "success": False}}
    server.will(polling(answer(200, failed)))
    assert await invoker.invoke(task("module:inc", reference=ID)) == TaskFailed(
        "0:5", "OpenWhisk.ApplicationError", "OpenWhisk kept no result", ID
    )


async def test_a_cancelled_task_stops_at_once(server: Scripted, invoker: OpenWhiskInvoker):
    server.silence.clear()
    server.will(answer(200, record({})))
    running = asyncio.create_task(invoker.invoke(task("module:inc")))
    await wait_until(lambda: len(server.asked) == 1, "the call arrives")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_patience_grows_and_ends():
    patience = Patience()
    assert list(patience.between_tries()) == [1, 2, 4, 8, 16, 32]
    polls = patience.between_polls()
    assert [next(polls) for _ in range(9)] == [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.6953125, 8.54296875, 10]
    assert list(Patience(retries=9).between_tries())[-2:] == [60, 60]
    assert patience.longest_poll_s(60_000) == 180


def test_jitter_keeps_at_least_half_of_a_wait():
    assert (jittered(10, 0), jittered(10, 0.5), jittered(10, 1)) == (5, 7.5, 10)
