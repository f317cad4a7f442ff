"""What cannot connect is begun when the address accepts connections, and what it depends on before it."""

import os
import signal
import socket
import subprocess
import sys

import msgspec
import pytest

from actors.healer.actor import Healer
from actors.healer.remedies import NotNow, Planned, Unfit
from actors.healer.repairs.restart_dependency import RestartDependency
from actors.healer.repairs.wait_port import WAIT_S, WaitPort
from actors.process_manager.actor import ProcessManager
from actors.settings import Probe, Probes, RestartPolicy, Seconds, StopPolicy, Workload, WorkloadSettings
from actors.settings.repair import Repair
from bus.messages import IssueResolved, ProcessReady, RemedyDeferred, RemedyStarted, RestartProcess, StopAll
from tests.harness import House
from tests.healer.fakes import quick, row
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

CONNECTS = """
import socket, sys, time
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
time.sleep(1000)
"""


def refused(directory, port, kind="crash", **spec):
    text = f"ConnectionRefusedError: cannot connect to 127.0.0.1:{port}"
    here = scene(directory, Repair(), text=text, failure="connection", **spec)
    issue = msgspec.structs.replace(here.issue, kind=kind, first_seen=here.wall_s)
    return msgspec.structs.replace(here, issue=issue)


def later(here, seconds):
    return msgspec.structs.replace(here, wall_s=here.wall_s + seconds)


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_an_address_is_waited_for_with_longer_and_longer_pauses_and_not_for_ever(tmp_path, port):
    here = refused(tmp_path, port)
    found = [WaitPort().look(later(here, seconds)) for seconds in (0, 60, 250)]
    waits = [each for each in found if isinstance(each, NotNow)]
    assert [each.for_s for each in waits] == [0.2, 3.0, 5.0]
    assert f"127.0.0.1:{port} accepts no connections" in waits[0].why
    assert isinstance(WaitPort().look(later(here, WAIT_S)), Unfit)


def test_what_is_down_is_started_at_once_when_the_address_accepts(tmp_path, listener):
    planned = WaitPort().look(refused(tmp_path, listener))
    assert isinstance(planned, Planned)
    assert WaitPort().act(refused(tmp_path, listener), planned).then == "start"


def test_what_runs_is_given_time_to_connect_by_itself_and_is_left_alone_when_nothing_was_closed(tmp_path, listener):
    repair, here = WaitPort(), refused(tmp_path, listener, kind="not_working")
    assert isinstance(repair.look(here), Unfit)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert isinstance(repair.look(refused(tmp_path, closed.getsockname()[1], kind="not_working")), NotNow)
    assert isinstance(repair.look(later(here, 0.5)), NotNow)
    planned = repair.look(later(here, 5.0))
    assert isinstance(planned, Planned)
    assert planned.restarts
    assert repair.act(here, planned).then == "restart"


def test_a_failure_that_names_no_address_is_about_those_of_the_config(tmp_path, port):
    here = msgspec.structs.replace(refused(tmp_path, port, command=["serve", f"--db=127.0.0.1:{port}"]), text="refused")
    assert isinstance(WaitPort().look(here), NotNow)
    none = msgspec.structs.replace(refused(tmp_path, port), text="refused")
    assert isinstance(WaitPort().look(none), Unfit)


def test_a_workload_that_was_refused_runs_as_soon_as_the_address_accepts(real_ward, port):
    house = real_ward(python(CONNECTS, port), env={"DB": f"127.0.0.1:{port}"})
    deferred = house.wait_for(RemedyDeferred, lambda fact: fact.remedy == "wait_port")
    assert f"127.0.0.1:{port} accepts no connections" in deferred.why
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        assert house.wait_for(IssueResolved).by in ("wait_port", "itself")
        assert alive(pid_of(house))


@pytest.fixture
def stopped():
    with subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"]) as process:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        yield process.pid
        process.kill()


def depending(directory, db, *, port=1, probes=None):
    here = refused(directory, port, depends_on={"db": "ready"})
    spec = WorkloadSettings(command=["db"], probes=probes or Probes())
    workload = Workload(name="db", config_name="db", mode="live", spec=spec, cwd=directory, env={})
    return msgspec.structs.replace(here, rows={"db": db}, workloads={"db": workload})


def test_a_dependency_that_is_stopped_or_deaf_is_restarted_first(tmp_path, stopped, port):
    asleep = depending(tmp_path, row("db", pid=stopped, since_s=9.0))
    planned = RestartDependency().look(asleep)
    assert isinstance(planned, Planned)
    command = RestartDependency().act(asleep, planned).command
    assert isinstance(command, RestartProcess)
    assert command.name == "db"
    probes = Probes(readiness=Probe(tcp=f"127.0.0.1:{port}"))
    deaf = depending(tmp_path, row("db", pid=os.getpid(), since_s=9.0), port=port, probes=probes)
    assert isinstance(RestartDependency().look(deaf), Planned)


def test_a_dependency_that_is_well_young_down_or_unknown_is_left_alone(tmp_path, stopped):
    for db in (
        row("db", pid=os.getpid(), since_s=9.0),
        row("db", pid=stopped, since_s=1.0),
        row("db", state="crash_loop"),
        row("db", pid=stopped, since_s=9.0, held=True),
    ):
        assert isinstance(RestartDependency().look(depending(tmp_path, db)), Unfit)
    assert isinstance(RestartDependency().look(refused(tmp_path, 1)), Unfit)
    assert isinstance(RestartDependency().look(refused(tmp_path, 1, depends_on={"other": "ready"})), Unfit)


DB = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection = server.accept()[0]
    connection.sendall(b"ok")
    connection.close()
"""
ASKS = """
import socket, sys, time
while True:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 0.3) as db:
        if db.recv(2) != b"ok":
            sys.exit("bad answer")
    time.sleep(0.05)
"""


def test_a_dependency_that_does_not_answer_is_restarted_before_the_workload_that_needs_it(tmp_path, word, port):
    house = House(tmp_path / "state", node=f"n{word}")
    policy = RestartPolicy(start_limit=50, backoff_first=Seconds(0.05), backoff_max=Seconds(0.3))

    def made(name, program, **spec):
        stop = StopPolicy(grace=Seconds(0.3))
        settings = WorkloadSettings(command=python(program, port), restart=policy, stop=stop, **spec)
        return Workload(name=name, config_name=name, mode="live", spec=settings, cwd=tmp_path, env={})

    try:
        workloads = {"db": made("db", DB), "api": made("api", ASKS, depends_on={"db": "ready"})}
        house.start(ProcessManager, workloads=workloads)
        house.start(Healer, quick(stable_for=1.0, verify_within=10.0))
        db = house.wait_for(ProcessReady, lambda fact: fact.subject == "db").pid
        house.wait_for(ProcessReady, lambda fact: fact.subject == "api")
        os.kill(db, signal.SIGSTOP)
        started = house.wait_for(RemedyStarted, lambda fact: fact.remedy == "restart_dependency", timeout_s=30)
        assert started.subject == "api"
        resolved = house.wait_for(IssueResolved, lambda fact: fact.subject == "api", timeout_s=30)
        assert resolved.by == "restart_dependency"
        assert not alive(db)
    finally:
        house.ask(StopAll())
        house.stop()
