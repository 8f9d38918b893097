"""What machines are configured with over the API: checked, kept, and shown."""

from __future__ import annotations

import pytest

from statebox.asl.jsontext import Json, write_json_text
from tests.aws.sfn import PASS, ROLE, Refused, Sfn, machine_arn
from tests.http.site import states

OF_AWS = "arn:aws:logs:us-east-1:123456789012:log-group:/states:*"


def logging(*groups: str, level: str = "ALL") -> Json:
    """A logging configuration."""
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}} for group in groups]
    return {"level": level, "includeExecutionData": True, "destinations": destinations}


async def refused(sfn: Sfn, **configuration: Json) -> Refused:
    """The error of a machine with this configuration."""
    return await sfn.refused("create_state_machine", name="greet", definition=PASS, roleArn=ROLE, **configuration)


async def test_a_configuration_is_shown_as_it_was_given(sfn: Sfn):
    encryption = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/mine", "kmsDataKeyReusePeriodSeconds": 300}
    given: dict[str, Json] = {
        "loggingConfiguration": logging(OF_AWS),
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": encryption,
    }
    await sfn.create("greet", **given)
    shown = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet"))
    assert {name: shown[name] for name in given} == given

    changed = {"loggingConfiguration": logging(OF_AWS, level="ERROR")}
    await sfn("update_state_machine", stateMachineArn=machine_arn("greet"), **changed)
    shown = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet"))
    assert {name: shown[name] for name in given} == given | changed


async def test_there_is_one_place_to_log_to(sfn: Sfn):
    said = "Invalid Logging Configuration: Must specify exactly one Log Destination."
    for configuration in (logging(OF_AWS, OF_AWS), logging()):
        assert await refused(sfn, loggingConfiguration=configuration) == Refused("InvalidLoggingConfiguration", said)


@pytest.mark.parametrize(
    "encryption", [{"type": "AWS_OWNED_KEY", "kmsKeyId": "x"}, {"type": "CUSTOMER_MANAGED_KMS_KEY"}]
)
async def test_an_encryption_that_contradicts_itself_is_refused(sfn: Sfn, encryption: Json):
    assert (await refused(sfn, encryptionConfiguration=encryption)).code == "InvalidEncryptionConfiguration"


async def test_a_machine_is_described_with_the_variables_that_its_states_read(sfn: Sfn):
    definition = write_json_text(states("A", A={"Type": "Pass", "Parameters": {"x.$": "$where"}, "End": True}))
    await sfn.create("greet", definition)
    shown = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet"))
    assert shown["variableReferences"] == {"A": ["where"]}
    bare = await sfn("describe_state_machine", stateMachineArn=machine_arn("greet"), includedData="METADATA_ONLY")
    assert "variableReferences" not in bare
