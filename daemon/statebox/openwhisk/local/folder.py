"""Actions from a folder: each file is an action, each folder in it a package, and a changed file is read again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from statebox.openwhisk.activation import Annotation
from statebox.openwhisk.local.entities import Action, next_version
from statebox.openwhisk.local.limits import HostLimits
from statebox.openwhisk.local.runtimes import Runtime, Runtimes
from statebox.openwhisk.names import is_entity_name

# Annotations that say where an action comes from: `file`, and `shadows` for the file that it hides.
OF_FILES = frozenset({"file", "shadows"})

logger = logging.getLogger(__name__)


class _Read(msgspec.Struct):
    """A file as it was when it was last read."""

    state: tuple[int, int, int, int]
    action: Action


class ActionFolder:
    """A folder of `*.py` and, where there is Node, `*.js` files. Where both give one action, the Python file is it.

    Names that OpenWhisk does not allow, or that begin with an underscore, are not actions.
    """

    def __init__(self, folder: Path, namespace: str, runtimes: Runtimes, limits: HostLimits) -> None:
        self._folder = folder
        self._namespace = namespace
        self._runtimes = runtimes
        self._limits = limits
        self._read: dict[Path, _Read] = {}

    def packages(self) -> list[str]:
        """The names of the folders in it."""
        return sorted(path.name for path in self._entries(self._folder) if path.is_dir())

    def has_package(self, name: str) -> bool:
        """Whether there is a folder of that name in it."""
        return _is_name(name) and (self._folder / name).is_dir()

    def actions(self, package: str) -> Iterator[Action]:
        """The actions of a package (empty: the default one), by name."""
        names = {path.stem for path in self._entries(self._folder / package) if path.is_file()}
        for name in sorted(names):
            action = self.find(package, name)
            if action is not None:
                yield action

    def find(self, package: str, name: str) -> Action | None:
        """The action of that name, as its file is now."""
        if not _is_name(name) or not (package == "" or _is_name(package)):
            return None
        files = [(self._folder / package / f"{name}{runtime.suffix}", runtime) for runtime in self._runtimes]
        found = [
            action for file, runtime in files if (action := self._refreshed(file, runtime, package, name)) is not None
        ]
        if not found:
            return None
        action, *hidden = found
        if hidden:
            shadows = Annotation("shadows", ", ".join(str(other.file) for other in hidden))
            action = msgspec.structs.replace(action, annotations=(*action.annotations, shadows))
        return action

    def _entries(self, folder: Path) -> list[Path]:
        try:
            entries = list(folder.iterdir())
        except OSError:
            return []
        return [path for path in entries if _is_name(path.stem)]

    def _refreshed(self, file: Path, runtime: Runtime, package: str, name: str) -> Action | None:
        try:
            now = file.stat()
            known = self._read.get(file)
            # Some editors write a new file, some set its time back: size and time of writing alone may stay the same.
            state = (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino)
            if known is not None and known.state == state:
                return known.action
            code = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            self._read.pop(file, None)
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                logger.warning("%s is no action: %s", file, error)
            return None
        action = Action(
            namespace=self._namespace,
            package=package,
            name=name,
            kind=runtime.kind,
            code=code,
            annotations=(
                Annotation("provide-api-key", False),
                Annotation("exec", runtime.kind),
                Annotation("file", str(file)),
            ),
            timeout_ms=self._limits.timeout_ms,
            memory_mb=self._limits.memory_mb,
            version=next_version(None if known is None else known.action.version),
            updated_ms=now.st_mtime_ns // 1_000_000,
            file=str(file),
        )
        self._read[file] = _Read(state, action)
        return action


def _is_name(name: str) -> bool:
    """Whether a file or folder of this name can be an action or a package; no such name leads out of the folder."""
    return is_entity_name(name) and not name.startswith("_")
