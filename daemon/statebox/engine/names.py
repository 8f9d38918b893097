"""Names, ids and ARNs of machines and executions, as the Step Functions API forms them."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec

from statebox.asl.commands import StartChild
from statebox.asl.execution import OnChild
from statebox.engine.arns import read_arn
from statebox.engine.errors import InvalidArn, InvalidName, ValidationException

_FORBIDDEN: Final = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U0010ffff]')
_LONGEST: Final = 80
_NO_EXECUTION: Final = (
    "it is neither an execution's ARN nor its id <machine>:<name>; an express execution is <machine>:<the last part of"
    " its ARN>, once it has ended"
)


class Place(msgspec.Struct, frozen=True):
    """The region and account that ARNs name."""

    region: str = "us-east-1"
    account: str = "000000000000"

    def machine_arn(self, machine: str) -> str:
        """The ARN of a machine."""
        return f"arn:aws:states:{self.region}:{self.account}:stateMachine:{machine}"

    def execution_arn(self, id: str) -> str:
        """The ARN of an execution, of whose id `<machine>:<name>` it is the tail."""
        return f"arn:aws:states:{self.region}:{self.account}:execution:{id}"

    def activity_arn(self, name: str) -> str:
        """The ARN of an activity."""
        return f"arn:aws:states:{self.region}:{self.account}:activity:{name}"

    def express_arn(self, machine: str, name: str, unique: str) -> str:
        """The ARN of an express execution, of which there may be several with the same name."""
        return f"arn:aws:states:{self.region}:{self.account}:express:{machine}:{name}:{unique}"

    def role_arn(self) -> str:
        """The role that executions are shown with: statebox has none of its own."""
        return f"arn:aws:iam::{self.account}:role/statebox"


def check_name(name: str, what: str = "name") -> str:
    """The name, if it is allowed. Raises InvalidName."""
    if not name or len(name) > _LONGEST or _FORBIDDEN.search(name):
        raise InvalidName(
            f"Invalid Name: '{name}'",
            hint=f"the {what} has 1 to {_LONGEST} characters and none of blanks, "
            '< > { } [ ] ? * " # % \\ ^ | ~ ` $ & , ; : /',
        )
    return name


def fresh_id() -> str:
    """32 hex digits that nobody gets twice."""
    return os.urandom(16).hex()


def fresh_uuid() -> str:
    """A random UUID (version 4), without the object that the library makes of it, which costs three times the text."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def child_id(child: StartChild | OnChild) -> str:
    """The id of a map run's child: `<machine>/<label>` stands for the machine."""
    # arn:aws:states:<region>:<account>:mapRun:<machine>/<label>:<uuid>
    return f"{child.map_run.split(':')[6]}:{child.name}"


def execution_id(text: str) -> str:
    """The id of an execution, given as id or as ARN. Raises InvalidArn."""
    if not text.startswith("arn:") and text.count(":") == 1:
        return text
    found = read_arn(text, "execution", hint=_NO_EXECUTION)
    if found.id.count(":") != 1:
        raise InvalidArn(f"Invalid Arn: '{text}'", hint=_NO_EXECUTION)
    return found.id


def checked_id(text: str) -> str:
    """As `execution_id`, of an execution that may only come to be. Raises InvalidArn, InvalidName."""
    id = execution_id(text)
    machine, _, name = id.partition(":")
    for part in machine.split("/"):
        check_name(part, "machine's name")
    check_name(name, "execution's name")
    return id


class MachineReference(msgspec.Struct, frozen=True):
    """What a request names: a machine, or one of its versions or aliases (`qualifier`). `text` is how it is named."""

    name: str
    qualifier: str | None
    text: str

    @property
    def qualified(self) -> str:
        """`<name>`, or `<name>:<version or alias>`."""
        return self.name if self.qualifier is None else f"{self.name}:{self.qualifier}"

    @property
    def is_arn(self) -> bool:
        """Whether it is named by its ARN, and not just by its name."""
        return self.text.startswith("arn:")

    @property
    def version(self) -> int | None:
        """The number of the version that is named, None when none is: an alias is never a number alone."""
        qualifier = self.qualifier or ""
        return int(qualifier) if qualifier.isascii() and qualifier.isdigit() else None


def machine_reference(text: str) -> MachineReference:
    """A machine, version or alias, given by ARN or as `<name>[:<version or alias>]`. Raises InvalidArn."""
    if not text.startswith("arn:"):
        name, _, qualifier = text.partition(":")
    else:
        name, _, qualifier = read_arn(text, "stateMachine").id.partition(":")
    if ":" in qualifier:
        raise InvalidArn(f"Invalid Arn: '{text}'")
    return MachineReference(name, qualifier or None, text)


def whole_machine(text: str) -> MachineReference:
    """As `machine_reference`, not of a distributed Map in a machine: `<name>/<label>`, as its children are listed with.

    Raises InvalidArn, ValidationException.
    """
    reference = machine_reference(text)
    if "/" in reference.name:
        raise ValidationException(f"The ARN of the state machine must not name a Distributed Map state: '{text}'")
    return reference


def activity_name(text: str) -> str:
    """The name of an activity, given as its ARN. Raises InvalidArn."""
    return read_arn(text, "activity").id


def machine_name(text: str) -> str:
    """The name of a machine, given as name or as ARN. Raises InvalidArn, InvalidName."""
    if not text.startswith("arn:"):
        return check_name(text, "machine's name")
    return read_arn(text, "stateMachine").id
