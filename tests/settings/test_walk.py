"""Every kind of type that an actor's settings may have."""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field

from actors.settings import Bytes, Seconds, Share
from actors.settings.reading import BAD, Reading
from actors.settings.units import Level
from actors.settings.walk import reader
from actors.settings.yaml12 import read_yaml

Many = Literal["abc", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]


class Colour(Enum):
    RED = "red"
    ONE = 1


class Inner(Struct, frozen=True):
    size: Bytes = Bytes(1)


class Tree(Struct, frozen=True):
    name: str
    below: "list[Tree]" = field(default_factory=list)


class Renamed(Struct, frozen=True, rename="kebab"):
    two_words: int = 0


class Picky(Struct, frozen=True):
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low: is over high; allowed: at most high")
        if self.high > 100:
            raise ValueError("too wide")


def parse(kind: object, text: str) -> tuple[object, list[str]]:
    reading = Reading()
    tree = read_yaml(text, "f", reading.faults)
    assert tree is not None
    value = reader(kind)(reading, tree, "k")
    return value, [str(fault) for fault in reading.faults]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "no", "no"),
        (int, "0x10", 16),
        (float, "3", 3.0),
        (float, "1e3", 1000.0),
        (bool, "true", True),
        (Path, "a/b", Path("a/b")),
        (Seconds, "1m", Seconds(60)),
        (Bytes, "1kB", Bytes(1000)),
        (Share, "50%", Share(0.5)),
        (Level, "50%", Level(50)),
        (int | None, "~", None),
        (int | None, "1", 1),
        (int | str, "1", 1),
        (int | str, "a", "a"),
        (int | list[int] | None, "[1]", [1]),
        (list[int], "[1, 2]", [1, 2]),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (frozenset[str], "[a, a]", frozenset({"a"})),
        (set[str], "[a]", {"a"}),
        (Sequence[int], "[1]", [1]),
        (list, "[1, a]", [1, "a"]),
        (dict[str, int], "{a: 1}", {"a": 1}),
        (Mapping[str, int], "{a: 1}", {"a": 1}),
        (dict[Literal["a", "b"], int], "{a: 1}", {"a": 1}),
        (Literal["a", 1, True] | None, "a", "a"),
        (Literal["a", 1], "1", 1),
        (Literal["a", True], "true", True),
        (Literal["a"] | None, "null", None),
        (Literal["a", None], "null", None),  # noqa: PYI061 - others may write it so
        (Colour, "red", Colour.RED),
        (Colour, "1", Colour.ONE),
        (Inner, "{size: 2kB}", Inner(Bytes(2000))),
        (Inner, "~", Inner()),
        (Tree, "{name: a, below: [{name: b}]}", Tree("a", [Tree("b")])),
        (Tree, "{name: a, below: }", Tree("a")),
        (Renamed, "{two-words: 2}", Renamed(2)),
        (dict[str, Inner], "{a: {}}", {"a": Inner()}),
        (Annotated[int, Meta(ge=1, le=5)], "5", 5),
        (Annotated[str, Meta(pattern="^a")], "ab", "ab"),
        (Annotated[Seconds, Meta(gt=0)], "1s", Seconds(1)),
        (Any, "{a: [1, 1.5, true, null, x]}", {"a": [1, 1.5, True, None, "x"]}),
    ],
)
def test_a_value_is_read_as_its_type(kind, text, value):
    found, faults = parse(kind, text)
    assert faults == []
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        (float, ".inf", 'f:1: k: ".inf" is not finite; allowed: a number'),
        (float, "x", 'f:1: k: "x" is a text; allowed: a number'),
        (Path, "''", "f:1: k: is no path; allowed: a path"),
        (None, "1", 'f:1: k: "1" is a number; allowed: null'),
        (int | str, "[1]", "f:1: k: this is a list; allowed: a whole number or a text"),
        (int | list[int], "[a]", 'f:1: k[0]: "a" is a text; allowed: a whole number'),
        (Colour, "blue", 'f:1: k: "blue" is unknown; allowed: red, 1'),
        (Tree, "{below: [{name: 1}]}", "f:1: k.name: is missing"),
        (Picky, "{low: 2}", "f:1: k.low: is over high; allowed: at most high"),
        (Picky, "{high: 200}", "f:1: k: too wide"),
        (Annotated[int, Meta(ge=1)], "0", 'f:1: k: "0" is not allowed; allowed: at least 1'),
        (Annotated[int, Meta(lt=5)], "5", 'f:1: k: "5" is not allowed; allowed: less than 5'),
        (Annotated[int, Meta(multiple_of=2)], "5", 'f:1: k: "5" is not allowed; allowed: a multiple of 2'),
        (Annotated[str, Meta(pattern="^a")], "b", 'f:1: k: "b" is not allowed; allowed: what matches ^a'),
        (Annotated[str, Meta(min_length=2)], "b", 'f:1: k: "b" is not allowed; allowed: a length of at least 2'),
        (Annotated[list[int], Meta(max_length=1)], "[1, 2]",
         "f:1: k: a length of 2 is not allowed; allowed: a length of at most 1"),
        (Annotated[Seconds, Meta(gt=0)], "0", "f:1: k: 0s is not allowed; allowed: more than 0s"),
        (Annotated[Bytes, Meta(le=1000)], "2kB", "f:1: k: 2kB is not allowed; allowed: at most 1kB"),
        (Any, "{a: .inf}", 'f:1: k.a: ".inf" is not finite; allowed: a number'),
        (Many, "abd", 'f:1: k: "abd" is unknown; did you mean "abc"?'),
    ],
)  # fmt: skip
def test_a_bad_value_gives_one_line(kind, text, line):
    found, faults = parse(type(None) if kind is None else kind, text)
    assert found is BAD
    assert line in faults
    assert len(faults) <= 2


@pytest.mark.parametrize("kind", [complex, tuple[int, str], bytes, list[complex]])
def test_a_type_that_settings_cannot_have_is_refused_by_name(kind):
    with pytest.raises(TypeError, match="settings cannot have the type"):
        reader(kind)
