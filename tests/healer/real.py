"""Fixtures for real faults: a real ProcessManager and Healer over one workload, and what is left of it is ended."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import sys
import time

import psutil
import pytest

from actors.healer.actor import Healer
from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds, StopPolicy, Workload, WorkloadSettings
from bus.messages import ListProcesses, StopAll
from tests.harness import House
from tests.healer.fakes import quick

MARK = "GYROSTAT_HEALER_TEST"


def marked(word: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == word and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def word(monkeypatch):
    """In the environment of all that a test starts; what is left of that is killed at its end."""
    made = secrets.token_hex(8)
    monkeypatch.setenv(MARK, made)
    yield made
    end_s = time.monotonic() + 10
    while (left := marked(made)) and time.monotonic() < end_s:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    assert not marked(made)


@pytest.fixture
def real_ward(tmp_path, word):
    """Opens a house with a ProcessManager and a Healer over one workload called `api`."""
    made: list[House] = []

    def start(command: list[str], *, healer=None, manager=None, **spec) -> House:
        house = House(tmp_path / "state", node=f"n{word}")
        made.append(house)
        spec.setdefault("restart", RestartPolicy(start_limit=3, backoff_first=Seconds(0.01)))
        settings = WorkloadSettings(command=command, stop=StopPolicy(grace=Seconds(0.3)), **spec)
        api = Workload(name="api", config_name="api", mode="live", spec=settings, cwd=tmp_path, env=settings.env)
        slow = {"stable_for": 0.3, "verify_within": 10.0, "retry": 60.0, "retry_max": 60.0, "command_timeout": 20.0}
        house.start(Healer, healer or quick(**slow), workloads={"api": api})
        house.start(ProcessManager, manager)
        return house

    yield start
    for house in made:
        with contextlib.suppress(Exception):
            house.ask(StopAll())
        house.stop()


@pytest.fixture
def port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def python(program: str, *args: object) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", program, *map(str, args)]


def pid_of(house: House) -> int | None:
    pid: int | None = house.ask(ListProcesses()).processes[0].pid
    return pid


def alive(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
