"""Runs a program that the kernel kills as soon as its parent process is gone, even when that was killed with -9.

Used as a file, `python -I -S tether.py PARENT_PID PROGRAM ARGUMENTS...`, with nothing but the standard library: it ties
itself to its parent and then becomes the program. Between fork and exec the same is not safe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def tethered(command: Sequence[str | Path]) -> list[str]:
    """The command line that runs `command` tied to the calling thread: Linux means the thread that starts it.

    So start it from a thread that lives as long as the program shall, such as the main thread.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, command)]


def _become(parent: int, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it went before the kernel was asked
        sys.exit("the process that wanted this program is gone")
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
