"""`python -m apimodels DATA FILE`: makes FILE out of botocore's models in the folder DATA (its `data`).

Step Functions checks mocked results against the models that it knew when mocks came: those of November 2025, as in
botocore 1.41. Kept of them is what results look like, of the services that state machines call most.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from statebox.asl.jsontext import Json, read_json

# By the folders in which botocore has them.
_SERVICES: Final = (
    "athena",
    "batch",
    "bedrock-runtime",
    "dynamodb",
    "ecs",
    "events",
    "kms",
    "lambda",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)
_KEPT: Final = ("type", "required", "enum", "min", "max")


def main() -> None:
    """Make the file."""
    data, target = Path(sys.argv[1]), Path(sys.argv[2])
    excerpts = [excerpt(_model(data / service)) for service in _SERVICES]
    lines = [f"{json.dumps(name)}: {json.dumps(excerpt, separators=(',', ':'))}" for name, excerpt in sorted(excerpts)]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _model(folder: Path) -> Mapping[str, Json]:
    newest = max(folder.iterdir())
    packed = newest / "service-2.json.gz"
    return read_json(
        gzip.decompress(packed.read_bytes()) if packed.exists() else (newest / "service-2.json").read_bytes()
    )


def excerpt(model: Mapping[str, Json]) -> tuple[str, Json]:
    """The name that `aws-sdk:` has for the service, its operations' outputs, and the shapes that these are made of."""
    shapes: dict[str, Json] = {}
    operations: dict[str, Json] = {}
    for name, operation in model["operations"].items():
        if "output" in operation:
            operations[name] = operation["output"]["shape"]
            _collect(model["shapes"], operation["output"]["shape"], shapes)
    service: str = model["metadata"]["serviceId"]
    return service.lower().replace(" ", ""), {"operations": operations, "shapes": dict(sorted(shapes.items()))}


def _collect(all: Mapping[str, Json], name: str, into: dict[str, Json]) -> None:
    if name in into:
        return
    shape = all[name]
    kept: dict[str, Json] = {field: shape[field] for field in _KEPT if field in shape}
    into[name] = kept
    inner: dict[str, str] = {member: one["shape"] for member, one in shape.get("members", {}).items()}
    if shape["type"] == "structure":
        kept["members"] = inner
    for field in ("member", "value"):
        if field in shape and shape["type"] in ("list", "map"):
            kept[field] = inner[field] = shape[field]["shape"]
    for one in inner.values():
        _collect(all, one, into)


if __name__ == "__main__":
    main()
