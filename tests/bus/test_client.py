import os
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from bus.client import TRIES_MAX, Client, connect
from bus.endpoints import Endpoints, endpoints_of, write_endpoints
from bus.errors import BusError, CommandError, DeadlineExceeded, InboxFull, NotConnected, UnknownTarget, UnknownVerb
from bus.message import Done
from bus.zeromq import Listen
from tests.bus.conftest import PATIENCE_S, add, noting
from tests.bus.vocabulary import VERBS, Add, Fly, Rest, Sum

DIES_WHEN_ASKED = """
import os, sys, zmq
socket = zmq.Context().socket(zmq.ROUTER)
socket.bind(sys.argv[1])
print("up", flush=True)
socket.recv()
os._exit(1)
"""


@pytest.fixture
def client(node, run_dir):
    with connect(run_dir, source="tests") as one:
        yield one


def test_a_question_gets_its_typed_answer(client):
    assert client.ask(Add(left=2, right=3)) == Sum(total=5)


def test_the_node_sees_who_asks(client, node):
    seen: list[Any] = []
    node.serve("adder", VERBS, noting(seen))
    client.ask(Add(left=2, right=3), timeout_s=PATIENCE_S)
    assert seen[0].envelope.source == "tests"
    assert 0 < seen[0].envelope.timeout_s <= PATIENCE_S


def test_an_error_keeps_its_class(client):
    with pytest.raises(UnknownTarget, match="bird"):
        client.ask(Fly())


def test_by_names_alone_one_may_ask_too(client):
    assert client.request_raw("adder", "add", {"left": 2, "right": 3}) == {"total": 5}
    with pytest.raises(UnknownVerb, match="do not fit"):
        client.request_raw("adder", "add", {"left": "two"})


def test_many_at_once_are_answered_in_their_order_with_errors_in_their_places(client, node):
    held: list[Any] = []

    def answer_backwards(request):
        held.append(request)
        if len(held) == 50:
            for each in reversed(held):
                add(each)

    node.serve("adder", VERBS, answer_backwards)
    answers = client.gather([*(Add(left=number, right=0) for number in range(50)), Fly()], timeout_s=PATIENCE_S)
    assert answers[:-1] == [Sum(total=number) for number in range(50)]
    assert isinstance(answers[-1], UnknownTarget)


def test_of_many_the_unanswered_ones_are_late(client, node):
    node.serve("adder", VERBS, lambda request: request.envelope.verb == "add" and add(request))
    answers = client.gather([Add(left=1, right=1), Rest()], timeout_s=0.5)
    assert answers[0] == Sum(total=2)
    assert isinstance(answers[1], DeadlineExceeded)
    assert client.gather([]) == []


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(client, node):
    held: list[Any] = []
    node.serve("adder", VERBS, held.append)
    with pytest.raises(DeadlineExceeded, match=r"adder\.rest gave no answer within 0\.2 s"):
        client.ask(Rest(), timeout_s=0.2)
    held[0].answer(Done(detail="late"))
    node.serve("adder", VERBS, add)
    assert client.ask(Add(left=1, right=1), timeout_s=PATIENCE_S) == Sum(total=2)


def test_an_error_that_passes_is_tried_again_with_the_same_id(client, node):
    seen: list[Any] = []

    def full_at_first(request):
        if len(seen) < TRIES_MAX:
            raise InboxFull("behind")
        add(request)

    node.serve("adder", VERBS, noting(seen, full_at_first))
    assert client.ask(Add(left=1, right=1), timeout_s=PATIENCE_S) == Sum(total=2)
    assert len(seen) == TRIES_MAX
    assert len({request.envelope.id for request in seen}) == 1


def test_an_error_that_passes_is_raised_when_it_does_not_pass(client, node):
    seen: list[Any] = []
    node.serve("adder", VERBS, noting(seen, lambda request: request.answer(InboxFull("behind"))))
    with pytest.raises(InboxFull, match="behind"):
        client.ask(Rest(), timeout_s=PATIENCE_S)
    assert len(seen) == TRIES_MAX


def test_an_error_that_stays_is_not_tried_again(client, node):
    seen: list[Any] = []
    node.serve("adder", VERBS, noting(seen, lambda request: request.answer(CommandError("no"))))
    with pytest.raises(CommandError, match="no"):
        client.ask(Rest())
    assert len(seen) == 1


def test_without_a_node_one_clear_line_says_so(run_dir):
    with pytest.raises(NotConnected, match="no node runs at"):
        connect(run_dir)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_endpoints(run_dir, Endpoints(node="alpha", pid=ended.pid, commands=(f"ipc://{run_dir}/commands.sock",)))
    with pytest.raises(NotConnected, match=f"node alpha does not run: its process {ended.pid} is gone"):
        connect(run_dir)


def test_a_node_that_lives_and_does_not_answer_is_told_so_and_asked_anew_when_it_does(run_dir, make):
    endpoints = endpoints_of(run_dir, node="alpha", epoch=1)
    with connect(endpoints) as client:
        for _ in range(2):
            with pytest.raises(NotConnected, match=r"node alpha does not answer at ipc:///.*/commands\.sock"):
                client.ask(Rest(), timeout_s=0.1)
        bus = make("alpha", Listen(endpoints.facts, endpoints.commands))
        bus.serve("adder", VERBS, add)
        assert client.ask(Add(left=1, right=1), timeout_s=PATIENCE_S) == Sum(total=2)


def test_a_node_that_goes_over_a_question_is_told_before_the_deadline(run_dir, make):
    endpoints = endpoints_of(run_dir, node="alpha", epoch=1)
    node = subprocess.Popen([sys.executable, "-c", DIES_WHEN_ASKED, *endpoints.commands], stdout=subprocess.PIPE)
    assert node.stdout is not None
    assert node.stdout.readline() == b"up\n"
    with connect(msgspec.structs.replace(endpoints, pid=0)) as client:
        with pytest.raises(NotConnected, match="node alpha went away before it answered"):
            client.ask(Rest(), timeout_s=1_000.0)
        node.communicate()
        bus = make("alpha", Listen(endpoints.facts, endpoints.commands))
        seen: list[Any] = []
        bus.serve("adder", VERBS, noting(seen))
        assert client.ask(Add(left=1, right=1), timeout_s=PATIENCE_S) == Sum(total=2)
        assert len(seen) == 1


def test_the_pid_is_looked_at_while_an_answer_is_awaited(run_dir, make):
    endpoints = endpoints_of(run_dir, node="alpha", epoch=1)
    bus = make("alpha", Listen(endpoints.facts, endpoints.commands))
    ended = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    bus.serve("adder", VERBS, lambda _request: ended.communicate())
    with (
        connect(msgspec.structs.replace(endpoints, pid=ended.pid)) as client,
        pytest.raises(NotConnected, match="is gone"),
    ):
        client.ask(Rest(), timeout_s=1_000.0)


@pytest.mark.parametrize("commands", [(), ("tcp://10.0.0.1:5",), ("inproc://x",)])
def test_an_address_that_is_not_permitted_is_refused(commands):
    with pytest.raises(BusError):
        Client(Endpoints(node="alpha", commands=commands))


def test_closing_twice_is_once(client):
    client.close()
    client.close()


def test_the_client_imports_neither_tenacity_nor_what_only_a_node_needs():
    found = subprocess.run(
        [sys.executable, "-c", "import sys, bus.client; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.split()
    assert "bus.client" in found
    assert not {"tenacity", "asyncio", "concurrent.futures", "logging", "bus.hub", "bus.messages"} & set(found)
