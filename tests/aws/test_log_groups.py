"""Where machines say that they log to: it must be there, as far as this daemon can see."""

from __future__ import annotations

from statebox.asl.jsontext import Json, write_json
from tests.aws.sfn import ROLE, Sfn
from tests.http.signing import signed
from tests.http.site import Answer, Site

OURS = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/mine:*"


async def logs(site: Site, operation: str, **members: Json) -> Answer:
    """An operation of CloudWatch Logs, signed as its clients sign."""
    body, url = write_json(members), site.daemon.url + "/"
    headers = {"X-Amz-Target": f"Logs_20140328.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    return await site.ask("POST", "/", data=body, headers=signed(url, body, headers, service="logs"))


def logging(*arns: str) -> Json:
    """A configuration that logs everything to these groups."""
    return {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}} for arn in arns]}


async def test_a_machine_logs_to_a_group_once_that_is_there(site: Site, sfn: Sfn):
    refused = await sfn.refused(
        "create_state_machine", name="m", definition="{}", roleArn=ROLE, loggingConfiguration=logging(OURS)
    )
    assert refused.code == "InvalidLoggingConfiguration"
    assert refused.message == "Invalid Logging Configuration: Log Destination not found."

    assert (await logs(site, "CreateLogGroup", logGroupName="/aws/vendedlogs/states/mine")).status == 200
    arn = (await sfn.create("m", loggingConfiguration=logging(OURS)))["stateMachineArn"]
    shown = (await sfn("describe_state_machine", stateMachineArn=arn))["loggingConfiguration"]
    assert shown["destinations"] == logging(OURS)["destinations"]


async def test_a_group_in_another_place_is_taken_as_said(sfn: Sfn):
    """This daemon cannot look there."""
    for place in ("us-east-1:123456789012", "eu-west-1:000000000000"):
        name = place.replace(":", "-")
        await sfn.create(name, loggingConfiguration=logging(f"arn:aws:logs:{place}:log-group:theirs:*"))


async def test_what_names_no_group_or_two_is_refused(sfn: Sfn):
    for arns, said in (
        (["nonsense"], "Log Destination not found."),
        (["arn:aws:s3:::bucket"], "Log Destination not found."),
        (["arn:aws:logs:eu-west-1:1:log-group:a:*"] * 2, "Must specify exactly one Log Destination."),
        ([], "Must specify exactly one Log Destination."),
    ):
        refused = await sfn.refused(
            "create_state_machine", name="m", definition="{}", roleArn=ROLE, loggingConfiguration=logging(*arns)
        )
        assert (refused.code, refused.message) == (
            "InvalidLoggingConfiguration",
            f"Invalid Logging Configuration: {said}",
        )


async def test_groups_are_created_listed_and_deleted_once(site: Site):
    for name in ("/a/one", "/a/two", "/b"):
        assert (await logs(site, "CreateLogGroup", logGroupName=name)).json == {}
    again = await logs(site, "CreateLogGroup", logGroupName="/b")
    assert (again.status, again.json["__type"]) == (400, "ResourceAlreadyExistsException")

    listed = (await logs(site, "DescribeLogGroups", logGroupNamePrefix="/a")).json["logGroups"]
    assert [group["logGroupName"] for group in listed] == ["/a/one", "/a/two"]
    assert listed[0]["arn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/a/one:*"
    assert listed[0]["creationTime"] > 1_700_000_000_000

    assert (await logs(site, "DeleteLogGroup", logGroupName="/a/one")).json == {}
    gone = await logs(site, "DeleteLogGroup", logGroupName="/a/one")
    assert (gone.status, gone.json["__type"]) == (400, "ResourceNotFoundException")
    assert len((await logs(site, "DescribeLogGroups")).json["logGroups"]) == 2


async def test_a_group_is_named_as_aws_allows(site: Site):
    refused = await logs(site, "CreateLogGroup", logGroupName="a b")
    assert (refused.status, refused.json["__type"]) == (400, "ValidationException")
    assert "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+" in refused.json["message"]
