import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
import pytest

from actors.monitor.actor import Monitor
from actors.monitor.settings import MonitorSettings
from actors.settings import Seconds, Workload, WorkloadSettings
from bus.messages import ProcessReady, ProcessStarted
from tests.harness import House

# A busy machine makes a single example slow, which says nothing about the code.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


class Processes:
    """Real processes, each the leader of its own session, as workloads are."""

    def __init__(self):
        self._started = []

    def python(self, code, *arguments):
        """Runs the code; gives the process when it has printed its first line, which is kept as `.said`."""
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            start_new_session=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        process.said = process.stdout.readline().strip()  # type: ignore[attr-defined,union-attr]
        return process

    def fed(self, code, *arguments):
        """Runs code that prints a line at first and one for each line it is given; see say()."""
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        process.said = process.stdout.readline().strip()  # type: ignore[attr-defined,union-attr]
        return process

    def say(self, process, line):
        """Gives a process a line; gives what it answers."""
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def sleep(self):
        process = subprocess.Popen(["sleep", "600"], start_new_session=True)
        self._started.append(process)
        return process

    def adopt(self, process):
        """Is ended with the others."""
        self._started.append(process)

    def end(self, process):
        """Ends the process with everything in its session, and waits for it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        if process in self._started:
            self._started.remove(process)

    def close(self):
        for process in list(self._started):
            self.end(process)


@pytest.fixture
def processes():
    started = Processes()
    yield started
    started.close()


@pytest.fixture
def until():
    def wait(true, timeout_s=20.0):
        end_s = time.monotonic() + timeout_s
        while not (found := true()):
            assert time.monotonic() < end_s, "not in time"
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture
def workload(tmp_path):
    def make(name="web", **given):
        spec = WorkloadSettings(command=["true"], **given)
        return Workload(name=name, config_name=name, mode="live", spec=spec, cwd=Path(tmp_path), env={})

    return make


class MonitorHouse(House):
    """A house with a Monitor that reads every half second, unless told otherwise."""

    def monitor(self, *workloads, **settings):
        settings = {"interval": Seconds(0.5), "interval_min": Seconds(0.1), "history_step": Seconds(0.1)} | settings
        named = {one.name: one for one in workloads}
        return self.start(Monitor, MonitorSettings(**settings), workloads=named)

    def up(self, name, pid, incarnation=1):
        """What a ProcessManager tells when a workload came up."""
        self.publish(ProcessStarted(subject=name, pid=pid, incarnation=incarnation, reason="test", revision="r"))
        self.publish(ProcessReady(subject=name, pid=pid, incarnation=incarnation, after_s=0.0))


@pytest.fixture
def house(tmp_path):
    opened = MonitorHouse(tmp_path)
    yield opened
    opened.stop()
