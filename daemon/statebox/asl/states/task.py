"""Task: have a resource do the work, and go on with its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import msgspec

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.payloads import render
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.errors import HEARTBEAT_TIMEOUT, TIMEOUT, StateFailure
from statebox.asl.events import (
    ActivityTaken,
    AnyEvent,
    CallbackAnswered,
    TaskFailed,
    TaskHeartbeat,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from statebox.asl.execution import AnyWaiting, OnTask
from statebox.asl.fields import JSONATA, LONGEST_SECONDS, Fields
from statebox.asl.history import ABSENT
from statebox.asl.jsontext import Json, is_object, read_own_json
from statebox.asl.quantities import Seconds, read_seconds
from statebox.asl.recovery import Catcher, Retrier, read_catch, read_retry
from statebox.asl.states.nested import failure_for, reply_in, result_for
from statebox.asl.states.resource import Pattern, Resource, read_resource
from statebox.asl.states.state import Allowed, Await, Broken, Leave, ScopeReader, State, Transition, Visit

# How long a continuation of `module:suspend` lives where the state does not say: as in the seed.
SUSPEND_SECONDS: Final = 300
_UNKNOWN: Final = Resource("", "Task", "", "", Pattern.REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(State):
    """A Task state."""

    type: ClassVar[str] = "Task"
    has_result: ClassVar[bool] = True
    allowed: ClassVar[Allowed] = Allowed(
        both=(
            "Next",
            "End",
            "Resource",
            "Assign",
            "Retry",
            "Catch",
            "TimeoutSeconds",
            "HeartbeatSeconds",
            "Credentials",
        ),
        jsonpath=(
            "InputPath",
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "OutputPath",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
        ),
        jsonata=("Arguments", "Output"),
    )

    resource: Resource
    timeout: Seconds
    heartbeat: Seconds
    credentials: Template | JsonataTemplate | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()

    @classmethod
    def read(cls, name: str, fields: Fields, scopes: ScopeReader) -> Self:
        timeout = read_seconds(fields, "TimeoutSeconds")
        heartbeat = read_seconds(fields, "HeartbeatSeconds")
        if heartbeat.value is not None and heartbeat.value >= (timeout.value or LONGEST_SECONDS):
            fields.problem("HeartbeatSeconds must be smaller than TimeoutSeconds", fields.at("HeartbeatSeconds"))
        return cls(
            **cls.common(name, fields),
            resource=_resource(fields),
            timeout=timeout,
            heartbeat=heartbeat,
            credentials=_credentials(fields),
            retry=read_retry(fields),
            catch=read_catch(fields),
        )

    @property
    def recovery(self) -> tuple[tuple[Retrier, ...], tuple[Catcher, ...]]:
        return self.retry, self.catch

    def enter(self, visit: Visit) -> Transition:
        resource = self.resource
        token = visit.new_token() if resource.has_token else None
        sources = visit.sources(token)
        arguments = self.flow.effective_input(sources)
        if arguments is not visit.input:
            visit.check(arguments, self.name)
        selected = sources if visit.input is arguments else sources.of(self.flow.selected(sources))
        timeout = self.timeout.resolve(selected)
        heartbeat = self.heartbeat.resolve(selected)
        if resource.family == "Activity":
            # Scheduled it is once it is in the activity's queue: there may be no such activity.
            scheduled = visit.last
        else:
            scheduled = self._write_scheduled(visit, arguments, timeout, heartbeat, self._role(selected))
            visit.write(resource.code("Started"), *self._names())
        if resource.pattern is Pattern.RESPOND:
            visit.respond(arguments)
            visit.write(resource.code("Succeeded"), *self._names(), visit.input)
            sources = visit.sources()
            return Leave(self.flow.passed_on(sources, visit.input), self.next)
        if resource.pattern is Pattern.SUSPEND and timeout is None:
            timeout = SUSPEND_SECONDS
        # Until a worker has taken it nobody can tell that the work on an activity's task goes on.
        beats = resource.pattern in (Pattern.CALLBACK, Pattern.SUSPEND) and resource.family != "Activity"
        waiting = OnTask(
            event=scheduled,
            resource=resource.uri,
            since_ms=visit.now_ms,
            timeout_ms=None if timeout is None else visit.now_ms + timeout * 1000,
            heartbeat_ms=None if heartbeat is None or not beats else visit.now_ms + heartbeat * 1000,
            heartbeat_seconds=heartbeat,
            token=token,
            handed_over=resource.pattern is Pattern.SUSPEND,
        )
        return Await(waiting, msgspec.UNSET if arguments is visit.input else arguments)

    def resume(self, visit: Visit, waiting: AnyWaiting, event: AnyEvent) -> Transition | None:
        assert isinstance(waiting, OnTask)
        if self.resource.family == "Activity" and waiting.reference is None:
            return self._queued(visit, waiting, event)
        if self.resource.nested:
            waiting, event = self._ended(visit, waiting, event)
        match event:
            case TaskSubmitted(_, reference, output):
                return self._submitted(visit, waiting, reference, output)
            case TaskHeartbeat():
                return self._alive(visit, waiting)
            case ActivityTaken(_, worker):
                visit.write(self.resource.code("Started"), _or_absent(worker))
                return self._alive(visit, waiting) or Await(waiting)
            case TaskSucceeded(_, output, reference):
                return self._succeeded(visit, waiting, output, reference)
            case CallbackAnswered():
                return self._unsaid(visit, waiting)
            case TaskFailed(_, error, cause, reference):
                told = (*self._names(), _or_absent(error), _or_absent(cause))
                if self.resource.pattern is Pattern.SYNC and waiting.reference is None and reference is None:
                    # There is no job that could have failed; of other tasks AWS makes no such difference.
                    visit.write(self.resource.code("SubmitFailed"), *told)
                else:
                    visit.write(self.resource.code("Failed"), *told, _or_absent(reference))
                return Broken(StateFailure(error, cause))
            case TimerFired():
                return self._timed_out(visit, waiting)
            case _:
                return None

    def _submitted(self, visit: Visit, waiting: OnTask, reference: str, output: Json) -> Transition | None:
        if waiting.reference is not None or waiting.handed_over:
            return None
        if self.resource.family == "Task":
            visit.write(self.resource.code("Submitted"), *self._names(), output)
        handed_over = self.resource.has_token
        return Await(msgspec.structs.replace(waiting, reference=reference, handed_over=handed_over))

    def _queued(self, visit: Visit, waiting: OnTask, event: AnyEvent) -> Transition | None:
        """An activity's task is in its queue, as somebody says or as what has happened to it shows."""
        match event:
            case TaskFailed(_, error, cause, None, None):
                raise StateFailure(error, cause)
            case TaskSubmitted(_, reference):
                pass
            case _:
                reference = self.resource.uri
        timeout = None if waiting.timeout_ms is None else (waiting.timeout_ms - waiting.since_ms) // 1000
        self._write_scheduled(visit, visit.given, timeout, waiting.heartbeat_seconds, ())
        waiting = msgspec.structs.replace(waiting, reference=reference, handed_over=True)
        return (None if isinstance(event, TaskSubmitted) else self.resume(visit, waiting, event)) or Await(waiting)

    def _ended(self, visit: Visit, waiting: OnTask, event: AnyEvent) -> tuple[OnTask, AnyEvent]:
        """The started execution tells its end (with its ARN as reference): perhaps before we knew that it had begun."""
        match event:
            case TaskSucceeded(task, told, str() as arn, token):
                result = TaskSucceeded(task, result_for(self.resource.uri, told), None, token)
            case TaskFailed(task, _, str() as cause, str() as arn, token):
                told: Json = read_own_json(cause)
                result = TaskFailed(task, *failure_for(self.resource.uri, told), None, token)
            case _:
                return waiting, event
        if waiting.reference is None:
            visit.write(self.resource.code("Submitted"), *self._names(), reply_in(told))
            waiting = msgspec.structs.replace(waiting, reference=arn)
        return waiting, result

    def _alive(self, visit: Visit, waiting: OnTask) -> Transition | None:
        if waiting.heartbeat_seconds is None or waiting.token is None or self.resource.nested:
            return None
        return Await(
            msgspec.structs.replace(waiting, heartbeat_ms=visit.now_ms + waiting.heartbeat_seconds * 1000),
            msgspec.UNSET,
        )

    def _succeeded(self, visit: Visit, waiting: OnTask, output: Json, reference: str | None) -> Transition:
        try:
            visit.check(output, self.resource.type if self.resource.family == "Task" else self.resource.uri)
        except StateFailure as failure:
            visit.write(self.resource.code("Failed"), *self._names(), failure.error, failure.cause)
            return Broken(failure)
        visit.write(self.resource.code("Succeeded"), *self._names(), output, _or_absent(reference))
        if self.resource.pattern is not Pattern.SUSPEND:
            return self.leave(visit, output)
        raw = self._marked(visit, waiting)
        sources = visit.sources().of(raw)
        if is_object(output) and is_object(raw) and not self.flow.keeps_result:
            merged: Json = {**raw, **output}
            return Leave(self.flow.passed_on(sources, merged), self.next, self.flow.assigned(sources, output))
        return Leave(self.flow.output(sources, output), self.next, self.flow.assigned(sources, output))

    def _unsaid(self, visit: Visit, waiting: OnTask) -> Transition:
        """An answer without a payload: the input goes on unchanged (an empty object for all but `module:suspend`)."""
        if self.resource.pattern is not Pattern.SUSPEND:
            return self._succeeded(visit, waiting, {}, None)
        raw = self._marked(visit, waiting)
        visit.write(self.resource.code("Succeeded"), *self._names(), raw)
        sources = visit.sources().of(raw)
        return Leave(self.flow.passed_on(sources, raw), self.next, self.flow.assigned(sources, raw))

    def _marked(self, visit: Visit, waiting: OnTask) -> Json:
        """The raw input; under the seed's contract `constants` tells by which continuation it was restarted."""
        raw = visit.input
        if visit.seed and is_object(raw) and is_object(constants := raw.get("constants")):
            return {**raw, "constants": {**constants, "restartedFrom": waiting.token}}
        return raw

    def _timed_out(self, visit: Visit, waiting: OnTask) -> Transition | None:
        deadline_ms = waiting.deadline_ms
        if deadline_ms is None or visit.now_ms < deadline_ms:
            return None
        visit.write(self.resource.code("TimedOut"), *self._names(), TIMEOUT)
        missed_heartbeat = waiting.heartbeat_ms == deadline_ms and waiting.timeout_ms != deadline_ms
        return Broken(StateFailure(HEARTBEAT_TIMEOUT if missed_heartbeat else TIMEOUT))

    def _names(self) -> tuple[str, ...]:
        return (self.resource.type, self.resource.name) if self.resource.family == "Task" else ()

    def _role(self, selected: Sources) -> tuple[Json, ...]:
        """The role that the definition names, as the history tells it; what runs here has no use for it."""
        credentials = None if self.credentials is None else render(self.credentials, selected)
        return ({"roleArn": credentials.get("RoleArn")},) if is_object(credentials) else ()

    def _write_scheduled(
        self, visit: Visit, arguments: Json, timeout: int | None, heartbeat: int | None, role: tuple[Json, ...]
    ) -> int:
        resource = self.resource
        limits = (_or_absent(timeout), _or_absent(heartbeat))
        if resource.family == "Task":
            return visit.write(resource.code("Scheduled"), *self._names(), visit.region, arguments, *limits, *role)
        if resource.family == "Activity":
            return visit.write(resource.code("Scheduled"), resource.uri, arguments, *limits)
        return visit.write(resource.code("Scheduled"), resource.uri, arguments, limits[0], *role)


def _resource(fields: Fields) -> Resource:
    fields.require("Resource")
    uri = fields.text("Resource")
    if uri is None:
        return _UNKNOWN
    resource = read_resource(uri)
    if resource is None:
        fields.problem(
            f"The resource provided {uri} is not recognized. The value is not a valid resource ARN, or the resource is "
            "not available in this region.",
            fields.at("Resource"),
        )
        return _UNKNOWN
    return resource


def _credentials(fields: Fields) -> Template | JsonataTemplate | None:
    """The role to work in: `{"RoleArn": …}`, in JSONata also as one expression."""
    if fields.holds_expression("Credentials"):
        return fields.expression("Credentials")
    if (named := fields.object("Credentials")) is None:
        return None
    if "RoleArn" not in named and (fields.language == JSONATA or "RoleArn.$" not in named):
        fields.problem("The field 'RoleArn' is required but was missing", fields.at("Credentials"))
    return fields.payload("Credentials")


def _or_absent(value: Json) -> Json:
    return ABSENT if value is None else value
