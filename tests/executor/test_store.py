"""The queue: one set of tests over both stores."""

import threading
import time

import msgspec
import pytest

from actors.executor.database import StatementFailed
from actors.executor.flow import NoSuchTask
from actors.executor.lanes import CREDIT_MAX, Limit
from actors.executor.model import Ending, Filter, NewTask, Retry, Statement
from actors.executor.room import room_of
from actors.executor.words import limits_of
from actors.settings import Bytes, Resources, TaskKind

PAST, FUTURE = 1.0, time.time() + 86_400


def add(store, *tasks, **fields):
    """One task of kind `job`, or those given; the number or numbers."""
    added = store.add(tasks or [NewTask(**{"kind": "job", **fields})])
    return [one.id for one in added] if tasks else added[0].id


def fail(store, claim):
    return store.end(Ending(claim=claim, outcome="dead", error="no", blamed=True))


def take(store, worker="w1"):
    return store.claim(worker)[1]


def done(store, claim, **fields):
    return store.end(Ending(claim=claim, outcome="done", **fields))


def order(store, count):
    """Take and end so many; the numbers in the order in which they came."""
    found = []
    for _ in range(count):
        claim = take(store)
        found.append(claim.id)
        done(store, claim)
    return found


# -- in and out


def test_a_task_is_there_for_every_connection_once_add_returns(opened):
    number = add(opened(), params={"day": "2026-11-21"})
    claim = take(opened())
    assert (claim.id, claim.kind, claim.params, claim.attempt) == (number, "job", '{"day":"2026-11-21"}', 1)


def test_a_task_is_taken_once(store, opened):
    add(store)
    assert take(store) is not None
    assert take(opened()) is None


def test_an_ended_task_is_kept_with_its_result(store, reading):
    number = add(store)
    assert done(store, take(store), result='{"rows":3}')
    row = reading.get(number)
    assert (row.state, row.result, row.attempt) == ("done", '{"rows":3}', 1)
    assert reading.counts() == {"done": 1}


def test_the_end_of_one_and_the_beginning_of_the_next_are_one_commit(store, reading):
    first, second = add(store), add(store)
    claim = take(store)
    accepted, following = store.claim("w1", Ending(claim=claim, outcome="done"))
    assert (accepted, following.id) == (True, second)
    assert (reading.get(first).state, reading.get(second).state) == ("done", "running")


def test_numbers_are_never_given_twice(store):
    first = add(store)
    done(store, take(store))
    assert add(store) > first


def test_many_tasks_are_added_all_or_none(store, reading):
    assert len(add(store, *[NewTask(kind="job") for _ in range(50)])) == 50
    with pytest.raises(NoSuchTask, match="no task 999"):
        add(store, NewTask(kind="job"), NewTask(kind="job", after=(999,)))
    assert reading.counts() == {"queued": 50}


def test_producers_on_many_connections_lose_and_double_nothing(opened, reading):
    stores = [opened() for _ in range(4)]

    def produce(store):
        for _ in range(25):
            add(store)

    threads = [threading.Thread(target=produce, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reading.counts() == {"queued": 100}


def test_takers_on_many_connections_never_take_the_same(store, opened):
    numbers = add(store, *[NewTask(kind="job") for _ in range(80)])
    stores, taken = [opened() for _ in range(4)], []

    def consume(index):
        while (claim := take(stores[index], f"w{index}")) is not None:
            taken.append(claim.id)
            done(stores[index], claim)

    threads = [threading.Thread(target=consume, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(numbers)


# -- order


def test_a_higher_priority_goes_first_and_equals_in_the_order_they_came(store):
    numbers = add(
        store,
        *[NewTask(kind="job", priority=each) for each in ("deferred", "low", "medium", "high", "critical", "critical")],
    )
    assert order(store, 6) == [numbers[4], numbers[5], numbers[3], numbers[2], numbers[1], numbers[0]]


def test_one_that_waits_overtakes_the_next_priority_after_the_ageing_step(opened):
    store = opened(step_s=0.05)
    low = add(store, priority="low")
    time.sleep(0.1)
    medium = add(store, priority="medium")
    assert order(store, 2) == [low, medium]


def test_waiting_never_overtakes_a_critical_one(opened):
    store = opened(step_s=0.0)
    high = add(store, priority="high")
    assert order(store, 1) == [high]
    add(store, priority="high")
    critical = add(store, priority="critical")
    assert take(store).id == critical


# -- times


def test_a_task_is_not_taken_before_its_time(store, reading):
    number = add(store, not_before=time.time() + 0.3)
    assert take(store) is None
    assert reading.get(number).state == "scheduled"
    assert 0 < store.ripen() <= 0.3
    while store.ripen() is not None:
        time.sleep(0.02)
    assert take(store).id == number


def test_a_late_task_is_dropped_and_told(store, reading):
    number = add(store, deadline=PAST)
    assert store.look_at_deadlines() == [(number, "job", "drop")]
    assert reading.get(number).state == "expired"
    assert take(store) is None


def test_a_late_task_is_not_started_even_when_nobody_looked(store, reading):
    late, fresh = add(store, deadline=PAST), add(store, deadline=FUTURE)
    assert take(store).id == fresh
    assert reading.get(late).state == "expired"


def test_a_late_task_that_is_to_be_escalated_becomes_critical_once(store, reading):
    add(store, priority="high")
    number = add(store, deadline=PAST, late="escalate", priority="deferred")
    assert store.look_at_deadlines() == [(number, "job", "escalate")]
    assert store.look_at_deadlines() == []
    assert take(store).id == number
    assert reading.get(number).priority == "critical"


def test_nothing_waits_for_a_future_that_never_was(store, reading):
    ahead, retried = add(store), add(store, kind="again")
    store.again(take(store), "first", Retry(delay_s=0.0))
    store.ripen()
    while take(store) is not None:
        pass
    store.rescue("w1")
    store.database.changed("UPDATE tasks SET added = added + 9e6, rank = rank + 9e6 WHERE id = :id", {"id": ahead})
    store.database.changed(
        "UPDATE tasks SET state = 'scheduled', failures = 1, due = 9e9 WHERE id = :id", {"id": retried}
    )
    store.mend_clock(retry_max_s=300.0)
    store.ripen()
    assert abs(reading.get(ahead).added - time.time()) < 60
    assert sorted(order(store, 2)) == [ahead, retried]


# -- keys


def test_a_key_is_there_once_until_its_task_has_ended(store):
    first = store.add([NewTask(kind="job", key="2026-11-21")])[0]
    again = store.add([NewTask(kind="job", key="2026-11-21")])[0]
    assert (first.fresh, again.fresh, again.id) == (True, False, first.id)
    done(store, take(store))
    assert store.add([NewTask(kind="job", key="2026-11-21")])[0].fresh


def test_keys_are_told_apart_within_one_call(store, reading):
    store.add([NewTask(kind="job", key="a")])
    added = store.add([NewTask(kind="job", key=key) for key in ("a", "b", "b", None)])
    assert [one.fresh for one in added] == [False, True, False, True]
    assert added[1].id == added[2].id
    assert reading.counts() == {"queued": 3}


# -- failures


def test_a_failed_attempt_is_repeated_after_its_delay_with_what_was_kept(store, reading):
    number = add(store)
    claim = take(store)
    store.save(claim, checkpoint='{"at":7}', progress=0.5, note="half")
    assert store.again(claim, "ValueError: no", Retry(delay_s=0.05))
    assert take(store) is None
    assert reading.get(number).error == "ValueError: no"
    while store.ripen() is not None:
        time.sleep(0.01)
    again = take(store)
    assert (again.id, again.attempt, again.failures, again.checkpoint) == (number, 2, 1, '{"at":7}')
    assert again.idempotency_key == claim.idempotency_key
    assert [one.what for one in reading.history(number)] == ["failed"]


def test_a_dead_task_is_kept_and_runs_again_by_command(store, reading):
    number = add(store, params={"a": 1})
    claim = take(store)
    store.save(claim, checkpoint="3")
    store.end(Ending(claim=claim, outcome="dead", error="gave up"))
    row = reading.find(Filter(states=("dead",), ended=True))[0]
    assert (row.id, row.error, row.checkpoint) == (number, "gave up", "3")
    store.revive(number)
    again = take(store)
    assert (again.id, again.params, again.failures, again.checkpoint) == (number, '{"a":1}', 0, "3")
    assert [one.what for one in reading.history(number)] == ["dead", "retried"]


def test_what_cannot_be_retried_is_refused_with_the_reason(store):
    number = add(store, key="k")
    store.end(Ending(claim=take(store), outcome="dead", error="x"))
    other = add(store, key="k")
    with pytest.raises(NoSuchTask, match=f"task {other} has the key"):
        store.revive(number)
    done(store, take(store))
    with pytest.raises(NoSuchTask, match="is done"):
        store.revive(other)
    with pytest.raises(NoSuchTask, match="no ended task 999"):
        store.revive(999)


# -- dependencies


def test_a_task_comes_after_those_it_waits_for(store, reading):
    first, second = add(store), add(store)
    last = add(store, after=(first, second), priority="critical")
    assert reading.get(last).state == "blocked"
    assert reading.get(last).waits_for == (first, second)
    assert order(store, 3) == [first, second, last]


def test_what_is_done_already_is_not_waited_for(store, reading):
    first = add(store)
    done(store, take(store))
    assert reading.get(add(store, after=(first,))).state == "queued"


def test_what_comes_after_a_cancelled_task_is_cancelled_too(store, reading):
    first = add(store)
    second = add(store, after=(first,))
    third = add(store, after=(second,))
    store.cancel(first, "no longer wanted")
    assert [reading.get(each).state for each in (first, second, third)] == ["cancelled"] * 3
    assert f"task {second}" in reading.get(third).error
    assert reading.get(add(store, after=(third,))).state == "cancelled"


def test_what_comes_after_a_dead_task_waits_until_it_was_retried(store, reading):
    first = add(store)
    second = add(store, after=(first,))
    store.end(Ending(claim=take(store), outcome="dead", error="x"))
    assert reading.get(second).state == "blocked"
    third = add(store, after=(first,))
    store.revive(first)
    assert order(store, 3) == [first, second, third]


def test_two_that_end_at_the_same_time_let_the_third_go_on(opened, reading):
    stores = [opened(), opened()]
    for _ in range(10):
        pair = [add(stores[0]), add(stores[0])]
        last = add(stores[0], after=tuple(pair))
        claims = [take(store, f"w{index}") for index, store in enumerate(stores)]
        threads = [threading.Thread(target=done, args=pair) for pair in zip(stores, claims, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert reading.get(last).state == "queued"
        assert order(stores[0], 1) == [last]


# -- cancel


def test_a_cancel_ends_what_waits_and_tells_what_runs(store, reading):
    parent = add(store)
    claim = take(store)
    waiting = add(store, parent=parent)
    planned = add(store, parent=waiting, not_before=FUTURE)
    outcome = store.cancel(parent, "by hand")
    assert (set(outcome.ended), outcome.stopping) == ({waiting, planned}, (parent,))
    assert store.beat(claim) == (True, "by hand")
    store.end(Ending(claim=claim, outcome="cancelled", error="by hand"))
    assert reading.get(parent).state == "cancelled"
    assert store.cancel(parent, "again").ended == ()


# -- a worker that is gone


def test_the_task_of_a_dead_worker_runs_again_and_the_dead_can_change_nothing(store, reading):
    number = add(store)
    claim = take(store, "gone")
    assert store.holders() == ["gone"]
    assert [(one.id, one.outcome) for one in store.rescue("gone")] == [(number, None)]
    again = take(store, "w2")
    assert (again.id, again.attempt) == (number, 2)
    assert not done(store, claim)
    assert not store.save(claim, checkpoint="1")
    assert not store.again(claim, "late", Retry(delay_s=0.0))
    assert store.beat(claim) == (False, None)
    assert done(store, again)
    assert [one.what for one in reading.history(number)] == ["rescued"]


def test_a_task_that_kills_its_workers_ends_with_the_dead_letters(store, reading):
    number = add(store)
    for _ in range(3):
        take(store, "gone")
        rescued = store.rescue("gone", lost_max=3)
    assert [(one.id, one.outcome) for one in rescued] == [(number, "dead")]
    assert "its worker died 3 times" in reading.get(number).error


def test_a_task_that_gets_on_is_not_blamed_for_its_workers(store):
    add(store)
    for at in range(6):
        claim = take(store, "gone")
        store.save(claim, checkpoint=str(at))
        assert store.rescue("gone", lost_max=3)[0].outcome is None
    assert take(store).checkpoint == "5"


def test_a_cancelled_task_is_not_run_again_when_its_worker_dies(store, reading):
    number = add(store)
    take(store, "gone")
    store.cancel(number, "enough")
    assert store.rescue("gone")[0].outcome == "cancelled"
    assert reading.get(number).state == "cancelled"


def test_a_claim_whose_answer_was_lost_is_given_back(store):
    first, second = add(store, NewTask(kind="job"), NewTask(kind="job"))
    known, _ = take(store), take(store)
    assert store.give_back_others("w1", known.id) == 1
    assert take(store, "w2").id == second
    assert store.give_back_others("w1", None) == 1
    assert take(store, "w2").id == first


def test_who_lives_after_all_is_not_robbed(store):
    add(store)
    claim = take(store, "alive")
    assert store.rescue("alive", still=lambda: False) == []
    assert done(store, claim)


def test_a_lease_is_over_unless_it_is_renewed(store):
    add(store)
    claim = store.claim("far", lease_s=0.2)[1]
    assert store.expired_holders() == []
    time.sleep(0.3)
    assert store.expired_holders() == ["far"]
    if store.database.shared:
        store.beat(claim, lease_s=5.0)
        assert store.expired_holders() == []


# -- limits


def test_no_more_of_a_kind_run_at_once_than_it_may_and_others_pass_by(store):
    store.set_limits([Limit(lane="heavy", concurrency=1)])
    first, second, other = add(store, NewTask(kind="heavy"), NewTask(kind="heavy"), NewTask(kind="job"))
    claim = take(store)
    assert claim.id == first
    assert take(store).id == other
    assert take(store) is None
    done(store, claim)
    assert take(store).id == second


def test_no_more_of_a_kind_are_started_in_a_time_than_its_bucket_gives(store):
    store.set_limits([Limit(lane="call", per_s=0.001, burst=2.0, tokens=2.0)])
    add(store, *[NewTask(kind="call") for _ in range(3)])
    assert store.opens_in_s() is None
    assert [take(store) is not None for _ in range(3)] == [True, True, False]
    assert 900 < store.opens_in_s() <= 1000


def test_priority_counts_across_kinds_with_and_without_limits(store):
    store.set_limits([Limit(lane="heavy", concurrency=5)])
    low, high, medium = add(
        store,
        NewTask(kind="job", priority="low"),
        NewTask(kind="heavy", priority="high"),
        NewTask(kind="job", priority="medium"),
    )
    assert order(store, 3) == [high, medium, low]


def test_what_waits_follows_a_change_of_limits(store):
    add(store, NewTask(kind="job"), NewTask(kind="job"))
    store.set_limits([Limit(lane="job", concurrency=1)])
    assert take(store) is not None
    assert take(store) is None
    store.set_limits([])
    assert take(store) is not None


def test_nothing_is_taken_while_the_queue_is_paused(store, reading):
    number = add(store)
    store.pause("maintenance")
    assert take(store) is None
    assert store.recall("paused") == "maintenance"
    store.pause(None)
    assert take(store).id == number


# -- protection

FAILING = Limit(lane="call", trips=2, open_s=600.0)


def test_a_kind_that_only_fails_is_left_alone_then_tried_one_by_one_until_one_is_done(store, opened, reading):
    store.set_limits([FAILING])
    first, second, other = add(store, NewTask(kind="call"), NewTask(kind="call"), NewTask(kind="job"))
    assert store.again(take(store), "no", Retry(delay_s=0.0))
    assert fail(store, take(store))
    assert [one.what for one in reading.history(second)] == ["breaker", "dead"]
    store.ripen()
    assert take(store).id == other
    assert take(store) is None
    assert 590 < store.opens_in_s() <= 600
    store.set_limits([msgspec.structs.replace(FAILING, open_s=0.01)])
    time.sleep(0.02)
    third = add(store, kind="call")
    claim = take(opened())
    assert claim.id == first
    assert take(store) is None, "one at a time while nothing is known"
    done(store, claim)
    assert reading.lane("call")[0].failed == 0
    assert take(store).id == third


def test_what_is_no_fault_of_the_kind_does_not_count_against_it(store, reading):
    store.set_limits([FAILING])
    add(store, NewTask(kind="call"), NewTask(kind="call"), NewTask(kind="call"))
    for outcome in ("dead", "cancelled", "dead"):
        store.end(Ending(claim=take(store), outcome=outcome, error="bad parameters"))
    assert reading.lane("call")[0].failed == 0


def test_who_lost_the_task_moves_no_breaker(store, reading):
    store.set_limits([FAILING])
    add(store, kind="call")
    claim = take(store)
    store.rescue("w1")
    assert not store.again(claim, "late", Retry(delay_s=0.0))
    assert not fail(store, claim)
    assert reading.lane("call")[0].failed == 0


def test_beyond_its_budget_a_failed_attempt_waits_the_longest_at_once(store, reading):
    store.set_limits([Limit(lane="call", share=0.5)])
    number = add(store, kind="call")
    for _ in range(int(CREDIT_MAX)):
        store.again(take(store), "no", Retry(delay_s=0.0, longest_s=300.0))
        store.ripen()
    assert reading.get(number).state == "queued"
    store.again(take(store), "no", Retry(delay_s=0.0, longest_s=300.0))
    assert store.ripen() > 290
    assert [one.what for one in reading.history(number)].count("budget") == 1
    for _ in range(2):
        add(store, kind="call")
        done(store, take(store))
    assert reading.lane("call")[0].credit == 1.0


def test_a_task_is_taken_where_there_is_what_it_needs(opened):
    kinds = {
        "heavy": TaskKind(module="m", need=Resources(cpu=2, memory=Bytes(100))),
        "card": TaskKind(module="m", need=Resources(gpu=1)),
    }
    alpha = opened(room=room_of("alpha", Resources(cpu=3, memory=Bytes(1000)), kinds))
    beta = opened(room=room_of("beta", Resources(cpu=2, memory=Bytes(1000), gpu=1), kinds))
    alpha.set_limits(limits_of(kinds))
    first, second, card, light = add(alpha, *[NewTask(kind=kind) for kind in ("heavy", "heavy", "card", "job")])
    claim = take(alpha, "alpha.1")
    assert claim.id == first
    assert take(alpha, "alpha.2").id == light, "a second heavy one does not fit, and has no card"
    assert [take(beta, f"beta.{number}").id for number in (1, 2)] == [second, card]
    third = add(alpha, kind="heavy")
    assert take(alpha, "alpha.3") is None
    alpha.end(Ending(claim=claim, outcome="done"))
    assert take(alpha, "alpha.3").id == third


def test_in_an_emergency_a_node_takes_urgent_tasks_only(store, opened):
    here, there = (opened(room=room_of(node, Resources(), {})) for node in ("alpha", "beta"))
    store.take_urgent_only("alpha.", "inc-1")
    low, high = add(store, NewTask(kind="job", priority="low"), NewTask(kind="job", priority="high"))
    assert take(here, "alpha.1").id == high
    assert take(here, "alpha.1") is None
    assert take(there, "beta.1").id == low
    store.take_urgent_only("alpha.", "")
    number = add(store)
    assert take(here, "alpha.1").id == number


def test_a_clock_that_is_put_back_keeps_no_lane_closed(store):
    store.set_limits([Limit(lane="call", per_s=1.0, tokens=1.0), Limit(lane="job", trips=1, open_s=60.0)])
    add(store, NewTask(kind="call"), NewTask(kind="job"))
    store.database.changed("UPDATE lanes SET tokens = 0, at = :now + 86400 WHERE lane = 'call'")
    store.database.changed("UPDATE lanes SET failed = 1, opened = :now + 86400 WHERE lane = 'job'")
    assert store.opens_in_s() is not None
    assert take(store) is None
    store.mend_clock(3600.0)
    assert store.opens_in_s() <= 1.0
    time.sleep(1.1)
    assert take(store) is not None


def test_the_tables_of_the_release_before_are_brought_up_to_this_one(address, opened):
    store = opened()
    number = add(store)
    for column in ("trips", "open_s", "failed", "opened", "share", "credit"):
        store.database.changed(f"ALTER TABLE lanes DROP COLUMN {column}")
    store.remember("version", "1")
    store.close()
    newer = opened()
    assert newer.recall("version") == "2"
    assert take(newer).id == number


# -- effectively once


def test_what_a_task_writes_is_there_with_its_end_or_not_at_all(store, reading):
    mark = "%s" if store.database.shared else "?"
    store.database.changed("CREATE TABLE totals (n BIGINT PRIMARY KEY)")
    number = add(store)
    also = (Statement(f"INSERT INTO totals VALUES ({mark})", (7,)),)
    claim = take(store)
    assert done(store, claim, also=also)
    assert not done(store, claim, also=also)
    assert store.database.rows("SELECT n FROM totals") == [(7,)]
    add(store)
    claim = take(store)
    with pytest.raises(StatementFailed, match=r"(?i)unique"):
        done(store, claim, also=also)
    assert reading.get(claim.id).state == "running"
    assert reading.get(number).state == "done"


# -- looking


def test_tasks_are_found_by_state_kind_and_tag(store, reading):
    first, _, third = add(
        store,
        NewTask(kind="job", tags=("red", "big")),
        NewTask(kind="other"),
        NewTask(kind="job", not_before=FUTURE),
    )
    assert [row.id for row in reading.find(Filter(kind="job"))] == [first, third]
    assert [row.id for row in reading.find(Filter(tag="red"))] == [first]
    assert [row.id for row in reading.find(Filter(states=("scheduled",)))] == [third]
    assert [row.id for row in reading.find(Filter(limit=1))] == [first]
    assert reading.kinds()[0][:3] == ("job", "queued", 1)


def test_ends_can_be_read_in_order_and_the_oldest_are_forgotten(store, reading):
    numbers = add(store, *[NewTask(kind="job") for _ in range(6)])
    for _ in range(5):
        done(store, take(store))
    store.end(Ending(claim=take(store), outcome="dead", error="x"))
    assert [row.id for row in reading.ended_since(0, 100)] == numbers
    assert reading.ended_since(reading.last_seq(), 100) == []
    assert reading.rates(60.0)[0][:3] == ("job", "dead", 1)
    assert reading.trim(keep=2, keep_badly=10) == 3
    assert [row.id for row in reading.find(Filter(ended=True))] == numbers[:2:-1]


def test_waiting_ends_at_once_when_there_is_work(store, opened, until):
    other, woken = opened(), threading.Event()

    def wait():
        other.database.wait(0.01)  # PostgreSQL begins to listen
        while take(other) is None:
            other.database.wait(60.0)
        woken.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    time.sleep(0.2)
    add(store)
    assert woken.wait(20)
    thread.join()
