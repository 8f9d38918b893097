"""How data flows through a JSONPath state: InputPath, Parameters, ResultSelector, ResultPath, OutputPath, Assign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.jsonata_flow import ERROR_OUTPUT, NEITHER, RESULT, JsonataCatchFlow, JsonataFlow
from statebox.asl.data.jsonpath import NoValue, Path
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.errors import RUNTIME, StateFailure
from statebox.asl.fields import JSONATA, Fields
from statebox.asl.jsontext import Json

FLOW_FIELDS: Final = (
    "InputPath",
    "Parameters",
    "ResultSelector",
    "ResultPath",
    "OutputPath",
    "Assign",
    "Arguments",
    "Output",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The data fields of one state. An absent path means `$`; one that is null is in `nulls` instead."""

    input_path: Path | None = None
    parameters: Template | None = None
    result_selector: Template | None = None
    result_path: Path | None = None
    output_path: Path | None = None
    assign: Template | None = None
    nulls: frozenset[str] = frozenset()

    def effective_input(self, sources: Sources) -> Json:
        """What InputPath and Parameters make of the raw input, `sources.input`."""
        value = self.selected(sources)
        return value if self.parameters is None else self.parameters.render(sources.of(value))

    def selected(self, sources: Sources) -> Json:
        """What InputPath makes of the raw input."""
        if "InputPath" in self.nulls:
            return {}
        return sources.input if self.input_path is None else read_or_fail(self.input_path, sources)

    def output(self, sources: Sources, result: Json) -> Json:
        """What ResultSelector, ResultPath and OutputPath make of a result; `sources.input` is the raw input."""
        return self.passed_on(sources, self.placed(sources, self.picked(sources, result)))

    def picked(self, sources: Sources, result: Json) -> Json:
        """What ResultSelector makes of a result."""
        return result if self.result_selector is None else self.result_selector.render(sources.of(result))

    def placed(self, sources: Sources, result: Json) -> Json:
        """What ResultPath makes of a result and the raw input."""
        if "ResultPath" in self.nulls:
            return sources.input
        return result if self.result_path is None else self.result_path.write(sources.input, result)

    def passed_on(self, sources: Sources, value: Json) -> Json:
        """What OutputPath makes of a value."""
        if "OutputPath" in self.nulls:
            return {}
        return value if self.output_path is None else read_or_fail(self.output_path, sources.of(value))

    def assigned(self, sources: Sources, value: Json) -> Mapping[str, Json] | None:
        """The variables that Assign sets, reading `value` as `$`; None when it sets none."""
        return None if self.assign is None else self.assign.render(sources.of(value))

    @property
    def keeps_result(self) -> bool:
        """Whether the state says something about its result: ResultSelector or ResultPath."""
        return self.result_selector is not None or self.result_path is not None or "ResultPath" in self.nulls


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchFlow:
    """The data fields of one catcher."""

    result_path: Path | None = None
    drops_error: bool = False
    assign: Template | None = None

    def output(self, sources: Sources, error: Json) -> Json:
        """Where the Error Output goes in the state's raw input, `sources.input`."""
        if self.drops_error:
            return sources.input
        return error if self.result_path is None else self.result_path.write(sources.input, error)

    def assigned(self, sources: Sources, error: Json) -> Mapping[str, Json] | None:
        """The variables that the catcher sets, reading the Error Output as `$`."""
        return None if self.assign is None else self.assign.render(sources.of(error))


def read_flow(fields: Fields, has_result: bool) -> Flow | JsonataFlow:
    """Read the data fields that a state has; which ones it may have is checked by refuse_unknown."""
    if fields.language == JSONATA:
        members = RESULT if has_result else NEITHER
        return JsonataFlow(
            has_result=has_result,
            arguments=fields.jsonata("Arguments"),
            output_field=fields.jsonata("Output", members),
            assign=_jsonata_assign(fields, members),
        )
    return Flow(
        input_path=fields.path("InputPath"),
        parameters=fields.template("Parameters"),
        result_selector=fields.template("ResultSelector"),
        result_path=_result_path(fields),
        output_path=fields.path("OutputPath"),
        assign=_assign(fields),
        nulls=frozenset(
            name for name in ("InputPath", "ResultPath", "OutputPath") if name in fields and fields.raw[name] is None
        ),
    )


def read_catch_flow(fields: Fields, others: tuple[str, ...]) -> CatchFlow | JsonataCatchFlow:
    """Read a catcher's data fields, beside the `others` that it may have."""
    if fields.language == JSONATA:
        fields.refuse_unknown((*others, "Output", "Assign"), ("ResultPath",))
        # Messages call it by its place within the state, as `Catch[0]/Output`.
        where = fields.location.rpartition("/")[2]
        return JsonataCatchFlow(
            output_field=fields.jsonata("Output", ERROR_OUTPUT, f"{where}/Output"),
            assign=_jsonata_assign(fields, ERROR_OUTPUT, f"{where}/Assign"),
        )
    fields.refuse_unknown((*others, "ResultPath", "Assign"), ("Output",))
    return CatchFlow(
        result_path=_result_path(fields),
        drops_error="ResultPath" in fields and fields.raw["ResultPath"] is None,
        assign=_assign(fields),
    )


def read_or_fail(path: Path, sources: Sources) -> Json:
    """The path's value; where there is none the state fails as AWS words it."""
    try:
        return path.read(sources)
    except NoValue as missing:
        raise StateFailure(RUNTIME, f"Invalid path '{path.text}' : {missing.detail}") from None


def _jsonata_assign(fields: Fields, members: frozenset[str], field: str | None = None) -> JsonataTemplate | None:
    return fields.jsonata("Assign", members, field) if fields.object("Assign") is not None else None


def _assign(fields: Fields) -> Template | None:
    return fields.template("Assign") if fields.object("Assign") is not None else None


def _result_path(fields: Fields) -> Path | None:
    path = fields.reference_path("ResultPath")
    # `$` replaces everything, which is what having none means.
    return None if path is None or path.text == "$" else path
