"""Asking: the arguments of TestState, each a text as its API has them, read into a subject and a setting."""

from __future__ import annotations

from msgspec import UNSET, Struct

from statebox.asl.data.jackson import complaint
from statebox.asl.definition import StateMachine, parse, read_definition, read_state
from statebox.asl.errors import InvalidDefinition
from statebox.asl.inspection.contexts import check_context
from statebox.asl.inspection.models import Mode, Models, check_result
from statebox.asl.inspection.setting import NAME, Mocked, Setting, Subject, TrialRefused, invalid
from statebox.asl.inspection.sources import items_in
from statebox.asl.jsontext import InvalidJson, Json, is_array, is_object, read_json
from statebox.asl.states.map import Map
from statebox.asl.states.parallel import Parallel
from statebox.asl.states.resource import Pattern
from statebox.asl.states.state import State
from statebox.asl.states.task import Task

_NOT_ALONE = (
    "TestState API does not support Map or Parallel states. Supported state types include: "
    "[Task, Wait, Pass, Succeed, Fail, Choice]"
)
_NOT_DONE = (
    "TestState API does not support Activity tasks, '.sync' or '.waitForTaskToken' service integration patterns "
    "unless a mock is specified"
)


class ErrorOutput(Struct, frozen=True):
    """The error that the work comes to."""

    error: str | None = None
    cause: str | None = None


class Mock(Struct, frozen=True, rename="camel"):
    """What stands for the work: a result, as JSON text, or an error."""

    result: str | None = None
    error_output: ErrorOutput | None = None
    field_validation_mode: Mode = "STRICT"


class Configuration(Struct, frozen=True, rename="camel"):
    """What was before: retries, failed iterations, what an ItemReader brought, and whose the error is."""

    retrier_retry_count: int = 0
    error_caused_by_state: str | None = None
    map_iteration_failure_count: int | None = None
    map_item_reader_data: str | None = None


class Asked(Struct, frozen=True, kw_only=True, rename="camel"):
    """The arguments: a definition of one state, or of a machine where `state_name` says which of its states."""

    definition: str
    state_name: str | None = None
    input: str = "{}"
    variables: str | None = None
    context: str | None = None
    role_arn: str | None = None
    mock: Mock | None = None
    state_configuration: Configuration = Configuration()

    @property
    def characters(self) -> int:
        """How much text there is in all of it."""
        mocked = None if self.mock is None else self.mock.result
        brought = self.state_configuration.map_item_reader_data
        texts = (self.definition, self.input, self.variables, self.context, mocked, brought)
        return sum(len(text) for text in texts if text is not None)


def read_subject(definition: str, state_name: str | None) -> Subject:
    """The state that is meant. Raises TrialRefused."""
    try:
        if state_name is None:
            return _found(read_state(read_definition(definition), NAME), NAME)
        return _found(parse(definition), state_name)
    except InvalidDefinition as refused:
        message = f"Invalid State Machine Definition: '{refused}'"
        raise TrialRefused("InvalidDefinition", message, refused.problems) from None


def read_setting(asked: Asked, subject: Subject, models: Models, place: str) -> Setting:
    """What it is tried with. Raises TrialRefused; `place` is region and account, `<region>:<account>`."""
    state, given = subject.state, asked.state_configuration
    mock = None if asked.mock is None else _read_mock(asked.mock, subject, models)
    _check_needs_no_mock(state, mock)
    _check_culprit(given, subject)
    return Setting(
        input=_read_input(asked.input),
        variables=_read_variables(asked.variables),
        context=UNSET if asked.context is None else _read_context(asked.context, subject),
        role_arn=asked.role_arn,
        place=place,
        mock=mock,
        retried=given.retrier_retry_count,
        failed_items=_read_failures(given, state),
        read_items=_read_data(given, state),
    )


def _found(machine: StateMachine, name: str) -> Subject:
    for scope, states in machine.scopes.items():
        if name in states.states:
            return Subject(machine, scope, states.states[name])
    raise invalid("State not found in definition")


def _check_needs_no_mock(state: State, mock: Mocked | None) -> None:
    if mock is not None:
        return
    if isinstance(state, Map | Parallel):
        raise TrialRefused("InvalidDefinition", _NOT_ALONE)
    if isinstance(state, Task) and state.resource.pattern in (Pattern.SYNC, Pattern.CALLBACK, Pattern.SUSPEND):
        raise TrialRefused("InvalidDefinition", _NOT_DONE)


def _read_mock(mock: Mock, subject: Subject, models: Models) -> Mocked:
    state = subject.state
    if not isinstance(state, Task | Map | Parallel):
        raise invalid(f"State type '{state.type}' is not supported when a mock is specified")
    if (mock.result is None) == (mock.error_output is None):
        raise invalid("A mock must have exactly one of the following fields: [result, errorOutput]")
    if mock.error_output is not None:
        return Mocked(UNSET, mock.error_output.error, mock.error_output.cause)
    result = _json(mock.result or "", "Mocked result must be valid JSON")
    if isinstance(state, Task):
        check_result(result, state.resource, mock.field_validation_mode, models)
    else:
        _check_outputs(result, state)
    return Mocked(result)


def _check_outputs(result: Json, state: Map | Parallel) -> None:
    if isinstance(state, Map) and state.distributed is not None:
        writer = state.distributed.writer
        if writer is not None and writer.resource:
            # It tells where the outputs are.
            if not is_object(result):
                raise invalid("Mocked result must be a JSON object.")
            return
    if not is_array(result):
        raise invalid("Mocked result must be an array.")
    if isinstance(state, Parallel) and len(result) != state.count:
        raise invalid("Mocked result must contain the same number of items as number of Parallel branches.")


def _check_culprit(given: Configuration, subject: Subject) -> None:
    """The state that a mocked error comes from is one inside."""
    name = given.error_caused_by_state
    if name is None:
        return
    if not isinstance(subject.state, Map | Parallel):
        raise invalid("The state that causes an error can only be specified for Map and Parallel states")
    if not any(name in scope.states for key, scope in subject.machine.scopes.items() if key):
        raise invalid(f"The state '{name}' that causes the error is not found in the definition")


def _read_failures(given: Configuration, state: State) -> int | None:
    if given.map_iteration_failure_count is not None and not isinstance(state, Map):
        raise invalid("Map iteration failure count can only be specified for Map states")
    return given.map_iteration_failure_count


def _read_data(given: Configuration, state: State) -> Json:
    """What the reader brings."""
    if given.map_item_reader_data is None:
        return UNSET
    if not isinstance(state, Map) or state.distributed is None or state.distributed.reader is None:
        raise invalid("Map item reader data can only be specified for Map states with an ItemReader")
    return items_in(given.map_item_reader_data, state.distributed.reader.config)


def _read_input(text: str) -> Json:
    try:
        return read_json(text)
    except InvalidJson as broken:
        words = complaint(text) or str(broken)
        raise TrialRefused("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{words}'") from None


def _read_variables(text: str | None) -> dict[str, Json]:
    if text is None:
        return {}
    found = _json(text, "Variables must be a valid JSON object")
    if not is_object(found):
        raise invalid("Variables must be a valid JSON object")
    return found


def _read_context(text: str, subject: Subject) -> Json:
    context = _json(text, "Invalid Context object provided: Context object must be a valid JSON object")
    check_context(context, subject)
    return context


def _json(text: str, otherwise: str) -> Json:
    try:
        return read_json(text)
    except InvalidJson:
        raise invalid(otherwise) from None
