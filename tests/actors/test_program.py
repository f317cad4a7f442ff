import sys
import threading
import time

import psutil
import pytest

from actors.program import run_program


def python(code):
    return [sys.executable, "-c", code]


@pytest.fixture
def until():
    def wait(true, timeout_s=20.0):
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, "not in time"
            time.sleep(0.01)

    return wait


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_gets_the_incident_on_its_stdin_and_the_rest_in_its_environment(tmp_path):
    code = "import os, sys; print(os.environ['GYROSTAT_EMERGENCY'], os.getcwd(), sys.stdin.read())"
    done = run_program(python(code), b'{"incident":"n1"}\n', {"GYROSTAT_EMERGENCY": "declared"}, tmp_path, 20)
    assert (done.exit_code, done.output[0]) == (0, f'declared {tmp_path} {{"incident":"n1"}}')


def test_one_that_reads_nothing_of_a_long_text_is_no_trouble(tmp_path):
    assert run_program(python("pass"), b"x" * 1_000_000, {}, tmp_path, 20).exit_code == 0


@pytest.mark.parametrize(
    ("code", "exit_code"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_how_it_failed_is_told_with_its_last_lines(tmp_path, code, exit_code):
    done = run_program(python(f"print('no route', flush=True)\n{code}"), b"", {}, tmp_path, 20)
    assert (done.exit_code, done.output) == (exit_code, ["no route"])


def test_one_that_takes_too_long_is_killed_with_what_it_started(tmp_path, until):
    done = run_program(["sh", "-c", "sleep 600 & echo $!; wait"], b"", {}, tmp_path, 0.5)
    assert done.exit_code is None
    (pid,) = done.output
    until(lambda: not lives(int(pid)))


@pytest.mark.parametrize(("program", "exit_code"), [("/does/not/exist", 127), ("/etc/passwd", 126)])
def test_one_that_cannot_be_run_is_told(tmp_path, program, exit_code):
    assert run_program([program], b"", {}, tmp_path, 5).exit_code == exit_code


def test_one_that_has_to_stop_is_killed_long_before_its_time(tmp_path):
    stop = threading.Event()
    stop.set()
    assert run_program(["sleep", "600"], b"", {}, tmp_path, 600, stop=stop).exit_code is None
