import os
import threading

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.sources.command import Account, CommandSource, last_number
from actors.monitor.sources.reader import NotRead


@pytest.fixture
def run(tmp_path):
    def run_it(*argv, within_s=10.0, env=None, account=None):
        given_env = {"PATH": os.environ["PATH"], **(env or {})}
        source = CommandSource("depth", argv, within_s, cwd=tmp_path, env=given_env, account=account or Account())
        return source.read()["depth"]

    return run_it


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        (b"42\n", 42),
        (b"queued 7, running 3\n", 3),
        (b"load: 1.5e-3", 0.0015),
        (b"-4", -4),
        (b".5", 0.5),
        (b"1.2.3 7 v2 4x", 7),
        (b"\xff\xfe 9 \xff", 9),
    ],
)
def test_the_last_number_counts(printed, number):
    assert last_number(printed) == number


@pytest.mark.parametrize(
    ("printed", "why"),
    [(b"", "printed nothing"), (b"no idea", "printed no number: 'no idea'"), (b"1e999", "too large"), (b"nan", "no")],
)
def test_what_is_no_number_is_said(printed, why):
    with pytest.raises(NotRead, match=why):
        last_number(printed)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_that_python_prints_is_read_back(number):
    assert last_number(f"a {number!r}\n".encode()) == number


def test_it_runs_in_its_directory_with_its_environment(run, tmp_path):
    (tmp_path / "depth").write_text("3")
    assert run("sh", "-c", "cat depth; echo $EXTRA", env={"EXTRA": "45"}) == 345


def test_only_the_end_of_much_output_is_looked_at(run):
    assert run("sh", "-c", "yes x | head -c 500000; echo 12") == 12


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_it_leaves_running_is_ended_and_not_waited_for(run, until):
    pid = int(run("sh", "-c", "sleep 600 & echo $!"))
    until(lambda: gone(pid))


def test_one_that_closes_its_output_and_goes_on_is_late(run):
    with pytest.raises(NotRead, match=r"took longer than 0\.2 s") as refused:
        run("sh", "-c", "echo 1; exec >&-; exec sleep 600", within_s=0.2)
    assert refused.value.late


def test_a_signal_is_said(run):
    with pytest.raises(NotRead, match="sh ended with signal 9"):
        run("sh", "-c", "echo 1; kill -9 $$")


def test_without_a_descriptor_of_the_process_it_is_looked_at_now_and_then(run, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert run("sh", "-c", "sleep 600 & echo 5") == 5
    with pytest.raises(NotRead, match="took longer"):
        run("sleep", "600", within_s=0.2)


def test_an_account_that_does_not_exist_is_said(run):
    with pytest.raises(NotRead, match=r"does not start: .*no-such-user"):
        run("true", account=Account("no-such-user"))
    with pytest.raises(NotRead, match=r"does not start: .*no-such-group"):
        run("true", account=Account(None, "no-such-group"))


@pytest.mark.needs("id", root=True)
def test_it_runs_as_the_account_of_its_workload(run):
    assert run("id", "-u", account=Account("nobody")) == psutil.Process(os.getpid()).uids().real + 65534
    assert run("sh", "-c", "id -G | wc -w", account=Account("nobody")) == 1
    assert run("id", "-u", account=Account("root")) == 0


def test_many_at_once_do_not_disturb_one_another(run):
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(run("echo", str(n)) == n)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20
