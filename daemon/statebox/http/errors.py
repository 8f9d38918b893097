"""What is wrong with a request as HTTP, before it means anything to the service. Callers see the names as codes."""

from __future__ import annotations

from statebox.engine.errors import ServiceError


class ForeignRequest(ServiceError):
    """The request comes from a web page elsewhere, or for a host that this daemon does not serve."""


class TokenRequired(ServiceError):
    """This daemon wants a token: send it as `Authorization: Bearer TOKEN`."""


class SecurityError(ServiceError):
    """The request does not show who sent it, or who sent it may not do that. Named and worded as by AWS."""


class MissingAuthenticationTokenException(SecurityError):
    """Missing Authentication Token"""


class IncompleteSignatureException(SecurityError):
    """The request signature does not conform to AWS standards."""


class UnrecognizedClientException(SecurityError):
    """The security token included in the request is invalid."""


class InvalidSignatureException(SecurityError):
    """The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
and signing method. Consult the service documentation for details."""


class AccessDeniedException(SecurityError):
    """Who sent the request may not do that."""


class BodyTooLarge(ServiceError):
    """The body is larger than this daemon accepts."""


class EncodedBody(ServiceError):
    """The body is compressed, which this daemon does not accept: send it as it is."""


class UnknownPath(ServiceError):
    """There is nothing at this path."""


class MethodNotAllowed(ServiceError):
    """The path does not have this method."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class SerializationException(ServiceError):
    """The request's body does not have the form of the operation's input."""


class UnknownOperationException(ServiceError):
    """There is no such operation."""


class InternalError(ServiceError):
    """This daemon failed at the request; its log says how."""
