"""The languages that this machine can run actions in."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language: its name, the kind its actions have, the ending of its files, and the program that runs it."""

    language: str
    kind: str
    suffix: str
    program: str

    def command(self, memory_mb: int) -> Sequence[str]:
        """The command that starts its launcher."""
        if self.language == "python":
            # Isolated: nothing of the host's environment or working directory, and no .pyc files beside the actions.
            return [self.program, "-I", "-B", str(_HERE / "launcher.py")]
        return [self.program, f"--max-old-space-size={memory_mb}", str(_HERE / "launcher.js")]


class Runtimes:
    """The languages there are, Python first: it wins where two files give one action."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self._all = tuple(runtimes)

    def __iter__(self):
        return iter(self._all)

    def of(self, kind: str) -> Runtime | None:
        """The runtime for a kind: whatever version it names (`nodejs:20`, `python:default`), there is one only."""
        language = kind.partition(":")[0]
        return next((runtime for runtime in self._all if runtime.language == language), None)

    @property
    def kinds(self) -> list[str]:
        """What can be said for `kind`."""
        return [kind for runtime in self._all for kind in (runtime.kind, f"{runtime.language}:default")]


async def find_runtimes(node: str | None) -> Runtimes:
    """Python is there, as we run on it; Node where `node` is the path of one that answers."""
    version = sys.version_info
    runtimes = [Runtime("python", f"python:{version.major}.{version.minor}", ".py", sys.executable)]
    if node is not None and (major := await _node_version(node)):
        runtimes.append(Runtime("nodejs", f"nodejs:{major}", ".js", node))
    return Runtimes(runtimes)


async def _node_version(node: str) -> str | None:
    """The first part of its version, None when it is no usable Node."""
    try:
        process = await asyncio.create_subprocess_exec(
            node, "--version", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except OSError:
        return None
    said, _ = await process.communicate()
    match = re.match(rb"v(\d+)\.", said)
    return match[1].decode() if match else None
