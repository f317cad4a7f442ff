"""An actor's shell: what Pykka leaves open, answered."""

import threading
import time
from typing import Any, ClassVar

import msgspec
import pytest

from actors.base import Actor, handlers_of
from actors.clock import ManualClock
from actors.intensity import Intensity
from actors.shell import Child, DeadLetter
from actors.supervisor import Supervisor
from bus.errors import ActorUnavailable, DeadlineExceeded, HandlerFailed, InboxFull, Refused
from bus.message import Command, Done, Fact, Stream
from bus.messages import ActorFailed, ActorStarted
from tests.harness import House


class Poked(Fact, frozen=True, kw_only=True):
    kind = "test.poked"
    number: int


class Level(Fact, frozen=True, kw_only=True):
    kind = "test.level"
    stream = Stream.STATE
    number: int


class Echoed(Fact, frozen=True, kw_only=True):
    kind = "test.echoed"
    number: int


class Sum(Command, frozen=True, kw_only=True):
    target = "worker"
    verb = "sum"
    reply = Done
    numbers: list[int]


class Wait(Command, frozen=True, kw_only=True):
    target = "worker"
    verb = "wait"
    reply = Done


class Worker(Actor[Any]):
    """Raises at a negative number, exits at -99, and keeps what it handled outside of itself."""

    name = "worker"
    listens = (Poked, Level)
    answers: ClassVar[tuple[type[Command], ...]] = (Sum, Wait)
    inbox_limit = 50
    handled: ClassVar[list[int]] = []
    gate: ClassVar[threading.Event] = threading.Event()
    broken_start: ClassVar[bool] = False

    def on_start(self) -> None:
        if Worker.broken_start:
            raise OSError("no such table")

    def on_poked(self, fact: Poked) -> None:
        if fact.number == -99:
            raise SystemExit(3)
        if fact.number < 0:
            raise ValueError(f"below zero: {fact.number}")
        Worker.handled.append(fact.number)
        self.publish(Echoed(subject=fact.subject, number=fact.number))

    def on_level(self, fact: Level) -> None:
        Worker.handled.append(fact.number)

    def do_sum(self, command: Sum) -> Done:
        if not command.numbers:
            raise Refused("nothing to add")
        return Done(detail=str(sum(command.numbers)))

    def do_wait(self, _: Wait) -> None:
        request = self.defer_reply()
        self.run(Worker.gate.wait, lambda _: request.answer(Done(detail="opened")))


@pytest.fixture(autouse=True)
def clean_worker():
    Worker.handled.clear()
    Worker.gate.clear()
    Worker.broken_start = False
    yield
    Worker.gate.set()


def counted(house: House) -> Any:
    return house.shells["worker"].row()


def test_a_raising_handler_costs_its_message_and_nothing_else(house: House) -> None:
    house.start(Worker)
    for number in (1, -1, 2, -2, 3):
        house.publish(Poked(subject="a", number=number))
    house.until(lambda: Worker.handled == [1, 2, 3])
    row = counted(house)
    assert (row.failures, row.dead_letters, row.restarts, row.state) == (2, 2, 2, "running")
    failed = house.events(ActorFailed)
    assert [one.while_handling for one in failed] == ["Poked a", "Poked a"]
    assert not any(one.given_up for one in failed)
    letters = list(house.shells["worker"].letters)
    assert [letter.what for letter in letters] == ["Poked a", "Poked a"]
    assert isinstance(letters[0], DeadLetter)
    assert "below zero: -1" in letters[0].why


def test_system_exit_in_one_actor_stops_neither_it_nor_another(house: House) -> None:
    class Other(Worker):
        name = "other"
        answers = ()

    house.start(Worker)
    house.start(Other)
    house.publish(Poked(subject="a", number=-99))
    house.publish(Poked(subject="a", number=7))
    house.until(lambda: Worker.handled == [7, 7])
    assert {shell.state for shell in house.shells.values()} == {"running"}


def test_an_actor_that_always_raises_is_given_up_and_the_others_go_on(house: House) -> None:
    class Witness(Worker):
        name = "witness"
        answers = ()
        seen: ClassVar[list[int]] = []

        def on_poked(self, fact: Poked) -> None:
            Witness.seen.append(fact.number)

    house.start(Witness)
    house.start(Worker)
    for number in range(1, 21):
        house.publish(Poked(subject="a", number=-number))
    house.until(lambda: counted(house).state == "given_up")
    house.until(lambda: counted(house).dead_letters == 20)
    house.until(lambda: len(Witness.seen) == 20)
    last = house.events(ActorFailed)[-1]
    assert last.given_up
    assert last.retry_s == Intensity().retry_first_s
    with pytest.raises(ActorUnavailable, match="given up"):
        house.ask(Sum(numbers=[1]))


def test_a_given_up_actor_is_tried_again_later(manual_house: House) -> None:
    house = manual_house
    house.start(Worker)
    for number in range(1, 7):
        house.publish(Poked(subject="a", number=-number))
    house.until(lambda: counted(house).state == "given_up")
    house.advance(house.intensity.retry_first_s)
    house.until(lambda: counted(house).state == "running")
    assert house.ask(Sum(numbers=[1, 2])).detail == "3"


def test_a_start_that_fails_is_retried_with_growing_delays_and_held_messages_follow(manual_house: House) -> None:
    house = manual_house
    Worker.broken_start = True
    house.start(Worker)
    house.until(lambda: counted(house).state == "restarting")
    house.publish(Poked(subject="a", number=5))
    house.advance(0.05)
    house.until(lambda: counted(house).failures == 2)
    Worker.broken_start = False
    house.advance(0.1)
    house.until(lambda: Worker.handled == [5])
    assert counted(house).state == "running"
    assert "no such table" in counted(house).last_error


def test_a_command_whose_handler_raises_is_answered_with_the_error(house: House) -> None:
    class Broken(Worker):
        def do_sum(self, _: Sum) -> Done:
            raise KeyError("x")

    house.start(Broken)
    with pytest.raises(HandlerFailed, match="KeyError"):
        house.ask(Sum(numbers=[1]))


def test_a_handler_that_answers_nothing_is_a_failure_and_not_silence(house: House) -> None:
    class Silent(Worker):
        def do_sum(self, _: Sum) -> None:  # type: ignore[override]
            return None

    house.start(Silent)
    with pytest.raises(HandlerFailed, match="returned nothing"):
        house.ask(Sum(numbers=[1]))


def test_a_refusal_is_an_answer_and_no_failure(house: House) -> None:
    house.start(Worker)
    with pytest.raises(Refused, match="nothing to add"):
        house.ask(Sum(numbers=[]))
    assert counted(house).failures == 0


def test_a_deferred_reply_comes_when_the_work_is_done(house: House) -> None:
    house.start(Worker)
    future = house.bus.send(Wait(), timeout_s=20)
    assert house.ask(Sum(numbers=[2, 2])).detail == "4", "the actor is free meanwhile"
    assert not future.done()
    Worker.gate.set()
    assert future.result(20).detail == "opened"


def test_an_ask_ends_at_its_deadline(house: House) -> None:
    house.start(Worker)
    with pytest.raises(DeadlineExceeded):
        house.ask(Wait(), timeout_s=0.05)


def test_an_actor_that_asks_itself_is_refused_and_does_not_hang(house: House) -> None:
    class Narcissus(Worker):
        def do_wait(self, _: Wait) -> Done:  # type: ignore[override]
            done: Done = self.ask(Sum(numbers=[1]), timeout_s=5)
            return done

    house.start(Narcissus)
    with pytest.raises(Refused, match="asks itself"):
        house.ask(Wait())


def test_a_full_inbox_drops_the_oldest_facts_keeps_the_newest_state_and_refuses_commands(house: House) -> None:
    class Slow(Worker):
        def on_poked(self, fact: Poked) -> None:
            Worker.gate.wait(20)
            Worker.handled.append(fact.number)

    house.start(Slow)
    house.publish(Poked(subject="a", number=0))
    house.until(lambda: counted(house).waiting == 0)
    for number in range(1, 101):
        house.publish(Poked(subject="a", number=number))
        house.publish(Level(subject="a", number=1000 + number))
    futures = [house.bus.send(Sum(numbers=[1]), timeout_s=20) for _ in range(60)]
    row = counted(house)
    assert (row.dropped, row.conflated, row.refused) == (50, 99, 10)
    Worker.gate.set()
    assert [future.exception(20) is None for future in futures[:50]] == [True] * 50
    assert all(isinstance(future.exception(20), InboxFull) for future in futures[50:])
    house.until(lambda: counted(house).waiting == 0)
    assert sorted(Worker.handled) == [0, *range(51, 101), 1100]


def test_what_follows_from_a_message_names_it_as_cause(house: House) -> None:
    heard: list[Any] = []
    house.bus.subscribe((Echoed,), heard.append)
    house.start(Worker)
    envelope = house.bus.publish(Poked(subject="a", number=1), source="test")
    house.until(lambda: bool(heard))
    assert heard[0].causationid == envelope.id
    assert heard[0].correlationid == envelope.correlationid
    assert heard[0].source == "alpha/worker"


def test_timers_and_results_are_messages_and_die_with_their_behaviour(manual_house: House) -> None:
    house = manual_house

    class Ticking(Worker):
        def on_start(self) -> None:
            self.every(1.0, self.tick)
            self.after(2.5, Worker.handled.append, 100)

        def tick(self) -> None:
            Worker.handled.append(1)

    house.start(Ticking)
    for _ in range(3):
        house.advance(1.0)
        house.until(lambda: counted(house).waiting == 0)
    house.until(lambda: sorted(Worker.handled) == [1, 1, 1, 100])
    house.advance(0.5)
    house.publish(Poked(subject="a", number=-1))
    house.until(lambda: counted(house).restarts == 1 and counted(house).state == "running")
    house.advance(0.6)
    assert house.ask(Sum(numbers=[1])).detail == "1"
    assert Worker.handled.count(1) == 3, "the old ticker is gone; the new one ticks one second after the restart"
    house.advance(0.4)
    house.until(lambda: Worker.handled.count(1) == 4)


def test_a_request_gets_exactly_one_outcome(house: House) -> None:
    outcomes: list[Any] = []

    class Asking(Actor[Any]):
        name = "asking"
        listens = (Poked,)

        def on_poked(self, fact: Poked) -> None:
            self.request(Sum(numbers=[fact.number]), outcomes.append)
            self.request(Wait(), outcomes.append, timeout_s=0.05)

    house.start(Worker)
    house.start(Asking)
    house.publish(Poked(subject="a", number=4))
    house.until(lambda: len(outcomes) == 2)
    Worker.gate.set()
    time.sleep(0.05)
    assert [type(one) for one in outcomes] == [Done, DeadlineExceeded]


def test_a_missing_handler_is_found_before_the_start() -> None:
    class Forgetful(Actor[Any]):
        name = "forgetful"
        listens = (Poked,)

    with pytest.raises(TypeError, match="has no method on_poked"):
        handlers_of(Forgetful)


def test_the_supervisor_starts_in_order_and_stops_in_reverse(house: House) -> None:
    order: list[str] = []

    def recording(label: str) -> type[Actor[Any]]:
        class One(Actor[Any]):
            name = label

            def on_stop(self) -> None:
                order.append(label)

        return One

    supervisor = Supervisor(house.bus, house.clock)
    supervisor.start([Child(recording(name), msgspec.defstruct("None_", [])()) for name in ("a", "b", "c")], house.view)
    house.wait_for(ActorStarted, lambda fact: fact.subject == "c")
    assert [row.name for row in supervisor.rows()] == ["a", "b", "c"]
    supervisor.stop()
    assert order == ["c", "b", "a"]


def test_the_first_can_ask_the_last_before_that_has_begun(house: House) -> None:
    outcomes: list[Any] = []

    class First(Actor[Any]):
        name = "first"

        def on_start(self) -> None:
            outcomes.append(house.bus.send(Sum(numbers=[4]), timeout_s=20))

    supervisor = Supervisor(house.bus, house.clock)
    nothing = msgspec.defstruct("None_", [])()
    supervisor.start([Child(First, nothing), Child(Worker, nothing)], house.view)
    house.until(lambda: bool(outcomes))
    assert isinstance(outcomes[0].result(20), Done)
    supervisor.stop()


def test_stopping_refuses_what_still_waits(house: House) -> None:
    class Slow(Worker):
        def on_poked(self, _: Poked) -> None:
            Worker.gate.wait(20)

    shell = house.start(Slow)
    house.publish(Poked(subject="a", number=1))
    house.until(lambda: counted(house).waiting == 0)
    shell.actor_ref.stop(block=False)
    future = house.bus.send(Sum(numbers=[1]), timeout_s=20)
    Worker.gate.set()
    assert isinstance(future.exception(20), ActorUnavailable)


def test_a_manual_clock_makes_calls_in_their_order() -> None:
    clock = ManualClock()
    order: list[tuple[str, float]] = []
    clock.call_later(2, lambda: order.append(("late", clock())))
    clock.call_later(1, lambda: order.append(("early", clock())))
    clock.call_later(1.5, lambda: order.append(("never", clock()))).cancel()
    clock.advance(3)
    assert order == [("early", 1001.0), ("late", 1002.0)]
