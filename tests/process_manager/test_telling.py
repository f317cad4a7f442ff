"""A ProcessManager and real processes that tell of themselves: sd_notify, watchdog, and s6's descriptor."""

import os
import signal
import socket
from pathlib import Path

import pytest

from actors.process_manager.notices import parse_notice
from actors.settings import Notify, RestartPolicy, Seconds, StopPolicy
from bus.messages import (
    ListProcesses,
    ProbeFailed,
    ProbeMeasured,
    ProbeRecovered,
    ProcessAdopted,
    ProcessNotified,
    ProcessReady,
    ProcessStarted,
    ProcessStateChanged,
    ProcessStopped,
    StopProcess,
)
from tests.process_manager.asking import of, row

SAY = """
import os, signal, socket, sys, time
def say(text):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(text.encode(), "\\0" + address[1:] if address[0] == "@" else address)
"""
SOCKET = Notify(ready="socket")


def moves(house, name="web"):
    return [one.state for one in house.events(ProcessStateChanged) if one.subject == name]


@pytest.fixture
def says(python):
    """The command line of a program that tells, then stays."""

    def command(program: str, *args: str) -> list[str]:
        words: list[str] = python(f"{SAY}\n{program}\ntime.sleep(1000)", *args)
        return words

    return command


def test_a_workload_is_ready_when_it_says_so_and_not_before(keep, workload, says, tmp_path):
    program = 'say("STATUS=loads")\nwhile not os.path.exists("go"): time.sleep(0.01)\nsay("READY=1\\nSTATUS=serves")'
    house = keep(
        workload("web", says(program), notify=SOCKET), workload("app", "exec sleep 1000", depends_on={"web": "ready"})
    )
    house.wait_for(ProcessNotified, of("web", status="loads"))
    assert (row(house).state, row(house).why, row(house).status) == (
        "running", "has not told that it is ready", "loads",
    )  # fmt: skip
    assert row(house, "app").state == "waiting"
    (tmp_path / "go").touch()
    house.wait_for(ProcessReady, of("web"))
    house.wait_for(ProcessReady, of("app"))
    assert row(house).status == "serves"
    assert house.wait_for(ProbeMeasured, of("web", probe="startup", ok=True)).detail == "it has told that it is ready"
    house.ask(StopProcess(name="web"))
    assert row(house).status == ""


def test_one_that_never_says_it_is_ready_counts_as_a_failed_start(keep, workload):
    house = keep(workload("web", "exec sleep 1000", notify=Notify(ready="socket", within=Seconds(0.2))))
    failed = house.wait_for(ProbeFailed)
    assert (failed.probe, failed.detail) == ("startup", "it has not told within 0.2 s that it is ready")
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy"))
    assert "startup" in row(house).why


def test_one_that_is_late_and_comes_all_the_same_is_ready(keep, workload, says, tmp_path):
    program = 'while not os.path.exists("go"): time.sleep(0.01)\nsay("READY=1")'
    house = keep(workload("web", says(program), notify=Notify(ready="socket", within=Seconds(0.1))))
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy"))
    (tmp_path / "go").touch()
    house.wait_for(ProcessReady)
    assert house.wait_for(ProbeRecovered).probe == "startup"


def test_a_start_that_asks_for_more_time_gets_it(keep, workload, says):
    program = 'say("EXTEND_TIMEOUT_USEC=600000000")\ntime.sleep(0.6)\nsay("READY=1")'
    house = keep(workload("web", says(program), notify=Notify(ready="socket", within=Seconds(0.5))))
    house.wait_for(ProcessReady)
    assert house.events(ProbeFailed) == []


def test_a_watchdog_that_is_fed_no_more_makes_unhealthy_until_it_is_fed_again(keep, workload, says, tmp_path):
    program = """
say("READY=1")
assert os.environ["WATCHDOG_USEC"] == "400000", os.environ["WATCHDOG_USEC"]
while True:
    if not os.path.exists("hang"): say("WATCHDOG=1")
    time.sleep(0.02)
"""
    house = keep(workload("web", says(program), notify=Notify(ready="socket", watchdog=Seconds(0.4))))
    house.wait_for(ProcessReady)
    (tmp_path / "hang").touch()
    failed = house.wait_for(ProbeFailed)
    assert (failed.probe, failed.detail) == ("liveness", "watchdog: no WATCHDOG=1 for 0.4 s")
    house.wait_for(ProcessStateChanged, of("web", state="unhealthy"))
    (tmp_path / "hang").unlink()
    house.wait_for(ProbeRecovered, of("web", probe="liveness"))
    house.until(lambda: row(house).state == "ready")
    assert len(house.events(ProcessStarted)) == 1


def test_a_process_that_is_stopped_by_a_signal_starves_its_watchdog(keep, workload, says):
    program = 'while True: say("WATCHDOG=1"); time.sleep(0.02)'
    house = keep(workload("web", says(program), notify=Notify(watchdog=Seconds(0.3))))
    pid = house.wait_for(ProcessReady).pid
    os.kill(pid, signal.SIGSTOP)
    house.wait_for(ProbeFailed, of("web", probe="liveness"))
    os.kill(pid, signal.SIGCONT)
    house.wait_for(ProbeRecovered, of("web", probe="liveness"))


def test_a_watchdog_can_be_set_off_and_reset_by_the_workload_itself(keep, workload, says):
    program = 'say("READY=1")\nsay("WATCHDOG=trigger")'
    house = keep(workload("web", says(program), notify=Notify(ready="socket", watchdog=Seconds(900))))
    assert house.wait_for(ProbeFailed).detail == "watchdog: it says so itself"
    short = workload("short", says('say("READY=1\\nWATCHDOG_USEC=100000")'),
                     notify=Notify(ready="socket", watchdog=Seconds(900)))  # fmt: skip
    house.stop()
    assert keep(short).wait_for(ProbeFailed).detail == "watchdog: no WATCHDOG=1 for 0.1 s"


def test_reloading_and_stopping_are_not_ready_and_its_main_pid_is_noted(keep, workload, says, tmp_path):
    program = """
say(f"READY=1\\nMAINPID={os.getppid()}")
while not os.path.exists("reload"): time.sleep(0.01)
say("RELOADING=1")
while not os.path.exists("done"): time.sleep(0.01)
say("READY=1\\nSTATUS=anew")
while not os.path.exists("stop"): time.sleep(0.01)
say("STOPPING=1")
"""
    house = keep(workload("web", says(program), notify=SOCKET))
    assert house.wait_for(ProcessNotified).told_pid == os.getpid()
    assert row(house).told_pid == os.getpid()
    house.wait_for(ProcessReady)
    (tmp_path / "reload").touch()
    house.wait_for(ProcessNotified, of("web", status="reloads"))
    house.wait_for(ProcessStateChanged, of("web", state="running", before="ready"))
    (tmp_path / "done").touch()
    house.until(lambda: row(house).state == "ready")
    (tmp_path / "stop").touch()
    house.wait_for(ProcessNotified, of("web", status="stops by itself"))
    house.until(lambda: row(house).state == "running")


def test_a_stop_that_asks_for_more_time_gets_it(keep, workload, says, tmp_path):
    program = """
def end(*_):
    say("STOPPING=1\\nEXTEND_TIMEOUT_USEC=600000000")
    time.sleep(0.6)
    open("saved", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
say("READY=1")
"""
    house = keep(workload("web", says(program), notify=SOCKET, stop=StopPolicy(grace=Seconds(0.3))))
    house.wait_for(ProcessReady)
    house.ask(StopProcess(name="web"))
    assert not house.wait_for(ProcessStopped).killed
    assert (tmp_path / "saved").exists()


def test_a_child_may_speak_unless_only_the_main_process_may(keep, workload, says):
    child = 'if not os.fork(): say("READY=1"); os._exit(0)\nos.wait()\nsay("STATUS=waits")'
    house = keep(
        workload("tree", says(child), notify=SOCKET),
        workload("main", says(child), notify=Notify(ready="socket", speaker="main")),
    )
    house.wait_for(ProcessReady, of("tree"))
    house.wait_for(ProcessNotified, of("main", status="waits"))
    assert row(house, "main").state == "running"


def test_a_stranger_makes_nobody_ready(keep, workload):
    house = keep(workload("web", ["sh", "-c", 'echo "$NOTIFY_SOCKET"; exec sleep 1000'], notify=SOCKET))
    path = Path(row(house).log_path)
    house.until(lambda: "\n" in path.read_text())
    address = path.read_text().strip()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)
        house.ask(ListProcesses())
        house.ask(ListProcesses())
    assert row(house).state == "running"


def test_a_barrier_is_answered_by_closing_its_descriptor(keep, workload, says):
    program = """
out, into = os.pipe()
address = os.environ["NOTIFY_SOCKET"]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
    one.connect("\\0" + address[1:] if address[0] == "@" else address)
    socket.send_fds(one, [b"BARRIER=1"], [into])
os.close(into)
assert os.read(out, 1) == b""
say("READY=1")
"""
    keep(workload("web", says(program), notify=SOCKET)).wait_for(ProcessReady)


def test_readiness_is_told_on_a_descriptor_as_s6_has_it(keep, workload, tmp_path):
    script = "while ! [ -e go ]; do sleep 0.02; done; echo >&4; exec 4>&-; exec sleep 1000"
    house = keep(workload("web", script, notify=Notify(ready="fd", fd=4)))
    house.wait_for(ProcessStateChanged, of("web", state="running", why="has not told that it is ready"))
    (tmp_path / "go").touch()
    house.wait_for(ProcessReady, of("web", incarnation=1))
    (tmp_path / "go").unlink()
    os.kill(row(house).pid, signal.SIGKILL)
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    assert row(house).state == "running", "what the first incarnation wrote is not the second one's"
    (tmp_path / "go").touch()
    house.wait_for(ProcessReady, of("web", incarnation=2))


@pytest.mark.parametrize("ready", ["socket", "fd"])
def test_one_that_was_ready_is_so_after_its_node_died_and_can_still_tell(keep, workload, says, tmp_path, ready):
    program = """
if "NOTIFY_SOCKET" in os.environ: say("READY=1")
else: os.write(3, b"\\n")
while not os.path.exists("hang"):
    if "WATCHDOG_USEC" in os.environ:
        try: say("WATCHDOG=1")
        except OSError: pass
    time.sleep(0.02)
"""
    notify = Notify(ready=ready, watchdog=Seconds(0.5) if ready == "socket" else None)
    house = keep(workload("web", says(program), notify=notify))
    pid = house.wait_for(ProcessReady).pid
    house.die("process_manager")
    second = keep(workload("web", says(program), notify=notify))
    assert second.wait_for(ProcessAdopted).pid == pid
    second.until(lambda: row(second).state == "ready")
    assert moves(second)[:2] == ["adopted", "ready"]
    (tmp_path / "hang").touch()
    if ready == "socket":
        second.wait_for(ProbeFailed, of("web", probe="liveness"))
    assert (row(second).pid, row(second).incarnation) == (pid, 1)


def test_what_s6_is_told_while_no_node_is_there_waits_for_the_next(keep, workload, tmp_path):
    script = "while ! [ -e go ]; do sleep 0.02; done; echo >&3; touch told; exec sleep 1000"
    house = keep(workload("web", script, notify=Notify(ready="fd")))
    house.wait_for(ProcessStarted)
    house.die("process_manager")
    (tmp_path / "go").touch()
    house.until((tmp_path / "told").exists)
    second = keep(workload("web", script, notify=Notify(ready="fd")))
    second.wait_for(ProcessReady)
    assert moves(second) == ["adopted", "running", "ready"]


def test_an_adopted_one_that_may_have_told_nobody_is_taken_for_ready_in_the_end(keep, workload, tmp_path):
    notify = Notify(ready="socket", within=Seconds(0.3))
    script = "exec sleep 1000"
    house = keep(workload("web", script, notify=Notify(ready="socket")))
    house.wait_for(ProcessStarted)
    house.die("process_manager")
    second = keep(workload("web", script, notify=notify))
    second.wait_for(ProcessReady)
    assert second.events(ProbeFailed) == []


def test_a_workload_is_not_told_of_the_socket_of_the_node_itself(keep, workload, monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "MAINPID"):
        monkeypatch.setenv(name, "1")
    house = keep(workload("web", "env; exec sleep 1000", restart=RestartPolicy(policy="never")))
    path = Path(row(house).log_path)
    house.until(lambda: "GYROSTAT_TOKEN" in path.read_text())
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "MAINPID"} & {
        line.partition("=")[0] for line in path.read_text().splitlines()
    }


def test_a_notice_is_taken_apart_and_what_is_no_value_is_left_out():
    notice = parse_notice(b"READY=1\nSTATUS=two\x1b[31m words\nMAINPID=17\nWATCHDOG_USEC=2500000\nERRNO=2\nX=y\nodd")
    assert (notice.ready, notice.status, notice.main_pid, notice.watchdog_s, notice.errno) == (
        True, "two [31m words", 17, 2.5, 2,
    )  # fmt: skip
    nothing = parse_notice(
        b"READY=yes\nMAINPID=-4\nWATCHDOG=2\nWATCHDOG_USEC=1e3\nEXTEND_TIMEOUT_USEC=9999999999999999999999"
    )
    assert nothing == parse_notice(b"\xff\xfe\0")
    assert len(parse_notice(b"STATUS=" + b"x" * 4000).status or "") == 200
