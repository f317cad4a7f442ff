import ast
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings.conditions import NAMES, condition

GOOD = [
    'kind == "crash"',
    'kind in ("crash", "crash_loop") and failure != "import"',
    '"db" in tags and not critical',
    '"db" in text or workload == "api"',
    "count > 3 and age / 60 < 5",
    'value >= limit * 2 if metric == "memory" else value > 5',
    "max(count, attempts) % 2 == 0",
    'matches(text, "(?i)timed? out")',
    "1 < exit_code <= 3",
    "-value < abs(limit)",
    "critical == True",
    'subject not in ["a", "b"]',
    "True",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_compares_what_is_known_is_a_condition(text):
    assert isinstance(condition(text), ast.expr)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has 0 characters; allowed: 1 to 500"),
        ("count > 0 or " * 50 + "True", "characters"),
        ("kind = 3", "cannot be read"),
        ("a\0b", "cannot be read"),
        ('knd == "crash"', 'did you mean "kind"?'),
        ("zebra > 3", "allowed: kind, failure"),
        ('kind == "crahs"', 'kind is never "crahs"; allowed: did you mean "crash"?'),
        ('failure in ("import", "ram")', 'failure is never "ram"'),
        ("count", "`count` is a number, and a truth is wanted here"),
        ('count == "3"', "a number is never a text"),
        ('kind < "crash"', "a text and a text have no order"),
        ("count in (1, 2)", "a list holds something that is no text"),
        ('3 in ("a", "b")', "`in` looks for a text"),
        ("tags == tags", "a texts is never a texts"),
        ("kind and critical", "`kind` is a text"),
        ('kind + "x" == "y"', "`kind` is a text, and a number is wanted here"),
        ("count ** 9 > 3", "Pow is no part of a condition"),
        ("~count > 3", "~ is no part of a condition"),
        ("None == count", "None is neither text nor number"),
        ('open("x") == 3', "calls something else; allowed: abs, max, min, round, matches"),
        ("max() > 3", "calls something else"),
        ('matches(text, pattern="x")', "calls something else"),
        ("matches(text, kind)", "a pattern stands in quotes"),
        ('matches(text, "(")', "is no regular expression"),
        ('().__class__ == "x"', "Attribute is no part of a condition"),
        ("[x for x in tags] == 3", "ListComp is no part of a condition"),
        ("(lambda: 1)() == 3", "calls something else"),
        ('f"{kind}" == "x"', "JoinedStr is no part of a condition"),
        ("tags[0] == kind", "Subscript is no part of a condition"),
        ("count > (critical if critical else 3)", "`3` is a number, and a truth is wanted here"),
        ("not " * 60 + "critical", "goes too deep"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text, says):
    with pytest.raises(ValueError, match=r"; allowed: |looks for a text") as refused:
        condition(text)
    assert says in str(refused.value)


@given(st.text(max_size=80))
def test_no_text_does_more_than_be_refused(text):
    with contextlib.suppress(ValueError):
        condition(text)


def test_every_name_is_of_a_type_that_can_be_asked_about():
    asks = {"text": '{} == "crash"', "number": "{} > 3", "truth": "{}", "texts": '"x" in {}'}
    for name, kind in NAMES.items():
        if name not in ("failure", "severity"):
            condition(asks[kind].format(name))
