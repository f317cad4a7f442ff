"""Real faults in real processes, with the real ProcessManager: seen, acted upon, and the repair verified."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
import psutil

from actors.healer import symptoms
from actors.monitor.actor import Monitor as MonitorActor
from actors.settings import (
    Hook,
    Probe,
    Probes,
    Seconds,
    Threshold,
)
from actors.settings.units import dec_hook
from bus.messages import (
    ActorFailed,
    ActorStarted,
    ExplainIssue,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ProcessReady,
    ProcessStarted,
    RemedyFailed,
    RemedyStarted,
    ThresholdCrossed,
)
from tests.healer.real import alive, pid_of, python

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


def test_a_process_killed_by_kill_9_is_up_again_and_that_is_verified(real_ward):
    house = real_ward(["sleep", "1000"])
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


def test_a_process_that_hangs_is_restarted_and_answers_again(real_ward, port):
    probe = Probe(
        http=f"http://127.0.0.1:{port}/",
        every=Seconds(0.1),
        timeout=Seconds(0.4),
        failures=2,
        initial_delay=Seconds(0.5),
    )
    house = real_ward(python(SERVER, port), probes=Probes(liveness=probe, readiness=probe))
    first = house.wait_for(ProcessReady).pid
    os.kill(first, signal.SIGSTOP)
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "unresponsive", timeout_s=40)
    assert resolved.by == "restart", "\n".join(map(str, house.events()))
    assert resolved.verified.endswith("liveness probe passes")
    assert not alive(first)
    assert alive(pid_of(house))
    assert {fact.issue_kind for fact in house.events(IssueRaised)} <= {"unresponsive", "not_working"}
    assert len({fact.issue for fact in house.events(IssueRaised)}) == 1


def test_a_crash_loop_is_repaired_by_the_hook_of_the_workload(real_ward, tmp_path):
    hook = Hook(command=["touch", "repaired"])
    house = real_ward(["sh", "-c", "test -f repaired || exit 3; exec sleep 1000"], hooks={"repair": hook})
    resolved = house.wait_for(IssueResolved)
    assert (resolved.issue_kind, resolved.by) == ("crash_loop", "hook:repair")
    assert (tmp_path / "repaired").exists()
    assert alive(pid_of(house))
    assert len({fact.issue for fact in house.events(IssueRaised)}) == 1, "the crashes before are the same issue"


def test_a_hook_that_does_not_help_is_taken_back(real_ward, tmp_path):
    hook = Hook(command=["touch", "tried"], undo=["mv", "tried", "taken-back"])
    house = real_ward(["sh", "-c", "exit 3"], hooks={"repair": hook})
    broken = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "hook:repair")
    assert broken.undone == "hook:repair"
    assert (tmp_path / "taken-back").exists()
    assert not (tmp_path / "tried").exists()
    escalated = house.wait_for(IssueEscalated)
    assert escalated.tried[-2:] == ["hook:repair", "restart"]


def test_a_left_over_child_that_holds_the_port_is_ended_and_the_workload_serves_again(real_ward, port, tmp_path):
    probes = Probes(work=Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60)))
    house = real_ward(python(LEAVES_A_CHILD, port, "child"), probes=probes)
    first = house.wait_for(ProcessStarted).pid
    children: list[psutil.Process] = []

    def child_left_its_session():
        children[:] = [each for each in psutil.Process(first).children() if os.getsid(each.pid) == each.pid]
        return bool(children)

    house.until(child_left_its_session)
    os.kill(first, signal.SIGKILL)
    resolved = house.wait_for(IssueResolved, timeout_s=40)  # of the crash, or of the port it became, whichever is told
    assert resolved.by == "end_port_owner"
    assert not alive(children[0].pid)
    with socket.create_connection(("127.0.0.1", port), 5):
        assert alive(pid_of(house))
    told = house.ask(ExplainIssue(issue=resolved.issue))
    assert any("already in use" in piece for piece in told.evidence)


def test_a_port_held_by_a_stranger_is_told_with_its_name_and_the_stranger_is_left_alone(real_ward, port):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        probes = Probes(work=Probe(tcp=f"127.0.0.1:{port}", every=Seconds(60)))
        house = real_ward(python(LEAVES_A_CHILD, port), probes=probes)
        escalated = house.wait_for(IssueEscalated)
    assert f"port {port} is held by pid {os.getpid()} ({Path(sys.executable).name}" in escalated.why
    assert {fact.remedy for fact in house.events(RemedyStarted)} <= {"await_restart"}


def test_a_program_that_is_missing_is_brought_back_by_the_hook_and_started_at_once(real_ward, tmp_path):
    program = tmp_path / "program"
    (tmp_path / "backup").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "backup").chmod(0o755)
    house = real_ward([str(program)], hooks={"repair": Hook(command=["cp", "-p", "backup", str(program)])})
    resolved = house.wait_for(IssueResolved)
    assert (resolved.issue_kind, resolved.by) == ("start_failed", "hook:repair")
    assert str(program) in house.wait_for(IssueRaised).summary
    assert alive(pid_of(house))


def test_memory_beyond_its_limit_is_measured_restarted_and_measured_again(real_ward):
    limit = Threshold(above=60_000_000.0, for_=Seconds(0.2), unit="bytes")
    house = real_ward(python(LEAKS_AT_FIRST), thresholds={"memory": limit})
    settings = msgspec.convert({"interval": 0.1, "interval_min": 0.1}, MonitorActor.Settings, dec_hook=dec_hook)
    house.start(MonitorActor, settings)
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "memory", timeout_s=40)
    assert resolved.by == "restart"
    assert any(text in resolved.verified for text in ("memory is down to ", "is behind its limit 60 MB"))
    pid = pid_of(house)
    assert pid
    assert psutil.Process(pid).memory_info().rss < 60_000_000


def test_a_log_with_too_many_error_lines_is_an_issue_with_these_lines_and_a_restart_is_verified(real_ward):
    house = real_ward(python(FAILS_AT_FIRST), thresholds={"error_rate": Threshold(above=5.0, for_=Seconds(0.2))})
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


def test_a_healer_made_anew_while_the_workload_runs_raises_nothing(real_ward, monkeypatch):
    house = real_ward(["sleep", "1000"])
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
