"""Machines: strategies for valid definitions of all state types, in both query languages, nested three deep."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from statebox.asl.jsontext import Json

DEEPEST: Final = 3
# What every execution starts with; expressions read from it by the context object, so that most of them find something.
INPUT: Final[Json] = {
    "n": 1,
    "flag": True,
    "items": [{"k": 1}, {"k": "two"}, {"k": None}],
    "uneven": [{"k": 1}, {"k": 2}, {}],
    "none": [],
}
ERRORS: Final = ("Boom", "States.Timeout", "States.TaskFailed", "Other.Error", "States.Runtime")
_RESOURCES: Final = (
    "module:work",
    "module:suspend",
    "module:suspend",
    "openwhisk:/ns/action",
    "openwhisk:action.sync",
    "openwhisk:/ns/action.waitForTaskToken",
    "arn:aws:lambda:us-east-1:000000000000:function:f",
    "arn:aws:states:us-east-1:000000000000:activity:a",
    "module:sendResponse",
)
_ROOTS: Final = "$$.Execution.Input"

_JSONPATH_FLOWS: Final[tuple[dict[str, Json], ...]] = (
    {},
    {},
    {},
    {"InputPath": "$"},
    {"InputPath": None},
    {"InputPath": _ROOTS},
    {"OutputPath": "$"},
    {"OutputPath": "$.perhaps"},
)
_JSONPATH_RESULTS: Final[tuple[dict[str, Json], ...]] = (
    {},
    {"ResultPath": "$"},
    {"ResultPath": None},
    {"ResultPath": "$.result"},
    {"ResultPath": "$.a.b"},
)
_JSONPATH_ASSIGNS: Final[tuple[dict[str, Json], ...]] = (
    {},
    {},
    {"Assign": {"v": 1, "w.$": "$"}},
    {"Assign": {"v.$": f"{_ROOTS}.n"}},
    {"Assign": {"gone.$": "$.not.there"}},
)
_JSONATA_FLOWS: Final[tuple[dict[str, Json], ...]] = (
    {},
    {},
    {"Output": "{% $states.input %}"},
    {"Output": {"n": "{% $states.context.Execution.Input.n %}", "kept": True}},
    {"Assign": {"v": "{% $states.context.State.Name %}"}},
    {"Assign": {"v": 1}, "Output": "{% [1, 2] %}"},
    {"Output": "{% $error('no') %}"},
    {"Output": "{% $not_there %}"},
)


@st.composite
def definitions(draw: st.DrawFn, *, timed: bool = True, distributed: bool = True) -> Json:
    """A valid definition."""
    jsonata = draw(st.booleans())
    making = _Making(draw, jsonata, distributed)
    definition: dict[str, Json] = making.scope(0)
    if jsonata:
        definition["QueryLanguage"] = "JSONata"
    if timed and draw(st.integers(0, 9)) == 0:
        definition["TimeoutSeconds"] = draw(st.integers(1, 90))
    return definition


class _Making:
    """One definition being drawn; its state names are unique."""

    def __init__(self, draw: st.DrawFn, jsonata: bool, distributed: bool) -> None:
        self._draw = draw
        self._jsonata = jsonata
        self._distributed = distributed
        self._names = 0

    def scope(self, depth: int) -> dict[str, Json]:
        """StartAt and States. Each state leads to the next one, so all are reached and the last one ends it."""
        names = [self._name() for _ in range(self._number(1, 3 if depth else 4))]
        states = {name: self._state(names, place, depth) for place, name in enumerate(names)}
        for state in states.values():
            for assigning in (state, *state.get("Catch", ())):
                _name_after_depth(assigning, depth)
        return {"StartAt": names[0], "States": states}

    def _state(self, names: list[str], place: int, depth: int) -> dict[str, Json]:
        last = place == len(names) - 1
        kinds = ["Pass", "Wait", "Task", "Task", "Task"]
        if depth < DEEPEST:
            kinds += ["Parallel", "Parallel", "Map", "Map"]
        kinds += ["Succeed", "Fail"] if last else ["Choice"]
        kind = self._one(kinds)
        # In a machine of JSONPath a state may speak JSONata, but not the other way about.
        jsonata = self._jsonata or self._rarely(4)
        state: dict[str, Json] = {"Type": kind}
        if jsonata and not self._jsonata:
            state["QueryLanguage"] = "JSONata"
        if kind not in ("Succeed", "Fail", "Choice"):
            state.update({"End": True} if last else {"Next": names[place + 1]})
        match kind:
            case "Pass":
                self._flow(state, jsonata, result=not jsonata)
                if not jsonata and self._rarely(3):
                    state["Result"] = self._one([1, {"a": 1}, [1, 2], None])
            case "Succeed":
                state.update({} if jsonata else self._one(_JSONPATH_FLOWS))
            case "Fail":
                state.update(self._one([{}, {"Error": self._one(ERRORS)}, {"Error": "Boom", "Cause": "why"}]))
            case "Wait":
                self._wait(state, jsonata)
            case "Choice":
                self._choice(state, jsonata, names, place)
            case "Task":
                self._task(state, jsonata)
                self._recovery(state, jsonata, names)
            case "Parallel":
                state["Branches"] = [self.scope(depth + 1) for _ in range(self._number(1, 3))]
                self._flow(state, jsonata, result=True)
                self._recovery(state, jsonata, names)
            case _:
                self._map(state, jsonata, depth)
                self._flow(state, jsonata, result=True, input=False)
                self._recovery(state, jsonata, names)
        return state

    def _wait(self, state: dict[str, Json], jsonata: bool) -> None:
        self._flow(state, jsonata, result=False)
        forms: list[dict[str, Json]] = [{"Seconds": 0}, {"Seconds": 5}, {"Timestamp": "2027-01-01T00:00:00Z"}]
        if jsonata:
            forms += [{"Seconds": "{% $states.context.Execution.Input.n %}"}, {"Seconds": "{% 'no number' %}"}]
        else:
            forms += [{"SecondsPath": f"{_ROOTS}.n"}, {"SecondsPath": "$.not.there"}]
        state.update(self._one(forms))

    def _choice(self, state: dict[str, Json], jsonata: bool, names: list[str], place: int) -> None:
        # Any state of the scope, those before it too: what loops without end meets the limit of events.
        target = self._one(names)
        if jsonata:
            condition = self._one(["{% $random() < 0.5 %}", "{% true %}", "{% $states.input.n = 1 %}", "{% 1 %}"])
            state["Choices"] = [{"Condition": condition, "Next": target}]
        else:
            rule = self._one(
                [
                    {"Variable": "$.n", "IsPresent": True},
                    {"Variable": "$.n", "NumericEquals": 1},
                    {"Not": {"Variable": f"{_ROOTS}.flag", "BooleanEquals": True}},
                ]
            )
            state["Choices"] = [{**rule, "Next": target}]
        state["Default"] = names[place + 1]

    def _task(self, state: dict[str, Json], jsonata: bool) -> None:
        resource: str = self._one(_RESOURCES)
        state["Resource"] = resource
        if self._rarely(3):
            state["TimeoutSeconds"] = self._number(2, 30)
        if self._rarely(3):
            state["HeartbeatSeconds"] = 1
        self._flow(state, jsonata, result=True, input=False)
        token = resource.endswith(".waitForTaskToken")
        if jsonata and (token or self._rarely(3)):
            state["Arguments"] = {"t": "{% $states.context.Task.Token %}"} if token else {"n": "{% $states.input %}"}
        elif not jsonata and (token or self._rarely(3)):
            state["Parameters"] = {"t.$": "$$.Task.Token"} if token else {"n.$": f"{_ROOTS}.n"}

    def _map(self, state: dict[str, Json], jsonata: bool, depth: int) -> None:
        distributed = self._distributed and self._rarely(5)
        # What a distributed Map's items walk is never advanced here; one state is enough.
        processor: dict[str, Json] = self.scope(DEEPEST if distributed else depth + 1)
        if distributed:
            processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
            state.update(self._one([{}, {"ToleratedFailureCount": 1}, {"ToleratedFailurePercentage": 50}]))
        state["ItemProcessor"] = processor
        items = self._one(["items", "items", "uneven", "none"])
        if jsonata:
            state["Items"] = f"{{% $states.context.Execution.Input.{items} %}}"
            state.update(self._one([{}, {"ItemSelector": {"k": "{% $states.context.Map.Item.Value.k %}"}}]))
        else:
            state["ItemsPath"] = f"{_ROOTS}.{items}"
            state.update(self._one([{}, {"ItemSelector": {"n": 1, "k.$": "$$.Map.Item.Value.k"}}]))
        state.update(self._one([{}, {"MaxConcurrency": 1}, {"MaxConcurrency": 2}]))

    def _flow(self, state: dict[str, Json], jsonata: bool, *, result: bool, input: bool = True) -> None:
        if jsonata:
            state.update(self._one(_JSONATA_FLOWS))
            return
        state.update(self._one(_JSONPATH_FLOWS if input else _JSONPATH_FLOWS[:4]))
        state.update(self._one(_JSONPATH_ASSIGNS))
        if result:
            state.update(self._one(_JSONPATH_RESULTS))

    def _recovery(self, state: dict[str, Json], jsonata: bool, names: list[str]) -> None:
        if self._rarely(3):
            retrier: dict[str, Json] = {"ErrorEquals": [self._one([*ERRORS, "States.ALL", "States.ALL"])]}
            retrier["MaxAttempts"] = self._number(0, 2)
            retrier.update(self._one([{}, {"IntervalSeconds": 5, "JitterStrategy": "FULL"}, {"BackoffRate": 1.5}]))
            state["Retry"] = [retrier]
        if self._rarely(3):
            catcher: dict[str, Json] = {"ErrorEquals": [self._one([*ERRORS, "States.ALL", "States.ALL"])]}
            catcher["Next"] = self._one(names)
            if jsonata:
                catcher.update(self._one([{}, {"Output": "{% $states.errorOutput %}"}, {"Assign": {"e": 1}}]))
            else:
                catcher.update(self._one([{}, {"ResultPath": "$.error"}, {"ResultPath": None}]))
            state["Catch"] = [catcher]

    def _name(self) -> str:
        self._names += 1
        return f"S{self._names}"

    def _one(self, choices: Json) -> Json:
        return self._draw(st.sampled_from(choices))

    def _number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def _rarely(self, times: int) -> bool:
        return self._draw(st.integers(1, times)) == times


def _name_after_depth(assigning: dict[str, Json], depth: int) -> None:
    """Let its variables be called by the depth of their scope, as no scope may assign what one around it does."""
    if "Assign" in assigning:
        assigning["Assign"] = {
            f"{key.removesuffix('.$')}{depth}{'.$' * key.endswith('.$')}": value
            for key, value in assigning["Assign"].items()
        }
