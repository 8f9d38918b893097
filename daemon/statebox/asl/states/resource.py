"""What a Task's Resource means: which history events it writes, and whether it waits for an answer from outside."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

import msgspec

from statebox.asl.history import CODES
from statebox.asl.states.nested import waits_for_its_end

SUSPEND: Final = "module:suspend"
SEND_RESPONSE: Final = "module:sendResponse"
# What a distributed Map asks of the shell: bring the items, write the results. No definition can name these.
READ_ITEMS: Final = "statebox:readItems"
WRITE_RESULT: Final = "statebox:writeResult"

_MODULE: Final = re.compile(r"module:[^\s]+\Z")
_OPENWHISK: Final = re.compile(r"openwhisk:/?[^\s/][^/]*(/[^/]+){0,2}\Z")
_INTEGRATION: Final = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:([A-Za-z0-9_-]+):(.+)\Z")
_FUNCTION: Final = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:\S+\Z")
# How the ARNs of activities begin, as a regular expression.
ACTIVITIES: Final = "arn:[^:]+:states:[^:]*:[^:]*:activity:"
_ACTIVITY: Final = re.compile(ACTIVITIES + r"\S+\Z")


class Pattern(Enum):
    """How a task is done."""

    REQUEST = auto()
    SYNC = auto()
    CALLBACK = auto()
    SUSPEND = auto()
    RESPOND = auto()


class Resource(msgspec.Struct, frozen=True):
    """A Resource as read: `family` is Task, LambdaFunction or Activity; `type` and `name` are what events show."""

    uri: str
    family: str
    type: str
    name: str
    pattern: Pattern

    @property
    def nested(self) -> bool:
        """Whether the task ends with the execution that it starts."""
        return waits_for_its_end(self.uri)

    @property
    def has_token(self) -> bool:
        """Whether somebody from outside may answer it: by a continuation that the task opens."""
        return self.pattern in (Pattern.CALLBACK, Pattern.SUSPEND) or self.nested

    def code(self, event: str) -> int:
        """The code of one of its events: Scheduled, Started, Submitted, SubmitFailed, Succeeded, Failed, TimedOut."""
        return CODES[f"{self.family}{event}"]


def read_resource(uri: str) -> Resource | None:
    """Read a Resource; None when nothing is known under that form."""
    if uri == SUSPEND:
        return Resource(uri, "Task", "module", "suspend", Pattern.SUSPEND)
    if uri == SEND_RESPONSE:
        return Resource(uri, "Task", "module", "sendResponse", Pattern.RESPOND)
    if _MODULE.match(uri):
        return Resource(uri, "Task", "module", uri.removeprefix("module:"), Pattern.REQUEST)
    if _OPENWHISK.match(uri):
        name = uri.removeprefix("openwhisk:")
        return Resource(uri, "Task", "openwhisk", name, _pattern(name))
    if _FUNCTION.match(uri):
        return Resource(uri, "LambdaFunction", "lambda", uri, Pattern.REQUEST)
    if _ACTIVITY.match(uri):
        return Resource(uri, "Activity", "activity", uri, Pattern.CALLBACK)
    integration = _INTEGRATION.match(uri)
    if integration:
        type, name = integration[1], integration[2]
        if type == "aws-sdk":
            service, _, name = name.partition(":")
            type = f"aws-sdk:{service}"
        return Resource(uri, "Task", type, name, _pattern(name))
    return None


def _pattern(name: str) -> Pattern:
    if name.endswith(".waitForTaskToken"):
        return Pattern.CALLBACK
    return Pattern.SYNC if name.endswith((".sync", ".sync:2")) else Pattern.REQUEST
