"""What users get wrong: said in words, with the place and the remedy, and with the right exit code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import INCSQUARE, Call

NOBODY = "00000000-0000-4000-8000-000000000000"
FAR_SHARD = "00000000-0000-4000-8000-000000000fff"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        # without a daemon
        (["list"], 69, "no daemon answers at http://127.0.0.1:1 (Connection refused): start one with `statebox dev`"),
        (["list", "--endpoint", "a:b:c"], 2, "'a:b:c' is neither HOST:PORT nor a URL"),
        (["list", "--endpoint", "ftp://x"], 2, "'ftp://x' is neither HOST:PORT nor a URL"),
        (["list", "--endpoint", "no-such-host.invalid"], 69, "no daemon answers at http://no-such-host.invalid"),
        (["list", "--set-aside", "--machine", "x"], 2, "leave out --status, --machine"),
        (["history", "a:b", "--follow", "--reverse"], 2, "leave out --limit and --reverse"),
        (["start", "missing.json"], 1, "missing.json cannot be read: No such file or directory"),
        (["start", "-", "--input", "-"], 2, "cannot both come from stdin"),
        (["run", "-", "--input", "-"], 2, "cannot both come from stdin"),
        (["start", "{broken}"], 1, "broken.json: not valid JSON: "),
        (["run", "{broken}"], 1, "at line 1 column 3"),
        (["start", "{empty}"], 1, "its wrapper is empty"),
        (["start", "{incsquare}", "--machine", "other"], 1, "there is no machine other in it, only incsquare"),
        (["start", "name", "--machine", "other"], 2, "a machine of the daemon has its own name"),
        (["start", "name", "--input", "{{"], 2, "--input: not valid JSON: "),
        (["start", "name", "--input", "hello"], 2, "a text needs double quotes"),
        (["start", "name", "--input", "@missing"], 1, "missing cannot be read"),
        (["start", "name", "--input", "@{broken}"], 2, "broken.json): not valid JSON"),
        (["start", "name", "--input", "NaN"], 2, "NaN is not a JSON number"),
        (["start", "{incsquare}", "--input", '"many"'], 2, "`input` must begin with an integer"),
        (["resume", NOBODY, "--output", "1", "--error", "E"], 2, "give one of them"),
        (["resume", NOBODY, "--cause", "why"], 2, "give --error NAME as well"),
        (["resume", NOBODY, "--output", "nul"], 2, "--output: not valid JSON"),
        (["run", "{incsquare}", "--endpoint", "x", "--data", "d"], 2, "a daemon at --endpoint has its own"),
        (["run", "{incsquare}", "--actions", "missing"], 2, "Directory 'missing' does not exist"),
        (["dev", "--listen", "8083"], 2, "must be HOST:PORT"),
        (["actions", "--listen", "0.0.0.0:0"], 1, "does not listen on 0.0.0.0"),
        (["serve", "--listen", "x"], 78, "flag --listen: http.listen = 'x' must be HOST:PORT"),
        (["serve", "--config", "missing.toml"], 2, "'missing.toml' does not exist"),
    ],
)
def test_bad_input_is_named_with_its_remedy(
    offline: Call, tmp_path: Path, words: Sequence[str], code: int, expected: str
):
    broken = tmp_path / "broken.json"
    broken.write_text("{ nothing }")
    empty = tmp_path / "empty.json"
    empty.write_text('{"statemachine": {}}')
    places = {"{broken}": broken, "{empty}": empty, "{incsquare}": INCSQUARE, "@{broken}": f"@{broken}", "{{": "{"}

    told = offline(*(places.get(word, word) for word in words))

    assert (told.exit_code, told.stdout) == (code, "")
    assert expected in told.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["describe", "ask:nobody"], "Execution Does Not Exist|no such execution"),
        (["describe", "nonsense"], "neither an execution's ARN nor its id"),
        (["machines", "delete", "nonsense"], "there is no machine of that name"),
        (["history", "ask:nobody"], "no such execution|Does Not Exist"),
        (["stop", "ask:nobody"], "no such execution|Does Not Exist"),
        (["retry", "ask:nobody"], "no such execution|Does Not Exist|set aside"),
        (["resume", NOBODY], "not known|Continuation not found"),
        (["resume", FAR_SHARD], "not known|Continuation not found"),
        (["resume", "nonsense"], "not known|Continuation not found"),
        (["resume", "ask:nobody"], "no such execution|Does Not Exist"),
        # Then come those that other tests have created by now.
        (["start", "nobody"], "known to this daemon: ask, ask-twice, echo, "),
        (["start", "echo", "--name", "a b"], "Invalid Name: 'a b'"),
        (["list", "--next-token", "nonsense"], "Invalid Token"),
    ],
)
def test_what_the_daemon_refuses_is_told_in_its_words(call: Call, words: Sequence[str], expected: str):
    told = call(*words)

    assert (told.exit_code, told.stdout) == (1, "")
    assert any(one in told.stderr for one in expected.split("|")), told.stderr
    assert told.stderr.startswith("statebox: ")


def test_a_definition_is_refused_with_all_its_problems(call: Call, tmp_path: Path):
    file = tmp_path / "wrong.json"
    file.write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Nap"}}}')

    told = call("start", file)

    assert told.exit_code == 1
    assert "the definition is not valid" in told.stderr
    assert f"{file}:1:51: " in told.stderr
    assert "at /States/A/Next" in told.stderr
    assert "at /States/C/Type" in told.stderr


def http(status: int, body: bytes) -> bytes:
    """A reply as it is on the wire."""
    return b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def test_a_missing_token_is_explained_also_where_it_is_told_as_to_clients_of_aws(offline: Call):
    answer = http(400, b'{"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}')
    with stranger(answer) as (endpoint, _):
        told = offline("list", "--endpoint", endpoint)

    assert told.exit_code == 1
    assert "Missing Authentication Token (--token or STATEBOX_TOKEN)" in told.stderr


def test_a_token_is_sent_and_a_missing_one_explained(offline: Call):
    answer = http(401, b'{"__type": "TokenRequired", "message": "Wants some"}')
    with stranger(answer) as (endpoint, heard):
        told = offline("list", "--endpoint", endpoint, "--token", "mine")

    assert told.exit_code == 1
    assert "Wants some (--token or STATEBOX_TOKEN)" in told.stderr
    assert b"Authorization: Bearer mine" in heard[0]


@pytest.mark.parametrize(
    ("answer", "code", "expected"),
    [
        (http(404, b"<p>\n?"), 1, "is no statebox daemon: HTTP 404, '<p> ?'"),
        (http(200, b""), 1, "is no statebox daemon: HTTP 200, an empty body"),
        (http(200, b"[]"), 1, "is no statebox daemon: HTTP 200, '[]'"),
        (b"", 69, "broke off: Server disconnected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 69, "broke off: "),
        (http(503, b'{"__type": "ServiceUnavailable", "message": "resting"}'), 69, "cannot serve this now: resting"),
        (http(400, b'{"__type": "com.amazonaws.states#InvalidArn", "message": "odd"}'), 1, "statebox: odd"),
    ],
)
def test_whatever_answers_there_is_told_apart_from_a_daemon(offline: Call, answer: bytes, code: int, expected: str):
    with stranger(answer) as (endpoint, _):
        told = offline("list", "--endpoint", endpoint)

    assert (told.exit_code, told.stdout) == (code, "")
    assert expected in told.stderr


def test_a_start_whose_answer_is_lost_says_what_to_look_for(offline: Call):
    with stranger(b"") as (endpoint, _):
        told = offline("start", "order", "--name", "n17", "--endpoint", endpoint)

    assert told.exit_code == 69
    assert (
        "it may have been started: see `statebox describe order:n17`, or start it again with --name n17" in told.stderr
    )


def test_an_answer_that_may_have_got_lost_is_given_again_under_the_same_token(offline: Call):
    with stranger(b"") as (endpoint, heard):
        told = offline("resume", NOBODY, "--endpoint", endpoint)

    assert told.exit_code == 69
    assert len(heard) == 3
    assert len({request.partition(b"clientToken")[2] for request in heard}) == 1


@contextmanager
def stranger(answer: bytes) -> Generator[tuple[str, list[bytes]]]:
    """Something that answers every request with these bytes and hangs up; where it is, and what it heard."""
    heard: list[bytes] = []
    ready = threading.Event()
    place: list[int] = []
    loop = asyncio.new_event_loop()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        size = int(request.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        heard.append(request + await reader.readexactly(size))
        writer.write(answer)
        writer.close()

    async def serve(ended: asyncio.Event) -> None:
        server = await asyncio.start_server(answers, "127.0.0.1", 0)
        place.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await ended.wait()

    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(ended)))
    thread.start()
    assert ready.wait(30)
    try:
        yield f"http://127.0.0.1:{place[0]}", heard
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
