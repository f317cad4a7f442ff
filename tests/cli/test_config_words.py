"""`gyrostat config init|explain|schema|show --origins`."""

import io
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from actors.cli.config_draft import Draft, draft_text
from actors.settings import load

CONFIG = """\
node:
  name: alpha
workloads:
  web:
    command: [sleep, "1"]
    env: {API_TOKEN: hush}
    restart: {backoff_max: 10s}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gyrostat.yaml"
    path.write_text(CONFIG)
    return path


# -- init


def test_init_writes_a_config_that_has_no_fault_and_says_why_each_key_is_there(gyrostat, tmp_path):
    code, out, err = gyrostat("config", "init", "--yes", "web=sleep 1000", "job=sh -c 'echo 1'")
    assert (code, out, err) == (0, "wrote gyrostat.yaml; look at it, then: gyrostat up\n", "")
    assert gyrostat("config", "check")[0] == 0
    text = (tmp_path / "gyrostat.yaml").read_text()
    assert yaml.safe_load(text)["workloads"]["job"]["command"] == ["sh", "-c", "echo 1"]
    assert "no shell is run" in text


def test_init_without_a_workload_writes_one_to_be_replaced(gyrostat, tmp_path):
    assert gyrostat("config", "init", "--yes", "-o", "other.yaml")[1].endswith("gyrostat up -c other.yaml\n")
    assert list(load(tmp_path / "other.yaml", actor_types={}, resolve=None, environ={}).workloads) == ["example"]


def test_init_writes_over_nothing_unless_it_is_told_to(gyrostat, config):
    code, _, err = gyrostat("config", "init", "--yes")
    assert code == 1
    assert err == "gyrostat: gyrostat.yaml is there already; write over it with --force, or name another with --out\n"
    assert config.read_text() == CONFIG
    assert gyrostat("config", "init", "--yes", "--force")[0] == 0
    assert config.read_text() != CONFIG


def test_init_tells_what_this_machine_lacks(gyrostat, tmp_path):
    code, _, err = gyrostat("config", "init", "--yes", "web=no-such-program-here")
    assert code == 0
    assert 'no program "no-such-program-here"' in err


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ("web", '"web" is no workload; allowed: NAME=COMMAND'),
        ("Web=x", '"Web" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -'),
        ("web='x", "web: the command cannot be split: no closing quotation"),
        ("web= ", '"web= " is no workload'),
    ],
)
def test_init_refuses_what_is_no_workload(gyrostat, tmp_path, given_, told):
    code, _, err = gyrostat("config", "init", "--yes", given_)
    assert code == 2
    assert told in err
    assert not (tmp_path / "gyrostat.yaml").exists()


def test_init_asks_nobody_who_is_not_there(gyrostat, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, err = gyrostat("config", "init")
    assert code == 2
    assert "with --yes nothing is asked" in err


def test_init_on_a_terminal_asks_and_asks_again_what_it_cannot_take(tmp_path):
    ours, theirs = pty.openpty()
    answers = "Bad Name\nbeta\nweb\nsleep 1000\nhttp://127.0.0.1:8000/\nmuch\n200MB\n\n"
    argv = [sys.executable, "-P", "-m", "actors.cli", "config", "init"]
    with subprocess.Popen(argv, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        os.write(ours, answers.encode())
        try:
            assert child.wait(60) == 0
        finally:
            child.kill()
            os.close(ours)
    found = load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={})
    web = found.workloads["web"].spec
    assert found.node.name == "beta"
    assert web.command == ["sleep", "1000"]
    assert web.probes.liveness is not None
    assert web.probes.liveness.http == "http://127.0.0.1:8000/"
    assert web.thresholds["memory"].above == 200_000_000


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1)


@given(st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), st.lists(WORDS, min_size=1, max_size=4))
def test_whatever_the_name_and_the_command_the_text_says_them(tmp_path_factory, name, words):
    path = Path(tmp_path_factory.mktemp("draft"), "gyrostat.yaml")
    path.write_text(draft_text("alpha", [Draft(name=name, command=shlex.join(words))]), "utf-8")
    found = load(path, actor_types={}, resolve=None, environ={})
    assert found.declared[name].command == words


# -- explain


def test_explain_says_type_default_reason_and_what_it_is_here(gyrostat, config):
    code, out, _ = gyrostat("config", "explain", "restart.backoff_max")
    assert code == 0
    assert out.splitlines() == [
        "workloads.*.restart.backoff_max",
        "  duration; default: 30s",
        "  Seconds. The longest wait between two restarts.",
        "  allowed: 500ms, 30s, 5m, 2h, 1d or 1m30s; a bare number is seconds",
        "",
        "Here:",
        "  workloads.web.restart.backoff_max: 10s  gyrostat.yaml:7",
    ]


def test_explain_needs_no_config_and_says_where_the_environment_has_its_say(gyrostat, tmp_path, monkeypatch):
    assert "Here:" not in gyrostat("config", "explain", "mode")[1]
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    monkeypatch.setenv("GYROSTAT_MODE", "sandbox")
    assert gyrostat("config", "explain", "mode")[1].endswith("\n  mode: sandbox  GYROSTAT_MODE\n")


def test_explain_hides_secrets(gyrostat, config):
    out = gyrostat("config", "explain", "workloads.web.env.API_TOKEN")
    assert "hush" not in "".join(map(str, out))


def test_explain_of_an_unknown_key_names_the_nearest(gyrostat, config):
    code, _, err = gyrostat("config", "explain", "restart.backof_max")
    assert code == 2
    assert 'no key "restart.backof_max"; did you mean "workloads.*.restart.backoff_max"?' in err


def test_explain_as_json(gyrostat, config):
    found = json.loads(gyrostat("config", "explain", "node.name", "--json")[1])
    assert found["keys"][0]["words"] == "text"
    assert found["values"] == [{"key": "node.name", "value": "alpha", "origin": "file", "where": "gyrostat.yaml:2"}]


# -- schema and origins


def test_schema_is_printed_or_written(gyrostat, tmp_path):
    printed = gyrostat("config", "schema")[1]
    assert gyrostat("config", "schema", "--out", "s.json")[1] == "s.json\n"
    assert (tmp_path / "s.json").read_text() == printed
    assert json.loads(printed)["title"] == "gyrostat.yaml"


def test_schema_knows_an_actor_of_the_operators_own(gyrostat, config, tmp_path):
    kept = json.loads(gyrostat("config", "schema")[1])["properties"]["actors"]
    assert set(kept["properties"]) >= {"monitor", "healer"}
    assert kept["additionalProperties"]["properties"]["use"]["type"] == "string"


def test_every_value_says_where_it_comes_from(gyrostat, config, monkeypatch):
    monkeypatch.setenv("GYROSTAT_NODE__SHUTDOWN_GRACE", "1m")
    _, out, _ = gyrostat("config", "show", "--origins")
    lines = {line.split()[1]: line.split() for line in out.splitlines()}
    assert lines["node.name"] == ["gyrostat.yaml:2", "node.name", "alpha"]
    assert lines["node.shutdown_grace"] == ["GYROSTAT_NODE__SHUTDOWN_GRACE", "node.shutdown_grace", "1m"]
    assert lines["workloads.web.restart.policy"] == ["default", "workloads.web.restart.policy", "always"]
    assert lines["workloads.web.env.API_TOKEN"][2] == "'***'"
    rows = json.loads(gyrostat("config", "show", "--origins", "--json")[1])["rows"]
    assert {row["origin"] for row in rows} == {"default", "file", "environment"}
