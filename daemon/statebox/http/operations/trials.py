"""The operation that tries one state alone."""

from __future__ import annotations

from typing import Final, Literal

from statebox.asl.inspection.answering import response
from statebox.asl.inspection.asking import Asked, Configuration, ErrorOutput, Mock
from statebox.asl.jsontext import Json
from statebox.http.operations.members import (
    Arn,
    Definition,
    MockInput,
    Payload,
    StateConfiguration,
    StateName,
    check_role,
)
from statebox.http.protocol import Call, Operation
from statebox.http.validation import Request


class TestState(Request, frozen=True):
    """A definition of a state, or of a machine and which of its states is meant; what it is tried with."""

    definition: Definition
    role_arn: Arn | None = None
    input: Payload | None = None
    inspection_level: Literal["INFO", "DEBUG", "TRACE"] = "INFO"
    reveal_secrets: bool | None = None
    variables: Payload | None = None
    state_name: StateName | None = None
    mock: MockInput | None = None
    context: Payload | None = None
    state_configuration: StateConfiguration | None = None


async def test_state(call: Call, ask: TestState) -> Json:
    """What comes of one state, without an execution."""
    check_role(ask.role_arn)
    asked = Asked(
        definition=ask.definition,
        state_name=ask.state_name,
        input="{}" if ask.input is None else ask.input,
        variables=ask.variables,
        context=ask.context,
        role_arn=ask.role_arn,
        mock=None if ask.mock is None else _mock(ask.mock),
        state_configuration=_configuration(ask.state_configuration or StateConfiguration()),
    )
    return response(await call.service.trials.test_state(asked), ask.inspection_level)


def _mock(said: MockInput) -> Mock:
    error = said.error_output
    return Mock(
        said.result,
        None if error is None else ErrorOutput(error.error, error.cause),
        said.field_validation_mode or "STRICT",
    )


def _configuration(said: StateConfiguration) -> Configuration:
    return Configuration(
        said.retrier_retry_count or 0,
        said.error_caused_by_state,
        said.map_iteration_failure_count,
        said.map_item_reader_data,
    )


TRIALS: Final = (Operation(TestState, test_state),)
