"""Commands as processes of their own: what they print while they run, how they end, and what they leave behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from statebox.asl.jsontext import Json, read_json

# Two shared cores, and several tests at once: what takes a second may take many.
PATIENCE_SECONDS = 60.0

STATEBOX = (sys.executable, "-m", "statebox.cli.main")


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: nothing that the developer has set for statebox or OpenWhisk himself."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("STATEBOX_", "WHISK_", "__OW_"))
    }
    return {**inherited, "WSK_CONFIG_FILE": "", **more}


class Command:
    """`with Command("dev", ...) as command:` runs until it ends by itself, or is killed with the block."""

    def __init__(self, *words: str | Path, cwd: Path, more: Mapping[str, str] | None = None) -> None:
        # A file and no pipe, as nobody reads it while it is written.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- it is closed with the block
        self.process = subprocess.Popen(
            [*STATEBOX, *map(str, words)],
            cwd=cwd,
            env=environment(**(more or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

        self._printed = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def valkey(self) -> int:
        """The process of the Valkey that it has started."""
        (pid,) = [pid for pid in family(self.pid) if "valkey-server" in Path(f"/proc/{pid}/cmdline").read_text()]
        return pid

    @property
    def stderr(self) -> str:
        """What it has said on stderr until now."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode()

    def line(self) -> str:
        """The next line on stdout."""
        while b"\n" not in self._printed:
            chunk = self._read()
            assert chunk, f"it ended without a line; stderr: {self.stderr}"
            self._printed += chunk
        line, _, self._printed = self._printed.partition(b"\n")
        return line.decode()

    def rest(self) -> str:
        """All that is left on stdout, once it has ended."""
        while chunk := self._read():
            self._printed += chunk
        return self._printed.decode()

    def _read(self) -> bytes:
        """What comes next on stdout; nothing at its end."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            assert selector.select(PATIENCE_SECONDS), f"it printed nothing; stderr: {self.stderr}"
        return os.read(self.process.stdout.fileno(), 65536)

    def json_line(self) -> Json:
        """The next line on stdout, as JSON."""
        return read_json(self.line())

    def says(self, words: str) -> str:
        """Wait until stderr holds these words; all of it then."""
        wait_for(lambda: words in self.stderr, f"{words!r} in {self.process.args}", lambda: self.stderr)
        return self.stderr

    def send(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        return self.process.wait(PATIENCE_SECONDS)


def run(*words: str | Path, cwd: Path, input: str = "", more: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    ended = subprocess.run(
        [*STATEBOX, *map(str, words)],
        cwd=cwd,
        env=environment(**(more or {})),
        input=input.encode(),
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


class Ended:
    """How a command ended."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        assert "Traceback" not in stderr, stderr

    @property
    def json(self) -> Json:
        """All of stdout, as JSON."""
        return read_json(self.stdout)


def family(pid: int) -> list[int]:
    """The processes below this one that run, at any depth."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))) is not None:
            below.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    ahead = [pid]
    while ahead:
        children = below.get(ahead.pop(), [])
        found += children
        ahead += children
    return found


def gone(pids: Sequence[int]) -> bool:
    """Whether none of these runs any more; one that ended and waits for its parent to notice does not."""
    return all(_parent(pid) is None for pid in pids)


def wait_for(predicate: Callable[[], bool], what: str, else_show: Callable[[], object] = str) -> None:
    """Ask again and again until it holds; fail the test when it does not within a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}; there is: {else_show()}")
        time.sleep(0.01)


def _parent(pid: int) -> int | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(parent)
