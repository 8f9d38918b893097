"""What goes wrong with a request or with the daemon, named as in the Step Functions API.

Each class's docstring is the message a user gets when nothing more precise is known.
"""

from __future__ import annotations

from statebox.asl.jsontext import Json


class ServiceError(Exception):
    """The request cannot be served."""

    def __init__(self, message: str | None = None, **details: Json) -> None:
        super().__init__(message or type(self).__doc__)
        self.details = details

    @property
    def message(self) -> str:
        """What to tell the user."""
        return str(self.args[0])


class ValidationException(ServiceError):
    """The request is not well-formed."""


class InvalidDefinition(ServiceError):
    """The definition is not valid Amazon States Language."""


class InvalidExecutionInput(ServiceError):
    """The input is not valid JSON."""


class InvalidOutput(ServiceError):
    """The output is not valid JSON."""


class InvalidName(ServiceError):
    """The name is not allowed."""


class InvalidArn(ServiceError):
    """The ARN is not valid."""


class InvalidToken(ServiceError):
    """The token is not known: it never was, or its execution has been forgotten."""


class TaskTimedOut(ServiceError):
    """The task is over: its deadline has passed."""


class TaskDoesNotExist(ServiceError):
    """The task is over: its execution went on without the answer."""


class TaskAlreadyAnswered(ServiceError):
    """The continuation was answered before."""


class ExecutionDoesNotExist(ServiceError):
    """There is no such execution."""


class ExecutionAlreadyExists(ServiceError):
    """An execution of that name exists, with another input or already ended."""


class IdempotencyKeyReused(ServiceError):
    """The Idempotency-Key was sent before with another request."""


class StateMachineTypeNotSupported(ServiceError):
    """This operation is not supported by this type of state machine"""


class ExecutionNotRedrivable(ServiceError):
    """The execution cannot be redriven."""


class StateMachineDoesNotExist(ServiceError):
    """There is no such state machine."""


class MissingRequiredParameter(ServiceError):
    """The request does not say enough."""


class StateMachineAlreadyExists(ServiceError):
    """A state machine of that name exists, with another definition or configuration."""


class StateMachineDeleting(ServiceError):
    """The state machine is being deleted."""


class ConflictException(ServiceError):
    """The request contradicts what is there, or what somebody else has just changed."""


class ResourceNotFound(ServiceError):
    """Request references a resource that does not exist."""


class ServiceQuotaExceededException(ServiceError):
    """There is no room for more of these."""


class TooManyTags(ServiceError):
    """You've exceeded the number of tags allowed for a resource."""


class InvalidLoggingConfiguration(ServiceError):
    """The logging configuration is not valid."""


class ResourceAlreadyExistsException(ServiceError):
    """What is to be created is there."""


class ResourceNotFoundException(ServiceError):
    """There is no such resource."""


class InvalidTracingConfiguration(ServiceError):
    """The tracing configuration is not valid."""


class InvalidEncryptionConfiguration(ServiceError):
    """The encryption configuration is not valid."""


class ActivityDoesNotExist(ServiceError):
    """There is no such activity."""


class ActivityAlreadyExists(ServiceError):
    """There is an activity of that name that is encrypted in another way."""


class ActivityWorkerLimitExceeded(ServiceError):
    """As many workers as may be wait for a task of this activity."""


class TooManyRequests(ServiceError):
    """The daemon is at its limit; try again later."""


class ServiceUnavailable(ServiceError):
    """Redis does not answer, or the daemon is stopping; nothing was done or it can be asked for again safely."""


class Unreadable(ServiceUnavailable):
    """What is stored cannot be read by this daemon: it is broken, or was written by a newer one."""


class LeaseLost(Exception):
    """Another daemon owns the execution now; whatever this one wanted to write was not written."""


class AnswerCameFirst(Exception):
    """A checkpoint would have ended a callback that had been answered: take the inbox, and advance again."""
