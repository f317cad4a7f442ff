"""Any text gives settings or ConfigError, never another exception."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from actors.settings import ConfigError, WorkloadSettings, check_machine, load, to_plain
from actors.settings.node import NodeSettings
from tests.settings.conftest import PaceSettings
from tests.settings.test_load import EVERYTHING

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("fuzz.yaml")

    def load_bytes(content, environ=None, overrides=None):
        path.write_bytes(content)
        types = {"pace": PaceSettings}
        lines = [""]
        try:
            found = load(path, actor_types=types, resolve=None, environ=environ or {}, overrides=overrides or {})
        except ConfigError as error:
            lines = [str(fault) for fault in error.faults]
        else:
            to_plain(found)
            check_machine(found)
            lines = [found.revision]
        assert lines
        assert all(line.isprintable() for line in lines)

    return load_bytes


keys = st.sampled_from(
    [
        *NodeSettings.__struct_fields__,
        *WorkloadSettings.__struct_fields__,
        "node",
        "mode",
        "workloads",
        "actors",
        "pace",
        "web",
        "db",
        "for",
        "above",
        "below",
        "memory",
        "live",
        "exec",
        "http",
        "tcp",
        "policy",
        "signal",
        "restart",
        "every",
        "command",
        "<<",
        "",
        "use",
        "enabled",
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["5s", "80%", "200MB", "web", "db", "live", "always", "TERM", "a b", "http://a/", "a:1", "hook:x"]
    )
)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=4), inner, max_size=5)
)
workloads = st.dictionaries(
    st.sampled_from(["web", "db", "a-b"]),
    st.fixed_dictionaries({"command": st.just(["sh"]) | leaves}, optional={"depends_on": trees, "heal": trees})
    | st.dictionaries(keys, trees, max_size=6),
    max_size=3,
)
configs = st.fixed_dictionaries(
    {}, optional={"node": trees, "mode": leaves, "workloads": workloads | trees, "actors": trees}
)


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes(attempt, content):
    attempt(content)


@QUICK
@given(st.text(max_size=200))
@example("a: \ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
@example("%TAG ! x\n--- a")
@example("{" * 200)
@example("? ? ? a")
@example("&a [*a]")
@example("a: 0x")
def test_any_text(attempt, text):
    attempt(text.encode("utf-8", "replace"))


@QUICK
@given(st.text(alphabet=" \t\n-:?[]{},#&*!|>'\"%@`<~ab01.", max_size=80))
def test_any_text_of_the_letters_that_mean_something(attempt, text):
    attempt(text.encode())


@QUICK
@given(configs | trees)
def test_any_tree_in_the_shape_of_a_config(attempt, tree):
    attempt(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "replace"))


@QUICK
@given(configs)
def test_any_tree_as_json(attempt, tree):
    attempt(json.dumps(tree).encode())


@QUICK
@given(st.integers(0, len(EVERYTHING) - 1), st.integers(0, 30), st.text(max_size=6))
def test_any_slip_in_the_main_config(attempt, at, length, instead):
    attempt((EVERYTHING[:at] + instead + EVERYTHING[at + length :]).encode("utf-8", "replace"))


parts = st.sampled_from(["NODE", "NAME", "WORKLOADS", "WEB", "ENV", "MODE", "ACTORS", "PACE", "EVERY", "", "X"])


@QUICK
@given(st.lists(parts, max_size=5), st.text(max_size=12))
def test_any_variable_and_any_flag(attempt, names, text):
    content = b"workloads: {web: {command: sh}}"
    attempt(content, environ={f"GYROSTAT_{'__'.join(names)}": text})
    attempt(content, overrides={".".join(names).lower(): text})
