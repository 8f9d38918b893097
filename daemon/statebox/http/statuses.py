"""The status codes: the one place that decides which each error and outcome gets, and what AWS's protocol says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statebox.asl.execution import Status
from statebox.engine import errors as engine
from statebox.engine.errors import ServiceError
from statebox.http import errors as http

_STATUSES: Final[Mapping[type[ServiceError], int]] = {
    engine.ValidationException: 400,
    engine.InvalidDefinition: 400,
    engine.InvalidExecutionInput: 400,
    engine.InvalidOutput: 400,
    engine.InvalidName: 400,
    engine.InvalidArn: 400,
    engine.InvalidLoggingConfiguration: 400,
    engine.ResourceAlreadyExistsException: 400,
    engine.ResourceNotFoundException: 400,
    engine.InvalidTracingConfiguration: 400,
    engine.InvalidEncryptionConfiguration: 400,
    engine.TooManyTags: 400,
    engine.MissingRequiredParameter: 400,
    engine.ServiceQuotaExceededException: 400,
    http.SerializationException: 400,
    http.UnknownOperationException: 400,
    http.TokenRequired: 401,
    http.IncompleteSignatureException: 400,
    http.ForeignRequest: 403,
    http.SecurityError: 403,
    http.UnknownPath: 404,
    engine.InvalidToken: 404,
    engine.ExecutionDoesNotExist: 404,
    engine.StateMachineDoesNotExist: 404,
    engine.ResourceNotFound: 404,
    engine.ActivityDoesNotExist: 404,
    http.MethodNotAllowed: 405,
    engine.TaskAlreadyAnswered: 409,
    engine.ExecutionAlreadyExists: 409,
    engine.StateMachineAlreadyExists: 409,
    engine.StateMachineDeleting: 409,
    engine.ConflictException: 409,
    engine.ActivityAlreadyExists: 409,
    engine.TaskTimedOut: 410,
    engine.TaskDoesNotExist: 410,
    http.BodyTooLarge: 413,
    http.EncodedBody: 415,
    engine.StateMachineTypeNotSupported: 400,
    engine.ExecutionNotRedrivable: 409,
    engine.IdempotencyKeyReused: 422,
    engine.TooManyRequests: 429,
    engine.ActivityWorkerLimitExceeded: 400,
    http.InternalError: 500,
    engine.ServiceUnavailable: 503,
}

# The end of an execution, for the caller who waited for it.
_OUTCOMES: Final[Mapping[Status, int]] = {
    Status.SUCCEEDED: 200,
    Status.FAILED: 502,
    Status.ABORTED: 502,
    Status.TIMED_OUT: 504,
}
# It is suspended: the answer holds a continuation.
SUSPENDED: Final = 200
# It waits for time to pass only, so there is nothing to be done but to ask again later.
GOES_ON_BY_ITSELF: Final = 202
# An answer was taken; it came early and is kept until it is asked for.
ANSWERED: Final = 200
KEPT: Final = 202
# It was still at work when the caller had waited long enough.
STILL_AT_WORK: Final = 504

# Nobody is there to read it; this is what proxies write into their logs then.
CALLER_GONE: Final = 499

READY: Final = 200
NOT_READY: Final = 503

# AWS's protocol says 400 for whatever is the request's fault, but for these, which are about who asks or when.
_ALSO_IN_PROTOCOL: Final = frozenset({401, 403, 413, 415, 429, 500, 503})
# AWS knows no such errors in operations that clients of AWS call; these are the nearest that they handle.
_NEAREST: Final[Mapping[type[ServiceError], str]] = {
    engine.TaskAlreadyAnswered: "TaskTimedOut",
    engine.TaskDoesNotExist: "TaskTimedOut",
    engine.TooManyRequests: "ThrottlingException",
    http.InternalError: "InternalFailure",
}
_OVER: Final = "Task Timed Out: 'Provided task does not exist anymore'"
_SAID_BY_AWS: Final[Mapping[type[ServiceError], str]] = {
    engine.TaskTimedOut: _OVER,
    engine.TaskDoesNotExist: _OVER,
}
_RETRY_AFTER_SECONDS: Final = "1"


def status_of(error: ServiceError) -> int:
    """The status of an error: its own, or that of the kind of error that it is."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def protocol_status_of(error: ServiceError) -> int:
    """The status of an error under AWS's protocol."""
    status = status_of(error)
    # Who signs wrongly gets 400 from AWS, too.
    return status if status in _ALSO_IN_PROTOCOL and not isinstance(error, http.SecurityError) else 400


def protocol_type_of(error: ServiceError, for_aws: bool) -> str:
    """The `__type` of an error under AWS's protocol; `for_aws` when one of AWS's own operations was asked for."""
    name = type(error).__name__
    return _NEAREST.get(type(error), name) if for_aws else name


def protocol_message_of(error: ServiceError, for_aws: bool) -> str:
    """The message of an error under AWS's protocol: AWS's own, where clients of AWS may look for it."""
    if for_aws and type(error) is engine.InvalidToken and error.message == engine.InvalidToken.__doc__:
        return "Invalid Token: 'Invalid token'"
    return _SAID_BY_AWS.get(type(error), error.message) if for_aws else error.message


def headers_of(error: ServiceError) -> dict[str, str]:
    """The headers that belong to an error's status."""
    match status_of(error):
        case 401:
            return {"WWW-Authenticate": "Bearer"}
        case 405 if isinstance(error, http.MethodNotAllowed):
            return {"Allow": error.allowed}
        case status:
            return retry_headers(status)


def retry_headers(status: int) -> dict[str, str]:
    """When to ask again, where the status says that it makes sense."""
    return {"Retry-After": _RETRY_AFTER_SECONDS} if status in (429, 503) else {}


def status_of_outcome(status: Status) -> int:
    """The status for an execution that has ended."""
    return _OUTCOMES[status]
