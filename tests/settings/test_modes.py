from pathlib import Path

import pytest

from actors.settings import load, revision

THREE = """\
    mode: {mode}
    workloads:
      db: {{command: x}}
      web:
        command: [serve]
        env: {{LEVEL: info, PORT: 80}}
        depends_on: {{db: started}}
        modes:
          sandbox: {{env: {{LEVEL: debug}}, cwd: box, command: serve --dry}}
      mail: {{command: x, runs_in: [live], depends_on: [db]}}
      lab: {{command: x, runs_in: [sandbox], depends_on: [web]}}
    """


@pytest.mark.parametrize(
    ("mode", "names", "left_out"),
    [
        ("live", ["db", "web", "mail"], ["lab"]),
        ("sandbox", ["db", "web", "lab"], ["mail"]),
        ("dual", ["db-sandbox", "db-live", "web-sandbox", "web-live", "mail", "lab"], []),
    ],
)
def test_a_workload_runs_in_the_modes_it_names(read, mode, names, left_out):
    settings = read(THREE.format(mode=mode))
    assert list(settings.workloads) == names
    assert settings.left_out == left_out
    assert list(settings.declared) == ["db", "web", "mail", "lab"]


def test_in_dual_both_instances_know_their_mode_and_depend_on_the_same_mode(read, tmp_path):
    workloads = read(THREE.format(mode="dual")).workloads
    live, sandbox = workloads["web-live"], workloads["web-sandbox"]
    assert (live.config_name, live.mode, sandbox.mode) == ("web", "live", "sandbox")
    assert live.env == {"LEVEL": "info", "PORT": "80", "GYROSTAT_MODE": "live"}
    assert sandbox.env == {"LEVEL": "debug", "PORT": "80", "GYROSTAT_MODE": "sandbox"}
    assert live.spec.depends_on == {"db-live": "started"}
    assert sandbox.spec.depends_on == {"db-sandbox": "started"}
    assert workloads["mail"].spec.depends_on == {"db-live": "ready"}
    assert workloads["lab"].spec.depends_on == {"web-sandbox": "ready"}
    assert (live.cwd, sandbox.cwd) == (tmp_path, tmp_path / "box")
    assert (live.spec.command, sandbox.spec.command) == (["serve"], ["serve", "--dry"])


def test_what_is_said_about_one_mode_changes_the_revision_of_that_mode_only(read):
    before = read(THREE.format(mode="dual")).workloads
    after = read(THREE.format(mode="dual").replace("LEVEL: debug", "LEVEL: trace")).workloads
    assert revision(before["web-live"].spec) == revision(after["web-live"].spec)
    assert revision(before["web-sandbox"].spec) != revision(after["web-sandbox"].spec)


def test_two_instances_cannot_have_one_name(faults):
    text = "mode: dual\nworkloads:\n  web: {command: x}\n  web-live: {command: x, runs_in: [live]}\n"
    assert faults(text) == [
        (
            'gyrostat.yaml:4: workloads.web-live: its instance "web-live" has the name of one of "web"; '
            "allowed: another name"
        )
    ]
    assert faults(text.replace("dual", "live")) == []


def test_the_name_of_an_instance_has_to_be_a_name_too(faults):
    text = f"mode: dual\nworkloads:\n  {'a' * 60}: {{command: x}}\n"
    assert len(faults(text)) == 2
    assert faults(text.replace("dual", "live")) == []


def test_one_cannot_depend_on_what_does_not_run_in_its_mode(faults):
    text = "mode: {}\nworkloads:\n  db: {{command: x, runs_in: [live]}}\n  web: {{command: x, depends_on: [db]}}\n"
    line = (
        'gyrostat.yaml:4: workloads.web.depends_on.db: "db" does not run in mode sandbox, and "web" does; '
        "allowed: runs_in that go together"
    )
    assert faults(text.format("live")) == []
    assert faults(text.format("sandbox")) == [line]
    assert faults(text.format("dual")) == [line]


def test_a_directory_is_relative_to_the_config_file(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.yaml").write_text("workloads: {a: {command: x, cwd: sub}, b: {command: x, cwd: /}}")
    monkeypatch.chdir(tmp_path)
    settings = load(Path("deep/c.yaml"), actor_types={}, resolve=None, environ={})
    assert settings.workloads["a"].cwd == tmp_path / "deep" / "sub"
    assert settings.workloads["b"].cwd == Path("/")
    assert settings.path == tmp_path / "deep" / "c.yaml"
    assert settings.state_dir == tmp_path / "deep" / "var"
