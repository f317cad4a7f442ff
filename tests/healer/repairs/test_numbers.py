import json
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.repairs.numbers import number_in, with_number

PLACES = [
    ("app.json", '{ "a": "x",\n\t"timeout" : 0.50 ,"b": [1, {"timeout": 3}]}', "timeout", "0.50"),
    ("app.json", '{"b": [1, {"timeout": 3}], "timeout": "7s"}', "b.1.timeout", "3"),
    ("app.json", '{"b": {"c": -1.5e3}, "d\\"e": 4}', "b.c", "-1.5e3"),
    ("app.json", '{"a.b": 4}', "a.b", "4"),
    ("app.json", '{"timeout": "30s"}', "timeout", "30"),
    ("app.yaml", "# how long\nclient:\n  timeout: 0.5  # seconds\nother: 1\n", "client.timeout", "0.5"),
    ("app.yml", "pool: {size: 10, max: 20}\nhosts: [a, 7]\n", "pool.max", "20"),
    ("app.yml", "hosts: [a, 7]\n", "hosts.1", "7"),
    ("app.yml", "wait: '15ms'\n", "wait", "15"),
    ("app.toml", "title = 'x'\n[client] # c\ntimeout = 0.5 # s\n[other]\ntimeout = 9\n", "client.timeout", "0.5"),
    ("app.toml", "timeout=3\n", "timeout", "3"),
    ("app.ini", "[client]\ntimeout: 0.5 ; s\n[other]\ntimeout=9\n", "other.timeout", "9"),
    ("app.conf", "# timeout = 1\n timeout = 2\n", "timeout", "2"),
    ("app.properties", "client.timeout=250\r\nother=1\r\n", "client.timeout", "250"),
]


@pytest.mark.parametrize(("name", "text", "key", "number"), PLACES)
def test_a_number_is_replaced_and_all_else_stays_as_it_is(name, text, key, number):
    assert number_in(name, text, key) == number
    changed = with_number(name, text, key, "1234")
    assert number_in(name, changed, key) == "1234"
    assert with_number(name, changed, key, number) == text
    assert len(changed) == len(text) + 4 - len(number)


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("app.json", '{"timeout": 1}', "other"),
        ("app.json", '{"timeout": "soon"}', "timeout"),
        ("app.json", '{"timeout": 1', "timeout"),
        ("app.json", '{"timeout": {"read": 1}}', "timeout"),
        ("app.yaml", "timeout: [1]\n", "timeout"),
        ("app.yaml", "timeout: 1\n", "timeout.read"),
        ("app.yaml", "timeout: [1\n", "timeout"),
        ("app.yaml", "timeout: [1]\n", "timeout.7"),
        ("app.toml", "timeout = 1_000\n", "timeout"),
        ("app.toml", "client = {timeout = 1}\n", "client.timeout"),
        ("app.toml", "timeout =\n", "timeout"),
        ("app.ini", "[client]\nother = 1\n", "client.timeout"),
        ("app.ini", "timeout = soon\n", "timeout"),
    ],
)
def test_what_is_no_number_or_not_there_is_left_alone(name, text, key):
    with pytest.raises(ValueError, match=r".+"):
        with_number(name, text, key, "2")


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=5)
TREES = st.recursive(
    st.integers() | st.booleans() | st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(NAMES, TREES, TREES, st.sampled_from([None, 1, "\t"]))
def test_in_any_json_only_that_number_changes(name, before, after, indent):
    tree = {f"{name}0": before, name: 5, f"{name}1": after}
    text = json.dumps(tree, indent=indent)
    assert json.loads(with_number("a.json", text, name, "77")) == {**tree, name: 77}


def test_the_changed_text_means_the_same_but_for_the_number():
    text = PLACES[5][1]
    assert yaml.safe_load(with_number("a.yaml", text, "client.timeout", "2")) == {"client": {"timeout": 2}, "other": 1}
    toml = PLACES[9][1]
    assert tomllib.loads(with_number("a.toml", toml, "client.timeout", "2"))["client"] == {"timeout": 2}
