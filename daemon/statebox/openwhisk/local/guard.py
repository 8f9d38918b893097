"""The host's side of guardian.py: a process that ends the actions' processes when the host cannot."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

logger = logging.getLogger(__name__)
_GUARDIAN = Path(__file__).with_name("guardian.py")


class Guard:
    """Knows the process groups that must not outlive the host, also when it is killed with -9.

    An idle process sees by itself that the host's end of its channel is gone; one that is busy, or what it has started,
    may not look.
    """

    def __init__(self, process: asyncio.subprocess.Process, writes: int) -> None:
        self._process = process
        self._writes = writes

    @classmethod
    async def start(cls, folder: Path) -> Guard:
        """Start it; `folder` holds the host's temporary files, and goes with the host."""
        reads, writes = os.pipe()
        try:
            # A session of its own, so that what kills the host's process group does not kill it as well.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(_GUARDIAN), str(folder), stdin=reads, start_new_session=True
            )
        except BaseException:
            os.close(writes)
            raise
        finally:
            os.close(reads)
        return cls(process, writes)

    def add(self, group: int) -> None:
        """From here on this process group is watched over."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """It has ended."""
        self._tell(f"-{group}\n")

    async def stop(self) -> None:
        """Let it do its last work and end."""
        self._close()
        await self._process.wait()

    def _tell(self, line: str) -> None:
        if self._writes < 0:
            return
        try:
            os.write(self._writes, line.encode())
        except OSError as error:
            logger.warning("the guardian of the actions' processes is gone (%s): they may outlive the host", error)
            self._close()

    def _close(self) -> None:
        if self._writes >= 0:
            os.close(self._writes)
            self._writes = -1
