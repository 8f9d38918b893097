"""The last border: how a command ends when its reader has gone, its output has no room, or it has a fault."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAIN = "import os, sys; from statebox.cli import main; {}; main.main(sys.argv[1:])"


def run(prelude: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process that does something before."""
    return subprocess.run(
        [sys.executable, "-c", MAIN.format(prelude), *words], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_reader_who_leaves_ends_a_command_quietly():
    ended = run("r, w = os.pipe(); os.close(r); os.dup2(w, 1)", "--help")

    assert (ended.returncode, ended.stderr) == (1, "")


def test_an_output_without_room_is_told():
    ended = run("os.dup2(os.open('/dev/full', os.O_WRONLY), 1)", "--help")

    assert ended.returncode == 1
    assert ended.stderr == "statebox: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_is_one_line_and_a_traceback_for_those_who_want_it(debug: bool):
    broken = "main._COMMANDS['list'] = ('nowhere:nothing', '')"

    ended = run(broken, *(["--debug"] if debug else []), "list")

    assert ended.returncode == 1
    assert "No module named 'statebox.cli.nowhere'" in ended.stderr
    assert ("Traceback" in ended.stderr) is debug
    assert ("statebox: unexpected ModuleNotFoundError (" in ended.stderr) is not debug
