"""Which expressions a metric may be made of, and which metrics they name. Pure.

Arithmetic, comparisons and `x if y else z` over numbers and metrics, and a few functions; a name may have parts
(gpu.memory). Nothing else is an expression, so that none can take long or reach anything.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Final

LENGTH_MAX: Final = 500
"""Characters of an expression."""

DEPTH_MAX: Final = 50
"""Operations within one another; a sum of so many terms is as deep."""

FUNCTIONS: Final = ("abs", "max", "min", "round")
"""What an expression may call."""

ALLOWED: Final = f"numbers, metrics, + - * / // % < <= > >= == != and or not, x if y else z, {', '.join(FUNCTIONS)}"

_NODES: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.UAdd, ast.USub, ast.Not, ast.And, ast.Or,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip


def names_in(text: str) -> frozenset[str]:
    """Give the metrics that an expression names.

    Raises: ValueError with what is wrong, and what is allowed.
    """
    if not text.strip() or len(text) > LENGTH_MAX:
        raise ValueError(f"has {len(text)} characters; allowed: 1 to {LENGTH_MAX}")
    try:
        names = frozenset(_names(ast.parse(text.strip(), mode="eval")))
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError(f'"{text}" cannot be read; allowed: {ALLOWED}') from None
    if not names:
        raise ValueError(f'"{text}" names no metric; allowed: arithmetic over metrics, as in errors / requests * 100')
    return names


def _names(node: ast.AST, depth: int = 0) -> list[str]:
    if isinstance(node, ast.Name | ast.Attribute):
        return [name_of(node)]
    if isinstance(node, ast.Constant):
        if type(node.value) not in (int, float):
            raise ValueError(f"{node.value!r} is no number; allowed: {ALLOWED}")
        return []
    if depth > DEPTH_MAX:
        raise ValueError(f"goes too deep; allowed: {DEPTH_MAX} operations within one another")
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called not in FUNCTIONS or node.keywords or not node.args:
            raise ValueError(f"calls something else; allowed: {', '.join(FUNCTIONS)}")
        parts: list[ast.expr] = node.args
        return [name for each in parts for name in _names(each, depth + 1)]
    if not isinstance(node, _NODES):
        problem = f"{type(node).__name__} is no part of an expression; allowed: {ALLOWED}"
        raise ValueError(problem)  # noqa: TRY004 - the text is wrong, not the type
    return [name for each in ast.iter_child_nodes(node) for name in _names(each, depth + 1)]


def name_of(node: ast.expr) -> str:
    """Give the metric that a name, or a name with parts, stands for.

    Raises: ValueError.
    """
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    problem = f"a part of something that is no metric; allowed: {ALLOWED}"
    raise ValueError(problem)


def in_order(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Give the expressions so that each comes after those it names; those that need one another are left out.

    needs: name of an expression -> what it names.
    """
    order: list[str] = []
    left = dict(needs)
    while ready := [name for name, others in left.items() if not any(other in left for other in others)]:
        order += ready
        for name in ready:
            del left[name]
    return order


def circle(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Give the expressions that can have no value, as they need one another."""
    return sorted(needs.keys() - set(in_order(needs)))
