"""ARNs taken apart: which resource they name, and in AWS's words what is wrong with those that name none."""

from __future__ import annotations

import msgspec

from statebox.asl.jsontext import Json
from statebox.engine.errors import InvalidArn

_PARTS = 7  # arn, partition, service, region, account, type, and the resource with all its colons


class Resource(msgspec.Struct, frozen=True):
    """What an ARN names: `stateMachine`, `execution`, `express`, `mapRun` or `activity`, and what stands behind it."""

    type: str
    id: str


def read_arn(text: str, *types: str, hint: str | None = None) -> Resource:
    """The resource, of one of these types. Region and account may be any: one daemon stands for all of them.

    Raises InvalidArn, with the hint for people where there is one.
    """
    details: dict[str, Json] = {} if hint is None else {"hint": hint}
    parts = text.split(":", _PARTS - 1)
    if parts[0] != "arn":
        raise InvalidArn(f"Invalid Arn: 'Invalid ARN prefix: {text}'", **details)
    if len(parts) < _PARTS or not parts[-1]:
        raise InvalidArn(f"Invalid Arn: '{text}'", **details)
    _, partition, service, _, _, type, id = parts
    for what, said, known in (
        ("Partition", partition, ("aws",)),
        ("Service", service, ("states",)),
        ("Resource type", type, types),
    ):
        if said not in known:
            raise InvalidArn(f"Invalid Arn: '{what} not valid in this context: {said}'", **details)
    return Resource(type, id)
