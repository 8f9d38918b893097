"""The invoker: serves what a distributed Map asks for beside its children, items to read and results to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSucceeded
from statebox.asl.jsontext import Json
from statebox.asl.states.resource import READ_ITEMS, WRITE_RESULT
from statebox.engine.ports import Permit
from statebox.files.errors import FileTrouble
from statebox.files.folder import Folder
from statebox.files.items import read_items
from statebox.files.limits import FileLimits
from statebox.files.requests import read_reading, read_writing
from statebox.files.results import write_results

_DEFAULT_LIMITS = FileLimits()


class FileInvoker:
    """Serves `statebox:readItems` and `statebox:writeResult` with files in one folder (None: there is none).

    A read succeeds with the array of the items, a write with {"MapRunArn", "ResultWriterDetails": {"Bucket", "Key"}}.
    A failure has a cause and no error name: the Map knows which of its errors it is. A write can be repeated.
    """

    def __init__(self, folder: Path | None, limits: FileLimits = _DEFAULT_LIMITS) -> None:
        self._folder = None if folder is None else Folder(folder)
        self._limits = limits
        # Each may hold all its items in memory.
        self._turns = asyncio.Semaphore(limits.at_once)

    async def invoke(self, task: InvokeTask, permit: Permit | None = None) -> TaskSucceeded | TaskFailed:
        """Do the task: see engine.ports.Invoker. Never raises for what goes wrong with the file."""
        work = {READ_ITEMS: self._read, WRITE_RESULT: self._write}.get(task.resource)
        if work is None:
            return TaskFailed(task.id, None, f"files do not serve the resource {task.resource}")
        async with self._turns:
            try:
                output = await asyncio.to_thread(self._in_folder, work, task.arguments)
            except FileTrouble as trouble:
                return TaskFailed(task.id, None, str(trouble))
        return TaskSucceeded(task.id, output)

    def _in_folder(self, work: Callable[[Folder, Json], Json], arguments: Json) -> Json:
        if self._folder is None:
            raise FileTrouble(
                "no folder for files is configured: set `files` in the section [daemon] of the configuration,"
                " or STATEBOX_FILES, to its path"
            )
        return work(self._folder, arguments)

    def _read(self, folder: Folder, arguments: Json) -> Json:
        reading = read_reading(arguments)
        content = folder.read(reading.path, self._limits.read_bytes)
        return read_items(content, reading, self._limits)

    def _write(self, folder: Folder, arguments: Json) -> Json:
        return write_results(folder, read_writing(arguments), self._limits.written_bytes)
