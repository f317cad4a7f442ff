import os
import signal
import subprocess
import time

import pytest

from actors.process_manager.life import make_launch
from actors.process_manager.processes import ProcFs, PsutilProcesses
from actors.process_manager.spawn import spawn
from actors.process_manager.strays import Search, Sought, end_strays, find
from actors.process_manager.tokens import Issuer, issue, new_secret

SECRET = new_secret()


@pytest.fixture(params=[ProcFs, PsutilProcesses])
def search(request):
    return Search(issuer=Issuer("alpha", SECRET), table=request.param())


@pytest.fixture
def start(workload, tmp_path, mark):
    """Spawns one incarnation of `web`; gives pid and token."""

    def spawned(script, incarnation=1, node="alpha", secret=SECRET):
        launch = make_launch(workload("web", script), node, os.environ, str(tmp_path))
        token = issue(secret, "web", incarnation)
        return spawn(launch, token, incarnation).pid, token

    return spawned


def sought(tmp_path, token="", pid=None, argv=("sleep", "1234")):
    return Sought(name="web", token=token, pid=pid, argv=list(argv), cwd=str(tmp_path))


def wait_until(true):
    end_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def child_of(pid):
    wait_until(lambda: children(pid))
    return children(pid)[0]


def children(pid):
    table = ProcFs()
    return [one for one in table.pids() if (stat := table.stat(one)) and stat.parent == pid and table.argv(one)]


def test_offspring_of_the_running_incarnation_is_no_stray_and_what_a_former_one_left_is(start, search, tmp_path):
    old, _ = start("sleep 1000 & wait", 1)
    left = child_of(old)
    os.kill(old, signal.SIGKILL)
    os.waitpid(old, 0)
    now, token = start("sleep 1000 & wait", 2)
    child_of(now)
    assert find([sought(tmp_path, token, now)], search)["web"].strays == [left]


def test_everything_is_a_stray_when_nothing_should_run(start, search, tmp_path):
    pid, token = start("exec sleep 1000")
    wait_until(lambda: ProcFs().argv(pid) == ["sleep", "1000"])  # in the middle of exec its environment reads empty
    assert find([sought(tmp_path, token)], search)["web"].strays == [pid]


@pytest.mark.parametrize(("node", "secret"), [("beta", SECRET), ("alpha", new_secret())])
def test_a_process_of_another_node_or_store_is_none_of_ours(start, search, tmp_path, node, secret):
    start("exec sleep 1000", node=node, secret=secret)
    assert find([sought(tmp_path)], search)["web"].strays == []


def test_a_forged_mark_makes_no_stray(search, tmp_path, mark):
    env = {**os.environ, "GYROSTAT_NODE": "alpha", "GYROSTAT_WORKLOAD": "web", "GYROSTAT_INCARNATION": "1"}
    process = subprocess.Popen(["sleep", "1000"], env={**env, "GYROSTAT_TOKEN": "0" * 48})
    assert find([sought(tmp_path)], search)["web"].strays == []
    process.kill()
    process.wait()


def test_a_copy_started_by_hand_is_told_by_program_arguments_and_directory(search, tmp_path, mark):
    processes = [
        subprocess.Popen(["sleep", "1234"], cwd=tmp_path),
        subprocess.Popen(["sleep", "1234"], cwd="/"),
        subprocess.Popen(["sleep", "1235"], cwd=tmp_path),
    ]
    try:
        assert find([sought(tmp_path)], search)["web"].by_hand == [processes[0].pid]
        assert find([sought(tmp_path, argv=["/elsewhere/sleep", "1234"])], search)["web"].by_hand == [processes[0].pid]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_script_started_by_hand_is_told_through_its_interpreter(search, tmp_path, mark):
    script = tmp_path / "serve"
    script.write_text("#!/bin/sh\nsleep 1000\n")
    script.chmod(0o755)
    process = subprocess.Popen(["./serve", "-x"], cwd=tmp_path, start_new_session=True)
    try:
        wait_until(lambda: find([sought(tmp_path, argv=["./serve", "-x"])], search)["web"].by_hand == [process.pid])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_strays_are_ended_and_those_that_ignore_it_are_killed(start, search, tmp_path, alive):
    soft, _ = start("exec sleep 1000", 1)
    hard, _ = start("trap '' TERM; echo on; while :; do sleep 0.1; done", 2)
    now, token = start("exec sleep 1000", 3)
    wait_until(lambda: (tmp_path / "web.log").read_text() == "on\n")
    os.kill(soft, signal.SIGSTOP)
    ended = end_strays(sought(tmp_path, token, now), [], search, 0.3)
    assert {soft, hard} <= set(ended)
    wait_until(lambda: alive("sleep") == [now])


def test_by_hand_ends_only_what_still_matches(search, tmp_path, mark):
    mine = subprocess.Popen(["sleep", "1234"], cwd=tmp_path)
    other = subprocess.Popen(["sleep", "1000"], cwd=tmp_path)
    try:
        assert end_strays(sought(tmp_path), [mine.pid, other.pid, 2**22 - 1], search, 5) == [mine.pid]
        assert mine.wait(20) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_without_pidfd_strays_are_ended_too(start, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    pid, _ = start("exec sleep 1000", 1)
    search = Search(issuer=Issuer("alpha", SECRET), table=PsutilProcesses())
    assert end_strays(sought(tmp_path), [], search, 5) == [pid]


def test_nothing_is_ended_where_there_is_nothing(search, tmp_path):
    assert end_strays(sought(tmp_path), [os.getpid(), 1], search, 5) == []
