from pathlib import Path

import pytest
from msgspec import Struct, structs

from actors.settings import (
    Bytes,
    ConfigError,
    LogPolicy,
    NodeSettings,
    Origin,
    Probe,
    Probes,
    RestartPolicy,
    Seconds,
    StopPolicy,
    Threshold,
    WorkloadSettings,
    load,
    peek_state_dir,
)
from actors.settings.units import Level
from tests.settings.conftest import MailSettings, PaceSettings

EVERYTHING = """\
    node: {name: alpha, state_dir: ./var}
    mode: live                       # sandbox | live | dual
    workloads:
      db: {command: sleep 100}
      web:
        command: [python3, -m, http.server, "8000"]   # or a string, split as a shell would, no shell run
        cwd: .
        env: {LEVEL: info}
        runs_in: [live]              # default: every mode
        critical: true
        restart: {policy: always, backoff_first: 100ms, backoff_max: 30s, start_limit: 5, start_limit_window: 60s}
        stop: {signal: TERM, grace: 10s}
        depends_on: {db: ready}
        probes:
          liveness: {http: "http://127.0.0.1:8000/", every: 5s, timeout: 2s, failures: 3}
          readiness: {tcp: "127.0.0.1:8000"}
        thresholds: {memory: {above: 200MB, for: 30s}, cpu: {above: 80%, for: 1m}}
        log: {max_size: 10MB, keep: 5}
    """


def test_the_config_that_every_part_has_to_read_is_read(read, tmp_path):
    settings = read(EVERYTHING)
    assert settings.node == NodeSettings(name="alpha", state_dir="./var")
    assert settings.state_dir == tmp_path / "var"
    assert settings.run_dir == tmp_path / "var" / "run"
    assert settings.mode == "live"
    assert list(settings.workloads) == ["db", "web"]
    assert settings.declared["web"] == WorkloadSettings(
        command=["python3", "-m", "http.server", "8000"],
        env={"LEVEL": "info"},
        runs_in=["live"],
        critical=True,
        restart=RestartPolicy(backoff_first=Seconds(0.1), backoff_max=Seconds(30)),
        stop=StopPolicy(signal="TERM", grace=Seconds(10)),
        depends_on={"db": "ready"},
        probes=Probes(
            liveness=Probe(http="http://127.0.0.1:8000/", every=Seconds(5)), readiness=Probe(tcp="127.0.0.1:8000")
        ),
        thresholds={
            "memory": Threshold(above=Level(200e6, "bytes"), for_=Seconds(30)),
            "cpu": Threshold(above=Level(80, "percent"), for_=Seconds(60)),
        },
        log=LogPolicy(max_size=Bytes(10_000_000), keep=5),
    )
    web = settings.workloads["web"]
    assert (web.name, web.config_name, web.mode, web.cwd) == ("web", "web", "live", tmp_path)
    assert web.env == {"LEVEL": "info", "GYROSTAT_MODE": "live"}


def test_an_empty_file_and_no_file_give_the_defaults(read, tmp_path):
    empty = read("# nothing\n")
    none = load(None, actor_types={}, resolve=None, environ={})
    assert empty.node == none.node == NodeSettings()
    assert empty.revision == none.revision
    assert none.path is None
    assert none.root == tmp_path


def test_sections_and_collections_of_which_only_the_key_is_written_have_their_defaults(read):
    settings = read("node:\nworkloads:\n  web:\n    command: a\n    env:\n    restart:\n    probes:\nactors:\n")
    assert settings.declared["web"] == WorkloadSettings(command=["a"])


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("[sleep, 60, 1.50, true, 010]", ["sleep", "60", "1.50", "true", "010"]),
        ("sleep 60 'a b'", ["sleep", "60", "a b"]),
        ('"echo $HOME"', ["echo", "$HOME"]),
        ("42", ["42"]),
    ],
)
def test_a_command_is_taken_as_it_was_written(read, written, command):
    assert read(f"workloads: {{a: {{command: {written}}}}}").declared["a"].command == command


def test_variables_are_taken_as_they_were_written(read):
    env = (
        read("workloads: {a: {command: x, env: {A: 1.50, B: yes, C: true, D: 0x1F, E: '', F: 1_0}}}").declared["a"].env
    )
    assert env == {"A": "1.50", "B": "yes", "C": "true", "D": "0x1F", "E": "", "F": "1_0"}


@pytest.mark.parametrize("written", ["db", "[db]", "{db: ready}"])
def test_a_dependency_may_be_written_in_three_ways(read, written):
    settings = read(f"workloads: {{db: {{command: x}}, a: {{command: x, depends_on: {written}}}}}")
    assert settings.declared["a"].depends_on == {"db": "ready"}


def test_an_anchor_serves_several_workloads(read):
    settings = read("""\
        workloads:
          a:
            command: x
            restart: &calm {backoff_first: 5s}
          b: {command: x, restart: *calm}
        """)
    assert settings.declared["b"].restart.backoff_first == 5


# --- layers


def test_flags_win_over_the_environment_and_the_environment_over_the_file(read):
    text = "node: {name: file, state_dir: f, run_dir: f}"
    environ = {"GYROSTAT_NODE__STATE_DIR": "e", "GYROSTAT_NODE__RUN_DIR": "e"}
    node = read(text, environ=environ, overrides={"node.run_dir": "o"}).node
    assert (node.name, node.state_dir, node.run_dir) == ("file", "e", "o")


def test_a_variable_goes_down_by_two_underscores_and_finds_names_with_hyphens(read):
    text = "workloads: {my-web: {command: x, env: {Level: info}}}"
    environ = {
        "GYROSTAT_WORKLOADS__MY_WEB__CRITICAL": "true",
        "GYROSTAT_WORKLOADS__MY_WEB__RESTART__BACKOFF_MAX": "5s",
        "GYROSTAT_WORKLOADS__MY_WEB__ENV__Level": "debug",
        "GYROSTAT_WORKLOADS__MY_WEB__ENV__JSON": '{"a": 1}',
        "GYROSTAT_WORKLOADS__MY_WEB__COMMAND": "[sleep, 5]",
        "GYROSTAT_MODE": "sandbox",
    }
    settings = read(text, environ=environ)
    spec = settings.declared["my-web"]
    assert spec.critical is True
    assert spec.restart.backoff_max == 5
    assert spec.env == {"Level": "debug", "JSON": '{"a": 1}'}
    assert spec.command == ["sleep", "5"]
    assert settings.mode == "sandbox"


def test_a_number_in_a_variable_is_good_for_a_text(read):
    assert read("", environ={"GYROSTAT_NODE__NAME": "42"}).node.name == "42"
    assert read("", overrides={"node.name": "42"}).node.name == "42"


def test_a_shared_anchor_is_not_changed_through_one_of_its_uses(read):
    text = "workloads: {a: {command: x, restart: &r {start_limit: 3}}, b: {command: x, restart: *r}}"
    settings = read(text, overrides={"workloads.a.restart.start_limit": "9"})
    assert [spec.restart.start_limit for spec in settings.declared.values()] == [9, 3]


def test_reserved_variables_are_no_settings(read, faults):
    names = ["CONFIG", "TOKEN", "WORKLOAD", "INSTANCE", "CI", "INCARNATION"]
    assert faults("", environ={f"GYROSTAT_{name}": "x" for name in names}) == []


def test_the_mode_given_to_a_workload_is_not_the_mode_of_a_node_inside_it(read):
    environ = {"GYROSTAT_MODE": "sandbox", "GYROSTAT_WORKLOAD": "web"}
    assert read("mode: dual", environ=environ).mode == "dual"


def test_the_node_told_to_a_workload_is_no_setting_of_a_node_asked_from_inside_it(read):
    environ = {"GYROSTAT_NODE": "beta", "GYROSTAT_WORKLOAD": "web"}
    assert read("node: {name: alpha}", environ=environ).node.name == "alpha"
    assert peek_state_dir(None, environ)[0] != "beta"


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("GYROSTAT_NODE__NAMEE", "x", 'GYROSTAT_NODE__NAMEE: unknown key "node.namee"; did you mean "name"?'),
        ("GYROSTAT_NODE_NAME", "x", "GYROSTAT_NODE_NAME: unknown key; did you mean GYROSTAT_NODE__NAME?"),
        ("GYROSTAT_NOD__NAME", "x", 'GYROSTAT_NOD__NAME: unknown key "nod"; did you mean "node"?'),
        ("GYROSTAT_NODE__NAME", "", 'GYROSTAT_NODE__NAME: "" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -'),
        ("GYROSTAT_NODE__", "x", "GYROSTAT_NODE__: names no key; allowed: GYROSTAT_NODE__NAME and its kind"),
        ("GYROSTAT_MODE", "test", 'GYROSTAT_MODE: "test" is unknown; allowed: sandbox, live, dual'),
        ("GYROSTAT_NODE", "[x", "GYROSTAT_NODE: not YAML: did not find expected ',' or ']'"),
        ("GYROSTAT_WORKLOADS__WEB__CRITICAL", "true", "GYROSTAT_WORKLOADS__WEB__CRITICAL: is missing"),
    ],
)
def test_a_bad_variable_is_told_by_its_name(faults, variable, text, line):
    assert faults("", environ={variable: text})[0] == f"environment: {line}"


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("node.namee", "x", 'node.namee: unknown key; did you mean "name"?'),
        ("node..name", "x", "node..name: names no key; allowed: node.name and its kind"),
        ("mode", "test", 'mode: "test" is unknown; allowed: sandbox, live, dual'),
    ],
)
def test_a_bad_flag_is_told_by_its_key(faults, key, text, line):
    assert faults("", overrides={key: text}) == [f"flags: {line}"]


def test_each_value_knows_where_it_was_written(read):
    settings = read("node:\n  name: a\n  state_dir: v", environ={"GYROSTAT_NODE__RUN_DIR": "r"})
    assert settings.origins["node.name"] == Origin("gyrostat.yaml", 2)
    assert settings.origins["node.run_dir"] == Origin("environment", 0, "GYROSTAT_NODE__RUN_DIR")
    assert "node.facts" not in settings.origins


def test_the_revision_changes_with_what_was_said_and_with_nothing_else(read):
    first = read("node: {name: a}\nworkloads: {w: {command: x}}").revision
    assert read("# a comment\nworkloads:\n  w: {command: [x]}\nnode: {name: 'a'}").revision == first
    assert read("node: {name: a}\nworkloads: {w: {command: x, critical: true}}").revision != first


# --- actors


def test_actors_that_are_not_mentioned_have_their_defaults(read):
    settings = read("", actor_types={"pace": PaceSettings})
    assert settings.actors["pace"].settings == PaceSettings()
    assert settings.actors["pace"].enabled is True
    assert settings.actors["pace"].use is None


def test_an_actor_has_its_own_keys_beside_enabled(read):
    settings = read("actors: {pace: {every: 1m, enabled: false}}", actor_types={"pace": PaceSettings})
    assert settings.actors["pace"].settings == PaceSettings(every=Seconds(60))
    assert settings.actors["pace"].enabled is False


def test_an_actor_that_cannot_do_without_a_setting_says_so(faults):
    assert faults("node: {name: a}", actor_types={"mail": MailSettings}) == [
        "gyrostat.yaml:1: actors.mail.server: is missing"
    ]


def test_an_actor_of_the_operator_has_the_type_that_its_module_names(read):
    asked = []

    def resolve(name: str, use: str) -> type[Struct]:
        asked.append((name, use))
        return MailSettings

    settings = read("actors: {post: {use: 'mypkg.mod:MyActor', server: smtp}}", resolve=resolve)
    assert asked == [("post", "mypkg.mod:MyActor")]
    assert settings.actors["post"].settings == MailSettings(server="smtp")
    assert settings.actors["post"].use == "mypkg.mod:MyActor"


def test_a_broken_plug_in_is_a_fault_at_its_line(faults):
    def resolve(name: str, use: str) -> type[Struct]:
        raise ValueError(f"{use}: no module\nnamed mypkg")

    text = "actors:\n  post:\n    use: mypkg:A\n    server: smtp\n  other: {enabled: on}\n"
    assert faults(text, resolve=resolve) == [
        "gyrostat.yaml:3: actors.post.use: mypkg:A: no module named mypkg",
        'gyrostat.yaml:5: actors.other.enabled: "on" is a text; allowed: true or false',
    ]


def test_a_plug_in_that_is_switched_off_is_not_imported(read):
    settings = read("actors: {post: {use: mypkg:A, enabled: false, whatever: 1}}")
    assert settings.actors["post"].enabled is False


def test_a_plug_in_where_there_can_be_none_is_a_fault(faults):
    assert faults("actors: {post: {use: mypkg:A}}") == [
        "gyrostat.yaml:1: actors.post.use: actors of your own cannot be used here"
    ]


class Odd(Struct, frozen=True):
    number: complex = 0j


class Greedy(Struct, frozen=True):
    enabled: str = ""


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Odd, "Odd.number: settings cannot have the type <class 'complex'>"),
        (Greedy, 'Greedy has a field "enabled", which every actor has already'),
    ],
)
def test_a_settings_type_that_cannot_be_read_is_a_fault_of_its_actor(faults, kind, problem):
    assert faults("actors:\n  odd: {}", actor_types={"odd": kind}) == [f"gyrostat.yaml:2: actors.odd: {problem}"]


# --- the quick look


def test_a_quick_look_gives_the_same_directories_as_the_whole(read):
    settings = read(EVERYTHING)
    looked = peek_state_dir(Path("gyrostat.yaml"), {})
    assert looked == (settings.node.name, settings.state_dir, settings.run_dir)


def test_a_quick_look_does_not_read_what_follows_the_node_section(tmp_path):
    (tmp_path / "c.yaml").write_text("node: {name: a, state_dir: v}\nmode: [wrong later on")
    assert peek_state_dir(tmp_path / "c.yaml", {}) == ("a", tmp_path / "v", tmp_path / "v" / "run")


def test_a_quick_look_heeds_the_environment(tmp_path):
    (tmp_path / "c.yaml").write_text("node: {name: a}")
    environ = {"GYROSTAT_NODE__NAME": "b", "GYROSTAT_NODE__RUN_DIR": "/run/x", "GYROSTAT_WRONG": "1"}
    assert peek_state_dir(tmp_path / "c.yaml", environ) == ("b", tmp_path / "var", Path("/run/x"))


def test_a_quick_look_finds_faults_of_the_node_section_only(tmp_path):
    (tmp_path / "c.yaml").write_text("workloads: {web: {}}\nnode:\n  name: UP\n")
    with pytest.raises(ConfigError, match=r'c\.yaml:3: node\.name: "UP" is no name'):
        peek_state_dir(tmp_path / "c.yaml", {})


def test_a_quick_look_without_a_file_gives_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert peek_state_dir(None, {"GYROSTAT_NODE": "{name: c}"})[0] == "c"
    assert peek_state_dir(None, {"GYROSTAT_NODE__NAME": "b"}) == ("b", tmp_path / "var", tmp_path / "var" / "run")


def test_settings_are_frozen(read):
    settings = read("workloads: {w: {command: x}}")
    with pytest.raises(AttributeError):
        settings.mode = "dual"
    assert structs.replace(settings, mode="dual").mode == "dual"
