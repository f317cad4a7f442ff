import contextlib
import os
import secrets
import signal
import sys
import time
from pathlib import Path

import pytest

from actors.process_manager.actor import ProcessManager
from actors.process_manager.processes import process_table
from actors.settings import Workload, WorkloadSettings
from tests.harness import House

MARK = "GYROSTAT_TEST_MARK"


def marked(mark: str) -> list[int]:
    """Live processes that a test started, itself or through others."""
    table = process_table()
    found = []
    for pid in table.pids():
        stat = table.stat(pid)
        if pid != os.getpid() and stat and not stat.zombie and table.environ(pid).get(MARK) == mark:
            found.append(pid)
    return found


@pytest.fixture
def mark(monkeypatch):
    """A word in the environment of everything a test starts; what is left of that is killed at its end."""
    word = secrets.token_hex(8)
    monkeypatch.setenv(MARK, word)
    yield word
    end_s = time.monotonic() + 10
    while (left := marked(word)) and time.monotonic() < end_s:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    assert not marked(word)


@pytest.fixture
def alive(mark):
    """Live processes of this test: all, or those whose arguments hold a word."""

    def find(word: str = "") -> list[int]:
        return [pid for pid in marked(mark) if word in " ".join(process_table().argv(pid))]

    return find


@pytest.fixture
def workload(tmp_path):
    """Makes a workload; what is not said is as in the config's defaults."""

    def make(name: str, command: list[str] | str, *, cwd: Path | None = None, mode="live", **spec) -> Workload:
        argv = ["sh", "-c", command] if isinstance(command, str) else command
        env = spec.pop("env", {})
        settings = WorkloadSettings(command=argv, env=env, **spec)
        return Workload(name=name, config_name=name, mode=mode, spec=settings, cwd=cwd or tmp_path, env=env)

    return make


@pytest.fixture
def houses(tmp_path, mark):
    """Makes houses on one state directory; they are stopped at the end, and with them everything they started."""
    made: list[House] = []

    def make(**options) -> House:
        house = House(tmp_path / "state", node=f"n{mark}", **options)
        made.append(house)
        return house

    yield make
    for house in made:
        house.stop()


@pytest.fixture
def keep(houses):
    """Starts a ProcessManager for workloads in a house of its own."""

    def start(*workloads: Workload, **options):
        house = houses()
        settings = ProcessManager.Settings(**options)
        shell = house.start(ProcessManager, settings, workloads={one.name: one for one in workloads})
        assert shell.state == "running", shell.last_error
        return house

    return start


@pytest.fixture
def python():
    """The command line of a Python program."""

    def command(program: str, *args: str) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", program, *args]

    return command
