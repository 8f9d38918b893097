"""One process that runs one action: started once, used for many activations, ended for good when one goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import secrets
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json
from statebox.openwhisk.local.output import Output

# The streams are read all the time, so this only ends a wait for a stream that the action has closed.
_DRAIN_S = 1.0
# A reply may be larger than a result is allowed to be, so that it can be refused in words; not without bounds.
_LONGEST_REPLY = 64 * 1024 * 1024


class ProcessEnded(Exception):
    """The process is no more, and gave no reply."""


class Exhausted(ProcessEnded):
    """The process used more memory than it may."""


class TimeLimitExceeded(ProcessEnded):
    """The process was ended as it took too long."""


class Reply(msgspec.Struct):
    """What a launcher answers: see launcher.py. `size` is that of the result's JSON, in bytes."""

    ok: bool = False
    result: Json = None
    failure: str | None = None
    stop: bool = False
    exhausted: bool = False
    size: int = 0


class _Channel(asyncio.Protocol):
    """The host's end of the socket: one line out, one line in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._reply: asyncio.Future[bytes] | None = None
        self.transport: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if data.endswith(b"\n"):
            line = b"".join(self._parts)
            self._parts, self._size = [], 0
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(line)
        elif self._size > _LONGEST_REPLY:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ProcessEnded())

    async def ask(self, line: bytes) -> bytes:
        """Send a line and await the next one that comes. Raises ProcessEnded."""
        assert self.transport is not None
        if self.transport.is_closing():
            raise ProcessEnded
        self._reply = asyncio.get_running_loop().create_future()
        self.transport.write(line)
        try:
            return await self._reply
        finally:
            self._reply = None

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class ActionProcess:
    """A process and its channel."""

    def __init__(self, transport: asyncio.SubprocessTransport, channel: _Channel, output: Output) -> None:
        self._transport = transport
        self._channel = channel
        self._output = output
        self._exhausted = False
        self.pid = transport.get_pid()
        output.exited.add_done_callback(self._on_exit)

    def __repr__(self) -> str:
        return f"<ActionProcess {self.pid}{' ended' if self.ended else ''}>"

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> ActionProcess:
        """Start the launcher `command` in `folder`, in a process group of its own. Raises OSError."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                output = Output(secrets.token_hex(16).encode())
                channel = _Channel()
                transport, _ = await loop.subprocess_exec(
                    lambda: output,
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    env={**environment, "STATEBOX_CHANNEL": str(theirs.fileno())},
                    cwd=folder,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        try:
            ours.setblocking(False)
            channel.transport, _ = await loop.create_unix_connection(lambda: channel, sock=ours)
        except BaseException:
            transport.close()
            ours.close()
            raise
        return cls(transport, channel, output)

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self._output.exited.done()

    async def load(self, order: Mapping[str, Json], timeout_s: float) -> Reply:
        """Send the first line, which says what to load; as `ask`."""
        return await self.ask(write_json({**order, "end": self._output.end.decode()}), timeout_s)

    async def ask(self, request: bytes, timeout_s: float) -> Reply:
        """Send one line and return the reply.

        Raises TimeLimitExceeded, Exhausted or ProcessEnded; it has ended then.
        What it wrote meanwhile is in `logs`, in any case.
        """
        self._output.begin()
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._channel.ask(request + b"\n")
            await self._output.drained(_DRAIN_S)
        except ProcessEnded:
            await self.end()
            raise (Exhausted if self._exhausted or self._output.heap_is_full else ProcessEnded) from None
        except TimeoutError:
            await self.end()
            raise (Exhausted if self._exhausted else TimeLimitExceeded) from None
        except asyncio.CancelledError:
            self.kill()
            raise
        reply = _read(line)
        if reply.exhausted:
            await self.end()
            raise Exhausted
        return reply

    @property
    def logs(self) -> list[str]:
        """The lines that the last activation wrote, as OpenWhisk shows them."""
        return self._output.logs

    def exhaust(self) -> None:
        """End it for using too much memory."""
        self._exhausted = True
        self.kill()

    def kill(self) -> None:
        """Kill it, and all it has started."""
        self._channel.close()
        if not self.ended:
            self._kill_group()

    async def end(self) -> None:
        """Kill it, and wait until it is gone and its last words have been read."""
        self.kill()
        await asyncio.shield(self._output.exited)
        await self._output.drained(_DRAIN_S)
        self._transport.close()

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once it is no more."""
        self._output.exited.add_done_callback(lambda _: tell())

    def _on_exit(self, _: asyncio.Future[None]) -> None:
        # What it had started may still be there, and keep its streams open.
        self._kill_group()
        asyncio.get_running_loop().call_later(_DRAIN_S, self._transport.close)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def resident_bytes(pid: int) -> int | None:
    """How much memory a process holds at this moment; None where that cannot be told."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * resource.getpagesize()


def _read(line: bytes) -> Reply:
    """A reply. The launchers write JSON; what is in it came from the action and may be JSON that cannot be kept."""
    try:
        reply = msgspec.convert(read_json(line), Reply)
    except (InvalidJson, msgspec.ValidationError) as error:
        return Reply(failure=f"The action did not produce a valid JSON response: {error}")
    reply.size = len(line) - len('{"result":}\n')
    return reply
