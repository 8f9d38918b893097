"""What is logged, in the form its reader wants."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from statebox.logs import set_up_logging

log = logging.getLogger("statebox.engine.runner")


@pytest.fixture(autouse=True)
def former_logging() -> Iterator[None]:
    """Each test sets logging up anew; afterwards it is as it was."""
    root, own = logging.getLogger(), logging.getLogger("statebox")
    before = root.handlers[:], root.level, own.level
    yield
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    own.setLevel(own_level)
    logging.captureWarnings(False)


def logged(form: str, level: str = "info") -> StringIO:
    stream = StringIO()
    set_up_logging(level, form, {}, stream)
    return stream


def fail() -> None:
    try:
        raise ValueError("no such state")
    except ValueError:
        log.exception("cannot go on", extra={"execution": "m:1"})


def test_json_has_each_field_as_a_member():
    stream = logged("json")
    log.warning("lease of %s lost", "m:1", extra={"execution": "m:1", "shard": 0})

    line: dict[str, object] = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert line == {
        "level": "warning",
        "logger": "statebox.engine.runner",
        "message": "lease of m:1 lost",
        "execution": "m:1",
        "shard": 0,
    }


def test_json_keeps_a_traceback_on_the_one_line():
    stream = logged("json")
    fail()

    (line,) = stream.getvalue().splitlines()
    entry: dict[str, str] = json.loads(line)
    assert entry["exception"].startswith("Traceback")
    assert entry["exception"].endswith("ValueError: no such state")


def test_the_journal_gets_a_priority_on_every_line():
    stream = logged("journal", "debug")
    log.debug("looking")
    log.info("going", extra={"execution": "m:1"})
    fail()

    lines = stream.getvalue().splitlines()
    assert lines[:3] == [
        "<7>engine.runner: looking",
        "<6>engine.runner: going execution=m:1",
        "<3>engine.runner: cannot go on execution=m:1",
    ]
    assert all(line.startswith("<3>") for line in lines[2:])
    assert lines[-1] == "<3>ValueError: no such state"


def test_text_is_for_people():
    stream = logged("text")
    log.info("suspended", extra={"execution": "order 7", "state": ""}, stack_info=True)

    first = stream.getvalue().splitlines()[0]
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d{3} info    engine\.runner: suspended execution="order 7" state=""', first)
    assert "Stack (most recent call last)" in stream.getvalue()


def test_of_the_libraries_only_warnings_are_shown():
    stream = logged("text")
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("asyncio").warning("slow")
    log.debug("too fine")

    assert "slow" in stream.getvalue()
    assert "GET" not in stream.getvalue()
    assert "fine" not in stream.getvalue()


def test_setting_it_up_again_replaces_what_was():
    first = logged("text")
    second = logged("json", "error")
    log.warning("hidden")
    log.error("shown")

    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


PROGRAM = """
import logging, os, sys
from statebox.logs import set_up_logging
set_up_logging("info", "auto", os.environ)
logging.getLogger("statebox").info("hello")
"""


def said(stderr: int, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=stderr, env=os.environ | environment, check=True)


def test_what_is_no_file_gets_json():
    stream = logged("auto")
    log.info("hello")
    assert json.loads(stream.getvalue())["message"] == "hello"


def test_a_container_gets_json(tmp_path: Path):
    with (tmp_path / "log").open("wb") as file:
        said(file.fileno(), {"JOURNAL_STREAM": "8:1"})
    assert (tmp_path / "log").read_text().startswith('{"time"')


def test_a_unit_writes_for_the_journal(tmp_path: Path):
    with (tmp_path / "log").open("wb") as file:
        status = os.fstat(file.fileno())
        said(file.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert (tmp_path / "log").read_text() == "<6>statebox: hello\n"


def test_a_terminal_gets_text():
    ours, theirs = pty.openpty()
    try:
        said(theirs, {})
        assert b"info    statebox: hello" in os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)
