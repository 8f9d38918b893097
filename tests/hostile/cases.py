"""Hostile definitions and data: what each is, and what it costs a daemon in this process."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from statebox.asl.execution import Execution
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text
from statebox.config import Address, Config, HttpConfig, LimitsConfig, RedisConfig
from statebox.daemon import Daemon
from statebox.embedded import EmbeddedValkey
from statebox.engine.errors import ServiceError

_PROBE_SECONDS: Final = 0.005
_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 60.0
# What each case may take at most, on a machine that does nothing else.
MOST_SECONDS: Final = 5.0
MOST_LAG_MS: Final = 100.0
MOST_MIB: Final = 512.0


class Case(msgspec.Struct, frozen=True):
    """A hostile execution. `ends` stands in what it ends with: its status, error and cause, or the refusal's words."""

    name: str
    make: Callable[[], tuple[str, str]]
    ends: str


class Cost(msgspec.Struct, frozen=True):
    """What a case took: seconds to its end, the event loop's worst lag, and the most memory of any process."""

    outcome: str
    seconds: float
    lag_ms: float
    daemon_mib: float
    worker_mib: float

    def excesses(self, case: Case, patience: float = 1.0) -> list[str]:
        """In which words it is not what it should be; `patience` times as much time, and lag, is fine."""
        told = {
            f"ended with {self.outcome}": re.search(case.ends, self.outcome) is None,
            f"took {self.seconds:.1f} s": self.seconds > MOST_SECONDS * patience,
            f"held the event loop for {self.lag_ms:.0f} ms": self.lag_ms > MOST_LAG_MS * patience,
            f"took {self.daemon_mib:.0f} MB": self.daemon_mib > MOST_MIB,
            f"took {self.worker_mib:.0f} MB in a worker": self.worker_mib > MOST_MIB,
        }
        return [words for words, exceeds in told.items() if exceeds]


def _passing(language: str = "JSONPath", **fields: Json) -> str:
    state = {"Type": "Pass", "End": True, **fields}
    return write_json_text({"QueryLanguage": language, "StartAt": "A", "States": {"A": state}})


def _jsonata(expression: str) -> str:
    return _passing("JSONata", Output=f"{{% {expression} %}}")


def _path(path: str) -> str:
    return _passing(Parameters={"found.$": path})


def _case(name: str, definition: str, input: Json, ends: str) -> Case:
    return Case(name, lambda: (definition, write_json_text(input)), ends)


def _deep(depth: int, leaf: Json = 1) -> Json:
    value = leaf
    for _ in range(depth):
        value = {"a": value, "b": 1}
    return value


def _nested_states(depth: int) -> str:
    inner = '{"StartAt":"S0","States":{"S0":{"Type":"Pass","End":true}}}'
    for n in range(1, depth):
        inner = f'{{"StartAt":"S{n}","States":{{"S{n}":{{"Type":"Parallel","Branches":[{inner}],"End":true}}}}}}'
    return inner


def _many_states(**fields: Json) -> str:
    states: dict[str, Json] = {}
    size, n = 0, 0
    while size < 990_000:
        states[f"S{n}"] = {"Type": "Pass", "Next": f"S{n + 1}", **fields}
        size += len(write_json_text(states[f"S{n}"])) + len(f"S{n}") + 4
        n += 1
    states[f"S{n}"] = {"Type": "Succeed"}
    return write_json_text({"StartAt": "S0", "States": states})


def _mapped() -> str:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    return write_json_text({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}})


_LOOP: Final = write_json_text(
    {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "C"}], "Default": "S"},
            "S": {"Type": "Succeed"},
        },
    }
)
_RULES: Final = write_json_text(
    {
        "StartAt": "C",
        "States": {
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.t", "IsTimestamp": True, "Next": "S"}] * 100,
                "Default": "C",
            },
            "S": {"Type": "Succeed"},
        },
    }
)
_LONG_FORMAT: Final = "States.Format('" + "{}" * 5_000 + "'" + ",$.text" * 5_000 + ")"


CASES: Final = [
    _case("regex (a+)+$ in JSONata", _jsonata("$match($states.input, /^(a+)+$/)"), "a" * 40 + "!", "timeout"),
    _case("regex (a+)+$ in JSONPath", _path("$.a[?(@.x =~ /^(a+)+$/)]"), {"a": [{"x": "a" * 40 + "!"}]}, "timeout"),
    _case("JSONata endless tail recursion", _jsonata("($f := function($x) { $f($x + 1) }; $f(1))"), 0, "timeout"),
    _case("JSONata deep recursion", _jsonata("($f := function($x) { 1 + $f($x + 1) }; $f(1))"), 0, "Stack overflow"),
    _case(
        "JSONata two-fold recursion",
        _jsonata("($f := function($x) { $x > 20 ? 1 : $f($x+1) + $f($x+1) }; $f(1))"),
        0,
        "timeout",
    ),
    _case("JSONata range of a billion", _jsonata("$sum([1..1000000000])"), 0, "D2014|memory"),
    _case("JSONata range of ranges", _jsonata("$count([1..800000].([1..800000]))"), 0, "memory|timeout"),
    _case("JSONata text that doubles", _jsonata("$reduce([1..64], function($a, $b) { $a & $a }, 'x')"), 0, "memory"),
    _case(
        "JSONata sort of 100,000",
        _jsonata("$count($sort($states.input, function($a, $b) { $a < $b }))"),
        [1] * 100_000,
        "SUCCEEDED|timeout",
    ),
    _case("filter over 100,000 elements", _path("$[?(@.n > 1)]"), [{"n": 0}] * 29_000 + [1] * 71_000, "SUCCEEDED|size"),
    _case(
        "filter in a filter, 10,000 elements",
        _path("$.a[?(@.x in $.b)]"),
        {"a": [{"x": 2}] * 10_000, "b": [1] * 50_000},
        "SUCCEEDED|timeout",
    ),
    _case("`..` on a document 240 deep", _path("$..a"), _deep(240), "SUCCEEDED|size"),
    _case("`..` six times", _path("$..*..*..*..*..*..*"), _deep(200), "timeout|memory"),
    Case("data 1,000 deep", lambda: (_passing(), '{"a":' * 1_000 + "1" + "}" * 1_000), "nested too deep"),
    Case("data of 1 MB, a string without an end", lambda: (_passing(), "[" * 251 + '"' + '\\"' * 500_000), "refused"),
    Case("data of 1 MB, one number", lambda: (_passing(), "1" * 1_000_000), "refused"),
    _case("states 1,000 deep", _nested_states(1_000), 0, "nested too deep"),
    _case("States.ArrayRange of a billion", _path("States.ArrayRange(1, 1000000000, 1)"), 0, "States.Runtime"),
    _case("States.Format with 5,000 times 200 KB", _path(_LONG_FORMAT), {"text": "x" * 200_000}, "memory|timeout"),
    _case("endless Choice loop", _LOOP, {"n": 1}, "maximum number of history events"),
    _case("endless Choice loop with 100 rules", _RULES, {"t": "2" * 100_000}, "maximum number of history events"),
    _case("Map of 100,000 items", _mapped(), [1] * 100_000, "maximum number of history events"),
    _case("definition of 1 MB, one expression", _jsonata("[" + "1," * 480_000 + "1]"), 0, "refused"),
    _case("definition of 60 KB, one expression", _jsonata("[" + "1," * 29_000 + "1]"), 0, "SUCCEEDED|timeout"),
    _case("definition of 1 MB, one path", _passing(OutputPath="$" + ".a" * 480_000), 0, "refused|Expected to find"),
    Case("definition of 1 MB, many states", lambda: (_many_states(), "1"), "SUCCEEDED|maximum number"),
    Case("definition of 1 MB, large states", lambda: (_many_states(Result="x" * 1_000), "1"), "SUCCEEDED"),
]


@contextlib.asynccontextmanager
async def open_daemon(evaluation_seconds: float = 3.0) -> AsyncGenerator[Daemon]:
    """A daemon with its own server, as people run it."""
    async with EmbeddedValkey() as server:
        config = Config(
            redis=RedisConfig(url=server.url),
            http=HttpConfig(listen=Address("127.0.0.1", 0)),
            limits=LimitsConfig(evaluation_seconds=evaluation_seconds),
        )
        async with Daemon(config, {}) as daemon:
            yield daemon


async def measure(daemon: Daemon, case: Case) -> Cost:
    """Run a case to its end."""
    definition, text = case.make()
    probe = Probe(daemon)
    loop = asyncio.get_running_loop()
    async with probe:
        began = loop.time()
        outcome = await _outcome(daemon, definition, text)
        seconds = loop.time() - began
    return Cost(outcome, seconds, probe.lag_ms, probe.daemon_mib, probe.worker_mib)


async def _outcome(daemon: Daemon, definition: str, text: str) -> str:
    try:
        beginning = await daemon.service.start_execution("hostile", read_json(text), None, definition)
    except (InvalidJson, ServiceError) as refused:
        return f"refused: {refused.message if isinstance(refused, ServiceError) else refused}"
    async with asyncio.timeout(_PATIENCE_SECONDS):
        execution = await daemon.service.settle(beginning.id, 1)
        while not execution.ended:
            execution = await daemon.service.settle(beginning.id, 1)
    return _told(execution)


def _told(execution: Execution) -> str:
    if execution.error is None:
        return str(execution.status)
    return f"{execution.error}: {execution.cause}"


class Probe:
    """Looks while it is open how late the event loop is, and how much memory the daemon and its workers had at most.

    A worker's memory counts from its start, and the daemon's where the kernel does not let it be counted anew.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.lag_ms = 0.0
        self.daemon_mib = 0.0
        self.worker_mib = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look())
        _count_anew()
        # It must be asleep by now, or what holds the loop first of all would not count.
        await asyncio.sleep(2 * _PROBE_SECONDS)
        self.lag_ms = 0.0
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        # What came in the last turn counts as well.
        await asyncio.sleep(2 * _PROBE_SECONDS)
        self._task.cancel()
        self._weigh()

    def _weigh(self) -> None:
        self.daemon_mib = most_resident_mib("self")
        self.worker_mib = max([self.worker_mib, *(most_resident_mib(str(pid)) for pid in self._daemon.workers.pids)])

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        looked = 0.0
        while True:
            if loop.time() - looked > _LOOK_SECONDS:
                looked = loop.time()
                self._weigh()
            before = loop.time()
            await asyncio.sleep(_PROBE_SECONDS)
            self.lag_ms = max(self.lag_ms, (loop.time() - before - _PROBE_SECONDS) * 1000)


def _count_anew() -> None:
    """Let the kernel forget how much memory this process had at most."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def most_resident_mib(process: str) -> float:
    """The most resident memory that a process has had, in MiB; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def row(case: Case, cost: Cost) -> str:
    """The case's row of the Markdown table."""
    outcome = cost.outcome if len(cost.outcome) <= 110 else f"{cost.outcome[:40]} … {cost.outcome[-65:]}"
    outcome = outcome.replace("|", "\\|").replace("\n", " ")
    memory = f"{cost.daemon_mib:.0f} / {cost.worker_mib:.0f}"
    return f"| {case.name} | {outcome} | {cost.seconds:.2f} | {cost.lag_ms:.0f} | {memory} |"


HEADER: Final = """\
| case | outcome | seconds | worst lag, ms | most RSS of daemon / worker, MB |
|---|---|---:|---:|---:|"""
