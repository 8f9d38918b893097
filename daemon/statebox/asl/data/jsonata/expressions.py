"""JSONata expressions as Step Functions has them: what stands between `{%` and `%}`, parsed once, evaluated often."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from statebox.asl.data.jsonata.copying import UnsupportedResult, plain
from statebox.asl.data.jsonata.failures import DEPTH, InternalFailure, JsonataError, LimitExceeded, OutOfSteps
from statebox.asl.data.jsonata.functions.library import FUNCTIONS
from statebox.asl.data.jsonata.grammar import parse
from statebox.asl.data.jsonata.node import Literal, Node
from statebox.asl.data.jsonata.paths import Name, Path, Reference, Variable
from statebox.asl.data.jsonata.references import References
from statebox.asl.data.jsonata.rendering import describe
from statebox.asl.data.jsonata.runtime import Frame, Function, Run
from statebox.asl.data.jsonata.scope import Scope
from statebox.asl.data.jsonata.values import UNDEFINED, ResultSequence
from statebox.asl.jsontext import Json

_OPENING: Final = "{%"
_CLOSING: Final = "%}"
# A parsed expression takes up to 160 bytes for each of its characters: one that is longer is not worth its place.
_LONGEST_KEPT: Final = 500
_UNSUPPORTED: Final = "returned an unsupported result type."
_INTERNAL: Final = "threw an internal error during evaluation."


class ExpressionFailure(Exception):
    """An evaluation failed; the message is how AWS goes on behind "The JSONata expression '…' … the field '…'"."""


class Expression:
    """A parsed expression.

    `text` is the expression itself. `variables` are the workflow's variables that it reads. `unbounded` says that it
    has a regular expression, which may run for as long as it likes: evaluate it where it can be killed.
    """

    __slots__ = ("_is_passive", "_node", "_references", "_with_context", "text", "unbounded", "variables")

    def __init__(self, text: str, node: Node) -> None:
        references = References(node)
        self.text = text
        self._node = node
        self._references = references.refused
        self._with_context = references.context
        self._is_passive = _is_passive(node)
        self.variables = references.variables
        self.unbounded = references.regex

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def problems(self, allowed: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """What AWS refuses in it (UNSUPPORTED_JSONATA_EXPRESSION).

        `allowed` are the members that `$states` has in its field beside `input` and `context`.
        """
        problems = (reference.problem(allowed) for reference in self._references)
        return tuple(problem for problem in problems if problem is not None)

    def evaluate(self, scope: Scope) -> Json:
        """The value, plain JSON which shares what it can with the scope; or UNDEFINED, which is not null.

        Raises ExpressionFailure, and OutOfSteps where the scope gives fewer steps than there are.
        """
        if self.unbounded and scope.allowance is not None:
            raise OutOfSteps
        run = Run(scope, FUNCTIONS)
        try:
            value = self._node.evaluate(UNDEFINED, Frame(run, None, {"states": scope.states(self._with_context)}))
            return value if value is UNDEFINED else self._handed_out(value, run)
        except JsonataError as error:
            reason = f"threw an error during evaluation. {error.code}: {describe(error)}"
        except LimitExceeded as limit:
            reason = f"threw an error during evaluation: {limit}"
        except RecursionError:
            reason = f"threw an error during evaluation: {DEPTH}"
        except UnsupportedResult:
            reason = _UNSUPPORTED
        except (InternalFailure, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # What a function was given does not fit, in a way that its signature allows.
            reason = _INTERNAL
        finally:
            if scope.allowance is not None:
                scope.allowance.steps = scope.steps = run.steps
        raise ExpressionFailure(reason) from None

    def _handed_out(self, value: Json, run: Run) -> Json:
        if not self._is_passive:
            return plain(value, run)
        # A sequence is made anew each time, what is in it is the scope's own, or a function by its name.
        found: list[Json] = value if isinstance(value, ResultSequence) else [value]
        if any(isinstance(member, Function) for member in found):
            raise UnsupportedResult
        return list(found) if isinstance(value, ResultSequence) else value


def is_expression(text: str) -> bool:
    """Whether a string of a definition is an expression: it begins with `{%` and ends with `%}` exactly."""
    return len(text) >= len(_OPENING + _CLOSING) and text.startswith(_OPENING) and text.endswith(_CLOSING)


def inner_text(text: str) -> str:
    """The expression in such a string, without the blanks around it."""
    return text[len(_OPENING) : -len(_CLOSING)].strip()


def parse_expression(text: str) -> Expression:
    """Parse the text of an expression, without `{%` and `%}`. Raises InvalidExpression in AWS's words."""
    return _parse_kept(text) if len(text) <= _LONGEST_KEPT else Expression(text, parse(text))


@lru_cache(maxsize=1024)
def _parse_kept(text: str) -> Expression:
    return Expression(text, parse(text))


def _is_passive(node: Node) -> bool:
    """Whether it only finds what is there already, so that its value needs no look."""
    if isinstance(node, Path):
        return node.gathers is None and all(
            isinstance(step.node, Name | Variable) and not step.binds for step in node.steps
        )
    return isinstance(node, Literal | Variable | Reference)
