from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.life import Life
from bus.messages import ProcessAdopted, ProcessExited, ProcessRow, ProcessStarted, ProcessStateChanged


def started(pid, incarnation=1, restarts=0):
    return ProcessStarted(subject="web", pid=pid, incarnation=incarnation, reason="", revision="", restarts=restarts)


def exited(pid, *, asked=False, expected=False):
    return ProcessExited(
        subject="web", pid=pid, incarnation=1, exit_code=0, signal=None, uptime_s=1.0, asked=asked, expected=expected
    )


def changed(state, pid=None):
    return ProcessStateChanged(subject="web", state=state, before="stopped", pid=pid, why="because")


def row(state, pid=None, **more):
    known: dict[str, Any] = {
        "wanted": True, "mode": "live", "critical": False, "incarnation": 1, "restarts": 0, "uptime_s": None,
        "since_s": 2.0, "revision": None, "adopted": False, "exit_code": None, "signal": None, "held": False,
        "declared": True, "why": "", "log_path": "",
    }  # fmt: skip
    return ProcessRow(name="web", state=state, pid=pid, **(known | more))


def up(pid=10):
    life = Life(0.0)
    life.started(started(pid), 1.0)
    life.ready(pid, 2.0)
    return life


def test_a_started_process_can_be_read_and_is_up_when_it_is_ready():
    life = Life(0.0)
    assert life.standing == "unseen"
    assert life.started(started(10), 1.0)
    assert (life.state, life.readable_pid, life.standing) == ("starting", 10, "unseen")
    life.ready(10, 2.0)
    assert (life.state, life.since_s, life.standing) == ("ready", 2.0, "up")


def test_the_same_start_heard_twice_is_no_news_nor_is_an_older_one():
    life = up()
    assert not life.started(started(10), 5.0)
    assert life.started(started(11, incarnation=2, restarts=1), 6.0)
    assert not life.started(started(10), 7.0)
    assert (life.pid, life.incarnation, life.restarts, life.state) == (11, 2, 1, "starting")


def test_on_the_way_up_it_is_not_seen_the_first_time_and_down_the_next_until_it_is_ready():
    life = Life(0.0)
    for incarnation, standing in ((1, "unseen"), (2, "down")):
        life.started(started(pid=10, incarnation=incarnation), 1.0)
        life.state_changed(ProcessStateChanged(subject="web", before="starting", state="running", pid=10, why=""), 2.0)
        assert life.standing == standing
        life.ready(10, 3.0)
        assert life.standing == "up"
        life.state_changed(
            ProcessStateChanged(subject="web", before="ready", state="running", pid=10, why="probe"), 4.0
        )
        assert life.standing == "up"  # it was ready: its readiness probe fails now, and counts


def test_an_adopted_process_is_up():
    life = Life(0.0)
    assert life.adopted(ProcessAdopted(subject="web", pid=10, incarnation=3, age_s=900.0), 1.0)
    assert (life.state, life.standing, life.incarnation) == ("running", "up", 3)


def test_an_exit_that_nobody_asked_for_is_time_down():
    life = up()
    life.exited(exited(10))
    assert (life.state, life.readable_pid) == ("ready", None)
    life.settle(3.0)
    assert (life.state, life.standing, life.why) == ("backing_off", "down", "ended with exit code 0")
    life.state_changed(changed("crash_loop"), 4.0)
    assert life.standing == "down"


def test_a_state_that_was_heard_after_an_exit_is_not_guessed():
    life = up()
    life.exited(exited(10))
    life.state_changed(changed("starting", 11), 3.0)
    life.settle(4.0)
    assert (life.state, life.pid) == ("starting", 11)


def test_an_exit_that_was_asked_for_is_none():
    life = up()
    life.exited(exited(10, asked=True, expected=True))
    life.settle(3.0)
    assert (life.state, life.standing) == ("stopping", "unseen")
    life.stopped(4.0)
    assert (life.state, life.standing, life.wanted) == ("stopped", "unseen", False)


def test_an_exit_heard_late_does_not_touch_the_next_process_or_state():
    life = up()
    life.started(started(11, incarnation=2), 3.0)
    life.exited(exited(10))
    assert life.readable_pid == 11
    life.state_changed(changed("crash_loop"), 5.0)
    life.exited(exited(11))
    assert life.state == "crash_loop"


def test_one_that_ended_as_expected_is_not_missed():
    life = up()
    life.exited(exited(10, expected=True))
    life.state_changed(changed("exited"), 3.0)
    assert (life.expected_end, life.standing) == (True, "unseen")
    life.started(started(11, incarnation=2), 9.0)
    assert not life.expected_end


@pytest.mark.parametrize("state", ["waiting", "starting"])
def test_on_its_way_up_again_is_down_but_the_first_time_is_not(state):
    life, standings = Life(0.0), []
    for at_s, each in enumerate([state, "ready", state, "stopped", state]):
        life.state_changed(changed(each, 10 if each == "ready" else None), float(at_s))
        standings.append(life.standing)
    assert standings == ["unseen", "up", "down", "unseen", "unseen"]


def test_a_loop_is_held_back():
    life = up()
    life.looped("6 starts in 60 s", 3.0)
    assert (life.state, life.pid, life.why) == ("crash_loop", None, "6 starts in 60 s")
    told = up()
    told.state_changed(changed("crash_loop"), 3.0)
    told.looped("6 starts in 60 s", 3.0)
    assert told.why == "because"


def test_the_table_brings_what_was_not_heard():
    life = Life(0.0)
    assert life.read_row(row("ready", 10, incarnation=4, restarts=3), [0], 100.0)
    assert (life.state, life.pid, life.incarnation, life.restarts, life.since_s) == ("ready", 10, 4, 3, 98.0)
    assert not life.read_row(row("ready", 10, incarnation=4, restarts=3), [0], 110.0)
    assert life.since_s == 98.0


def test_an_older_table_does_not_undo_a_newer_fact():
    life = up()
    life.started(started(11, incarnation=2), 3.0)
    assert not life.read_row(row("crash_loop", incarnation=1), [0], 4.0)
    assert (life.state, life.pid) == ("starting", 11)


@pytest.mark.parametrize(
    ("code", "signal", "codes", "expected"),
    [(0, None, [0], True), (3, None, [0, 3], True), (1, None, [0], False), (None, "KILL", [0], False)],
)
def test_the_table_tells_an_expected_end_by_its_exit_code(code, signal, codes, expected):
    life = up()
    life.read_row(row("exited", exit_code=code, signal=signal, wanted=True), codes, 5.0)
    assert life.expected_end is expected
    assert life.standing == ("unseen" if expected else "down")


def test_one_that_is_held_is_not_wanted():
    life = up()
    life.read_row(row("stopped", held=True, wanted=False), [0], 5.0)
    assert (life.held, life.wanted, life.standing) == (True, False, "unseen")


steps = st.one_of(
    st.builds(started, st.integers(1, 3), st.integers(1, 4)),
    st.builds(exited, st.integers(1, 3), asked=st.booleans(), expected=st.booleans()),
    st.builds(
        changed,
        st.sampled_from(["stopped", "waiting", "starting", "ready", "exited", "crash_loop", "backing_off"]),
        st.one_of(st.none(), st.integers(1, 3)),
    ),
)


@given(st.lists(steps, max_size=30))
def test_whatever_is_heard_in_whatever_order_the_incarnation_never_falls(facts):
    life, incarnation = Life(0.0), 0
    for at_s, fact in enumerate(facts):
        if isinstance(fact, ProcessStarted):
            life.started(fact, float(at_s))
        elif isinstance(fact, ProcessExited):
            life.exited(fact)
            if at_s % 2:
                life.settle(float(at_s))
        else:
            life.state_changed(fact, float(at_s))
        assert life.incarnation >= incarnation
        incarnation = life.incarnation
        assert life.readable_pid is None or life.state in {"starting", "running", "ready", "unhealthy", "stopping"}
        assert life.standing in {"up", "down", "unseen"}
