from typing import Any

import msgspec
import pytest

from bus.envelope import RawCommand, RawEnvelope
from bus.errors import DeadlineExceeded, UnknownTarget
from bus.hub import REPLIES_KEPT, Bus
from bus.message import Done
from tests.bus.conftest import add, make_bus, noting
from tests.bus.vocabulary import VERBS, Add, Moved, Rest, Settled, Sum


@pytest.fixture
def bus():
    return make_bus("alpha")


def raw_fact(kind="test.moved.v1", data=b"\x82\xa7subject\xa3web\xa4step\x01"):
    return RawEnvelope(id="beta.1/1", source="beta/x", type=kind, time=1.0, subject="web", data=msgspec.Raw(data))


def test_a_subscriber_in_the_same_process_gets_the_very_object(bus):
    heard: list[Any] = []
    bus.subscribe([Moved], heard.append)
    fact = Moved(subject="web", step=1)
    assert heard == [bus.publish(fact, source="mover")]
    assert heard[0].data is fact


def test_time_and_number_come_from_what_the_bus_was_given():
    bus = Bus("alpha", epoch=255, monotonic=lambda: 5.0, wall=lambda: 99.5)
    envelopes = [bus.publish(Moved(subject="web", step=step), source="mover") for step in range(2)]
    assert [(envelope.id, envelope.time) for envelope in envelopes] == [("alpha.ff/1", 99.5), ("alpha.ff/2", 99.5)]
    assert envelopes[0].correlationid == "alpha.ff/1"


@pytest.mark.parametrize("node", ["", "Alpha", "a.b", "a/b"])
def test_a_node_name_that_is_no_token_is_refused(node):
    with pytest.raises(ValueError, match="is no node name"):
        make_bus(node)


def test_closing_one_of_two_subscriptions_leaves_the_other(bus):
    one: list[Any] = []
    two: list[Any] = []
    first = bus.subscribe([Moved, Settled], one.append)
    bus.subscribe([Moved], two.append)
    first.close()
    bus.publish(Moved(subject="web", step=1), source="mover")
    bus.publish(Settled(subject="web", step=1), source="mover")
    assert (len(one), len(two)) == (0, 1)


def test_a_fact_off_the_wire_is_decoded_for_those_who_want_it(bus):
    heard: list[Any] = []
    bus.subscribe([Moved], heard.append)
    bus._intake.receive_one(raw_fact())
    assert heard[0].data == Moved(subject="web", step=1)
    assert bus.counters["received"] == 1


def test_a_fact_of_an_unknown_type_passes_by(bus):
    bus._intake.receive_one(raw_fact("test.never_heard_of.v1"))
    assert bus.counters["unknown_type"] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x90",
        b"\x80",
        b"\x82\xa7subject\xa3web\xa4step\xa1x",
        b"\x82\xa7subject\xa2\xff\xfe\xa4step\x01",
        b"\x83\xa7subject\xa3web\xa4step\x01\xa4more" + b"\x91" * 100_000,
        b"\x82\xa7subject\xa3web\xa4step\xcf" + b"\xff" * 7,
    ],
    ids=["empty", "reserved byte", "array", "fields missing", "wrong type", "not UTF-8", "too deep", "cut off"],
)
def test_data_that_does_not_fit_its_type_is_counted(bus, data):
    heard: list[Any] = []
    bus.subscribe([Moved], heard.append)
    bus._intake.receive_one(raw_fact(data=data))
    assert (heard, bus.counters["undecodable"]) == ([], 1)


@pytest.mark.parametrize("data", [b"", b"\x90", b"\x82\xa4left\x01\xa5right\xa1\xff", b"\x81\xa4left\x01"])
def test_arguments_that_do_not_fit_are_answered_so(bus, data):
    bus.serve("adder", VERBS, add)
    replies: list[Any] = []
    bus.receive_command(
        RawCommand(id="1", source="x", target="adder", verb="add", data=msgspec.Raw(data)), replies.append
    )
    assert [reply.error for reply in replies] == ["unknown_verb"]
    assert "adder.add do not fit" in replies[0].message


def test_only_so_many_answers_are_remembered(bus):
    calls: list[Any] = []
    bus.serve("adder", VERBS, noting(calls))
    for number in range(REPLIES_KEPT + 1):
        bus.send(Add(left=1, right=1), timeout_s=1.0, key=f"key-{number}")
    bus.send(Add(left=1, right=1), timeout_s=1.0, key=f"key-{REPLIES_KEPT}")
    assert len(calls) == REPLIES_KEPT + 1
    bus.send(Add(left=1, right=1), timeout_s=1.0, key="key-0")
    assert len(calls) == REPLIES_KEPT + 2


def test_those_who_wait_for_one_answer_get_it_even_when_it_is_no_longer_remembered(bus):
    held: list[Any] = []
    bus.serve("adder", VERBS, held.append)
    futures = [bus.send(Add(left=1, right=1), timeout_s=1.0, key="same") for _ in range(2)]
    for number in range(REPLIES_KEPT + 1):
        bus.send(Rest(), timeout_s=1.0, key=f"key-{number}")
    add(held[0])
    assert [future.result(0) for future in futures] == [Sum(total=2)] * 2


def test_a_second_answer_is_ignored(bus):
    held: list[Any] = []
    bus.serve("adder", VERBS, held.append)
    future = bus.send(Rest(), timeout_s=1.0)
    assert not held[0].answered
    held[0].answer(Done(detail="first"))
    held[0].answer(Done(detail="second"))
    assert held[0].answered
    assert future.result(0) == Done(detail="first")


def test_a_deadline_is_counted_from_the_clock_it_was_given():
    bus = Bus("alpha", epoch=1, monotonic=lambda: 100.0, wall=lambda: 0.0)
    held: list[Any] = []
    bus.serve("adder", VERBS, held.append)
    with pytest.raises(DeadlineExceeded):
        bus.ask(Rest(), timeout_s=0.01)
    assert held[0].deadline_s == 100.01


def test_without_a_carrier_another_node_is_unknown(bus):
    bus.serve("adder", VERBS, add)
    with pytest.raises(UnknownTarget):
        bus.ask(Rest(), timeout_s=1.0, node="beta")
