"""Real faults in real processes, with the real ProcessManager: seen, acted upon, and the repair verified."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.healer import symptoms
from actors.healer.actor import Healer
from actors.monitor.actor import Monitor as MonitorActor
from actors.process_manager.actor import ProcessManager
from actors.settings import (
    Hook,
    Probe,
    Probes,
    RestartPolicy,
    Seconds,
    StopPolicy,
    Threshold,
    Workload,
    WorkloadSettings,
)
from actors.settings.units import dec_hook
from bus.messages import (
    ActorFailed,
    ActorStarted,
    ExplainIssue,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListProcesses,
    ProcessReady,
    ProcessStarted,
    RemedyFailed,
    RemedyStarted,
    StopAll,
    ThresholdCrossed,
)
from tests.harness import House
from tests.healer.fakes import quick

MARK = "GYROSTAT_HEALER_TEST"

SERVER = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
LEAVES_A_CHILD = """
import os, socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
if len(sys.argv) > 2 and os.fork() == 0:
    os.setsid()
time.sleep(1000)
"""


LEAKS_AT_FIRST = """
import pathlib, time
seen = pathlib.Path("seen")
held = b"" if seen.exists() else b"x" * 80_000_000
seen.touch()
time.sleep(1000)
"""


FAILS_AT_FIRST = """
import os, time
while True:
    first = os.environ["GYROSTAT_INCARNATION"] == "1"
    for line in ["ERROR cannot reach the database" if first else "INFO ok", *["INFO ok"] * 3]:
        print(line, flush=True)
    time.sleep(0.01)
"""


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
def ward(tmp_path, word):
    """Opens a house with a ProcessManager and a Healer over one workload called `api`."""
    made: list[House] = []

    def start(command: list[str], **spec) -> House:
        house = House(tmp_path / "state", node=f"n{word}")
        made.append(house)
        spec.setdefault("restart", RestartPolicy(start_limit=3, backoff_first=Seconds(0.01)))
        settings = WorkloadSettings(command=command, stop=StopPolicy(grace=Seconds(0.3)), **spec)
        api = Workload(name="api", config_name="api", mode="live", spec=settings, cwd=tmp_path, env={})
        house.start(ProcessManager, workloads={"api": api})
        house.start(Healer, quick(stable_for=0.3, verify_within=10.0, retry=60.0, retry_max=60.0, command_timeout=20.0))
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


def test_a_process_killed_by_kill_9_is_up_again_and_that_is_verified(ward):
    house = ward(["sleep", "1000"])
    first = house.wait_for(ProcessStarted).pid
    os.kill(first, signal.SIGKILL)
    resolved = house.wait_for(IssueResolved)
    raised = house.wait_for(IssueRaised)
    assert (raised.issue_kind, resolved.by) == ("crash", "await_restart")
    assert raised.summary.startswith("ended by signal KILL")
    second = pid_of(house)
    assert second != first
    assert alive(second)
    assert f"pid {second} is ready" in resolved.verified


def test_a_process_that_hangs_is_restarted_and_answers_again(ward, port):
    probe = Probe(
        http=f"http://127.0.0.1:{port}/",
        every=Seconds(0.1),
        timeout=Seconds(0.4),
        failures=2,
        initial_delay=Seconds(0.5),
    )
    house = ward(python(SERVER, port), probes=Probes(liveness=probe, readiness=probe))
    first = house.wait_for(ProcessReady).pid
    os.kill(first, signal.SIGSTOP)
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "unresponsive", timeout_s=40)
    assert resolved.by == "restart", "\n".join(map(str, house.events()))
    assert resolved.verified.endswith("liveness probe passes")
    assert not alive(first)
    assert alive(pid_of(house))
    assert {fact.issue_kind for fact in house.events(IssueRaised)} <= {"unresponsive", "not_working"}
    assert len({fact.issue for fact in house.events(IssueRaised)}) == 1


def test_a_crash_loop_is_repaired_by_the_hook_of_the_workload(ward, tmp_path):
    hook = Hook(command=["touch", "repaired"])
    house = ward(["sh", "-c", "test -f repaired || exit 3; exec sleep 1000"], hooks={"repair": hook})
    resolved = house.wait_for(IssueResolved)
    assert (resolved.issue_kind, resolved.by) == ("crash_loop", "hook:repair")
    assert (tmp_path / "repaired").exists()
    assert alive(pid_of(house))
    assert len({fact.issue for fact in house.events(IssueRaised)}) == 1, "the crashes before are the same issue"


def test_a_hook_that_does_not_help_is_taken_back(ward, tmp_path):
    hook = Hook(command=["touch", "tried"], undo=["mv", "tried", "taken-back"])
    house = ward(["sh", "-c", "exit 3"], hooks={"repair": hook})
    broken = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "hook:repair")
    assert broken.undone == "hook:repair"
    assert (tmp_path / "taken-back").exists()
    assert not (tmp_path / "tried").exists()
    escalated = house.wait_for(IssueEscalated)
    assert escalated.tried[-2:] == ["hook:repair", "restart"]


def test_a_left_over_child_that_holds_the_port_is_ended_and_the_workload_serves_again(ward, port, tmp_path):
    probes = Probes(work=Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60)))
    house = ward(python(LEAVES_A_CHILD, port, "child"), probes=probes)
    first = house.wait_for(ProcessStarted).pid
    children: list[psutil.Process] = []

    def child_left_its_session():
        children[:] = [each for each in psutil.Process(first).children() if os.getsid(each.pid) == each.pid]
        return bool(children)

    house.until(child_left_its_session)
    os.kill(first, signal.SIGKILL)
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "port_in_use", timeout_s=40)
    assert resolved.by == "end_strays"
    assert not alive(children[0].pid)
    with socket.create_connection(("127.0.0.1", port), 5):
        assert alive(pid_of(house))
    told = house.ask(ExplainIssue(issue=resolved.issue))
    assert any("already in use" in piece for piece in told.evidence)


def test_a_port_held_by_a_stranger_is_told_with_its_name_and_the_stranger_is_left_alone(ward, port):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        probes = Probes(work=Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60)))
        house = ward(python(LEAVES_A_CHILD, port), probes=probes)
        escalated = house.wait_for(IssueEscalated)
    assert escalated.issue_kind == "port_in_use"
    assert f"port {port} is held by pid {os.getpid()} ({Path(sys.executable).name}" in escalated.why
    assert {fact.remedy for fact in house.events(RemedyStarted)} <= {"await_restart"}


def test_a_program_that_is_missing_is_brought_back_by_the_hook_and_started_at_once(ward, tmp_path):
    program = tmp_path / "program"
    (tmp_path / "backup").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "backup").chmod(0o755)
    house = ward([str(program)], hooks={"repair": Hook(command=["cp", "-p", "backup", str(program)])})
    resolved = house.wait_for(IssueResolved)
    assert (resolved.issue_kind, resolved.by) == ("start_failed", "hook:repair")
    assert str(program) in house.wait_for(IssueRaised).summary
    assert alive(pid_of(house))


def test_memory_beyond_its_limit_is_measured_restarted_and_measured_again(ward):
    limit = Threshold(above=60_000_000.0, for_=Seconds(0.2), unit="bytes")
    house = ward(python(LEAKS_AT_FIRST), thresholds={"memory": limit})
    settings = msgspec.convert({"interval": 0.1, "interval_min": 0.1}, MonitorActor.Settings, dec_hook=dec_hook)
    house.start(MonitorActor, settings)
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "memory", timeout_s=40)
    assert resolved.by == "restart"
    assert any(text in resolved.verified for text in ("memory is down to ", "is behind its limit 60 MB"))
    pid = pid_of(house)
    assert pid
    assert psutil.Process(pid).memory_info().rss < 60_000_000


def test_a_log_with_too_many_error_lines_is_an_issue_with_these_lines_and_a_restart_is_verified(ward):
    house = ward(python(FAILS_AT_FIRST), thresholds={"error_rate": Threshold(above=5.0, for_=Seconds(0.2))})
    settings = msgspec.convert(
        {"interval": 0.1, "interval_min": 0.1, "log_window": 5}, MonitorActor.Settings, dec_hook=dec_hook
    )
    house.start(MonitorActor, settings)
    raised = house.wait_for(IssueRaised, timeout_s=40)
    assert raised.summary.startswith("error_rate 25 % over 5 %")
    assert raised.evidence[0] == raised.summary
    assert set(raised.evidence[1:]) == {"log: ERROR cannot reach the database"}
    resolved = house.wait_for(IssueResolved, timeout_s=40)
    assert (resolved.issue, resolved.by) == (raised.issue, "restart")
    assert "error_rate is down to 0 %" in resolved.verified or "error_rate 0 % is behind" in resolved.verified
    assert alive(pid_of(house))


def test_a_healer_made_anew_while_the_workload_runs_raises_nothing(ward, monkeypatch):
    house = ward(["sleep", "1000"])
    first = house.wait_for(ProcessStarted).pid
    monkeypatch.setattr(symptoms, "of_threshold", lambda _: 1 / 0)
    house.publish(
        ThresholdCrossed(
            subject="api",
            scope="workload",
            metric="cpu",
            value=2.0,
            limit=1.0,
            direction="above",
            held_s=1.0,
            severity="warning",
        )
    )
    house.wait_for(ActorFailed)
    house.wait_for(ActorStarted, lambda fact: fact.subject == "healer" and fact.restarts == 1)
    os.kill(first, signal.SIGKILL)
    assert house.wait_for(IssueResolved).by == "await_restart"
    assert len(house.events(IssueRaised)) == 1
