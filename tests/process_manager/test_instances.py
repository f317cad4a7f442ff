"""Instances on real processes: sockets that are passed on, rolls under load, ports, stories, trees."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.settings import Probe, Probes, RestartPolicy, Seconds
from actors.settings.instances import RollPolicy
from bus.errors import Refused
from bus.messages import (
    ExplainProcess,
    ListFamilies,
    ListProcesses,
    ProcessStarted,
    ProcessStartFailed,
    ReleaseProcess,
    RollEnded,
    RollStarted,
    RollWorkload,
    StartProcess,
    StopAll,
    StopProcess,
)

FOREVER = "exec sleep 1000"

SERVER = """
import json, os, signal, socket, sys
names = os.environ["LISTEN_FDNAMES"].split(":")
assert int(os.environ["LISTEN_PID"]) == os.getpid()
assert int(os.environ["LISTEN_FDS"]) == len(names)
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
door = socket.socket(fileno=3)
door.settimeout(0.02)
body = json.dumps({"pid": os.getpid(), "who": os.environ.get("GYROSTAT_INSTANCE")}).encode()
print("up", flush=True)
while not over:
    try:
        link, _ = door.accept()
    except TimeoutError:
        continue
    with link:
        link.settimeout(5)
        got = b""
        while b"\\r\\n\\r\\n" not in got:
            part = link.recv(4096)
            if not part:
                break
            got += part
        else:
            link.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(port):
    """One request on a connection of its own; the whole answer, or an error."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        raw = b""
        while part := link.recv(4096):
            raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), raw
    return json.loads(body)


def refused(port):
    """Whether nobody listens any more; one that is just being closed resets."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


class Load:
    """Requests without a pause, from some threads, until it is stopped. failed: what went wrong, in words."""

    def __init__(self, port, threads=4):
        self.served = {}
        self.failed = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._port = port
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]
        for one in self._threads:
            one.start()

    def _work(self):
        while not self._over.is_set():
            try:
                pid = get(self._port)["pid"]
                with self._lock:
                    self.served[pid] = self.served.get(pid, 0) + 1
            except (OSError, AssertionError, ValueError) as error:
                with self._lock:
                    self.failed.append(repr(error))

    def stop(self):
        self._over.set()
        for one in self._threads:
            one.join()


@pytest.fixture
def load():
    made = []

    def begin(port, **options):
        made.append(Load(port, **options))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


@pytest.fixture
def instances(workload):
    """Makes the instances of a workload, as the loader does."""

    def make(name, command, count, *, numbers=True, **spec):
        made = []
        for number in range(1, count + 1):
            env = {**spec.get("env", {}), "GYROSTAT_INSTANCE": str(number)}
            one = workload(f"{name}-{number}" if numbers else name, command, **{**spec, "env": env})
            made.append(replace(one, config_name=name, instance=number))
        return made

    return make


def rows(house):
    return {row.name: row for row in house.ask(ListProcesses()).processes}


QUICK = RollPolicy(settle=Seconds(0.05), ready_within=Seconds(20))


def test_no_request_fails_while_all_instances_are_restarted(keep, instances, python, load):
    port = free_port()
    house = keep(*instances("web", python(SERVER), 3, sockets={"http": f"127.0.0.1:{port}"}, roll=QUICK))
    before = {row.pid for row in rows(house).values()}
    one = load(port)
    house.until(lambda: set(one.served) == before)
    for _ in range(3):
        done = house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
        assert "restarted 3 in turn" in done.detail
    after = {row.pid for row in rows(house).values()}
    house.until(lambda: after <= set(one.served))
    one.stop()
    assert one.failed == []
    assert sum(one.served.values()) > 100
    assert not before & after
    ended = house.events(RollEnded)
    assert [(fact.ok, fact.restarted, fact.left) for fact in ended] == [(True, ["web-1", "web-2", "web-3"], [])] * 3
    assert house.events(RollStarted)[0].keep_ready == 2


def test_no_request_fails_while_a_single_process_is_restarted_or_killed(keep, workload, python, load):
    port = free_port()
    house = keep(workload("web", python(SERVER), sockets={"http": f"127.0.0.1:{port}"}, roll=QUICK))
    one = load(port)
    house.until(lambda: one.served)
    house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
    after = rows(house)["web"].pid
    house.until(lambda: after in one.served)
    one.stop()
    assert one.failed == []


def test_a_roll_ends_at_the_first_that_does_not_come_up_and_leaves_the_others(keep, instances, tmp_path):
    flag = tmp_path / "broken"
    house = keep(*instances("web", f"test -e {flag} && exit 3; exec sleep 1000", 3, roll=QUICK))
    before = rows(house)
    flag.touch()
    with pytest.raises(Refused, match=r"the roll of web ended: web-1 .* after its restart; not touched: web-2, web-3"):
        house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
    after = rows(house)
    assert all(after[name].pid == before[name].pid for name in ("web-2", "web-3"))
    ended = house.wait_for(RollEnded)
    assert (ended.ok, ended.restarted, ended.left) == (False, [], ["web-2", "web-3"])


def test_a_roll_is_refused_where_it_cannot_be(keep, instances):
    house = keep(*instances("web", FOREVER, 2, roll=RollPolicy(settle=Seconds(30))))
    with pytest.raises(Refused, match="no workload 'wep'"):
        house.ask(RollWorkload(name="wep"))
    with pytest.raises(Refused, match="web: 2 of 2 instances cannot stay ready; allowed: 0 to 1"):
        house.ask(RollWorkload(name="web", keep_ready=2))
    ended = []

    def roll():
        try:
            house.ask(RollWorkload(name="web"), 60)
        except Refused as error:
            ended.append(str(error))

    one = threading.Thread(target=roll)
    one.start()
    house.wait_for(RollStarted)
    with pytest.raises(Refused, match="web is being restarted one by one already"):
        house.ask(RollWorkload(name="web"))
    house.until(lambda: rows(house)["web-1"].incarnation == 2)
    house.ask(StopProcess(name="web-1"))
    one.join()
    assert house.wait_for(RollEnded).why == "web-1 is held after its restart"
    assert ended == ["the roll of web ended: web-1 is held after its restart; not touched: web-2"]
    house.ask(StopProcess(name="web-2"))
    with pytest.raises(Refused, match="no instance of 'web' is to run"):
        house.ask(RollWorkload(name="web"))


TELLS = """
import os, socket, sys, time
given = [socket.socket(fileno=fd) for fd in range(3, 3 + int(os.environ["LISTEN_FDS"]))]
assert int(os.environ["LISTEN_PID"]) == os.getpid()
print(os.environ["LISTEN_FDNAMES"], *[one.getsockname() for one in given], flush=True)
open(sys.argv[1], "w").write(" ".join(os.listdir("/proc/self/fd")))
time.sleep(1000)
"""


def output(house, name):
    return Path(rows(house)[name].log_path).read_text()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_sockets_come_in_order_from_descriptor_3_on_and_nothing_else_does(keep, workload, python, tmp_path, count):
    port, path, told = free_port(), tmp_path / "s.sock", tmp_path / "fds"
    every = {"web": f"127.0.0.1:{port}", "admin": f"unix:{path}", "more": f"127.0.0.1:{free_port()}"}
    sockets = dict(list(every.items())[:count])
    house = keep(workload("web", python(TELLS, str(told)), sockets=sockets))
    house.until(lambda: told.exists() and told.read_text())
    expected = [("127.0.0.1", port), str(path), ("127.0.0.1", int(every["more"].rpartition(":")[2]))]
    assert output(house, "web").strip() == " ".join([":".join(sockets), *map(str, expected[:count])])
    # those, standard input and output, and two of the look itself
    assert {str(fd) for fd in range(3 + count)} <= set(told.read_text().split())
    assert len(told.read_text().split()) <= 3 + count + 2


def test_a_program_that_is_missing_is_said_though_it_has_sockets(keep, workload):
    house = keep(workload("web", ["/nowhere/server"], sockets={"a": f"127.0.0.1:{free_port()}"}))
    failed = house.wait_for(ProcessStartFailed)
    assert failed.reason == "its program /nowhere/server (or the interpreter it names) is missing"


def test_an_address_that_another_has_is_tried_again_until_it_is_free(keep, workload):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        policy = RestartPolicy(backoff_first=Seconds(0.01))
        house = keep(workload("web", FOREVER, sockets={"a": f"127.0.0.1:{port}"}, restart=policy))
        failed = house.wait_for(ProcessStartFailed)
        assert failed.reason == f"cannot listen on 127.0.0.1:{port} for web: Address already in use"
        assert failed.retryable
    house.wait_for(ProcessStarted)


def holders(alive):
    return alive("socket_holder.py")


def test_a_socket_outlives_node_and_workload_and_who_connects_meanwhile_is_served(
    keep, houses, workload, python, alive
):
    port = free_port()
    web = workload("web", python(SERVER), sockets={"http": f"127.0.0.1:{port}"})
    house = keep(web)
    assert get(port)["pid"] == rows(house)["web"].pid
    house.until(lambda: len(holders(alive)) == 1)
    pid = rows(house)["web"].pid
    house.die("process_manager")
    os.kill(pid, signal.SIGKILL)
    house.until(lambda: pid not in alive())
    answers = []
    asker = threading.Thread(target=lambda: answers.append(get(port)))
    asker.start()
    anew = keep(web)
    asker.join(20)
    assert answers[0]["pid"] == rows(anew)["web"].pid != pid


def test_a_node_that_stops_for_good_lets_go_of_its_sockets(keep, workload, python, alive):
    port = free_port()
    house = keep(workload("web", python(SERVER), sockets={"http": f"127.0.0.1:{port}"}))
    get(port)
    house.ask(StopAll())
    house.die("process_manager")
    house.until(lambda: holders(alive) == [])
    house.until(lambda: refused(port))


def test_who_connects_to_a_workload_that_was_stopped_is_refused_after_a_moment(keep, workload, python):
    port = free_port()
    house = keep(workload("web", python(SERVER), sockets={"http": f"127.0.0.1:{port}"}), log_check=Seconds(0.05))
    get(port)
    house.ask(StopProcess(name="web"))
    house.until(lambda: refused(port))
    house.ask(StartProcess(name="web"))
    assert get(port)["pid"] == rows(house)["web"].pid


def test_a_holder_that_was_killed_is_replaced_and_given_everything(keep, houses, workload, python, alive):
    port = free_port()
    web = workload("web", python(SERVER), sockets={"http": f"127.0.0.1:{port}"})
    house = keep(web, log_check=Seconds(0.05))
    house.until(lambda: len(holders(alive)) == 1)
    first = holders(alive)
    os.kill(first[0], signal.SIGKILL)
    house.until(lambda: len(holders(alive)) == 1 and holders(alive) != first)
    pid = rows(house)["web"].pid
    time.sleep(0.2)  # not proof of anything: lets the new holder be handed the socket before the node dies
    house.die("process_manager")
    os.kill(pid, signal.SIGKILL)
    house.until(lambda: pid not in alive())
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_what_ended_too_often_is_started_again_when_its_config_was_changed(keep, workload):
    policy = RestartPolicy(backoff_first=Seconds(0.01), start_limit=2)
    house = keep(workload("job", "exit 3", restart=policy))
    house.until(lambda: rows(house)["job"].state == "crash_loop")
    house.reload({"job": workload("job", "exit 3", restart=policy, tags=["x"])})
    assert rows(house)["job"].state == "crash_loop"
    house.reload({"job": workload("job", FOREVER, restart=policy)})
    house.until(lambda: rows(house)["job"].state == "ready")


def test_a_family_is_the_main_process_its_children_and_those_that_left(keep, workload, alive):
    program = "sleep 1001 & sh -c 'setsid sleep 1002 & exit 0'; exec sleep 1003"
    house = keep(workload("web", program), workload("off", FOREVER, autostart=False))
    house.until(lambda: len(alive("sleep")) == 3)
    # each has become its program by then, and the shell between them is gone
    house.until(lambda: [row.argv[0] for row in house.ask(ListFamilies()).rows] == ["sleep"] * 3)
    main, child, apart = house.ask(ListFamilies(names=["web", "off"])).rows
    assert (main.workload, main.pid, main.depth, main.argv) == ("web", rows(house)["web"].pid, 0, ["sleep", "1003"])
    assert (child.parent, child.depth, child.argv, child.apart) == (main.pid, 1, ["sleep", "1001"], False)
    assert (apart.argv, apart.apart) == (["sleep", "1002"], True)
    assert main.memory_bytes > 0
    assert main.threads == 1
    with pytest.raises(Refused, match="did you mean 'web'"):
        house.ask(ListFamilies(names=["wep"]))


def test_a_story_goes_from_what_waits_to_what_it_waits_for(keep, workload):
    policy = RestartPolicy(backoff_first=Seconds(0.01), start_limit=2)
    house = keep(
        workload("web", FOREVER, depends_on={"db": "ready", "mq": "ready"}),
        workload("db", "echo no disk; exit 3", restart=policy, probes=Probes(readiness=Probe(exec_=["false"]))),
        workload("mq", FOREVER),
    )
    house.until(lambda: rows(house)["db"].state == "crash_loop")
    web, db = house.ask(ExplainProcess(name="web")).stories
    assert (web.state, web.because_of, web.unmet) == ("waiting", ["db"], ["db (crash loop, not ready)"])
    assert (db.state, db.exit_code, db.log_tail, db.because_of) == ("crash_loop", 3, ["no disk"], [])
    assert [one.state for one in db.moves][:2] == ["crash_loop", "running"]
    assert db.moves[-1].why == "node starts"
    assert db.moves[0].ago_s <= db.moves[-1].ago_s


def test_a_story_says_when_it_goes_on(keep, workload):
    policy = RestartPolicy(backoff_first=Seconds(30), backoff_max=Seconds(30))
    house = keep(workload("job", "exit 3", restart=policy))
    house.until(lambda: rows(house)["job"].state == "backing_off")
    (job,) = house.ask(ExplainProcess(name="job")).stories
    assert job.next_s is not None
    assert 20 < job.next_s <= 36


def test_a_hold_is_ended_by_a_release_which_starts_what_starts_with_the_node(keep, workload):
    house = keep(workload("web", FOREVER), workload("tool", FOREVER, autostart=False))
    assert house.ask(ReleaseProcess(name="web")).detail == "is not held: ready"
    for name in ("web", "tool"):
        house.ask(StopProcess(name=name, why="test"))
        assert rows(house)[name].held
    house.ask(ReleaseProcess(name="web", why="done"))
    house.ask(ReleaseProcess(name="tool"))
    house.until(lambda: rows(house)["web"].state == "ready")
    tool = rows(house)["tool"]
    assert (tool.state, tool.held, rows(house)["web"].held) == ("stopped", False, False)
