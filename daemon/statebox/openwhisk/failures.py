"""How OpenWhisk's failures are named, so that Retry and Catch can match them."""

from __future__ import annotations

import re

import msgspec

from statebox.asl.errors import DATA_LIMIT_EXCEEDED, TIMEOUT
from statebox.asl.jsontext import Json, write_json_text
from statebox.openwhisk.activation import Activation, Ending, is_object
from statebox.openwhisk.errors import Lost, OpenWhiskError, Refused, Unreachable

APPLICATION_ERROR = "OpenWhisk.ApplicationError"
DEVELOPER_ERROR = "OpenWhisk.ActionDeveloperError"
INTERNAL_ERROR = "OpenWhisk.InternalError"
SERVICE_UNAVAILABLE = "OpenWhisk.ServiceUnavailable"
TOO_MANY_REQUESTS = "OpenWhisk.TooManyRequests"
ACTION_NOT_FOUND = "OpenWhisk.ActionNotFound"
CONFLICT = "OpenWhisk.Conflict"
BAD_REQUEST = "OpenWhisk.BadRequest"
UNREACHABLE = "OpenWhisk.Unreachable"
LOST = "OpenWhisk.Lost"
PERMISSIONS = "States.Permissions"

# Where an action may put the name of its error, in this order (Lambda's, Node's system errors, JavaScript's, plain).
_NAMING_KEYS = ("errorType", "code", "name", "error")
_NAME = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)
# The names of the language are not an action's to give: States.ALL or States.Timeout would mean something else.
_RESERVED = "States."

# OpenWhisk says these in words only.
_RESULT_TOO_LONG = "The action produced a response that exceeded the allowed length"
_TIMED_OUT = "exceeded its time limits"


class Failure(msgspec.Struct, frozen=True):
    """An error name and its cause, as a Catch sees them."""

    error: str
    cause: str


def failure_of_activation(activation: Activation) -> Failure:
    """The failure that a run of an action ended with. The run must not have ended in success."""
    error: Json = activation.result
    if is_object(error) and "error" in error:
        error = error["error"]
    elif error is msgspec.UNSET:
        error = "OpenWhisk kept no result"
    cause = error if isinstance(error, str) else write_json_text(error)
    match activation.ending:
        case Ending.DEVELOPER_ERROR if activation.timed_out or _TIMED_OUT in cause:
            return Failure(TIMEOUT, cause)
        case Ending.DEVELOPER_ERROR:
            return Failure(DEVELOPER_ERROR, cause)
        case Ending.INTERNAL_ERROR:
            return Failure(INTERNAL_ERROR, cause)
        case _ if cause.startswith(_RESULT_TOO_LONG):
            return Failure(DATA_LIMIT_EXCEEDED, cause)
        case _:
            return Failure(_own_name(error) or APPLICATION_ERROR, cause)


def failure_of_error(error: OpenWhiskError) -> Failure:
    """The failure that a call ended with which no action answered."""
    match error:
        case Refused():
            return Failure(_name_of_status(error.status), str(error))
        case Unreachable():
            return Failure(UNREACHABLE, str(error))
        case Lost():
            return Failure(LOST, str(error))
        case _:
            return Failure(INTERNAL_ERROR, str(error))


def surely_not_started(error: OpenWhiskError) -> bool:
    """Whether the action was certainly not begun, so that calling again cannot run it twice."""
    match error:
        case Unreachable():
            return True
        case Refused():
            return error.status in (429, 503)
        case _:
            return False


def _name_of_status(status: int) -> str:
    match status:
        case 401 | 403:
            return PERMISSIONS
        case 404:
            return ACTION_NOT_FOUND
        case 409:
            return CONFLICT
        case 413:
            return DATA_LIMIT_EXCEEDED
        case 429:
            return TOO_MANY_REQUESTS
        case 503:
            return SERVICE_UNAVAILABLE
        case status if 400 <= status < 500:
            return BAD_REQUEST
        case _:
            return INTERNAL_ERROR


def _own_name(error: Json) -> str | None:
    """The name that the action itself gave its error, where it gave a usable one."""
    if not is_object(error):
        return None
    for key in _NAMING_KEYS:
        name = error.get(key)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith(_RESERVED):
            continue
        # Every JavaScript error is called Error, which says nothing.
        if key == "name" and name == "Error":
            continue
        return name
    return None
