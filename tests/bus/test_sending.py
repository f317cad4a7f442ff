"""Facts are sent by the I/O thread or, while it sleeps, by whoever publishes; to readers that is all the same."""

import threading
import time
from typing import Any

import pytest

from bus.handover import Handover
from bus.message import Stream
from bus.zeromq import Listen, Peer
from tests.bus.conftest import wait_until
from tests.bus.vocabulary import Kept, Moved, Sampled, Settled

WRITERS = 4
STEPS = 2_000


def in_threads(*works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pretend(queue, *, resting):
    """Put something where the I/O thread would find it, and say which threads sent it."""
    sent = []

    def send():
        sent.append(threading.get_ident())
        queue.facts.clear()

    queue.send, queue.resting = send, resting
    return sent


@pytest.fixture
def queue():
    handover = Handover()
    yield handover
    handover.close()


@pytest.fixture
def two(run_dir, make):
    """A bus that publishes and one that listens to it, with what came there."""
    here = make("alpha", Listen([f"ipc://{run_dir}/facts.sock"]))
    there = make("beta", Listen(), [Peer("alpha", facts=f"ipc://{run_dir}/facts.sock")])
    seen: list[Any] = []
    there.subscribe([Moved, Settled, Sampled, Kept], seen.append)
    wait_until(lambda: "evt." in here._carrier.subscriptions)
    return here, seen


def test_many_threads_publish_at_once_and_each_ones_facts_come_complete_and_in_order(two):
    here, seen = two

    def write(name):
        for step in range(STEPS):
            kind = (Moved, Settled, Kept)[step % 3]
            here.publish(kind(subject=name, step=step), source=name)
            if step % 97 == 0:
                time.sleep(0.002)  # long enough for the I/O thread to fall asleep: the next one is sent from here

    names = [f"writer-{number}" for number in range(WRITERS)]
    in_threads(*(lambda name=name: write(name) for name in names))
    wait_until(lambda: len(seen) >= WRITERS * STEPS, "all facts")
    for name in names:
        for kind in (Moved, Settled, Kept):
            steps = [one.data.step for one in seen if one.subject == name and type(one.data) is kind]
            assert steps == [step for step in range(STEPS) if (Moved, Settled, Kept)[step % 3] is kind]
    assert len(seen) == WRITERS * STEPS
    counters = here._carrier.counters
    assert (counters["sent"], counters["dropped_out"], counters["faults"]) == (WRITERS * STEPS, 0, 0)


def test_what_is_published_after_a_pause_is_sent_by_the_publishers_own_thread(two):
    here, seen = two
    by = []
    send = here._carrier._handover.send

    def noting():
        by.append(threading.current_thread().name)
        send()

    here._carrier._handover.send = noting

    def write():
        for step in range(50):
            wait_until(lambda: here._carrier._handover.resting, "the I/O thread to sleep")
            here.publish(Moved(subject="web", step=step), source="mover")
            wait_until(lambda step=step: len(seen) > step, "the fact")
            time.sleep(0.001)

    in_threads(write)
    assert [one.data.step for one in seen] == list(range(50))
    assert set(by) - {"MainThread"}
    assert "MainThread" not in by


def test_a_subscription_that_comes_while_others_send_is_taken_note_of(two, run_dir, make):
    here, _ = two
    late: list[Any] = []
    ending = threading.Event()

    def write():
        step = 0
        while not ending.is_set():
            here.publish(Moved(subject="web", step=step), source="mover")
            step += 1
            time.sleep(0.0005)

    def join():
        make("gamma", Listen(), [Peer("alpha", facts=f"ipc://{run_dir}/facts.sock")]).subscribe([Moved], late.append)
        try:
            wait_until(lambda: len(late) > 100, "facts at the one who came late")
        finally:
            ending.set()

    in_threads(write, join)
    steps = [one.data.step for one in late]
    assert steps == list(range(steps[0], steps[0] + len(steps)))


def test_the_main_thread_never_sends_by_itself(queue):
    sent = pretend(queue, resting=True)
    queue.put_fact("topic", Stream.FACTS, None)
    assert not sent
    assert len(queue.facts) == 1
    assert not queue.resting  # the I/O thread was woken up


@pytest.mark.parametrize("stream", list(Stream))
def test_another_thread_sends_while_the_io_thread_sleeps_but_leaves_it_what_must_be_committed(queue, stream):
    sent = pretend(queue, resting=True)
    in_threads(lambda: queue.put_fact("topic", stream, None))
    assert (len(sent), len(queue.facts)) == ((0, 1) if stream is Stream.DURABLE else (1, 0))
    assert queue.resting is (stream is not Stream.DURABLE)


def test_who_finds_the_sockets_in_use_wakes_the_io_thread_up_and_does_not_wait(queue):
    sent = pretend(queue, resting=True)
    with queue.sockets:
        in_threads(lambda: queue.put_fact("topic", Stream.FACTS, None))
    assert not sent
    assert (len(queue.facts), queue.resting) == (1, False)


def test_a_burst_is_gathered_and_sent_by_the_publisher_64_at_a_time_until_the_io_thread_has_its_turn(queue):
    sent = pretend(queue, resting=False)

    def burst():
        for _ in range(200):
            queue.put_fact("topic", Stream.FACTS, None)

    in_threads(burst)
    assert (len(sent), len(queue.facts)) == (3, 8)


def test_a_fact_sent_again_at_once_waits_for_the_io_thread(queue):
    sent = pretend(queue, resting=True)

    def twice():
        queue.put_fact("topic", Stream.FACTS, None)
        queue._sent_s = time.monotonic() + 60.0  # as if no time had passed
        queue.put_fact("topic", Stream.FACTS, None)

    in_threads(twice)
    assert (len(sent), len(queue.facts), queue.resting) == (1, 1, False)


def test_after_the_end_nothing_is_sent_by_anybody(two):
    here, _ = two
    here.close()
    in_threads(lambda: here.publish(Moved(subject="web", step=1), source="mover"))
    counters = here._carrier.counters
    assert (counters["sent"], counters["dropped_out"], counters["faults"]) == (0, 1, 0)
