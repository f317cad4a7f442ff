"""Metrics that are reckoned from other metrics of the same subject. Pure.

What an expression may say is held by actors.settings.expressions, when the config is read.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from actors.settings.expressions import in_order, name_of, names_in

if TYPE_CHECKING:
    from simpleeval import SimpleEval


class Expressions:
    """The expressions of one subject, read once. failed: evaluations that gave no finite number, such as x / 0.

    texts: name of the metric -> expression. Raises ValueError for one that cannot be read.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self.failed = 0
        self._needs = {name: names_in(text) for name, text in texts.items()}
        self._order = in_order(self._needs)
        self._trees = {name: _Parts().visit(ast.parse(text.strip(), mode="eval").body) for name, text in texts.items()}
        self._machine: SimpleEval | None = None

    def values(self, known: dict[str, float], read: Collection[str]) -> dict[str, float]:
        """What follows from readings. known: all that are known, to which the results are added; read: the new ones.

        An expression that names nothing new has no new value, and one that names what is not known has none at all.
        """
        found: dict[str, float] = {}
        for name in self._order:
            needs = self._needs[name]
            if needs <= known.keys() and not (needs.isdisjoint(read) and needs.isdisjoint(found)):
                value = self._value(name, known)
                if value is not None:
                    known[name] = found[name] = value
        return found

    def _value(self, name: str, known: dict[str, float]) -> float | None:
        machine = self._machine or self._make()
        machine.names = known
        try:
            value = float(machine.eval(self.texts[name], previously_parsed=self._trees[name]))
        except (ArithmeticError, TypeError, ValueError):
            value = math.nan
        if math.isfinite(value):
            return value
        self.failed += 1
        return None

    def _make(self) -> SimpleEval:
        from simpleeval import SimpleEval  # noqa: PLC0415 - 10 ms, and most configs have no expression

        functions: dict[str, Any] = {"abs": abs, "max": max, "min": min, "round": round}
        self._machine = SimpleEval(functions=functions)
        return self._machine


class _Parts(ast.NodeTransformer):
    """Names with parts become plain names: gpu.memory is one metric."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.Name:
        return ast.copy_location(ast.Name(id=name_of(node), ctx=ast.Load()), node)
