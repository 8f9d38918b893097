"""Roles: what those who have shown who they are may do. A viewer looks, an operator does everything."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from aiohttp import web

from statebox.http.errors import AccessDeniedException
from statebox.http.messages import TARGET_HEADER

# GetActivityTask is not among them: it takes the task away from those who work. Nor is TestState, which calls actions.
_LOOKS: Final = re.compile(
    r"AWSStepFunctions\.(?:Describe\w+|List\w+|GetExecutionHistory|ValidateStateMachineDefinition)"
    r"|Logs_20140328\.Describe\w+"
    r"|Statebox\.(?:Describe\w+|List\w+|SettleExecution)"
)
_LOOKING_METHODS: Final = frozenset({"GET", "HEAD"})


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"


def check_role(role: Role, who: str, request: web.BaseRequest) -> None:
    """Let pass what the role may do. Raises AccessDeniedException."""
    if role is Role.OPERATOR or request.method in _LOOKING_METHODS:
        return
    target = request.headers.get(TARGET_HEADER, "") if request.path == "/" else ""
    if _LOOKS.fullmatch(target):
        return
    service, _, operation = target.partition(".")
    action = f"states:{operation}" if service == "AWSStepFunctions" else operation or f"{request.method} {request.path}"
    raise AccessDeniedException(f"User: {who} is not authorized to perform: {action} because its role is {role}")
