"""Logging to stderr in the form its reader wants: text on a terminal, `<N>` lines for the journal, else JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Literal, TextIO

Form = Literal["text", "json", "journal"]

# syslog(3) priorities, which the journal reads from "<N>" at the beginning of a line (sd-daemon(3)).
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
# What every record has; all else came in with `extra=` and is a field of its own: execution, state, ...
_RECORD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def set_up_logging(
    level: str, form: str, environment: Mapping[str, str], stream: TextIO | None = None
) -> logging.Handler:
    """Send what statebox logs to `stream`, else stderr; calling it again replaces what the call before set up.

    `level` is debug, info, warning or error, and holds for statebox itself; of the libraries, warnings are enough.
    `form` is text, json, journal or auto. Returns the handler.
    """
    target: TextIO = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(target)
    handler.setFormatter(Formatter(_detect(environment, target) if form == "auto" else form))
    handler.set_name("statebox")
    root = logging.getLogger()
    for former in [one for one in root.handlers if one.get_name() == "statebox"]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("statebox").setLevel(level.upper())
    logging.captureWarnings(True)
    return handler


class Formatter(logging.Formatter):
    """Renders a record in one of the forms; the attributes given with `extra=` are its fields."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._render = {"text": self._text, "json": self._json, "journal": self._journal}[form]

    def format(self, record: logging.LogRecord) -> str:
        """Render one record, a traceback included; without a line end."""
        return self._render(record)

    def _json(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{_clock('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created), record)}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if trace := self._trace(record):
            line["exception"] = trace
        return json.dumps(line, default=str, ensure_ascii=False)

    def _journal(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        # Each line is an entry of its own there, and one without a priority would count as information.
        return "\n".join(priority + line for line in self._words(record).splitlines())

    def _text(self, record: logging.LogRecord) -> str:
        now = _clock("%H:%M:%S", time.localtime(record.created), record)
        return f"{now} {record.levelname.lower():7} {self._words(record)}"

    def _words(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_word(value)}" for name, value in _fields(record).items())
        trace = self._trace(record)
        return f"{record.name.removeprefix('statebox.')}: {record.getMessage()}{fields}" + (trace and f"\n{trace}")

    def _trace(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        return "\n".join([*parts, self.formatStack(record.stack_info)] if record.stack_info else parts)


def _detect(environment: Mapping[str, str], stream: TextIO) -> Form:
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # not a real file, as in tests
        return "json"
    # systemd.exec(5): set to device and inode of the stream that leads to the journal; it may be inherited while stderr
    # leads elsewhere by now.
    if environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}":
        return "journal"
    return "text" if stream.isatty() else "json"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _RECORD_ATTRIBUTES}


def _clock(form: str, at: time.struct_time, record: logging.LogRecord) -> str:
    return f"{time.strftime(form, at)}.{int(record.msecs):03d}"


def _word(value: object) -> str:
    word = str(value)
    return (
        word if word and not any(one.isspace() or one in '"=' for one in word) else json.dumps(word, ensure_ascii=False)
    )
