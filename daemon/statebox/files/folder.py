"""The configured folder: opens, in it and nowhere else, files to read and files to write.

A path is resolved first, so links within the folder work. The resolved path is then walked from the folder's descriptor
without following any link, so whoever swaps a part of it for a link in between gains nothing.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from statebox.files.errors import FileTrouble

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES = 256 * 1024


class Folder:
    """A folder whose files can be reached by relative paths. All methods block and raise FileTrouble."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Its own name, without the way to it."""
        return self._root().name

    def read(self, path: str, most_bytes: int) -> bytes:
        """The content of a regular file."""
        with _told(path):
            root = self._root()
            *parents, name = self._inside(root, path) or (".",)
            with _opened_directory(root, parents, create=False) as directory:
                file = os.open(name, _READ, dir_fd=directory)
                try:
                    content = _read_regular(file, path, most_bytes)
                finally:
                    os.close(file)
        if content is None:
            raise FileTrouble(f"{path} is larger than the {most_bytes} bytes that can be read")
        return content

    def write(self, path: str, pieces: Iterable[bytes], most_bytes: int) -> int:
        """Put a file there, or in place of the one that is there, and return its size in bytes.

        It appears whole or not at all, also when the power fails; folders on the way to it are made.
        """
        with _told(path):
            root = self._root()
            *parents, name = self._inside(root, path) or (".",)
            with _opened_directory(root, parents, create=True) as directory:
                temporary = f".{name}.{secrets.token_hex(8)}.part"
                try:
                    size = _write_through(
                        os.open(temporary, _CREATE, 0o666, dir_fd=directory), pieces, path, most_bytes
                    )
                    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=directory)
                    raise
                os.fsync(directory)
        return size

    def _root(self) -> Path:
        # Resolved for each file: the folder may be a link that is moved while the daemon runs.
        try:
            return self._path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise FileTrouble(f"the folder for files, {self._path}, cannot be used: {error}") from None

    def _inside(self, root: Path, path: str) -> tuple[str, ...]:
        """The parts of a path below the root, with all links resolved."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\0" in path:
            raise FileTrouble(f"{path!r} is not a path within the folder for files: it must be relative, without '..'")
        try:
            resolved = (root / relative).resolve()
        except RuntimeError:  # links in a circle, before Python 3.13
            raise FileTrouble(f"{path} leads through links in a circle") from None
        if not resolved.is_relative_to(root):
            raise FileTrouble(f"{path} leads out of the folder for files")
        return resolved.relative_to(root).parts


@contextmanager
def _told(path: str) -> Generator[None]:
    """Change errors of the system into ours; the path is as the user gave it."""
    try:
        yield
    except FileNotFoundError:
        raise FileTrouble(f"{path} does not exist") from None
    except OSError as error:
        raise FileTrouble(f"{path}: {error.strerror or error}") from None
    except UnicodeEncodeError:
        raise FileTrouble(f"{path!r} cannot be the name of a file") from None


@contextmanager
def _opened_directory(root: Path, parts: list[str], *, create: bool) -> Generator[int]:
    """A descriptor of the directory that the parts lead to."""
    directory = os.open(root, _DIRECTORY)
    try:
        for part in parts:
            if create:
                _make(part, directory)
            below = os.open(part, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        yield directory
    finally:
        os.close(directory)


def _make(name: str, directory: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=directory)
        # Or the file would be lost, with its folder, when the power fails.
        os.fsync(directory)


def _read_regular(file: int, path: str, most_bytes: int) -> bytes | None:
    """The content; None when there is more of it."""
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        raise FileTrouble(f"{path} is not a regular file")
    if about.st_size > most_bytes:
        return None
    with os.fdopen(file, "rb", closefd=False) as opened:
        # The file may grow while it is read, so its size alone proves nothing.
        content = opened.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def _write_through(file: int, pieces: Iterable[bytes], path: str, most_bytes: int) -> int:
    """Write it all and bring it to the disk."""
    size = 0
    with os.fdopen(file, "wb", buffering=_CHUNK_BYTES) as opened:
        for piece in pieces:
            size += len(piece)
            if size > most_bytes:
                raise FileTrouble(f"{path} would be larger than the {most_bytes} bytes that can be written")
            opened.write(piece)
        opened.flush()
        os.fsync(file)
    return size
