"""What can go wrong with a call to OpenWhisk, sorted by what is known of it."""

from __future__ import annotations


class OpenWhiskError(Exception):
    """OpenWhisk did not do what it was asked to."""


class Unreachable(OpenWhiskError):
    """No connection could be made, so the request was surely not sent."""


class Lost(OpenWhiskError):
    """The request was sent, and no answer came: whether it was served is not known."""


class Refused(OpenWhiskError):
    """OpenWhisk (or something in front of it) answered with an error.

    `status` is HTTP's, `message` what it said, `retry_after_s` the time it asks us to wait, where it does.
    """

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s
