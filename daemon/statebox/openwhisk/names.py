"""Names of actions: what a user writes, what it means, and the path it has in the REST API."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

import msgspec

# OpenWhisk's own rule for the name of an entity. Its \w is ASCII.
_ENTITY = re.compile(r"\w|\w[\w@ .-]*[\w@.-]", re.ASCII)
_LONGEST = 256
# A machine calls the same few actions again and again.
_KEPT = 1000

_LAMBDA_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?")
_LAMBDA_PARTIAL = re.compile(r"[0-9]+:function:(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?")


class InvalidActionName(ValueError):
    """It cannot be the name of an action; the message says why."""


class ActionName(msgspec.Struct, frozen=True):
    """An action's full name. `package` is None for the default package."""

    namespace: str
    package: str | None
    action: str

    def __str__(self) -> str:
        return "/" + "/".join(part for part in (self.namespace, self.package, self.action) if part is not None)

    @property
    def path(self) -> str:
        """Its place below `/api/v1/`, percent-encoded."""
        parts = [self.action] if self.package is None else [self.package, self.action]
        return f"namespaces/{_encode(self.namespace)}/actions/{'/'.join(map(_encode, parts))}"


@lru_cache(_KEPT)
def read_action_name(text: str, namespace: str = "_") -> ActionName:
    """Read `action`, `package/action`, `/namespace/action`, `/namespace/package/action` or `namespace/package/action`.

    `namespace` is the one for names that have none. Raises InvalidActionName.
    """
    absolute = text.startswith("/")
    parts = text.removeprefix("/").split("/")
    match parts, absolute:
        case [action], False:
            name = ActionName(namespace, None, action)
        case [package, action], False:
            name = ActionName(namespace, package, action)
        case [ns, action], True:
            name = ActionName(ns, None, action)
        case [ns, package, action], _:
            name = ActionName(ns, package, action)
        case _:
            raise InvalidActionName(
                f"{text!r} is not the name of an action: action, package/action or /namespace/package/action is"
            )
    for part in parts:
        if not is_entity_name(part):
            raise InvalidActionName(f"{part!r} in {text!r} is not a name that OpenWhisk allows")
    return name


def read_function_name(text: str, namespace: str = "_") -> ActionName:
    """Read what AWS allows as FunctionName (a name, `name:qualifier`, an ARN or part of one) as an action's name.

    A qualifier means nothing here, as OpenWhisk runs an action's newest version only. Raises InvalidActionName.
    """
    if match := _LAMBDA_ARN.fullmatch(text) or _LAMBDA_PARTIAL.fullmatch(text):
        return read_action_name(match["name"], namespace)
    if text.startswith("arn:"):
        raise InvalidActionName(f"{text!r} is not the ARN of a function")
    return read_action_name(text.partition(":")[0], namespace)


def split_function_name(text: str) -> tuple[str, str | None]:
    """The name of a function, given as a name or an ARN, and its qualifier where it has one."""
    match = _LAMBDA_ARN.fullmatch(text) or _LAMBDA_PARTIAL.fullmatch(text)
    name, qualifier = (match["name"], match["qualifier"]) if match else text.partition(":")[::2]
    return name, qualifier or None


def is_function_arn(text: str) -> bool:
    """Whether it is the ARN of a Lambda function."""
    return _LAMBDA_ARN.fullmatch(text) is not None


def is_entity_name(text: str) -> bool:
    """Whether OpenWhisk allows this as the name of an action, package or namespace."""
    return len(text) <= _LONGEST and _ENTITY.fullmatch(text) is not None


def _encode(part: str) -> str:
    return quote(part, safe="")
