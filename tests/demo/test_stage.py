import json
import subprocess
import sys

import pytest

from actors.demo.faults import FAULTS
from actors.demo.play import chosen
from actors.demo.stage import build, free_ports
from actors.node import load_node


@pytest.fixture
def stage(tmp_path):
    return build(tmp_path)


def test_the_config_of_the_demo_has_no_fault(stage):
    settings, _ = load_node(stage.config, {})
    subjects = {subject for fault in FAULTS for subject in fault.subjects}
    assert subjects <= set(settings.workloads)
    assert len(set(stage.ports.values())) == 4


def test_free_ports_are_all_different():
    assert len(set(free_ports(20))) == 20


def test_faults_are_chosen_by_name_in_the_order_of_the_demo():
    assert [fault.name for fault in chosen(["cpu", "sigkill"])] == ["sigkill", "cpu"]
    assert len(chosen([])) == 7
    with pytest.raises(KeyError, match="siegkill"):
        chosen(["siegkill"])


def repair(stage):
    program = [sys.executable, "programs/repair.py", "data/state.json"]
    return subprocess.run(program, cwd=stage.directory, capture_output=True, text=True, check=False)


def test_the_repair_hook_lays_a_bad_state_aside_and_puts_the_good_copy_back(stage):
    data = stage.directory / "data"
    (data / "state.json").write_text('{"offset": 1')
    (data / "state.json.good").write_text('{"offset": 0, "total": 0, "lines": 0}')
    assert repair(stage).returncode == 0
    assert json.loads((data / "state.json").read_text())["total"] == 0
    assert (data / "state.json.bad").read_text() == '{"offset": 1'


def test_the_repair_hook_fails_without_a_good_copy_and_changes_nothing(stage):
    data = stage.directory / "data"
    (data / "state.json").write_text("{")
    assert repair(stage).returncode != 0
    assert (data / "state.json").read_text() == "{"


def test_the_repair_hook_leaves_a_good_state_alone(stage):
    data = stage.directory / "data"
    (data / "state.json").write_text("{}")
    assert repair(stage).returncode == 0
    assert not (data / "state.json.bad").exists()


def test_the_store_does_not_start_while_another_has_its_data(stage):
    with subprocess.Popen(["sleep", "60"]) as holder:
        (stage.directory / "data" / "store.lock").write_text(f"{holder.pid}\n")
        program = [sys.executable, "programs/store.py", str(stage.ports["store"]), "data/store.json"]
        ended = subprocess.run(program, cwd=stage.directory, capture_output=True, text=True, check=False)
        holder.kill()
    assert ended.returncode == 1
    assert f"in the hands of process {holder.pid}" in ended.stderr
