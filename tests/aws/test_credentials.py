"""boto3 with its credentials, against daemons that have set who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest

from statebox.asl.jsontext import Json
from statebox.config import Secret
from statebox.embedded import EmbeddedValkey
from tests.aws.sfn import PASS, ROLE, Sfn
from tests.http.site import open_site

# Those of the client in tests.aws.sfn.
OWN = Secret("key:secret")


async def test_an_operator_does_everything(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, access_keys=(OWN,)) as site:
        sfn = Sfn(site.daemon.url)
        arn = (await sfn.create("m"))["stateMachineArn"]
        assert (await sfn.run(arn, input='{"ü": "\U0001f600"}'))["status"] == "SUCCEEDED"


async def test_a_viewer_looks_and_does_not_write(valkey: EmbeddedValkey, tmp_path: Path):
    async with open_site(valkey, tmp_path, viewer_access_keys=(OWN,)) as site:
        sfn = Sfn(site.daemon.url)
        assert await sfn("list_state_machines") == {"stateMachines": []}
        refused = await sfn.refused("create_state_machine", name="m", definition=PASS, roleArn=ROLE)
        assert refused.code == "AccessDeniedException"
        assert "User: key is not authorized to perform: states:CreateStateMachine" in refused.message


@pytest.mark.parametrize(
    ("set", "code"),
    [
        ({"access_keys": (Secret("key:another"),)}, "InvalidSignatureException"),
        ({"access_keys": (Secret("another:secret"),)}, "UnrecognizedClientException"),
    ],
)
async def test_others_are_refused(valkey: EmbeddedValkey, tmp_path: Path, set: dict[str, Json], code: str):
    async with open_site(valkey, tmp_path, **set) as site:
        assert (await Sfn(site.daemon.url).refused("list_state_machines")).code == code
