import json
import stat
import threading
import time
from typing import Any

import pytest

from bus.audit import Audit, AuditRow
from bus.envelope import RawCommand
from bus.errors import (
    ActorUnavailable,
    CommandError,
    DeadlineExceeded,
    HandlerFailed,
    InboxFull,
    Refused,
    UnknownTarget,
    UnknownVerb,
)
from bus.hub import Bus
from bus.message import Done
from tests.bus.conftest import PATIENCE_S, add, noting, wait_until
from tests.bus.vocabulary import VERBS, Add, Fly, Rest, Sum


def test_a_command_gets_its_typed_reply(pair):
    pair.serve(add)
    assert pair.ask(Add(left=2, right=3)) == Sum(total=5)


def test_the_handler_sees_who_asks_and_until_when(pair):
    seen: list[Any] = []
    pair.serve(noting(seen))
    pair.ask(Add(left=2, right=3), timeout_s=17.0)
    envelope = seen[0].envelope
    assert envelope.source in {f"{pair.there.node}/", "node:beta/"}  # over tcp as the key proved it
    assert (envelope.source == "node:beta/") is pair.over_tcp
    assert 0 < envelope.timeout_s <= 17.0
    assert (envelope.target, envelope.verb, envelope.correlationid) == ("adder", "add", envelope.id)


def test_an_answer_may_come_later_and_from_another_thread(pair):
    held: list[Any] = []
    pair.serve(held.append)
    future = pair.send(Add(left=2, right=3))
    wait_until(lambda: held)
    thread = threading.Thread(target=add, args=(held[0],))
    thread.start()
    thread.join(PATIENCE_S)
    assert future.result(PATIENCE_S) == Sum(total=5)


def test_a_hundred_commands_at_once_are_all_answered(pair):
    pair.serve(add)
    futures = [pair.send(Add(left=number, right=1)) for number in range(100)]
    assert [future.result(PATIENCE_S).total for future in futures] == list(range(1, 101))


def test_an_unknown_target_is_named(pair):
    pair.serve(add)
    with pytest.raises(UnknownTarget, match="bird"):
        pair.ask(Fly())


def test_an_unknown_verb_is_named(pair):
    pair.serve(add, verbs={"rest": Rest})
    with pytest.raises(UnknownVerb, match="add"):
        pair.ask(Add(left=2, right=3))


@pytest.mark.parametrize(
    "error",
    [
        CommandError("some"),
        UnknownTarget("no such"),
        UnknownVerb("no such"),
        Refused("not now: the moon is full"),
        DeadlineExceeded("late"),
        ActorUnavailable("given up"),
        InboxFull("behind"),
        HandlerFailed("ValueError: 3"),
    ],
    ids=lambda error: error.code,
)
def test_an_error_keeps_its_class_and_its_words(pair, error):
    pair.serve(lambda request: request.answer(error))
    with pytest.raises(CommandError) as caught:
        pair.ask(Rest())
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)


def test_an_actor_that_refuses_to_take_a_command_says_why(pair):
    def full(_request):
        raise InboxFull("1000 wait")

    pair.serve(full)
    with pytest.raises(InboxFull, match="1000 wait"):
        pair.ask(Rest())


def test_a_fault_in_taking_a_command_is_told_to_the_asker(pair):
    def stumble(_request):
        raise ZeroDivisionError("no")

    pair.serve(stumble)
    with pytest.raises(HandlerFailed, match="ZeroDivisionError: no"):
        pair.ask(Rest())


def test_no_answer_before_the_deadline_is_an_error(pair):
    held: list[Any] = []
    pair.serve(held.append)
    with pytest.raises(DeadlineExceeded, match=r"adder\.rest"):
        pair.ask(Rest(), timeout_s=0.2)
    wait_until(lambda: held)
    held[0].answer(Done())  # too late, and harms nobody
    pair.serve(add)
    assert pair.ask(Add(left=1, right=1)) == Sum(total=2)


def test_a_repeated_id_is_answered_again_and_carried_out_once(pair):
    calls: list[Any] = []
    pair.serve(noting(calls))
    futures = [pair.send(Add(left=2, right=number), key="same") for number in range(5)]
    assert [future.result(PATIENCE_S) for future in futures] == [Sum(total=2)] * 5
    assert len(calls) == 1


def test_a_repeated_id_waits_for_the_answer_that_is_being_made(pair):
    held: list[Any] = []
    pair.serve(held.append)
    first = pair.send(Add(left=2, right=3), key="same")
    second = pair.send(Add(left=2, right=3), key="same")
    wait_until(lambda: held)
    add(held[0])
    assert first.result(PATIENCE_S) == second.result(PATIENCE_S) == Sum(total=5)
    assert len(held) == 1


def test_a_repeated_id_is_tried_again_after_an_error_that_passes(pair):
    calls: list[Any] = []

    def second_time(request):
        calls.append(request)
        if len(calls) == 1:
            raise InboxFull("behind")
        add(request)

    pair.serve(second_time)
    with pytest.raises(InboxFull):
        pair.send(Add(left=2, right=3), key="same").result(PATIENCE_S)
    assert pair.send(Add(left=2, right=3), key="same").result(PATIENCE_S) == Sum(total=5)


def test_a_withdrawn_target_is_unknown(pair):
    pair.serve(add)
    assert pair.here.targets == {"adder": ["add", "rest"]}
    pair.here.withdraw("adder")
    with pytest.raises(UnknownTarget):
        pair.ask(Rest())


def test_closing_the_bus_refuses_what_is_still_asked(pair):
    held: list[Any] = []
    pair.serve(held.append)
    future = pair.send(Rest())
    wait_until(lambda: held)
    pair.here.close()
    with pytest.raises(ActorUnavailable, match="stopping"):
        future.result(PATIENCE_S)
    held[0].answer(Done())  # the actor answers after all; nobody hears it twice
    with pytest.raises(ActorUnavailable):
        future.result(PATIENCE_S)


# -- the audit


def test_every_command_leaves_one_row_whatever_came_of_it_and_however_often_it_was_sent(run_dir):
    rows = Audit(run_dir / "commands.jsonl")
    bus = Bus("alpha", epoch=1, monotonic=time.monotonic, wall=time.time, audit=rows.note)
    bus.serve("adder", VERBS, add)
    for _ in range(3):
        assert bus.send(Add(left=1, right=2), timeout_s=1.0, source="tester", key="once").result(1.0) == Sum(total=3)
    answers: list[Any] = []
    for target, verb in (("bird", "fly"), ("adder", "swim"), ("adder", "add")):
        raw = RawCommand(id=f"{target}.{verb}", source="laptop", target=target, verb=verb)
        bus.receive_command(raw, answers.append)
    bus.close()
    rows.close()
    lines = [json.loads(line) for line in (run_dir / "commands.jsonl").read_text().splitlines()]
    assert [(row["id"], row["source"], row["target"], row["verb"], row["outcome"]) for row in lines] == [
        ("once", "alpha/tester", "adder", "add", "done"),
        ("bird.fly", "laptop", "bird", "fly", "unknown_target"),
        ("adder.swim", "laptop", "adder", "swim", "unknown_verb"),
        ("adder.add", "laptop", "adder", "add", "unknown_verb"),
    ]
    assert all(row["took_s"] >= 0 for row in lines)
    assert [answer.error for answer in answers] == ["unknown_target", "unknown_verb", "unknown_verb"]
    assert stat.S_IMODE((run_dir / "commands.jsonl").stat().st_mode) == 0o600


def test_answered_questions_among_the_nodes_own_actors_leave_no_row(run_dir):
    rows = Audit(run_dir / "commands.jsonl", node="alpha")

    def note(source, verb, outcome="done"):
        rows.note(AuditRow(at=0.0, id="1", source=source, target="x", verb=verb, outcome=outcome, took_s=0.0))

    note("alpha/monitor", "get_node")
    note("alpha/monitor", "list_processes")
    note("alpha/monitor", "get_node", "refused")
    note("alpha/healer", "restart_process")
    note("alphabet/monitor", "get_node")
    note("ann@laptop", "list_processes")
    rows.close()
    lines = [json.loads(line) for line in (run_dir / "commands.jsonl").read_text().splitlines()]
    assert [(row["source"], row["verb"]) for row in lines] == [
        ("alpha/monitor", "get_node"),
        ("alpha/healer", "restart_process"),
        ("alphabet/monitor", "get_node"),
        ("ann@laptop", "list_processes"),
    ]


def test_the_audit_is_bounded_and_a_disk_that_takes_nothing_is_counted(run_dir):
    row = AuditRow(at=1.0, id="1", source="a", target="b", verb="c", outcome="done", took_s=0.0)
    rows = Audit(run_dir / "commands.jsonl", 1_000)
    for _ in range(100):
        rows.note(row)
    rows.close()
    sizes = {path.name: path.stat().st_size for path in run_dir.iterdir()}
    assert set(sizes) == {"commands.jsonl", "commands.jsonl.1"}
    assert max(sizes.values()) <= 1_000
    nowhere = Audit(run_dir / "missing" / "commands.jsonl")
    nowhere.note(row)
    assert nowhere.failed == 1
