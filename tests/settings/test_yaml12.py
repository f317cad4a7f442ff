import pytest
import yaml

from actors.settings.faults import Fault
from actors.settings.tree import Items, Scalar, Table, core_kind, decimal, whole
from actors.settings.yaml12 import DEPTH_MAX, read_yaml


def lines_of(text: str) -> list[str]:
    faults: list[Fault] = []
    read_yaml(text, "f", faults)
    return [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("true", "bool"),
        ("True", "bool"),
        ("FALSE", "bool"),
        ("no", "str"),
        ("on", "str"),
        ("yes", "str"),
        ("y", "str"),
        ("tRue", "str"),
        ("null", "null"),
        ("~", "null"),
        ("", "null"),
        ("nil", "str"),
        ("12", "int"),
        ("-12", "int"),
        ("+12", "int"),
        ("010", "int"),
        ("0o17", "int"),
        ("0xFF", "int"),
        ("0b11", "str"),
        ("-0o17", "str"),
        ("1_000", "str"),
        ("12:30", "str"),
        ("190:20:30", "str"),
        ("2024-01-01", "str"),
        ("1.5", "float"),
        ("1.", "float"),
        (".5", "float"),
        ("-1e3", "float"),
        (".inf", "float"),
        ("-.Inf", "float"),
        (".nan", "float"),
        ("inf", "str"),
        ("nan", "str"),
        (".", "str"),
        ("-", "str"),
        ("1e", "str"),
        ("1.2.3", "str"),
        ("٣", "str"),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_of_1_2_says(text, kind):
    assert core_kind(text) == kind


@pytest.mark.parametrize(("text", "number"), [("010", 10), ("0o17", 15), ("0xfF", 255), ("-7", -7), ("9" * 41, None)])
def test_whole_numbers_are_read_in_their_base(text, number):
    assert whole(text) == number


@pytest.mark.parametrize(("text", "number"), [("1.5", 1.5), ("-.inf", float("-inf")), ("0x10", 16.0), ("+.5", 0.5)])
def test_numbers_are_read(text, number):
    assert decimal(text) == number
    assert decimal(".nan") != decimal(".nan")


def test_quotes_make_a_text():
    tree = read_yaml("""{a: "12", b: '12', c: 12, d: !!str 12, e: ! 12}""", "f", [])
    assert isinstance(tree, Table)
    assert {name: each.plain for name, each in tree.entries.items() if isinstance(each, Scalar)} == {
        "a": False,
        "b": False,
        "c": True,
        "d": False,
        "e": False,
    }


def test_every_value_knows_the_line_of_its_key_and_every_item_its_own():
    tree = read_yaml("a:\n  b: 1\n  c:\n    - x\n    - y\n  d: |\n    text\n", "f", [])
    assert isinstance(tree, Table)
    inner = tree.entries["a"]
    assert isinstance(inner, Table)
    assert inner.origin.line == 1
    assert {name: each.origin.line for name, each in inner.entries.items()} == {"b": 2, "c": 3, "d": 6}
    items = inner.entries["c"]
    assert isinstance(items, Items)
    assert [each.origin.line for each in items.items] == [4, 5]


def test_an_alias_has_the_line_where_it_is_used():
    tree = read_yaml("a: &x {k: 1}\nb: *x\n", "f", [])
    assert isinstance(tree, Table)
    assert tree.entries["b"].origin.line == 2
    assert isinstance(tree.entries["b"], Table)
    assert tree.entries["b"].entries["k"].origin.line == 1


def test_an_anchor_may_be_a_key_and_an_alias_too():
    tree = read_yaml("&k name: 1\nother: {*k : 2}\n", "f", [])
    assert isinstance(tree, Table)
    other = tree.entries["other"]
    assert isinstance(other, Table)
    assert list(other.entries) == ["name"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f:4: b.c: duplicate key; first on line 3"),
        ("a: 1\n'a': 2\n", "f:2: a: duplicate key; first on line 1"),
        ("l:\n- k: 1\n- k: 1\n  k: 2\n", "f:4: l[1].k: duplicate key; first on line 3"),
        ("a: 1\n---\nb: 2\n", "f:2: a second document begins here; allowed: one document"),
        ("a:\n\tb: 1\n", "f:2: a tab cannot indent; allowed: spaces"),
        ("a: [1,\n  2\nb: 3\n", ("f:3: not YAML: did not find expected ',' or ']' "
         "(while parsing a flow sequence that begins on line 1)")),
        ("a: 'x\nb: 1", ("f:2: not YAML: found unexpected end of stream (while scanning a quoted scalar that begins on "
         "line 1)")),
        ("a:\n  b: 1\n c: 2\n", ("f:3: not YAML: did not find expected key (while parsing a block mapping that begins "
         "on line 1)")),
        ("a: b: c", "f:1: not YAML: mapping values are not allowed in this context"),
        ("a: @x", "f:1: not YAML: found character that cannot start any token"),
        ("a: !!int '3'", "f:1: tag !!int is not read here; allowed: no tag, or !!str"),
        ("a: 1\nb: !!python/object:os.system {}", ("f:2: tag !!python/object:os.system is not read here; "
         "allowed: no tag, or !!str")),
        ("a: !mine [x]", "f:1: tag !mine is not read here; allowed: no tag, or !!str"),
        ("a: *x", "f:1: a: no anchor &x above"),
        ("a: &x\n  b: *x", "f:2: a.b: anchor &x holds itself"),
        ("? [a]\n: 1", "f:1: a list or mapping cannot be a key; allowed: a text"),
        ("a: &x [1]\nb: {*x : 1}", "f:2: b: a list or mapping cannot be a key; allowed: a text"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", ('f:3: c: merging with "<<" is no part of YAML 1.2; '
         "allowed: an alias for the whole value")),
        ('a: {"": 1}', "f:1: a: a key is empty; allowed: a text"),
        ("a: 1\nb: \x01", "f:2: character '\\x01' cannot stand in YAML"),
        ("a: \x00", "f:1: character '\\x00' cannot stand in YAML"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_gives_one_line(text, line):
    assert lines_of(text) == [line]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_and_ends_nothing(opening):
    assert lines_of(opening * 100_000) == [f"f:1: nested deeper than {DEPTH_MAX} levels"]
    assert lines_of("? " * 100_000) == ["f:1: a list or mapping cannot be a key; allowed: a text"]


def test_a_bomb_of_aliases_is_refused_before_it_goes_off():
    doublings = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    (line,) = lines_of("a0: &a0 [x, x]\n" + doublings)
    assert line.endswith("aliases stand for more than 10000 nodes")


def test_many_uses_of_one_anchor_are_in_order():
    uses = "".join(f"w{n}: *x\n" for n in range(500))
    assert lines_of("x: &x {a: 1, b: [2, 3]}\n" + uses) == []


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeff"])
def test_nothing_is_read_as_nothing(text):
    faults: list[Fault] = []
    tree = read_yaml(text, "f", faults)
    assert faults == []
    assert tree is None or (isinstance(tree, Scalar) and tree.is_null())


def test_reading_can_stop_after_a_key():
    tree = read_yaml("a: {node: 1}\nnode: {name: x}\nrest: [unclosed", "f", [], "node")
    assert isinstance(tree, Table)
    assert list(tree.entries) == ["a", "node"]


def test_the_slow_parser_reads_the_same_when_the_c_library_is_missing(monkeypatch):
    text = "a: &x {k: 1}\nb: [*x, 'q', null]\nc: |\n  block\n"
    fast = read_yaml(text, "f", [])
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert read_yaml(text, "f", []) == fast
    assert lines_of("a: 1\na: 2\n") == ["f:2: a: duplicate key; first on line 1"]
    assert lines_of("a: \x01") == ["f:1: character '\\x01' cannot stand in YAML"]
    assert lines_of("[" * 1000) == [f"f:1: nested deeper than {DEPTH_MAX} levels"]
