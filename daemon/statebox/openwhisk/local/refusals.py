"""What the action host refuses, with the status and in the words of OpenWhisk."""

from __future__ import annotations


class Refusal(Exception):
    """A request is not served: the HTTP status and the message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def malformed(why: str) -> Refusal:
    """The body is not what is wanted."""
    return Refusal(400, f"The request content was malformed: {why}")


def no_such_resource() -> Refusal:
    """There is nothing of that name."""
    return Refusal(404, "The requested resource does not exist.")


def exists_already() -> Refusal:
    """A create where something is."""
    return Refusal(409, "resource already exists")


def too_large(size: int, limit: int) -> Refusal:
    """A body, or what became of it."""
    return Refusal(413, f"Request larger than allowed: {size} > {limit} bytes.")
