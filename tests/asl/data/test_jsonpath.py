"""Paths: what they give, whether that is a value or an array, and what is no path."""

from __future__ import annotations

import subprocess
import sys

import pytest

from statebox.asl.data.jsonpath import InvalidPath, NoValue, parse_path, parse_reference_path
from statebox.asl.jsontext import Json
from tests.asl.data.reading import STORE, read, sources


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.expensive", 10),
        ("$.store.bicycle.color", "red"),
        ("$['store']['bicycle'][\"color\"]", "red"),
        ("$.store.book[0].title", "Sayings of the Century"),
        ("$.store.book[ 1 ]['title']", "Sword of Honour"),
        ("$.store.book[-1].title", "The Lord"),
        ("$.store.book[0]['title','price']", {"title": "Sayings of the Century", "price": 8.95}),
        ("$.store.bicycle['price','weight']", {"price": 19.95}),
    ],
)
def test_a_definite_path_gives_the_value_itself(path: str, value: Json):
    """Names, single indexes and names merged at the end find one value, which stands for itself."""
    assert parse_path(path).definite
    assert read(path, STORE) == value


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.store.book[*].price", [8.95, 12.99, 8.99, 22.99]),
        ("$.store.book.*.price", [8.95, 12.99, 8.99, 22.99]),
        ("$.store.bicycle.*", ["red", 19.95]),
        ("$..price", [8.95, 12.99, 8.99, 22.99, 19.95]),
        ("$.store..color", ["red"]),
        ("$..book[2].title", ["Moby Dick"]),
        ("$..book[0,-1].title", ["Sayings of the Century", "The Lord"]),
        ("$.store.book[2:].title", ["Moby Dick", "The Lord"]),
        ("$.store.book[:1].title", ["Sayings of the Century"]),
        ("$.store.book[1:3].title", ["Sword of Honour", "Moby Dick"]),
        ("$.store.book[-1:].title", ["The Lord"]),
        ("$.store.book[:-3].title", ["Sayings of the Century"]),
        ("$.store.book[-3:-1].title", ["Sword of Honour", "Moby Dick"]),
        ("$.store.book[2:9].title", ["Moby Dick", "The Lord"]),
        ("$.store['book','bicycle'].color", ["red"]),
        ("$.store.book[*]['title','nothing']", [{"title": one["title"]} for one in STORE["store"]["book"]]),
        ("$..[0].title", ["Sayings of the Century"]),
        ("$..['color','price']", [{"color": "red", "price": 19.95}]),
    ],
)
def test_an_indefinite_path_gives_an_array(path: str, values: Json):
    """Whatever may find several values gives an array, in document order, even of one."""
    assert not parse_path(path).definite
    assert read(path, STORE) == values


def test_two_dots_visit_a_value_before_what_is_in_it():
    """`..` walks the document in the order in which it is written, each value before those below it."""
    document = {"a": {"x": 1, "b": {"x": 2}}, "x": [{"x": 3}]}
    assert read("$..x", document) == [[{"x": 3}], 1, 2, 3]
    assert read("$..*", [[1, [2]], 3]) == [[1, [2]], 3, 1, [2], 2]


@pytest.mark.parametrize(
    "path", ["$[*]", "$.items[:1]", "$.item.items[1:5].value", "$.items[*].value", "$..x", "$.a[?(@.b)]", "$[0,1]"]
)
def test_an_indefinite_path_that_finds_nothing_gives_an_empty_array(path: str):
    """It never fails, whatever is missing on the way."""
    documents: Json = [{}, [], None, "text", 5]
    for document in documents:
        assert read(path, document) == []


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("$.no", "No results for path: $['no']"),
        ("$.a.no", "No results for path: $['a']['no']"),
        ("$.no.such.path", "Missing property in path $['no']"),
        ("$.a.no.path", "Missing property in path $['a']['no']"),
        ("$.list[2]", "No results for path: $['list'][2]"),
        ("$.list[2].x", "No results for path: $['list'][2]['x']"),
        ("$.list.x", "Expected to find an object with property ['x'] in path $['list'] but found 'array'."),
        ("$.a.b.c", "Expected to find an object with property ['c'] in path $['a']['b'] but found 'number'."),
        ("$.a[0]", "Filter: [0] can only be applied to arrays. Current context is: {b=1}"),
        ("$.nothing[0]", "The path $['nothing'] is null"),
        (
            "$.a.b['x','y']",
            "Expected to find an object with property ['x', 'y'] in path $['a']['b'] but found 'number'.",
        ),
        ("$.a['no'][-1]", "Missing property in path $['a']['no']"),
        ("$name", "No results for path: $name"),
    ],
)
def test_a_definite_path_that_leads_nowhere_says_why(path: str, detail: str):
    """The detail is what Jayway says; the path's own text comes with it."""
    with pytest.raises(NoValue) as missing:
        read(path, {"a": {"b": 1}, "list": ["x", "y"], "nothing": None})
    assert (missing.value.path, missing.value.detail) == (path, detail)
    assert str(missing.value) == f"Invalid path '{path}' : {detail}"


@pytest.mark.parametrize(
    ("path", "past_end"), [("$.l[1]", True), ("$.l[-2]", True), ("$.l[1].x", False), ("$.x", False)]
)
def test_an_index_past_the_end_is_told_from_all_else_that_is_missing(path: str, past_end: bool):
    """Only where the path ends with it: templates make null of that."""
    with pytest.raises(NoValue) as missing:
        read(path, {"l": [0]})
    assert missing.value.past_end is past_end


def test_null_is_a_value():
    """A member or element that is null is there."""
    assert read("$.a", {"a": None}) is None
    assert read("$[0]", [None]) is None
    assert read("$[?(@.a)]", [{"a": None}]) == [{"a": None}]


def test_a_path_may_start_at_the_context_object_or_at_a_variable():
    """`$$` is the context object, `$name` a variable; filters in them mean the same document by `$`."""
    context = {"Execution": {"Id": "x"}}
    assert read("$$", {}, context=context) == context
    assert read("$$.Execution.Id", {}, context=context) == "x"
    assert read("$größe[1]", {}, variables={"größe": [1, 2]}) == 2
    assert read("$v[?(@ > $[0])]", [9], variables={"v": [1, 2]}) == [2]
    assert (parse_path("$$.a").root, parse_path("$v.a").root, parse_path("$").root) == ("context", "variable", "input")
    assert (parse_path("$v.a").variable, parse_path("$.v").variable) == ("v", None)


def test_names_may_hold_nearly_anything():
    """Letters of any alphabet, `-`, `$`, characters that are escaped with a backslash, and all else in quotes."""
    document = {"Ж": 1, "k-1": 2, "$d": 3, "a.b": 4, "x y": 5, "it's": 6, "@type": 7, "": 8, "*": 9, "in": 10}
    names = ["$.Ж", "$.k-1", "$.$d", "$.a\\.b", "$['x y']", "$['it\\'s']", "$.@type", "$['']", "$['*']", "$.in"]
    assert [read(name, document) for name in names] == list(range(1, 11))


def test_in_quotes_a_backslash_belongs_to_the_name_unless_a_quote_follows_it():
    """Recorded on AWS: the name keeps its backslash."""
    assert read("""$['Test\\""Name"']""", {'Test\\""Name"': "found"}) == "found"
    assert read("""$["a\\"b"]""", {'a"b': "found"}) == "found"
    assert read(r"$['a\\b']", {r"a\\b": "found"}) == "found"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.n.length()", 4),
        ("$.o.length()", 2),
        ("$.t.length()", None),
        ("$.n.min()", 1.0),
        ("$.n.max()", 4.0),
        ("$.n.sum()", 10.0),
        ("$.n.avg()", 2.5),
        ("$.n.stddev()", 1.25**0.5),
        ("$.n.max(9, $.o.a)", 9.0),
        ("$.n.first()", 4),
        ("$.n.last()", 3),
        ("$.n.index(1)", 1),
        ("$.n.index(-2)", 2),
        ("$.o.keys()", ["a", "b"]),
        ("$.n.keys()", None),
        ("$.n.append(5, 'x', [6])", [4, 1, 2, 3, 5, "x", [6]]),
        ("$.s.concat('-', $.t, 1, null)", "ab-text1"),
        ("$..a.sum()", 5.0),
    ],
)
def test_a_function_may_stand_at_the_end(path: str, value: Json):
    """It takes what the path in front of it finds, and makes a value of it."""
    document = {"n": [4, 1, 2, 3], "o": {"a": 5, "b": 6}, "t": "text", "s": ["a", 1, "b"]}
    assert parse_path(path).definite
    assert read(path, document) == pytest.approx(value) if isinstance(value, float) else read(path, document) == value
    assert document["n"] == [4, 1, 2, 3]


def test_a_function_behind_several_values_is_applied_to_each():
    """And those it cannot be applied to fall out."""
    assert read("$[*].length()", [[1, 2], [], 5]) == [2, 0, None]
    assert read("$[*].first()", [[1, 2], [], 5]) == [1]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("$.e.sum()", "Aggregation function attempted to calculate value using empty array"),
        ("$.e.last()", "Aggregation function attempted to calculate value using empty array"),
        ("$.n.index(5)", "Target index:5 larger than object count:1"),
        ("$.n.index('1')", "The function index takes one whole number"),
        ("$.big.sum()", "Aggregation function left the range of numbers"),
        ("$.far.stddev()", "Aggregation function left the range of numbers"),
        ("$..far.sum()", "Aggregation function attempted to calculate value using empty array"),
        ("$.huge.sum()", f"The number is too large to be calculated with: {10**400}"),
        ("$.no.length()", "No results for path: $['no']"),
    ],
)
def test_a_function_that_cannot_be_applied_leads_nowhere(path: str, detail: str):
    """Numbers of nothing, elements that are not there, results that are no numbers."""
    with pytest.raises(NoValue) as missing:
        read(path, {"e": [], "n": [1], "big": [1e308, 1e308], "far": [1e308, -1e308], "huge": [10**400]})
    assert missing.value.detail == detail
    assert not missing.value.past_end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ".a",
        "@.a",
        "$a-b",
        "$1",
        "$states.input",
        "$" + "v" * 81,
        "$.",
        "$..",
        "$...a",
        "$.a.",
        "$. a",
        "$.a b",
        "$.a ",
        "$a b",
        "$.a[",
        "$.a[]",
        "$.a[x]",
        "$.a['x]",
        "$.a['x'",
        "$.a['x',]",
        "$.a['x',1]",
        "$.a[1,]",
        "$.a[1 2]",
        "$.a[99999999999]",
        "$[:]",
        "$.a[::2]",
        "$.a[1:2:3]",
        "$.a[(@.length-1)]",
        "$.a + $.b",
        "$.a.`len`",
        "$.`this`",
        "$.a[/b]",
        "$.a()",
        "$.a.length().b",
        "$.a.length(1)",
        "$.a.min(",
        "$.a.min(1 2)",
        "$.a.min(x)",
        "$.a[?]",
        "$.a[?(]",
        "$.a[?()]",
        "$.a[?(@.b]",
        "$.a[?(@.b)",
        "$.a[?@.b]",
        "$.a[?('x')]",
        "$.a[?(@.b = 1)]",
        "$.a[?(@.b like 1)]",
        "$.a[?(@.b ==)]",
        "$.a[?(@.b == @)x]",
        "$.a[?(@.b == x)]",
        "$.a[?(@.b == [1)]",
        "$.a[?(@.b == {'a'})]",
        "$.a[?(@.b == 'x)]",
        "$.a[?(@.b == 1e999)]",
        "$.a[?(@.b &&)]",
        "$.a[?(&& @.b)]",
        "$.a[?(@.b @.c)]",
        "$.a[?(!)]",
        "$.a[?(!())]",
        "$.a[?(! 1 == 1)]",
        "$.a[?(@.b =~ 'x')]",
        "$.a[?(@.b == /x/)]",
        "$.a[?(@.b =~ /(/)]",
        "$.a[?(@.b =~ /x/q)]",
    ],
)
def test_what_is_no_path_is_refused(text: str):
    """Also what jsonpath-ng would take and Step Functions does not; the detail says what is wrong."""
    with pytest.raises(InvalidPath) as invalid:
        parse_path(text)
    assert str(invalid.value) == ""
    assert invalid.value.detail


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("status", "Reference path didn't start with '$'"),
        ("$.a[*]", "'[' must be followed by ' or '['"),
        ("$.a[$$.Execution.Id]S", "'[' must be followed by ' or '['"),
        ("$.a[?(@.b)]", "'[' must be followed by ' or '['"),
        ("$.a[-1]", "'[' must be followed by ' or '['"),
        ("$.a[1:]", ""),
        ("$.a[0,1]", ""),
        ("$['a','b']", ""),
        ("$.a.*", ""),
        ("$..a", ""),
        ("$.a.length()", ""),
        ("$.a:b", ""),
    ],
)
def test_a_reference_path_has_names_and_indexes_only(text: str, tail: str):
    """Anything else is refused, with what AWS adds to its message where it adds something."""
    with pytest.raises(InvalidPath) as invalid:
        parse_reference_path(text)
    assert str(invalid.value) == tail


def test_reference_paths_are_known_as_such():
    """Whatever root they start from, and however their names are written."""
    for text in ("$", "$$", "$v", "$.a", "$['a b'][0].c", "$.foo\\@bar.baz\\[\\[.\\?pretty", "$$.Map.Item.Value[3]"):
        assert parse_reference_path(text).is_reference
    assert not parse_path("$.a[-1]").is_reference


def test_a_path_is_compiled_once():
    """The same text gives the same path, as a definition never changes."""
    assert parse_path("$.a[?(@.b)]") is parse_path("$.a[?(@.b)]")
    long = "$." + "a" * 2000
    assert parse_path(long) is not parse_path(long)
    assert parse_path(long) == parse_path(long)
    assert repr(parse_path("$.a")) == "Path('$.a')"
    assert len({parse_path("$.a"), parse_path("$.b"), parse_path("$.a")}) == 2


def test_a_deep_document_does_not_exhaust_the_stack():
    """`..` goes 100,000 levels down; filters and functions walk 100,000 elements."""
    deep: Json = {"x": "bottom"}
    for _ in range(100_000):
        deep = {"a": deep}
    assert read("$..x", deep) == ["bottom"]
    wide = [{"n": n} for n in range(100_000)]
    assert read("$[?(@.n >= 99998)].n", wide) == [99_998, 99_999]
    assert read("$..n.max()", wide) == 99_999.0
    while deep != {"x": "bottom"}:  # taken apart by hand: Python would recurse
        deep = deep.pop("a")


def test_a_long_path_is_compiled_and_read_without_recursion():
    """A path of 10,000 steps, plain or not, meets no limit; one that nests 33 deep is refused."""
    assert read("$" + "..*" * 50 + ".a" * 10_000, {}) == []
    with pytest.raises(NoValue):
        read("$" + ".a" * 10_000, {})
    nested = "(" * 33 + "@.a" + ")" * 33
    with pytest.raises(InvalidPath):
        parse_path(f"$[?({nested})]")
    assert read(f"$[?({nested[3:-3]})]", [{"a": 1}]) == [{"a": 1}]


def test_a_path_compiled_close_to_the_end_of_the_stack_is_refused():
    """What nests and could be compiled elsewhere may be too deep there; Python's own error does not come through."""
    text = f"$.x[?({'(' * 30}@.a == 1{')' * 30})].{'y' * 1000}"  # too long to be remembered

    def descend(levels: int) -> object:
        return parse_path(text) if levels == 0 else descend(levels - 1)

    assert descend(0)
    with pytest.raises(InvalidPath) as invalid:
        list(map(descend, range(0, 960, 5)))
    assert invalid.value.detail == "it is nested too deep"


def test_jsonpath_ng_is_imported_for_the_first_path_that_needs_it():
    """A machine that knows reference paths only starts without it."""
    program = (
        "import sys\n"
        "from statebox.asl.data.jsonpath import parse_path\n"
        "parse_path(\"$.a['b'][0]\")\n"
        "before = 'jsonpath_ng' in sys.modules\n"
        "parse_path('$.a[*]')\n"
        "sys.exit(before or 'jsonpath_ng' not in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_reading_leaves_the_sources_alone():
    """What a path gives is the document's own value, not a copy."""
    document = {"a": [{"b": 1}]}
    assert read("$.a", document) is document["a"]
    assert parse_path("$.a[*]").read(sources(document))[0] is document["a"][0]
