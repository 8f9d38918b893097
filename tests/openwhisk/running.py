"""Running actions on a host, and reading what they wrote."""

from __future__ import annotations

import base64
import io
import zipfile

from statebox.asl.jsontext import Json, write_json
from statebox.openwhisk.activation import Activation
from statebox.openwhisk.client import OpenWhiskClient
from statebox.openwhisk.names import read_action_name
from tests.openwhisk.rest import Rest


async def run(client: OpenWhiskClient, name: str, parameters: Json = None) -> Activation:
    """Call an action and wait for its end."""
    body = write_json({} if parameters is None else parameters)
    activation = await client.invoke(read_action_name(name), body, request_id="test")
    assert isinstance(activation, Activation)
    return activation


async def logs(rest: Rest, activation: Activation) -> list[str]:
    """What a run wrote, without the times."""
    shown = await rest.get(f"activations/{activation.id}/logs")
    assert all(len(line.split(" ")[0]) == 30 for line in shown["logs"])
    return [line[31:] for line in shown["logs"]]


def zipped(files: dict[str, str]) -> str:
    """An archive as base64."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, text in files.items():
            writer.writestr(name, text)
    return base64.b64encode(archive.getvalue()).decode()
