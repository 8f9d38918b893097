"""API models: what the results of AWS's APIs look like, for mocked ones to be held against.

`python -m apimodels` makes the file out of the models that AWS publishes with botocore under the Apache License 2.0:
Copyright Amazon.com, Inc. or its affiliates. It is an excerpt; nothing in it was changed.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from statebox.asl.inspection.models import Models
from statebox.asl.jsontext import read_json


@cache
def api_models() -> Models:
    """The models, by the names that `aws-sdk:` has for services."""
    return read_json(resources.files("statebox.engine").joinpath("apimodels.json").read_bytes())
