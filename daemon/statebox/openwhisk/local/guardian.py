"""Outlives the action host by a moment: when it is gone, however it ended, ends the processes it left and their files.

Started by the host as a program of its own. On its standard input it is told of each process group (`+<id>`, `-<id>`);
the end of that input is the end of the host. Its argument is the host's folder of temporary files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys

groups: set[int] = set()
for line in sys.stdin:
    group = int(line[1:])
    if line[0] == "+":
        groups.add(group)
    else:
        groups.discard(group)
for group in groups:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
shutil.rmtree(sys.argv[1], ignore_errors=True)
