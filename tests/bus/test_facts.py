import threading
from typing import Any

import pytest

from tests.bus.conftest import PATIENCE_S, wait_until
from tests.bus.vocabulary import Moved, Odd, Sampled, Settled


def test_a_fact_arrives_whole_and_typed(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], heard.append)
    sent = pair.here.publish(Moved(subject="web", step=3, note="ü"), source="mover")
    wait_until(lambda: heard)
    assert heard[0] == sent
    assert heard[0].source == "alpha/mover"
    assert heard[0].type == "test.moved.v1"
    assert heard[0].data == Moved(subject="web", step=3, note="ü")


def test_twenty_thousand_facts_arrive_in_order_and_none_is_lost(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], lambda envelope: heard.append(envelope.data.step))
    for step in range(20_000):
        pair.here.publish(Moved(subject="web", step=step), source="mover")
    wait_until(lambda: len(heard) >= 20_000, f"20000 facts, {len(heard)} are there")
    assert heard == list(range(20_000))


def test_facts_of_several_threads_keep_the_order_of_each(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], lambda envelope: heard.append((envelope.subject, envelope.data.step)))

    def publish(subject):
        for step in range(1_000):
            pair.here.publish(Moved(subject=subject, step=step), source="mover")

    threads = [threading.Thread(target=publish, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    wait_until(lambda: len(heard) >= 3_000)
    for name in ("one", "two", "three"):
        assert [step for subject, step in heard if subject == name] == list(range(1_000))


def test_only_what_is_subscribed_arrives(pair):
    heard: list[Any] = []
    pair.subscribe([Moved, Settled], heard.append)
    pair.here.publish(Sampled(subject="web", value=1.0), source="mover")
    pair.here.publish(Settled(subject="web", step=1), source="mover")
    pair.here.publish(Moved(subject="web", step=2), source="mover")
    wait_until(lambda: len(heard) >= 2)
    assert {type(envelope.data) for envelope in heard} == {Settled, Moved}  # order is kept per stream


def test_every_subscriber_gets_a_fact_and_one_that_raises_harms_no_other(pair):
    heard: list[Any] = []

    def stumble(_envelope):
        raise RuntimeError("stumbled")

    pair.subscribe([Moved], stumble)
    pair.subscribe([Moved], heard.append)
    pair.here.publish(Moved(subject="web", step=1), source="mover")
    wait_until(lambda: heard)
    assert pair.there.counters["subscriber_failed"] == 1


def test_a_closed_subscription_hears_nothing_more(pair):
    heard: list[Any] = []
    still: list[Any] = []
    subscription = pair.subscribe([Moved], heard.append)
    pair.subscribe([Moved], still.append)
    subscription.close()
    subscription.close()
    pair.here.publish(Moved(subject="web", step=1), source="mover")
    wait_until(lambda: still)
    assert heard == []


def test_a_cause_is_named_in_what_follows_from_it(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], heard.append)
    first = pair.here.publish(Moved(subject="web", step=1), source="mover")
    second = pair.here.publish(Moved(subject="web", step=2), source="mover", cause=first)
    pair.here.publish(Moved(subject="web", step=3), source="mover", cause=second)
    wait_until(lambda: len(heard) >= 3)
    assert [envelope.correlationid for envelope in heard] == [first.id] * 3
    assert [envelope.causationid for envelope in heard] == ["", first.id, second.id]


def test_ids_are_unique(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], heard.append)
    for step in range(100):
        pair.here.publish(Moved(subject="web", step=step), source="mover")
    wait_until(lambda: len(heard) >= 100)
    assert len({envelope.id for envelope in heard}) == 100


@pytest.mark.parametrize("subject", ["", "Web", "a.b", "a b", "x" * 65, "ü"])
def test_a_subject_that_is_no_token_is_refused(pair, subject):
    with pytest.raises(ValueError, match="is no token"):
        pair.here.publish(Moved(subject=subject, step=1), source="mover")


def test_a_fact_that_cannot_be_said_on_the_wire_takes_no_other_with_it(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], heard.append)
    for step in range(10):
        pair.here.publish(Odd(subject="web", anything=object()), source="mover")
        pair.here.publish(Moved(subject="web", step=step), source="mover")
    wait_until(lambda: len(heard) >= 10)
    if pair.here is not pair.there:
        assert pair.here._carrier.counters["unencodable"] == 10


def test_a_fact_larger_than_a_frame_is_counted_and_smaller_ones_of_its_batch_arrive(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], lambda envelope: heard.append((envelope.data.step, len(envelope.data.note))))
    sizes = [300_000] * 6 + [2_000_000] + [10] * 3
    for step, size in enumerate(sizes):
        pair.here.publish(Moved(subject="web", step=step, note="x" * size), source="mover")
    arriving = [(step, size) for step, size in enumerate(sizes) if size < 1 << 20 or pair.here is pair.there]
    wait_until(lambda: len(heard) >= len(arriving))
    assert heard == arriving
