"""Which conditions a rule may have: comparisons of what is known of an issue. Pure.

The expressions of actors.settings.expressions, with texts and lists of texts beside numbers; every part has a type,
which is checked when the rules are read. Nothing else is a condition, so that none can take long or reach anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

from actors.settings.expressions import DEPTH_MAX, FUNCTIONS, LENGTH_MAX
from actors.settings.faults import suggest
from actors.settings.repair import FailureClass
from bus.messages.healer import IssueKind, Severity

Type = Literal["text", "number", "truth", "texts"]

NAMES: Final[Mapping[str, Type]] = {
    "kind": "text",
    "failure": "text",
    "severity": "text",
    "subject": "text",
    "workload": "text",
    "mode": "text",
    "tags": "texts",
    "critical": "truth",
    "count": "number",
    "age": "number",
    "attempts": "number",
    "rounds": "number",
    "metric": "text",
    "value": "number",
    "limit": "number",
    "probe": "text",
    "exit_code": "number",
    "signal": "text",
    "text": "text",
}
"""What a condition may ask about."""

MATCHES: Final = "matches"
ALLOWED: Final = (
    f"{', '.join(NAMES)}; texts in quotes and numbers; == != < <= > >= in not in, and or not, + - * / // %,"
    f' x if y else z, {", ".join(FUNCTIONS)}, {MATCHES}(text, "pattern")'
)

VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": get_args(IssueKind),
    "failure": get_args(FailureClass),
    "severity": get_args(Severity),
}
"""Names that have some values only."""

_ORDER: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_SUMS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)


def condition(text: str) -> ast.expr:
    """Give the tree of a condition.

    Raises: ValueError with what is wrong, and what is allowed.
    """
    if not text.strip() or len(text) > LENGTH_MAX:
        raise ValueError(f"has {len(text)} characters; allowed: 1 to {LENGTH_MAX}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError, ValueError):
        raise ValueError(f"`{text}` cannot be read; allowed: {ALLOWED}") from None
    _expect(tree, "truth", 0)
    return tree


def _type_of(node: ast.expr, depth: int) -> Type:
    if depth > DEPTH_MAX:
        raise ValueError(f"goes too deep; allowed: {DEPTH_MAX} operations within one another")
    for kinds, give in _TYPES:
        if isinstance(node, kinds):
            return give(node, depth + 1)
    problem = f"{type(node).__name__} is no part of a condition; allowed: {ALLOWED}"
    raise ValueError(problem)


def _type_of_name(node: ast.Name, _: int) -> Type:
    if node.id not in NAMES:
        raise ValueError(f'"{node.id}" is nothing that is known of an issue; allowed: {_near(node.id)}')
    return NAMES[node.id]


def _type_of_list(node: ast.Tuple | ast.List, _: int) -> Type:
    if all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in node.elts):
        return "texts"
    raise ValueError("a list holds something that is no text; allowed: texts in quotes")


def _near(name: str) -> str:
    guess = suggest(name, list(NAMES))
    return guess if guess.startswith("did you mean") else ", ".join(NAMES)


def _type_of_constant(node: ast.Constant, _: int) -> Type:
    if isinstance(node.value, bool):
        return "truth"
    if isinstance(node.value, str):
        return "text"
    if type(node.value) in (int, float):
        return "number"
    raise ValueError(f"{node.value!r} is neither text nor number; allowed: {ALLOWED}")


def _type_of_operation(node: ast.BoolOp | ast.UnaryOp | ast.BinOp | ast.IfExp, depth: int) -> Type:
    if isinstance(node, ast.BoolOp):
        for each in node.values:
            _expect(each, "truth", depth)
        return "truth"
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Invert):
            problem = f"~ is no part of a condition; allowed: {ALLOWED}"
            raise ValueError(problem)  # noqa: TRY004 - the text is wrong, not the type
        kind: Type = "truth" if isinstance(node.op, ast.Not) else "number"
        _expect(node.operand, kind, depth)
        return kind
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, _SUMS):
            problem = f"{type(node.op).__name__} is no part of a condition; allowed: {ALLOWED}"
            raise ValueError(problem)  # noqa: TRY004 - the text is wrong, not the type
        _expect(node.left, "number", depth)
        _expect(node.right, "number", depth)
        return "number"
    _expect(node.test, "truth", depth)
    found = _type_of(node.body, depth)
    _expect(node.orelse, found, depth)
    return found


def _type_of_comparison(node: ast.Compare, depth: int) -> Type:
    left, before = _type_of(node.left, depth), node.left
    for sign, part in zip(node.ops, node.comparators, strict=True):
        right = _type_of(part, depth)
        if isinstance(sign, ast.In | ast.NotIn):
            if left != "text" or right not in ("text", "texts"):
                raise ValueError(f"`in` looks for a text in a list or a text, not for a {left} in a {right}")
        elif isinstance(sign, _ORDER):
            if (left, right) != ("number", "number"):
                raise ValueError(f"a {left} and a {right} have no order; allowed: numbers on both sides")
        elif not isinstance(sign, ast.Eq | ast.NotEq) or left != right or left == "texts":
            raise ValueError(f"a {left} is never a {right}; allowed: the same on both sides")
        if right == "texts" or isinstance(sign, ast.Eq | ast.NotEq):
            _check_values(before, part)
        left, before = right, part
    return "truth"


def _check_values(left: ast.expr, right: ast.expr) -> None:
    """Refuse a text that what it is compared with never is."""
    named = next((part.id for part in (left, right) if isinstance(part, ast.Name) and part.id in VALUES), "")
    other = right if isinstance(left, ast.Name) and left.id == named else left
    for each in other.elts if isinstance(other, ast.Tuple | ast.List) else [other]:
        text = str(each.value) if isinstance(each, ast.Constant) else ""
        if named and text and text not in VALUES[named]:
            raise ValueError(f'{named} is never "{text}"; allowed: {suggest(text, VALUES[named])}')


def _type_of_call(node: ast.Call, depth: int) -> Type:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    if node.keywords or not node.args:
        called = ""
    if called in FUNCTIONS:
        for each in node.args:
            _expect(each, "number", depth)
        return "number"
    if called != MATCHES or len(node.args) != 2:  # noqa: PLR2004 - text and pattern
        raise ValueError(f'calls something else; allowed: {", ".join(FUNCTIONS)}, {MATCHES}(text, "pattern")')
    _expect(node.args[0], "text", depth)
    pattern = node.args[1]
    if not (isinstance(pattern, ast.Constant) and isinstance(pattern.value, str)):
        problem = "a pattern stands in quotes; allowed: a regular expression"
        raise ValueError(problem)  # noqa: TRY004 - the text is wrong, not the type
    try:
        re.compile(pattern.value)
    except re.error as error:
        raise ValueError(f'"{pattern.value}" is no regular expression: {error}; allowed: one of Python\'s') from None
    return "truth"


def _expect(node: ast.expr, wanted: Type, depth: int) -> None:
    found = _type_of(node, depth)
    if found != wanted:
        shown = ast.unparse(node)
        raise ValueError(f"`{shown}` is a {found}, and a {wanted} is wanted here; allowed: {_EXAMPLES[wanted]}")


_TYPES: Final[tuple[tuple[Any, Callable[[Any, int], Type]], ...]] = (
    (ast.Name, _type_of_name),
    (ast.Constant, _type_of_constant),
    (ast.BoolOp | ast.UnaryOp | ast.BinOp | ast.IfExp, _type_of_operation),
    (ast.Compare, _type_of_comparison),
    (ast.Call, _type_of_call),
    (ast.Tuple | ast.List, _type_of_list),
)
_EXAMPLES: Final[Mapping[Type, str]] = {
    "truth": 'a comparison, as in kind == "crash" or "db" in tags',
    "number": "a number, as in count or 3",
    "text": 'a text, as in kind or "crash"',
    "texts": 'tags, or a list such as ("crash", "crash_loop")',
}
