from pathlib import Path

import msgspec
import pytest

from bus.endpoints import endpoints_of, run_dir_for, write_endpoints
from bus.errors import BusError, NotConnected
from bus.subscriber import Event, Subscriber
from bus.zeromq import Listen
from tests.bus.conftest import PATIENCE_S, wait_until
from tests.bus.vocabulary import Moved, Sampled, Settled


def heard_by(bus, prefix, events=None):
    """events: a subscriber that has to come back by itself, which it does while it is asked for events."""
    wait_until(
        lambda: (events and events.next(0)) or prefix in bus._carrier.subscriptions, f"{prefix} to be subscribed"
    )


def following(events, number):
    """The next events, which are there or come; None does not count."""
    return [event for event in (events.next(PATIENCE_S) for _ in range(number)) if event is not None]


def test_a_state_directory_is_enough_to_hear_everything(node, run_dir):
    with Subscriber(run_dir) as events:
        heard_by(node, "evt.")
        sent = node.publish(Moved(subject="web", step=3, note="ü"), source="mover")
        event = events.next(PATIENCE_S)
        assert event == Event(
            **{**msgspec.structs.asdict(sent), "data": {"subject": "web", "step": 3, "note": "ü"}},
        )
        assert events.lost == 0


@pytest.mark.parametrize(
    ("topics", "heard"),
    [
        (["test"], ["moved", "sampled", "settled"]),
        (["test.moved"], ["moved"]),
        (["evt.test.moved."], ["moved"]),
        (["test.moved.alpha"], ["moved"]),
        (["test.moved.alpha.web"], ["moved"]),
        (["test.moved.alpha.we"], []),
        (["test.sampled", "test.settled"], ["sampled", "settled"]),
        (["test.*"], ["moved", "sampled", "settled"]),
        (["*"], ["moved", "sampled", "settled"]),
    ],
)
def test_topics_select_what_is_heard(node, run_dir, topics, heard):
    with Subscriber(run_dir, [*topics, "test.end"]) as events:
        heard_by(node, "evt.")
        for fact in (Moved(subject="web", step=1), Sampled(subject="web", value=1.0), Settled(subject="web", step=1)):
            node.publish(fact, source="x")
        kinds = [event.type for event in following(events, len(heard))]
        assert sorted(kinds) == [f"test.{kind}.v1" for kind in heard]  # order is kept per stream
        assert events.next(0) is None


def test_the_iteration_ends_after_a_silence(node, run_dir):
    with Subscriber(run_dir, timeout_s=0.3) as events:
        heard_by(node, "evt.")
        for step in range(100):
            node.publish(Moved(subject="web", step=step), source="x")
        assert [event.data["step"] for event in events] == list(range(100))


def test_loss_is_counted_where_it_can_be_known_and_not_guessed_elsewhere(node, run_dir):
    with Subscriber(run_dir) as whole, Subscriber(run_dir, ["test.moved"], reliable=False) as some:
        heard_by(node, "evt.")
        heard_by(node, "evt.test.moved.")
        node.publish(Moved(subject="web", step=1), source="x")
        assert whole.next(PATIENCE_S) is not None
        node._carrier._sender.archive.next[Moved.stream] += 5  # as if five had been dropped, and forgotten too
        node.publish(Moved(subject="web", step=2), source="x")
        assert [event.data["step"] for event in following(whole, 1)] == [2]
        assert [event.data["step"] for event in following(some, 2)] == [1, 2]
        assert whole.lost == 5
        assert some.lost is None


def test_what_waits_for_the_tool_is_its_lag(node, run_dir):
    with Subscriber(run_dir, ["test.moved"]) as whole, Subscriber(run_dir, ["test.moved"], reliable=False) as some:
        heard_by(node, "evt.")
        for step in range(500):
            node.publish(Moved(subject="web", step=step), source="x")
        assert whole.next(PATIENCE_S) is not None
        heard = 1
        while whole.lag != 500 - heard:  # the heartbeat tells how many were sent
            assert whole.next(PATIENCE_S) is not None
            heard += 1
        assert heard < 500
        assert len(following(whole, 500 - heard)) == 500 - heard
        assert whole.lag == 0
        assert some.lag is None


def test_a_node_that_starts_again_is_heard_again_and_its_new_numbers_are_no_loss(run_dir, make):
    endpoints = endpoints_of(run_dir, node="alpha", epoch=1)
    listen = Listen(endpoints.facts, endpoints.commands)
    bus = make("alpha", listen)
    with Subscriber(endpoints) as events:
        for epoch in (1, 2):
            heard_by(bus, "evt.", events)
            for step in range(10):
                bus.publish(Moved(subject="web", step=step), source="x")
            assert [event.data["step"] for event in following(events, 10)] == list(range(10))
            bus.close()
            bus = make("alpha", listen, epoch=epoch + 1)
        assert events.lost == 0


def test_a_node_that_starts_elsewhere_is_followed(run_dir, make):
    places = [Listen([f"ipc://{run_dir_for(run_dir / place)}/facts.sock"]) for place in "ab"]
    first = make("alpha", places[0])
    write_endpoints(run_dir, _endpoints(first))
    with Subscriber(run_dir) as events:
        heard_by(first, "evt.", events)
        second = make("alpha", places[1], epoch=2)
        write_endpoints(run_dir, _endpoints(second))
        heard_by(second, "evt.", events)
        second.publish(Moved(subject="web", step=1), source="x")
        assert [event.data["step"] for event in following(events, 1)] == [1]


def _endpoints(bus):
    return msgspec.structs.replace(
        endpoints_of(Path("/none"), node="alpha", epoch=bus.epoch), facts=tuple(bus._carrier.facts), commands=()
    )


def test_addresses_may_be_given_too(node):
    address = node._carrier.facts[0]
    for where in (address, [address]):
        Subscriber(where, ["test"]).close()


@pytest.mark.parametrize(
    ("where", "error"),
    [("/nowhere", NotConnected), ("tcp://10.0.0.1:5", BusError), ([], BusError), (["inproc://x"], BusError)],
)
def test_what_leads_nowhere_is_refused(where, error):
    with pytest.raises(error):
        Subscriber(where)


def test_what_is_no_topic_is_refused(node, run_dir):
    with pytest.raises(ValueError, match="is no topic"):
        Subscriber(run_dir, ["Process Exited"])
