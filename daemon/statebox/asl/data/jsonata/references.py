"""What an expression refers to: the variables it reads, and what Step Functions does not let it refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from statebox.asl.data.jsonata import calls, operators, paths, structure
from statebox.asl.data.jsonata.functions.library import FUNCTIONS
from statebox.asl.data.jsonata.node import Group, Node, Selection
from statebox.asl.data.jsonata.regexes import RegexNode

# The members of `$states` that every field can read.
_ALWAYS: Final = frozenset({"input", "context"})
_STATES: Final = "states"
_CONTEXT: Final = "context"


class Reference(Struct, frozen=True):
    """Something that is refused: a name, `$` or `$$` without a context, or a member of `$states` that is not there."""

    name: str
    is_member: bool = False

    def problem(self, members: Collection[str]) -> str | None:
        """AWS's words, or None where the field has that member of `$states`."""
        if self.is_member:
            known = self.name in members or self.name in _ALWAYS
            return None if known else f"Field '$states.{self.name}' does not exist."
        where = "" if self.name == "$$" else " at the top level"
        return f"Reference to '{self.name}'{where} is not supported."


class References:
    """What an expression refers to.

    `refused` are the references that a field may have to refuse, in the order in which they stand. `variables` are the
    workflow's variables that it reads. `context` says whether it reads the context object, `regex` whether it has a
    regular expression.
    """

    def __init__(self, node: Node) -> None:
        self._refused: dict[Reference, None] = {}
        self._variables: set[str] = set()
        self.context = False
        self.regex = False
        self._visit(node, True, set())
        self.refused = tuple(self._refused)
        self.variables = frozenset(self._variables)

    def _visit(self, node: Node, at_top: bool, bound: set[str]) -> None:
        """Note what a node refers to. At the top there is no context; `bound` are the names that it has bound."""
        match node:
            case paths.Reference():
                self._visit(node.path, at_top, bound)
            case paths.Path():
                inside = self._visit_steps(node, at_top, set(bound))
                self._visit_all(_of_group(node.gathers), False, inside)
            case Selection():
                self._visit(node.node, at_top, bound)
                self._visit_all(node.filters, False, bound)
                self._visit_all(_of_group(node.group), False, bound)
            case paths.Variable():
                self._visit_variable(node, at_top, bound)
            case paths.Name(name) if at_top:
                self._refused[Reference(name)] = None
            case RegexNode():
                self.regex = True
            case structure.Block():
                self._visit_all(node.expressions, at_top, set(bound))
            case structure.Bind():
                self._visit(node.value, at_top, bound)
                bound.add(node.name)
            case calls.LambdaNode():
                self._visit(node.body, at_top, bound | set(node.parameters))
            case calls.Transform():
                self._visit_all((node.pattern, node.update, *([node.delete] if node.delete else ())), False, bound)
            case _:
                self._visit_all(_parts(node), at_top, bound)

    def _visit_all(self, nodes: Iterable[Node], at_top: bool, bound: set[str]) -> None:
        for node in nodes:
            self._visit(node, at_top, bound)

    def _visit_variable(self, node: paths.Variable, at_top: bool, bound: set[str]) -> None:
        match node.name:
            case "":
                if at_top:
                    self._refused[Reference("$")] = None
            case "$":
                self._refused[Reference("$$")] = None
            case "states":
                self.context = True
            case name if name not in bound and name not in FUNCTIONS:
                self._variables.add(name)
            case _:
                pass

    def _visit_steps(self, path: paths.Path, at_top: bool, bound: set[str]) -> set[str]:
        """Note what the steps refer to; gives the names that are bound behind them."""
        first, *others = path.steps
        member = others[0].node if others else None
        if isinstance(first.node, paths.Variable) and first.node.name == _STATES and isinstance(member, paths.Name):
            self._refused[Reference(member.name, is_member=True)] = None
            self.context = self.context or member.name == _CONTEXT
        elif isinstance(first.node, Node):
            self._visit(first.node, at_top, bound)
        for step in path.steps:
            if isinstance(step.node, Node):
                if step is not first:
                    self._visit(step.node, False, bound)
            else:
                self._visit_all((term.node for term in step.node.terms), False, bound)
            bound |= {name for name in (step.focus, step.index) if name is not None}
            for stage in step.stages:
                if isinstance(stage, Node):
                    self._visit(stage, False, bound)
                else:
                    bound.add(stage.variable)
        return bound


def _of_group(group: Group | None) -> Iterable[Node]:
    return () if group is None else (node for pair in group.pairs for node in pair)


def _parts(node: Node) -> Iterable[Node]:
    """The expressions that a node evaluates in its own context, in the order in which they stand."""
    match node:
        case (
            operators.Arithmetic()
            | operators.Equality()
            | operators.Comparison()
            | operators.Logic()
            | operators.Membership()
            | operators.Concatenation()
            | operators.Range()
            | calls.Apply()
        ):
            return (node.left, node.right)
        case operators.Negation():
            return (node.operand,)
        case structure.ArrayConstructor():
            return (member for member, _ in node.members)
        case structure.ObjectConstructor():
            return _of_group(node.pairs)
        case structure.Condition():
            return (node.condition, node.yes, *([node.no] if node.no else ()))
        case calls.Call():
            return (node.function, *node.arguments)
        case calls.LastCall():
            return (node.call,)
        case calls.PartialCall():
            return (node.function, *(argument for argument in node.arguments if argument is not None))
        case _:
            return ()
