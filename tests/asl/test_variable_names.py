"""Variable names: what a name may be, and which scope may assign it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from statebox.asl.definition import read
from statebox.asl.errors import InvalidDefinition, Problem
from statebox.asl.jsontext import Json
from tests.asl.driving import states

TAKEN = "The variable name 'x' was already defined in a parent scope."


def problems_of(definition: Json) -> list[Problem]:
    """What is wrong with a definition."""
    with pytest.raises(InvalidDefinition) as refused:
        read(definition)
    return list(refused.value.problems)


def assigning(name: str = "x", **others: Json) -> Json:
    """A Pass state that assigns a variable and ends."""
    return {"Type": "Pass", "Assign": {name: 1}, "End": True, **others}


def map_over(inner: Mapping[str, Json], **config: Json) -> Json:
    """A Map with these fields, whose items walk through the state `I`."""
    processor: dict[str, Json] = {"StartAt": "I", "States": {"I": inner}}
    return {
        "Type": "Map",
        "End": True,
        "ItemProcessor": {"ProcessorConfig": config, **processor} if config else processor,
    }


def test_an_iteration_may_not_assign_a_variable_of_the_scope_around_it():
    definition = states("A", A={"Type": "Pass", "Assign": {"x.$": "$.n"}, "Next": "M"}, M=map_over(assigning()))
    assert problems_of(definition) == [
        Problem("DUPLICATE_VARIABLE_NAME", TAKEN, "/States/M/ItemProcessor/States/I/Assign")
    ]


def test_the_order_of_the_states_does_not_matter():
    """What the outer scope assigns only after the Parallel is taken all the same."""
    parallel = {"Type": "Parallel", "Branches": [{"StartAt": "I", "States": {"I": assigning()}}], "Next": "A"}
    assert problems_of(states("P", P=parallel, A=assigning())) == [
        Problem("DUPLICATE_VARIABLE_NAME", TAKEN, "/States/P/Branches[0]/States/I/Assign")
    ]


def test_what_the_map_itself_assigns_belongs_to_the_scope_around_its_iterations():
    assert [
        problem.message for problem in problems_of(states("M", M={**map_over(assigning()), "Assign": {"x": 1}}))
    ] == [TAKEN]


def choosing(next: str) -> Json:
    """A Choice that assigns `x` on its way."""
    return {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": next, "Assign": {"x": 1}}]}


def catching(next: str) -> Json:
    """A Task that assigns `x` when it fails."""
    catcher = {"ErrorEquals": ["States.ALL"], "Next": next, "Assign": {"x": 1}}
    return {"Type": "Task", "Resource": "module:work", "Catch": [catcher], "Next": next}


@pytest.mark.parametrize("outer", [choosing("M"), catching("M")])
def test_what_a_choice_or_a_catcher_assigns_is_taken_for_the_scopes_inside(outer: Json):
    assert [problem.message for problem in problems_of(states("A", A=outer, M=map_over(assigning())))] == [TAKEN]


@pytest.mark.parametrize(("inner", "at"), [(choosing("E"), "Choices[0]/Assign"), (catching("E"), "Catch[0]/Assign")])
def test_neither_may_a_choice_or_a_catcher_inside_assign_it(inner: Json, at: str):
    branch = {"StartAt": "I", "States": {"I": inner, "E": {"Type": "Succeed"}}}
    parallel = {"Type": "Parallel", "End": True, "Branches": [branch]}
    assert problems_of(states("A", A=assigning(Next="P", End=False), P=parallel)) == [
        Problem("DUPLICATE_VARIABLE_NAME", TAKEN, f"/States/P/Branches[0]/States/I/{at}")
    ]


def test_a_scope_two_levels_up_counts():
    inner = map_over(assigning())
    outer = {"Type": "Parallel", "End": True, "Branches": [{"StartAt": "M", "States": {"M": inner}}]}
    assert [problem.location for problem in problems_of(states("A", A=assigning(Next="P", End=False), P=outer))] == [
        "/States/P/Branches[0]/States/M/ItemProcessor/States/I/Assign"
    ]


def test_siblings_may_use_the_same_name():
    """Branches do not see each other, and a state may assign again what its own scope has assigned."""
    branches = [
        {"StartAt": f"I{n}", "States": {f"I{n}": assigning(Next=f"J{n}", End=False), f"J{n}": assigning()}}
        for n in range(2)
    ]
    read(states("P", P={"Type": "Parallel", "End": True, "Branches": branches}))


def test_the_items_of_a_distributed_map_are_executions_of_their_own():
    """They see no outer variables, and may use their names."""
    inner = map_over(assigning(), Mode="DISTRIBUTED", ExecutionType="STANDARD")
    read(states("A", A=assigning(Next="M", End=False), M=inner))


def test_names_are_told_apart_by_their_language():
    """`x.$` is the variable x in JSONPath; in JSONata it is no name."""
    definition = states("A", A={"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"x.$": 1}, "End": True})
    assert problems_of(definition) == [
        Problem("SCHEMA_VALIDATION_FAILED", "The variable name 'x.$' is not valid.", "/States/A/Assign")
    ]


@pytest.mark.parametrize("name", ["", "1x", "a b", "a-b", "$x", "states", "x" * 81])
def test_a_name_is_an_identifier_of_80_characters_at_the_most_and_not_states(name: str):
    [problem] = problems_of(states("A", A=assigning(name)))
    assert problem.message == f"The variable name '{name}' is not valid."


@pytest.mark.parametrize("name", ["x", "x1", "größe", "переменная", "x_y", "x" * 80])
def test_names_may_be_of_any_script(name: str):
    read(states("A", A=assigning(name)))
