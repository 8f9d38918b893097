"""What goes wrong with a file."""

from __future__ import annotations


class FileTrouble(Exception):
    """The file cannot be read or written as asked. The message is the cause that the failed state shows."""
