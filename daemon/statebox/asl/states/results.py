"""Results of a map run: what each of its items came to, as outputs and as the records that a ResultWriter writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from statebox.asl.execution import ChildEnded
from statebox.asl.jsontext import Json, is_array, write_json_text
from statebox.asl.moment import timestamp

TRANSFORMATIONS: Final = ("NONE", "COMPACT", "FLATTEN")


@dataclass(frozen=True, slots=True)
class ItemResult:
    """How the execution of one item ended; `output` is None where it failed."""

    input: Json
    output: Json
    ended: ChildEnded

    def record(self, map_run: str) -> Json:
        """The execution as Step Functions describes it in the files of a map run."""
        place, family = family_of(map_run)
        ended = self.ended
        status = "FAILED" if ended.failed else "SUCCEEDED"
        record: Json = {
            "ExecutionArn": f"{place}:execution:{family}:{ended.name}",
            "Input": write_json_text(self.input),
            "InputDetails": {"Included": True},
            "Name": ended.name,
        }
        if ended.failed:
            told = {"Cause": ended.cause, "Error": ended.error}
            record |= {name: text for name, text in told.items() if text is not None}
            record |= {"RedriveCount": 0, "RedriveStatus": "REDRIVABLE_BY_MAP_RUN"}
        else:
            record |= {
                "Output": write_json_text(self.output),
                "OutputDetails": {"Included": True},
                "RedriveCount": 0,
                "RedriveStatus": "NOT_REDRIVABLE",
                "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            }
        record |= {
            "StartDate": timestamp(ended.started_ms),
            "StateMachineArn": f"{place}:stateMachine:{family}",
            "Status": status,
            "StopDate": timestamp(ended.stopped_ms),
        }
        return record


def family_of(map_run: str) -> tuple[str, str]:
    """Where the executions of a map run live: what their ARNs begin with, and `<machine>/<label>`."""
    place, _, run = map_run.partition(":mapRun:")
    return place, run.rpartition(":")[0]


def transformed(outputs: Iterable[Json], transformation: str) -> Iterator[Json]:
    """COMPACT: the outputs; FLATTEN: the members of outputs that are arrays, and the others."""
    for output in outputs:
        if transformation == "FLATTEN" and is_array(output):
            yield from output
        else:
            yield output


def collected(results: Iterable[ItemResult], map_run: str, config: Mapping[str, Json]) -> list[Json]:
    """What a Map whose ResultWriter names no place goes on with. One that failed is a record, whatever is wanted."""
    transformation = config.get("Transformation", "NONE")
    found: list[Json] = []
    for result in results:
        if transformation == "NONE" or result.ended.failed:
            found.append(result.record(map_run))
        else:
            found += transformed([result.output], transformation)
    return found
