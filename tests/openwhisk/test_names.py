"""Names of actions: what can be written, and where it leads."""

from __future__ import annotations

import pytest

from statebox.openwhisk.names import (
    ActionName,
    InvalidActionName,
    is_function_arn,
    read_action_name,
    read_function_name,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("inc", ActionName("_", None, "inc")),
        ("math/inc", ActionName("_", "math", "inc")),
        ("/guest/inc", ActionName("guest", None, "inc")),
        ("/guest/math/inc", ActionName("guest", "math", "inc")),
        ("guest/math/inc", ActionName("guest", "math", "inc")),
        ("/me@example.com_dev/my pkg/in.c-1", ActionName("me@example.com_dev", "my pkg", "in.c-1")),
        ("x", ActionName("_", None, "x")),
    ],
)
def test_a_name_has_one_to_three_parts(text: str, name: ActionName):
    assert read_action_name(text) == name


def test_a_name_without_a_namespace_belongs_to_the_one_that_is_configured():
    assert str(read_action_name("math/inc", "ours")) == "/ours/math/inc"
    assert str(read_action_name("/theirs/inc", "ours")) == "/theirs/inc"


@pytest.mark.parametrize(
    "text",
    ["", "/", "/inc", "//inc", "a/b/c/d", "/a/b/c/d", "-inc", "in?c", "inc ", "a//b", "..", "../x", "ä", "x" * 257],
)
def test_what_cannot_be_a_name_is_refused(text: str):
    with pytest.raises(InvalidActionName, match="name"):
        read_action_name(text)


def test_the_path_is_percent_encoded():
    assert ActionName("me@here", "my pkg", "a.b").path == "namespaces/me%40here/actions/my%20pkg/a.b"
    assert ActionName("_", None, "inc").path == "namespaces/_/actions/inc"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("inc", "/_/inc"),
        ("inc:PROD", "/_/inc"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:inc", "/_/inc"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:inc:7", "/_/inc"),
        ("arn:aws-us-gov:lambda:::function:math/inc", "/_/math/inc"),
        ("123456789012:function:inc", "/_/inc"),
    ],
)
def test_a_function_name_may_be_an_arn_and_may_have_a_qualifier(text: str, name: str):
    assert str(read_function_name(text)) == name


@pytest.mark.parametrize("text", ["arn:aws:lambda:eu-west-1:123456789012:layer:inc", "arn:aws:lambda", ":PROD"])
def test_what_names_no_function_is_refused(text: str):
    with pytest.raises(InvalidActionName):
        read_function_name(text)


def test_the_arn_of_a_function_is_told_from_others():
    assert is_function_arn("arn:aws:lambda:us-east-1:123456789012:function:inc")
    assert not is_function_arn("arn:aws:states:::lambda:invoke")
