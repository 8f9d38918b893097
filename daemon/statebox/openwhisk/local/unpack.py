"""An action's code, written to files that its launcher can load."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from pathlib import Path

from statebox.asl.jsontext import Json
from statebox.openwhisk.local.entities import Action
from statebox.openwhisk.local.runtimes import Runtime

# What an archive may hold at most, unpacked: a few kilobytes can be made to say terabytes.
_MOST_BYTES = 512 * 1024 * 1024
_ENTRIES = {"python": ("__main__.py",), "nodejs": ("package.json", "index.js")}


class LoadFailed(Exception):
    """The action cannot be started; the message is what its caller is told."""


def unpack(action: Action, runtime: Runtime, folder: Path) -> dict[str, Json]:
    """Write the action's code below `folder`; returns what to tell the launcher. Raises LoadFailed, OSError."""
    archive = _archive(action)
    if archive is None:
        file = folder / f"{action.name}{runtime.suffix}"
        file.write_text(action.code)
        return {"file": str(file), "shown_as": action.file or file.name}
    with archive:
        names = archive.namelist()
        entry = next((name for name in _ENTRIES[runtime.language] if name in names), None)
        if entry is None:
            wanted = " or ".join(_ENTRIES[runtime.language])
            raise LoadFailed(f"the archive has no {wanted} at its root")
        if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
            raise LoadFailed(f"the archive holds more than {_MOST_BYTES} bytes")
        try:
            archive.extractall(folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise LoadFailed(f"the archive cannot be read: {error}") from None
    return {"file": str(folder / entry), "folder": str(folder), "shown_as": entry}


def _archive(action: Action) -> zipfile.ZipFile | None:
    """The action's archive; None when its code is text (which can look like base64 as well)."""
    if not action.binary:
        return None
    try:
        return zipfile.ZipFile(io.BytesIO(base64.b64decode(action.code, validate=False)))
    except (binascii.Error, zipfile.BadZipFile):
        return None
