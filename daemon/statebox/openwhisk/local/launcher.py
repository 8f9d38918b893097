"""Runs one OpenWhisk action written in Python; started by the action host as a program of its own.

Requests come in and results go out as lines of JSON on one socket, whose number is in STATEBOX_CHANNEL. The first line
says which file to load and is answered with {"ok": true} or {"failure": text}. Every further line is one activation,
answered with {"result": value}, {"failure": text} or {"exhausted": true} (it ran out of memory). After each of them the
line `end` goes to both output streams, so that their reader knows which activation a line belongs to.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

Main: TypeAlias = Callable[[object], object]


def load(file: str, name: str, shown_as: str) -> Main:
    """The action's function. Raises whatever the action's code raises, and TypeError when there is no such function."""
    path = Path(file)
    # What lies beside it in its archive can be imported, its virtual environment too.
    sys.path.insert(0, str(path.parent))
    sys.path[1:1] = [str(packages) for packages in path.parent.glob("virtualenv/lib/python*/site-packages")]
    # OpenWhisk imports an action under this name, so what stands under `if __name__ == "__main__"` does not run.
    module = ModuleType("main__")
    module.__file__ = file
    sys.modules["main__"] = module
    exec(compile(path.read_bytes(), shown_as, "exec"), vars(module))  # noqa: S102 - running it is what we are here for
    main = getattr(module, name, None)
    if not callable(main):
        raise TypeError(f"there is no function {name!r} in it")
    return main


def traced(error: BaseException) -> str:
    """The traceback of an error, without the frames of this file: they are none of the action's."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(error.with_traceback(frames)))


def run(main: Main, value: object) -> str:
    """One activation: the reply line."""
    try:
        try:
            result = main(value)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an action raises is its answer
            print(traced(error), end="", file=sys.stderr)  # noqa: T201 - it belongs to the action's logs
            result = {"error": str(error)}
        try:
            return json.dumps({"result": result}, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            return json.dumps({"failure": f"The action did not produce a valid JSON response: {error}"})
    except MemoryError:
        return '{"exhausted":true}'


def serve() -> None:
    """Load the action, then run it until the host closes the channel."""
    channel = socket.socket(fileno=int(os.environ.pop("STATEBOX_CHANNEL")))
    os.set_inheritable(channel.fileno(), False)
    requests = channel.makefile("rb")

    order = json.loads(requests.readline())
    end = f"{order['end']}\n".encode()
    # Lines are shown as they are written, also those of an action that is going to be killed.
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        assert isinstance(stream, TextIOWrapper)
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (order["memory"], order["memory"]))

    def reply(line: str) -> None:
        # The action may have closed its streams, or what is below them.
        for number, stream in enumerate(streams, 1):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
            with contextlib.suppress(OSError):
                os.write(number, end)
        channel.sendall(f"{line}\n".encode())

    try:
        main = load(order["file"], order["main"], order["shown_as"])
    except MemoryError:
        reply('{"exhausted":true}')
        return
    except BaseException as error:  # noqa: BLE001 - code that calls sys.exit while it is loaded, too
        reply(json.dumps({"failure": traced(error)}))
        return
    reply('{"ok":true}')
    for line in requests:
        request = json.loads(line)
        os.environ.update(request["env"])
        reply(run(main, request["value"]))


serve()
