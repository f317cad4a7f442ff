"""Which rule decides about an issue. Pure, but for the late import of simpleeval, which reckons the conditions.

Rules are looked at from the greatest priority down; the first whose condition holds decides. What a condition demands
of kind and failure is known beforehand, so that most rules are passed over with two look-ups.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.settings.conditions import MATCHES, condition
from actors.settings.rules import Placed, Rule

if TYPE_CHECKING:
    from simpleeval import SimpleEval

Names = Mapping[str, Any]
"""What conditions may ask about, by the names of actors.settings.conditions."""

_SHOWN_MAX: Final = 60
_INDEXED: Final = ("kind", "failure")
_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": abs,
    "max": max,
    "min": min,
    "round": round,
    MATCHES: lambda text, pattern: re.search(pattern, text) is not None,
}


class Looked(msgspec.Struct, frozen=True):
    """A rule that was looked at. why: why it did not decide; empty for the one that did."""

    placed: Placed
    why: str


class Rulebook:
    """The rules that hold. broken(rule, error): called when a condition cannot be reckoned; its rule is passed over.

    shipped, own: in the order of their files; a rule of own takes the place of a shipped one of its name.
    """

    def __init__(self, shipped: Iterable[Placed], own: Iterable[Placed], broken: Callable[[str, str], None]) -> None:
        mine = list(own)
        taken = {placed.rule.rule for placed in mine}
        rules = [*mine, *(placed for placed in shipped if placed.rule.rule not in taken)]
        self._rules = [_Compiled(placed) for placed in sorted(rules, key=lambda placed: -placed.rule.priority)]
        self._broken = broken
        from simpleeval import InvalidExpression, SimpleEval  # noqa: PLC0415 - 10 ms that only a Healer needs

        self._machine: SimpleEval = SimpleEval(functions=dict(_FUNCTIONS))
        self._troubles = (ArithmeticError, InvalidExpression, LookupError, RecursionError, TypeError, ValueError)

    def decide(self, names: Names) -> Rule | None:
        """The rule that decides; None when none applies."""
        kind, failure = names["kind"], names["failure"]
        for compiled in self._rules:
            if compiled.may_hold(kind, failure) and self._holds(compiled, names):
                return compiled.placed.rule
        return None

    def explain(self, names: Names) -> list[Looked]:
        """Every rule up to the one that decides, with why each of the others did not."""
        found = []
        for compiled in self._rules:
            why = self._why_not(compiled, names)
            found.append(Looked(compiled.placed, why))
            if not why:
                break
        return found

    def _holds(self, compiled: _Compiled, names: Names) -> bool:
        if compiled.tree is None:
            return True
        try:
            return bool(self._value(compiled.tree, names))
        except self._troubles as error:
            self._broken(compiled.placed.rule.rule, f"{type(error).__name__}: {error}")
            return False

    def _why_not(self, compiled: _Compiled, names: Names) -> str:
        """The first part of the condition that does not hold, with what it asked about."""
        if compiled.tree is None:
            return ""
        for part in _parts(compiled.written):
            try:
                if not self._value(_ready(part), names):
                    asked = sorted((each.col_offset, each.id) for each in ast.walk(part) if isinstance(each, ast.Name))
                    known = dict.fromkeys(name for _, name in asked if name in names)
                    told = ", ".join(f"{name} is {_shown(names[name])}" for name in known)
                    return f"{ast.unparse(part)} does not hold{': ' if told else ''}{told}"
            except self._troubles as error:
                return f"{ast.unparse(part)} cannot be reckoned: {type(error).__name__}: {error}"
        return ""

    def _value(self, tree: ast.expr, names: Names) -> Any:
        self._machine.names = names
        return self._machine.eval("", previously_parsed=tree)


class _Compiled:
    """A rule ready to be asked. demands: name -> the values that the condition allows for it."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed
        when = placed.rule.when
        self.written = condition(when) if when is not None else ast.Constant(value=True)
        self.tree = _ready(self.written) if when is not None else None
        demands = _demands(self.written)
        self._kinds, self._failures = (demands.get(name) for name in _INDEXED)

    def may_hold(self, kind: str, failure: str) -> bool:
        """Whether the condition is worth reckoning."""
        if self._kinds is not None and kind not in self._kinds:
            return False
        return self._failures is None or failure in self._failures


def _parts(tree: ast.expr) -> list[ast.expr]:
    """What has to hold all together."""
    return tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]


def _demands(tree: ast.expr) -> dict[str, frozenset[str]]:
    """For indexed names: the values beside which the condition cannot hold."""
    found: dict[str, frozenset[str]] = {}
    for part in _parts(tree):
        if not (isinstance(part, ast.Compare) and isinstance(part.left, ast.Name) and len(part.ops) == 1):
            continue
        name, values = part.left.id, part.comparators[0]
        if name in _INDEXED and isinstance(part.ops[0], ast.Eq | ast.In):
            wanted = _texts(values)
            if wanted is not None and not (isinstance(part.ops[0], ast.In) and isinstance(values, ast.Constant)):
                found[name] = found.get(name, wanted) & wanted
    return found


def _texts(node: ast.expr) -> frozenset[str] | None:
    """The texts that stand there; None when something else does."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return frozenset((node.value,))
    if isinstance(node, ast.Tuple | ast.List):
        return frozenset(str(each.value) for each in node.elts if isinstance(each, ast.Constant))
    return None


class _Lists(ast.NodeTransformer):
    """Lists of texts become one value each, which simpleeval takes as it is."""

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        return _as_value(node)

    def visit_List(self, node: ast.List) -> ast.expr:
        return _as_value(node)


def _as_value(node: ast.Tuple | ast.List) -> ast.expr:
    value: Any = _texts(node)
    return ast.copy_location(ast.Constant(value=value), node)


def _ready(tree: ast.expr) -> ast.expr:
    """A copy that can be reckoned."""
    copy: ast.expr = _Lists().visit(ast.parse(ast.unparse(tree), mode="eval").body)
    return copy


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN_MAX else f'"...{value[-_SHOWN_MAX:]}"'.replace("\n", " ")
    return f"{value:g}" if isinstance(value, float) else str(value)
