"""Two processes of one node: a command finds its actor in either of them, and facts of both are the node's own."""

import contextlib
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.access import Caller
from bus.client import Client
from bus.endpoints import endpoints_of
from bus.envelope import RawCommand
from bus.errors import UnknownTarget
from bus.hub import Bus
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.bus.conftest import add, noting, wait_until
from tests.bus.vocabulary import VERBS, Add, Sum


class Two:
    """Buses of one node that are each other's peers; `calc` is served by the second."""

    def __init__(self, root: Path) -> None:
        for name in ("first", "second"):
            (root / name).mkdir(mode=0o700)
        self.ends = {
            name: endpoints_of(root / name, node="alpha", epoch=epoch)
            for epoch, name in enumerate(("first", "second"), 1)
        }
        self.first, self.second = self._bus("first", "second"), self._bus("second", "first")
        self.asked: list[Any] = []
        self.target = Add.target

    def serve(self, then=add):
        self.second.serve(self.target, VERBS, noting(self.asked, then))
        wait_until(lambda: any(self.target in state.targets and state.alive for state in self.first.peers()))

    def _bus(self, own: str, other: str) -> Bus:
        here, there = self.ends[own], self.ends[other]
        peer = Peer(node="alpha", facts=there.facts[0], commands=there.commands[0], replay=there.replay[0])
        carrier = ZeroMQCarrier(Listen(here.facts, here.commands), [peer], epoch=here.epoch, node="alpha")
        return Bus("alpha", epoch=here.epoch, monotonic=time.monotonic, wall=time.time, carrier=carrier)


@pytest.fixture
def two():
    root = Path(tempfile.mkdtemp(prefix="gf"))
    made = Two(root)
    yield made
    made.first.close()
    made.second.close()
    shutil.rmtree(root)


def test_a_client_of_one_process_is_answered_by_the_actor_in_the_other(two):
    two.serve()
    with contextlib.closing(Client(two.ends["first"], source="cli")) as client:
        assert client.ask(Add(left=2, right=3)) == Sum(total=5)
    assert [request.envelope.source for request in two.asked] == ["cli"]


def test_an_actor_of_one_process_asks_one_of_the_other_without_naming_a_node(two):
    two.serve()
    assert two.first.ask(Add(left=2, right=3), timeout_s=20.0) == Sum(total=5)


def test_a_target_that_no_process_has_is_unknown_and_the_answer_names_those_of_all(two):
    two.serve()
    unknown = pytest.raises(UnknownTarget, match=f"no actor 'nobody' on alpha; there are: {two.target}")
    with contextlib.closing(Client(two.ends["first"], source="cli")) as client, unknown:
        client.request_raw("nobody", "do", {})
    with pytest.raises(UnknownTarget):  # nor does it go in a circle
        two.second.ask(Other(left=1, right=1), timeout_s=20.0)


class Other(Add, frozen=True, kw_only=True):
    target = "nobody"


DATA = msgspec.Raw(msgspec.msgpack.encode(Add(left=2, right=3)))


def raw(number: str) -> RawCommand:
    return RawCommand(id=number, source="cli", target=Add.target, verb=Add.verb, timeout_s=20.0, data=DATA)


def test_a_repeated_id_is_carried_out_once_and_both_askers_are_answered(two):
    held: list[Any] = []
    two.serve(held.append)
    answers: list[Any] = []
    done = threading.Event()

    def answer(reply: Any) -> None:
        answers.append(reply)
        if len(answers) == 2:
            done.set()

    two.first.receive_command(raw("same"), answer)
    two.first.receive_command(raw("same"), answer)
    wait_until(lambda: held)
    add(held[0])
    assert done.wait(20)
    assert [reply.error for reply in answers] == ["", ""]
    assert len(two.asked) == 1


def test_who_may_send_no_commands_may_not_by_way_of_another_process_either(two):
    two.serve()
    answers: list[Any] = []
    two.first.receive_command(raw("observer"), answers.append, Caller("observer", "tool"))
    assert [reply.error for reply in answers] == ["unknown_target"]
    two.first.receive_command(raw("operator"), answers.append, Caller("operator", "ann"))
    wait_until(lambda: len(answers) == 2)
    assert answers[1].error == ""
    assert len(two.asked) == 1
    assert "ann" in two.asked[0].envelope.source  # the audit of the other process knows who
