"""The file invoker: reads the items of a distributed Map and writes its results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from statebox.asl.commands import InvokeTask
from statebox.asl.events import TaskFailed, TaskSucceeded
from statebox.asl.jsontext import Json, is_array, read_json, write_json, write_json_text
from statebox.asl.states.resource import READ_ITEMS, WRITE_RESULT
from statebox.files.invoker import FileInvoker
from statebox.files.limits import FileLimits

RUN = "5c1f4c4e-1111-4222-8333-444455556666"
MAP_RUN = f"arn:aws:states:us-east-1:000000000000:mapRun:machine/Map:{RUN}"


def succeeded(output: Json) -> Json:
    """The record of an item that succeeded."""
    return {"Output": write_json_text(output), "Status": "SUCCEEDED"}


class Site:
    """A folder, and the invoker that serves it."""

    def __init__(self, root: Path, limits: FileLimits) -> None:
        self.root = root
        self.invoker = FileInvoker(root, limits)

    def put(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    async def do(self, resource: str, arguments: Json) -> Json:
        """The output, or the cause as a text in a tuple."""
        outcome = await self.invoker.invoke(InvokeTask("b:1", resource, arguments, "attempt"))
        assert outcome.task == "b:1"
        if type(outcome) is TaskSucceeded:
            return outcome.output
        assert type(outcome) is TaskFailed
        assert outcome.error is None
        return (outcome.cause,)

    async def read(self, name: str, most: Json = 0, **config: Json) -> Json:
        arguments: Json = {"Resource": f"file:{name}", "Parameters": {}, "Config": config, "MaxItems": most}
        return await self.do(READ_ITEMS, arguments)

    async def write(
        self, path: str, results: Json, map_run: Json = MAP_RUN, failed: Sequence[Json] = (), **config: Json
    ) -> Json:
        arguments: Json = {"Resource": f"file:{path}", "Parameters": {}, "Config": config, "MapRunArn": map_run}
        records: Json = (
            [succeeded(one) for one in results] if is_array(results) and "Transformation" not in config else []
        )
        return await self.do(WRITE_RESULT, {**arguments, "Results": results, "Records": [*records, *failed]})

    def written(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "data"
    root.mkdir()
    return Site(root, FileLimits(read_bytes=2_000_000, items=100, brackets=20_000, cells=500, written_bytes=1000))


async def test_a_json_array_is_iterated_as_it_is(site: Site):
    site.put("a.json", '\ufeff[1,{"a":null},[2],"é",12345678901234567890]')
    assert await site.read("a.json") == [1, {"a": None}, [2], "é", 12345678901234567890]


async def test_a_json_object_is_iterated_by_key_and_value(site: Site):
    site.put("a.json", '{"x":1,"y":[2]}')
    assert await site.read("a.json") == [{"Key": "x", "Value": 1}, {"Key": "y", "Value": [2]}]


@pytest.mark.parametrize("text", ['"text"', "1", "null", "true"])
async def test_any_other_json_cannot_be_iterated(site: Site, text: str):
    site.put("a.json", text)
    assert await site.read("a.json") == ("Attempting to map over non-iterable node.",)


async def test_an_items_pointer_picks_what_is_iterated(site: Site):
    site.put("a.json", '{"a/b":[{"~":[7,8]}]}')
    assert await site.read("a.json", ItemsPointer="/a~1b/0/~0") == [7, 8]
    for pointer in ("/x", "/a~1b/1", "/a~1b/00", "/a~1b/-", "/a~1b/0/~0/0/z"):
        assert await site.read("a.json", ItemsPointer=pointer) == (f"the ItemsPointer {pointer} leads to nothing",)
    assert "must be a JSON Pointer" in (await site.read("a.json", ItemsPointer="x"))[0]
    assert "InputType JSON only" in (await site.read("a.csv", ItemsPointer="/x"))[0]


async def test_json_lines_have_an_item_each(site: Site):
    site.put("a.jsonl", '{"a":1}\r\n\n[2]\n  \n"\u2028"')
    assert await site.read("a.jsonl") == [{"a": 1}, [2], "\u2028"]


async def test_csv_rows_are_objects_of_texts_under_the_headers_of_the_first_row(site: Site):
    site.put("a.csv", "\ufeffid,name\n1,x\n2\n3,y,more\n")
    assert await site.read("a.csv", CSVHeaderLocation="FIRST_ROW") == [
        {"id": "1", "name": "x"},
        {"id": "2", "name": ""},
        {"id": "3", "name": "y"},
    ]


async def test_csv_headers_can_be_given(site: Site):
    site.put("a.csv", "1,x\n")
    items = [{"id": "1", "name": "x"}]
    assert await site.read("a.csv", CSVHeaderLocation="GIVEN", CSVHeaders=["id", "name"]) == items
    assert await site.read("a.csv", CSVHeaders=["id", "name"]) == items


@pytest.mark.parametrize(
    ("name", "delimiter"), [("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t")]
)
async def test_csv_delimiters_have_names(site: Site, name: str, delimiter: str):
    site.put("a.csv", f"a{delimiter}b\n1{delimiter}2")
    assert await site.read("a.csv", CSVDelimiter=name) == [{"a": "1", "b": "2"}]


async def test_an_empty_csv_file_has_no_items(site: Site):
    site.put("a.csv", "")
    site.put("b.csv", "a,b\n")
    assert await site.read("a.csv") == await site.read("b.csv") == []


@pytest.mark.parametrize("config", [{}, {"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "a"]}])
async def test_csv_headers_differ_from_each_other(site: Site, config: dict[str, Json]):
    site.put("a.csv", "a,a\n1,2")
    assert await site.read("a.csv", **config) == ("CSV headers cannot contain duplicates.",)


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ({"CSVHeaderLocation": "GIVEN"}, "CSVHeaders must be an array of texts when CSVHeaderLocation is GIVEN"),
        ({"CSVHeaders": [1]}, "CSVHeaders must be an array of texts when CSVHeaderLocation is GIVEN"),
        (
            {"CSVHeaderLocation": "LAST"},
            "the CSVHeaderLocation LAST is not supported for files: it can be FIRST_ROW, GIVEN",
        ),
        (
            {"CSVDelimiter": "DOT"},
            "the CSVDelimiter DOT is not supported for files: it can be COMMA, PIPE, SEMICOLON, SPACE, TAB",
        ),
        ({"InputType": "PARQUET"}, "the InputType PARQUET is not supported for files: it can be JSON, JSONL, CSV"),
        ({"InputType": ["CSV"]}, "the InputType ['CSV'] is not supported for files: it can be JSON, JSONL, CSV"),
        (
            {"Transformation": "LOAD_AND_FLATTEN"},
            "the Transformation LOAD_AND_FLATTEN of an ItemReader is not supported for files",
        ),
    ],
)
async def test_a_config_that_cannot_be_served_says_what_can(site: Site, config: dict[str, Json], cause: str):
    site.put("a.csv", "a\n1")
    assert await site.read("a.csv", **config) == (cause,)


async def test_the_input_type_goes_before_the_name_of_the_file(site: Site):
    site.put("a.csv", "[1]")
    site.put("a", "[1]")
    site.put("A.JSON", "[1]")
    assert await site.read("a.csv", InputType="JSON") == [1]
    assert await site.read("a", InputType="JSONL") == [[1]]
    assert await site.read("A.JSON") == [1]
    assert await site.read("a") == ("the name of a does not tell what it holds: set InputType to JSON, JSONL or CSV",)


async def test_max_items_takes_the_first_ones_and_nought_means_all(site: Site):
    site.put("a.jsonl", "1\n2\n3\nbroken")
    assert await site.read("a.jsonl", 2) == [1, 2]
    assert await site.read("a.jsonl", 3.0) == [1, 2, 3]
    site.put("a.json", "[1,2,3]")
    assert await site.read("a.json", 0) == await site.read("a.json", 10**12) == [1, 2, 3]
    assert await site.read("a.json", -1) == ("field MaxItems must be positive",)


async def test_more_items_than_allowed_are_refused_unless_fewer_are_asked_for(site: Site):
    site.put("a.json", write_json(list(range(101))))
    assert await site.read("a.json") == ("a.json has more than the 100 items that can be read",)
    assert await site.read("a.json", 100) == list(range(100))


async def test_a_large_file_is_refused_and_one_of_many_pieces_is_read(site: Site):
    value = {str(number): [{"a": "x" * 50}] * 100 for number in range(99)}
    site.put("a.json", write_json(value))
    assert await site.read("a.json") == [{"Key": key, "Value": member} for key, member in value.items()]
    site.put("a.json", b" " * 2_000_001)
    assert await site.read("a.json") == ("a.json is larger than the 2000000 bytes that can be read",)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
async def test_json_of_too_many_arrays_and_objects_is_refused_before_it_is_parsed(site: Site, name: str):
    site.put(name, '{"a":[' + "[]," * 20_000 + "[]]}")
    assert await site.read(name) == (f"{name} has more than the 20000 opening brackets that can be read",)
    site.put("a.csv", "a\n" + "[" * 20_001)
    assert len(await site.read("a.csv")) == 1


async def test_a_csv_file_of_many_columns_may_have_few_rows(site: Site):
    """Each row has all columns, so a small file can hold very many of them."""
    columns = ",".join(f"c{number}" for number in range(50))
    site.put("a.csv", columns + "\nx" * 10)
    assert len(await site.read("a.csv")) == 10
    site.put("a.csv", columns + "\nx" * 11)
    assert await site.read("a.csv") == ("a.csv has more than the 500 cells, rows times columns, that can be read",)
    assert len(await site.read("a.csv", 10)) == 10


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("a.json", b"[1,\n2,,3]", "a.json: not JSON: Expecting value at line 2 column 3"),
        ("a.json", b"", "a.json: not JSON: Expecting value at line 1 column 1"),
        ("a.jsonl", b'1\n\n{"a" 2}', "a.jsonl, line 3: not JSON: Expecting ':' delimiter at column 6"),
        ("a.csv", b'a,b\n1,"2', "a.csv, line 2: the double quote that begins a field there is never closed"),
        ("a.csv", b"a,b\n1,\xff", "a.csv, line 2: not UTF-8"),
        ("a.json", b'["\xff"]', "a.json, line 1: not UTF-8"),
    ],
)
async def test_broken_content_is_refused_with_its_line(site: Site, name: str, content: bytes, cause: str):
    site.put(name, content)
    assert await site.read(name) == (cause,)


async def test_json_that_is_nested_too_deep_is_refused(site: Site):
    site.put("a.json", "[" * 20_000 + "1" * 70_000)
    assert await site.read("a.json") == ("a.json: not JSON: the JSON is nested too deep",)


async def test_the_path_can_be_a_parameter(site: Site):
    site.put("sub/a.json", "[1]")
    request: Json = {"Resource": "file:", "Parameters": {"Path": "sub/a.json"}, "Config": {}, "MaxItems": 0}
    assert await site.do(READ_ITEMS, request) == [1]
    assert await site.do(READ_ITEMS, {"Resource": "file:sub/a.json"}) == [1]


@pytest.mark.parametrize(
    ("resource", "parameters", "cause"),
    [
        (
            "arn:aws:states:::s3:getObject",
            {"Bucket": "b"},
            "the Resource arn:aws:states:::s3:getObject of the ItemReader is not supported: it can be 'file:<path>', or"
            " 'file:' with the path in the parameter Path, relative to the folder for files",
        ),
        ("file:", {}, "the ItemReader names no file: give 'file:<path>', or a text as the parameter Path"),
        ("file:", {"Path": 1}, "the ItemReader names no file: give 'file:<path>', or a text as the parameter Path"),
        ("file:", {"Key": "a"}, "the ItemReader of a file has the parameter Path and no other, but was given Key"),
        ("file:", "a.json", "Parameters must be an object"),
        (
            "file:a.json",
            {"Path": "a.json"},
            "the ItemReader names its file twice: in its Resource file:a.json and in the parameter Path",
        ),
        (
            "file:/etc/a.json",
            {},
            "'/etc/a.json' is not a path within the folder for files: it must be relative, without '..'",
        ),
        (
            "file:../a.json",
            {},
            "'../a.json' is not a path within the folder for files: it must be relative, without '..'",
        ),
    ],
)
async def test_a_resource_that_names_no_file_in_the_folder_is_refused(
    site: Site, resource: str, parameters: Json, cause: str
):
    assert await site.do(READ_ITEMS, {"Resource": resource, "Parameters": parameters}) == (cause,)


async def test_without_a_folder_the_setting_is_named():
    task = InvokeTask("b:1", READ_ITEMS, {"Resource": "file:a.json"}, "attempt")
    outcome = await FileInvoker(None).invoke(task)
    assert outcome == TaskFailed(
        "b:1",
        None,
        "no folder for files is configured: set `files` in the section [daemon] of the configuration, or"
        " STATEBOX_FILES, to its path",
    )


async def test_no_other_resource_is_served(site: Site):
    assert await site.do("module:inc", {}) == ("files do not serve the resource module:inc",)


async def test_results_are_written_as_records_with_a_manifest(site: Site):
    assert await site.write("out/csv", [{"n": 1}, "é"]) == {
        "MapRunArn": MAP_RUN,
        "ResultWriterDetails": {"Bucket": "data", "Key": f"out/csv/{RUN}/manifest.json"},
    }
    written = site.written()
    results = written.pop(f"out/csv/{RUN}/SUCCEEDED_0.json")
    assert read_json(results) == [
        succeeded({"n": 1}),
        succeeded("é"),
    ]
    assert read_json(written.pop(f"out/csv/{RUN}/manifest.json")) == {
        "DestinationBucket": "data",
        "MapRunArn": MAP_RUN,
        "ResultFiles": {
            "FAILED": [],
            "PENDING": [],
            "SUCCEEDED": [{"Key": f"out/csv/{RUN}/SUCCEEDED_0.json", "Size": len(results)}],
        },
    }
    assert written == {}


@pytest.mark.parametrize(
    ("transformation", "type", "expected"),
    [
        ("COMPACT", "JSON", b'[[1,[2]],{"a":3}]'),
        ("COMPACT", "JSONL", b'[1,[2]]\n{"a":3}\n'),
        ("FLATTEN", "JSON", b'[1,[2],{"a":3}]'),
        ("FLATTEN", "JSONL", b'1\n[2]\n{"a":3}\n'),
    ],
)
async def test_results_can_be_transformed(site: Site, transformation: str, type: str, expected: bytes):
    await site.write(".", [[1, [2]], {"a": 3}], Transformation=transformation, OutputType=type)
    assert site.written()[f"{RUN}/SUCCEEDED_0.{type.lower()}"] == expected


@pytest.mark.parametrize("transformation", ["NONE", "COMPACT", "FLATTEN"])
async def test_what_failed_is_described_in_a_file_of_its_own(site: Site, transformation: str):
    """However the results are transformed: their records are all that there is of them."""
    record: Json = {"Error": "Bad", "Status": "FAILED"}
    await site.write("out", [], failed=[record], Transformation=transformation)
    written = site.written()
    manifest = read_json(written.pop(f"out/{RUN}/manifest.json"))
    [(name, content)] = written.items()
    assert name == f"out/{RUN}/FAILED_0.json"
    assert read_json(content) == [record]
    assert manifest["ResultFiles"] == {
        "FAILED": [{"Key": name, "Size": len(content)}],
        "PENDING": [],
        "SUCCEEDED": [],
    }


async def test_a_write_can_be_repeated(site: Site):
    first = await site.write("out", [1, 2])
    written = site.written()
    assert await site.write("out", [1, 2]) == first
    assert site.written() == written


async def test_writes_of_one_run_at_the_same_time_leave_one_whole_result(site: Site):
    outcomes = await asyncio.gather(*(site.write("out", list(range(9)), Transformation="COMPACT") for _ in range(8)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert sorted(site.written()) == [f"out/{RUN}/SUCCEEDED_0.json", f"out/{RUN}/manifest.json"]


async def test_what_was_written_can_be_read(site: Site):
    await site.write("out", [{"n": 1}, {"n": 2}], Transformation="COMPACT", OutputType="JSONL")
    assert await site.read(f"out/{RUN}/SUCCEEDED_0.jsonl") == [{"n": 1}, {"n": 2}]


async def test_a_run_without_results_has_a_manifest_alone(site: Site):
    await site.write("out", [])
    assert list(site.written()) == [f"out/{RUN}/manifest.json"]
    assert read_json(site.written()[f"out/{RUN}/manifest.json"])["ResultFiles"]["SUCCEEDED"] == []
    await site.write("out", [[]], Transformation="FLATTEN")
    assert site.written()[f"out/{RUN}/SUCCEEDED_0.json"] == b"[]"


async def test_a_write_that_cannot_be_done_says_why(site: Site):
    assert "must be relative" in (await site.write("../out", [1]))[0]
    assert "must be relative" in (await site.write("/out", [1]))[0]
    assert "the Transformation FLAT is not supported" in (await site.write("out", [1], Transformation="FLAT"))[0]
    assert "the OutputType CSV is not supported" in (await site.write("out", [1], OutputType="CSV"))[0]
    assert await site.write("out", [1], "nothing") == ("nothing is not the ARN of a map run",)
    assert await site.write("out", 1) == ("the results are not an array",)
    assert await site.write("out", ["x" * 1000]) == (
        f"out/{RUN}/SUCCEEDED_0.json would be larger than the 1000 bytes that can be written",
    )
    assert site.written() == {}
    site.put("file", "")
    assert (await site.write("file", [1]))[0].startswith(f"file/{RUN}/SUCCEEDED_0.json: ")


async def test_the_event_loop_goes_on_while_a_file_is_read(site: Site):
    """A reader that waits for its turn behind others does not keep the loop from turning."""
    site.put("a.json", write_json([{"a": "x" * 100}] * 100))
    turns = 0
    reads = asyncio.gather(*(site.read("a.json") for _ in range(20)))
    while not reads.done():
        turns += 1
        await asyncio.sleep(0)
    assert all(len(items) == 100 for items in await reads)
    assert turns > 20
