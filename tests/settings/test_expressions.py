from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings.expressions import circle, in_order, names_in


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("errors / requests * 100", {"errors", "requests"}),
        ("max(gpu.memory, 1) if a and not b else -c", {"gpu.memory", "a", "b", "c"}),
        (" a\n", {"a"}),
        ("0 < a < b", {"a", "b"}),
    ],
)
def test_the_metrics_an_expression_names(text, names):
    assert names_in(text) == names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has 0 characters"),
        ("a" * 501, "has 501 characters"),
        ("1 +", "cannot be read"),
        ("a; b", "cannot be read"),
        ("42", "names no metric"),
        ("a ** b", "Pow is no part"),
        ("[a for a in b]", "ListComp is no part"),
        ("lambda: a", "Lambda is no part"),
        ("'a' + b", "'a' is no number"),
        ("True + a", "True is no number"),
        ("__import__('os')", "calls something else"),
        ("a.b(c)", "calls something else"),
        ("max()", "calls something else"),
        ("round(a, ndigits=1)", "calls something else"),
        ("(a + b).real", "a part of something that is no metric"),
        ("-" * 400 + "a", "goes too deep"),
        ("a\0", "cannot be read"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text, problem):
    with pytest.raises(ValueError, match="; allowed: ") as refused:
        names_in(text)
    assert problem in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_has_names_or_is_refused(text):
    with suppress(ValueError):
        assert names_in(text)


def test_expressions_are_ordered_by_what_they_need():
    needs = {"c": {"b", "x"}, "b": {"a"}, "a": {"n"}}
    assert in_order(needs) == ["a", "b", "c"]
    assert circle(needs) == []


def test_expressions_that_need_one_another_are_found():
    needs = {"a": {"b"}, "b": {"a"}, "c": {"n"}, "d": {"d"}, "e": {"a"}}
    assert in_order(needs) == ["c"]
    assert circle(needs) == ["a", "b", "d", "e"]
