import time

import pytest

from actors.process_manager.commands import OUTPUT_LINES, run_command
from actors.process_manager.life import make_launch


@pytest.fixture
def launch(workload, tmp_path, mark):
    env = {"PATH": "/usr/bin:/bin", "GYROSTAT_TEST_MARK": mark}
    return make_launch(workload("web", "true", env={"MINE": "here"}), "alpha", env, str(tmp_path))


def until_none(alive):
    """SIGKILL takes effect when the kernel comes to it."""
    end_s = time.monotonic() + 20
    while alive("sleep"):
        assert time.monotonic() < end_s
        time.sleep(0.005)


def sh(script):
    return ["sh", "-c", script]


def test_a_command_runs_in_the_directory_and_environment_of_the_workload_without_its_token(launch, tmp_path):
    ran = run_command(sh('echo "$PWD $MINE $GYROSTAT_WORKLOAD ${GYROSTAT_TOKEN:-none}"; exit 3'), launch, 20)
    assert (ran.exit_code, ran.output) == (3, [f"{tmp_path} here web none"])


def test_a_command_that_hangs_is_ended_with_its_whole_group(launch, alive):
    ran = run_command(sh("echo begun; sleep 1000 & sleep 1000"), launch, 0.3)
    assert (ran.exit_code, ran.output) == (None, ["begun"])
    assert 0.3 <= ran.took_s < 20
    until_none(alive)


def test_what_a_command_leaves_behind_in_its_group_is_ended_and_holds_nobody_up(launch, alive):
    ran = run_command(sh("sleep 1000 & echo done"), launch, 20)
    assert (ran.exit_code, ran.output) == (0, ["done"])
    until_none(alive)


def test_an_end_by_signal_is_told_as_a_shell_does(launch):
    assert run_command(sh("kill -TERM $$"), launch, 20).exit_code == 143


def test_a_program_that_is_not_there_is_told_as_a_shell_does(launch):
    assert run_command(["/no/such"], launch, 20).exit_code == 127
    assert run_command(["/tmp"], launch, 20).exit_code == 126
    assert run_command(["a\0"], launch, 20).output == ["embedded null byte"]


def test_much_output_is_kept_to_its_last_lines(launch):
    ran = run_command(sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"), launch, 20)
    assert len(ran.output) == OUTPUT_LINES
    assert ran.output[-1] == "line 19999"


def test_a_user_that_is_not_known_is_told(workload, tmp_path):
    one = make_launch(workload("web", "true", user="no-such-user"), "alpha", {}, str(tmp_path))
    assert run_command(["true"], one, 20).output == ["its user no-such-user is not known on this machine"]
