import json
import subprocess
import sys

import msgspec
import psutil
import pytest

from actors.faults.catalogue import chosen
from actors.faults.fault import NotWell
from actors.faults.play import Playing
from actors.faults.verdict import Verdict

TIMEOUT_S = 100


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Plays faults in a directory of the test, which has to be empty again at its end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def run(*faults, jobs=2):
        told: list[Verdict] = []
        verdicts = Playing(told.append).run(faults, jobs)
        assert {verdict.fault for verdict in told} == {verdict.fault for verdict in verdicts}
        return verdicts

    yield run
    assert not list(tmp_path.iterdir())
    for process in psutil.process_iter():
        try:
            assert not process.cwd().startswith(str(tmp_path))
        except psutil.Error:
            continue


def test_a_killed_program_a_broken_input_and_an_error_burst_come_out_right(play):
    verdicts = play(*chosen(["crash", "broken_input", "error_burst"]), jobs=3)
    assert [(verdict.fault, verdict.wrong) for verdict in verdicts] == [
        ("crash", ""),
        ("broken_input", ""),
        ("error_burst", ""),
    ]
    crash, broken, burst = verdicts
    assert crash.starts == {"tick": 1}
    assert "quarantine_input" in broken.actions
    assert burst.actions == []


def test_a_repair_that_is_not_allowed_is_not_done_and_the_suite_says_so(play):
    (fault,) = chosen(["broken_input"])
    bound = fault.workloads.partition("  repair:")[0]
    (verdict,) = play(msgspec.structs.replace(fault, workloads=bound, within_s=3.0))
    assert not verdict.right
    assert verdict.wrong.startswith("not repaired")
    assert "quarantine_input" not in verdict.actions


def test_a_fault_that_does_not_hurt_is_no_success(play):
    (fault,) = chosen(["crash"])
    (verdict,) = play(msgspec.structs.replace(fault, inject=lambda stand: stand.done("nothing"), within_s=1.0))
    assert verdict.wrong == "not seen"


def test_programs_that_do_not_work_from_the_start_are_told_and_not_judged(play, monkeypatch):
    def never(_):
        raise NotWell("never")

    monkeypatch.setattr("actors.faults.stand.CALM_S", 0.5)
    (fault,) = chosen(["crash"])
    (verdict,) = play(msgspec.structs.replace(fault, look=never))
    assert verdict.wrong.startswith("not played: DemoFailed")


def test_what_a_machine_lacks_is_not_run_and_said(play):
    (fault,) = chosen(["crash"])
    (verdict,) = play(msgspec.structs.replace(fault, needs=("no-such-program",)))
    assert verdict.not_run == "no no-such-program on this machine"
    assert not verdict.right


def test_the_command_prints_what_came_out_and_ends_with_0_only_when_all_is_right(tmp_path):
    argv = [sys.executable, "-P", "-m", "actors.cli", "faults", "--only", "crash", "--json"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=tmp_path)
    said = json.loads(run.stdout)
    assert run.returncode == 0, run.stderr
    assert (said["right"], said["of"], said["collateral"]) == (1, 1, 0)
    assert said["faults"][0]["fault"] == "crash"
    assert "1/1 crash: repaired" in run.stderr
