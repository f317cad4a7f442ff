"""The roster: built-in actors, and the ways in for others."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from actors.base import handlers_of
from actors.node import load_node
from actors.roster import BUILT_IN, Roster, load_actor
from actors.settings.faults import ConfigError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "tally"


@pytest.fixture(autouse=True)
def own_import_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("tally", "broken_plugin"):
        sys.modules.pop(name, None)


def written(folder: Path, text: str) -> Path:
    path = folder / "gyrostat.yaml"
    path.write_text(text)
    return path


def faults_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_node(path, {})
    return [str(fault) for fault in caught.value.faults]


def test_every_built_in_actor_has_its_handlers_and_one_name() -> None:
    for kind in BUILT_IN:
        handlers_of(kind)
    assert len({kind.name for kind in BUILT_IN}) == len(BUILT_IN) == 10


def test_every_built_in_actor_gets_its_default_settings_without_a_config(tmp_path: Path) -> None:
    settings, roster = load_node(written(tmp_path, "node: {name: alpha}\n"), {})
    children = roster.children(settings)
    assert {child.kind for child in children} == set(BUILT_IN)
    assert all(child.settings == child.kind.Settings() for child in children)


def test_an_actor_can_be_switched_off(tmp_path: Path) -> None:
    settings, roster = load_node(written(tmp_path, "actors: {optimizer: {enabled: false}}\n"), {})
    assert "optimizer" not in {child.kind.name for child in roster.children(settings)}


def test_an_actor_beside_the_config_is_taken_in_by_its_import_path() -> None:
    settings, roster = load_node(EXAMPLE / "gyrostat.yaml", {})
    child = next(child for child in roster.children(settings) if child.kind.name == "tally")
    assert child.kind.__module__ == "tally"
    assert child.settings.tell_every == 2  # type: ignore[attr-defined]


def test_the_settings_of_a_plug_in_are_validated_with_line_and_key(tmp_path: Path) -> None:
    (tmp_path / "tally.py").write_text((EXAMPLE / "tally.py").read_text())
    path = written(tmp_path, 'actors:\n  tally:\n    use: "tally:Tally"\n    tell_evry: 3\n')
    assert faults_of(path) == [f'{path}:4: actors.tally.tell_evry: unknown key; did you mean "tell_every"?']


@pytest.mark.parametrize(
    ("use", "says"),
    [
        ("nowhere_at_all:X", "cannot import 'nowhere_at_all'"),
        ("json:JSONDecoder", "is no subclass of actors.base.Actor"),
        ("json", "is no import path"),
        ("actors.mine:Mine", "is gyrostat's own"),
    ],
)
def test_a_broken_plug_in_is_one_line_at_its_place(tmp_path: Path, use: str, says: str) -> None:
    path = written(tmp_path, f'actors:\n  my: {{use: "{use}"}}\n')
    (line,) = faults_of(path)
    assert line.startswith(f"{path}:2: actors.my")
    assert says in line
    assert "\n" not in line


def test_a_plug_in_that_raises_on_import_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('half done')\n")
    (line,) = faults_of(written(tmp_path, 'actors:\n  my: {use: "broken_plugin:X"}\n'))
    assert "RuntimeError: half done" in line


def test_a_plug_in_may_not_take_the_name_of_another(tmp_path: Path) -> None:
    (tmp_path / "tally.py").write_text((EXAMPLE / "tally.py").read_text().replace('"tally"', '"healer"'))
    (line,) = faults_of(written(tmp_path, 'actors:\n  healer: {use: "tally:Tally"}\n'))
    assert "there is an actor 'healer' already" in line


def test_an_installed_package_offers_an_actor_by_entry_point(tmp_path: Path) -> None:
    (tmp_path / "tally.py").write_text((EXAMPLE / "tally.py").read_text())
    info = tmp_path / "tally_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tally-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gyrostat.actors]\ntally = tally:Tally\n")
    sys.path.insert(0, str(tmp_path))
    assert any(point.name == "tally" for point in metadata.entry_points(group="gyrostat.actors"))
    roster = Roster()
    assert roster.faults == []
    assert roster.settings_types["tally"] is load_actor("tally:Tally").Settings


def test_a_broken_entry_point_is_named(tmp_path: Path) -> None:
    info = tmp_path / "bad_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gyrostat.actors]\nbad = nowhere_at_all:Bad\n")
    sys.path.insert(0, str(tmp_path))
    (line,) = faults_of(written(tmp_path, "{}\n"))
    assert "entry point bad of gyrostat.actors: cannot import 'nowhere_at_all'" in line


def test_our_packages_are_found_though_the_working_directory_has_ones_of_the_same_name(tmp_path: Path) -> None:
    for name in ("bus", "actors", "config"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the wrong one')\n")
    command = Path(sys.executable).parent / "gyrostat"
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_fault_is_told_at_once_also_of_a_workload_that_cannot_be_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "workloads:\n"
        "  web:\n"
        "    command: [no-such-program]\n"
        "    restrat: {policy: always}\n"
        "    depends_on: {dbb: ready}\n"
        "    hooks: {repair: {comand: x}}\n"
        "    heal: {crash_loop: ['hook:repair']}\n"
        "  db: {comand: [sleep, '60'], cwd: ./nowhere}\n",
    )
    places = [line.partition(": ")[2].partition(": ")[0] for line in faults_of(path)]
    assert places == [
        "workloads.web.command",
        "workloads.web.restrat",
        "workloads.web.depends_on.dbb",
        "workloads.web.hooks.repair.comand",
        "workloads.web.hooks.repair.command",
        "workloads.db.comand",
        "workloads.db.command",
        "workloads.db.cwd",
    ]
