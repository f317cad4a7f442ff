import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.settings.dotenv import expand, parse_dotenv

TEXT = """\ufeff# a comment
A=1
export B = two words # comment

C='single ${A} # no'
D="first\\n${A} \\"x\\" \\t" # comment
E=
F=#x
G=a#b
H="more
lines"
  I = end  """


def test_each_way_to_write_a_value_is_read():
    assert parse_dotenv(TEXT) == [
        ("A", "1", True),
        ("B", "two words", True),
        ("C", "single ${A} # no", False),
        ("D", 'first\n${A} "x" \t', True),
        ("E", "", True),
        ("F", "#x", True),
        ("G", "a#b", True),
        ("H", "more\nlines", True),
        ("I", "end", True),
    ]
    assert parse_dotenv(TEXT.replace("\n", "\r\n")) == parse_dotenv(TEXT)
    assert parse_dotenv("") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\n\nnonsense\n", 'line 3 ("nonsense...") is no NAME=value'),
        ("A='x", 'line 1 ("A...") is no NAME=value'),
        ('A=1\n  B="x\nC=2\n', 'line 2 ("B...") is no NAME=value'),
        ("=1", 'line 1 ("...") is no NAME=value'),
        ("1A=1", 'line 1 ("1A...") is no NAME=value'),
    ],
)
def test_what_is_no_entry_is_told_with_its_line_and_never_with_its_value(text, line):
    with pytest.raises(ValueError, match=r"line") as failed:
        parse_dotenv(text)
    assert str(failed.value) == line


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), st.text(
    st.characters(exclude_characters="'\r\0", exclude_categories=["Cs"]), max_size=30), max_size=6))  # fmt: skip
def test_what_was_written_in_single_quotes_comes_back(values):
    text = "".join(f"{name}='{value}'\n" for name, value in values.items())
    assert {name: value for name, value, _ in parse_dotenv(text)} == values


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ValueError):
        assert all(name for name, _, _ in parse_dotenv(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${X}", "1"),
        ("a${X}b${X}", "a1b1"),
        ("${NO:-d e}", "d e"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY}", ""),
        ("${NO:-}", ""),
        ("$${X}", "${X}"),
        ("$X ${1X} ${", "$X ${1X} ${"),
        ("plain", "plain"),
    ],
)
def test_names_are_replaced_by_what_is_known(text, expected):
    assert expand(text, {"X": "1", "EMPTY": ""}) == expected


def test_a_name_that_is_not_set_and_has_no_default_is_told():
    with pytest.raises(ValueError, match="variable NO is not set"):
        expand("${X}${NO}", {"X": "1"})
