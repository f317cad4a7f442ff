import contextlib
import errno
import json
import os
import pwd
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from actors.process_manager.life import make_launch
from actors.process_manager.spawn import SpawnFailed, account_of, explained, ignored_signals, spawn
from actors.settings import Bytes, LogPolicy
from actors.settings.push import PushSettings

TELL = """
import json, os, signal, sys
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
print(json.dumps(dict(
    env=dict(os.environ), cwd=os.getcwd(), sid=os.getsid(0), pgid=os.getpgid(0), pid=os.getpid(), uid=os.getuid(),
    gid=os.getgid(), groups=os.getgroups(), blocked=[int(one) for one in blocked],
    pipe=signal.getsignal(signal.SIGPIPE) is signal.SIG_DFL or sys.flags.isolated,
    fds=sorted(int(fd) for fd in os.listdir("/proc/self/fd")), stdin=os.readlink("/proc/self/fd/0"),
)))
"""


@pytest.fixture
def launch(tmp_path, workload, mark):
    def make(command, **spec):
        return make_launch(workload("web", command, **spec), "alpha", os.environ, str(tmp_path))

    return make


def said(launch):
    spawned = spawn(launch, "the-token", 7)
    os.waitpid(spawned.pid, 0)
    return json.loads(Path(launch.log_path).read_text()[spawned.log.size :])


def test_a_process_gets_its_own_session_directory_and_environment(launch, tmp_path, python):
    told = said(launch(python(TELL), env={"MINE": "1"}))
    assert told["sid"] == told["pgid"] == told["pid"]
    assert told["cwd"] == str(tmp_path)
    assert told["stdin"] == "/dev/null"
    assert [fd for fd in told["fds"] if fd > 2] in ([3], [])
    wanted = {
        "MINE": "1",
        "GYROSTAT_TOKEN": "the-token",
        "GYROSTAT_INCARNATION": "7",
        "GYROSTAT_WORKLOAD": "web",
        "GYROSTAT_NODE": "alpha",
        "GYROSTAT_MODE": "live",
    }
    assert wanted.items() <= told["env"].items()
    assert told["env"]["PATH"] == os.environ["PATH"]


def test_the_token_of_a_node_that_is_itself_a_workload_is_not_handed_on(workload, tmp_path):
    env = {"GYROSTAT_TOKEN": "outer", "GYROSTAT_INCARNATION": "3", "A": "1"}
    assert dict(make_launch(workload("web", "true"), "alpha", env, str(tmp_path)).env) == {
        "A": "1",
        "GYROSTAT_WORKLOAD": "web",
        "GYROSTAT_NODE": "alpha",
        "GYROSTAT_MODE": "live",
    }


def test_a_workload_is_told_where_to_hand_in_values_and_not_where_the_outer_node_takes_them(workload, tmp_path):
    env = {"GYROSTAT_PUSH": "outer", "GYROSTAT_STATSD": "outer"}
    told = PushSettings(http="127.0.0.1:8125").variables("web")
    made = dict(make_launch(workload("web", "true"), "alpha", env, str(tmp_path), told).env)
    assert made["GYROSTAT_PUSH"] == "http://127.0.0.1:8125/push/web"
    assert "GYROSTAT_STATSD" not in made


def test_a_blocked_signal_of_the_node_is_not_blocked_in_the_process(launch, python):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        assert said(launch(python(TELL)))["blocked"] == []
        assert signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})


def test_signals_the_node_ignores_are_named():
    former = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        assert "SIGUSR2" in ignored_signals()
    finally:
        signal.signal(signal.SIGUSR2, former)
    assert "SIGUSR2" not in ignored_signals()
    assert "SIGPIPE" not in ignored_signals()


def test_output_is_appended_to_the_log_by_the_process_itself(launch):
    first, second = launch("echo one; echo two >&2"), launch("echo three")
    for one in (first, second):
        os.waitpid(spawn(one, "t", 1).pid, 0)
    assert Path(first.log_path).read_text() == "one\ntwo\nthree\n"


def test_a_log_that_is_full_is_renamed_for_the_next_incarnation(launch):
    one = launch("head -c 2000 /dev/zero; echo end", log=LogPolicy(max_size=Bytes(1500), keep=2))
    os.waitpid(spawn(one, "t", 1).pid, 0)
    spawned = spawn(one, "t", 2)
    os.waitpid(spawned.pid, 0)
    assert (spawned.log.size, spawned.log.former_path, spawned.log.former_end) == (0, f"{one.log_path}.1", 2004)
    assert [Path(path).stat().st_size for path in (f"{one.log_path}.1", one.log_path)] == [2004, 2004]


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_program_that_is_missing_or_not_executable_is_one_clear_line(launch, tmp_path, mode):
    if mode is not None:
        (tmp_path / "prog").write_text("#!/bin/sh\n")
        (tmp_path / "prog").chmod(mode)
    with pytest.raises(SpawnFailed) as failed:
        spawn(launch(["./prog"]), "t", 1)
    assert failed.value.reason == (
        "its program ./prog (or the interpreter it names) is missing"
        if mode is None
        else "its program ./prog may not be executed by this user"
    )
    assert failed.value.retryable is (mode is None)


def test_a_file_that_is_no_program_is_one_clear_line(launch, tmp_path):
    (tmp_path / "prog").write_text("no shebang\n")
    (tmp_path / "prog").chmod(0o755)
    with pytest.raises(SpawnFailed, match=r"its program ./prog cannot be executed: no #! line") as failed:
        spawn(launch(["./prog"]), "t", 1)
    assert not failed.value.retryable


def test_a_directory_that_is_gone_is_one_clear_line(launch, tmp_path, workload):
    gone = tmp_path / "gone"
    one = make_launch(workload("web", "true", cwd=gone), "alpha", os.environ, str(tmp_path))
    with pytest.raises(SpawnFailed) as failed:
        spawn(one, "t", 1)
    assert (failed.value.reason, failed.value.retryable) == (f"its directory {gone} is missing", True)


def test_a_log_that_cannot_be_written_is_one_clear_line(workload, tmp_path):
    one = make_launch(workload("web", "true"), "alpha", os.environ, str(tmp_path / "nowhere"))
    with pytest.raises(SpawnFailed, match=r"cannot write its log .*: No such file") as failed:
        spawn(one, "t", 1)
    assert failed.value.retryable


def test_a_nul_in_an_argument_is_one_clear_line(launch):
    with pytest.raises(SpawnFailed, match="true cannot be started: embedded null byte") as failed:
        spawn(launch(["true", "a\0b"]), "t", 1)
    assert not failed.value.retryable


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ETXTBSY])
def test_a_machine_that_is_short_of_something_may_have_it_later(launch, number):
    failed = explained(OSError(number, os.strerror(number), "true"), launch(["true"]))
    assert failed.retryable
    assert os.strerror(number) in failed.reason


def test_other_faults_are_told_as_the_system_tells_them(launch, tmp_path):
    one = launch(["true"])
    assert explained(OSError(errno.ELOOP, "Too many levels", "true"), one).reason == (
        "its program true cannot be started: Too many levels"
    )
    entered = explained(OSError(errno.EACCES, "Permission denied", one.cwd), one)
    assert entered.reason == f"its directory {tmp_path} cannot be entered: Permission denied"


def test_an_unknown_user_is_one_clear_line():
    with pytest.raises(SpawnFailed, match="its user no-such-user is not known"):
        account_of("no-such-user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a workload as another user")
def test_a_process_runs_as_its_user(workload, tmp_path, mark):
    one = workload("web", 'echo "$(id -u) $(id -g) $USER $PWD"', user="nobody", cwd=Path("/"))
    launch = make_launch(one, "alpha", os.environ, str(tmp_path))
    os.waitpid(spawn(launch, "t", 1).pid, 0)
    account = pwd.getpwnam("nobody")
    assert Path(launch.log_path).read_text() == f"{account.pw_uid} {account.pw_gid} nobody /\n"


def test_a_node_that_is_not_root_cannot_run_as_another(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SpawnFailed, match="only root can run it as root; this node runs as uid 12345"):
        account_of("root")


def test_another_popen_in_the_node_takes_no_exit_status_away(launch):
    spawned = spawn(launch("exit 6"), "t", 1)
    os.waitid(os.P_PID, spawned.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(3):
        subprocess.run(["true"], check=True)
    assert os.waitstatus_to_exitcode(os.waitpid(spawned.pid, 0)[1]) == 6


def test_spawning_works_from_any_thread(launch):
    pids: list[int] = []
    thread = threading.Thread(target=lambda: pids.append(spawn(launch("exit 0"), "t", 1).pid))
    thread.start()
    thread.join()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pids[0], 0)
    assert len(pids) == 1
