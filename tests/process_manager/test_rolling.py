import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.rolling import Next, Over, Pace, Seat, keep_of, next_step


def seat(name, state="ready", turn="ahead", **more):
    return Seat(name=name, state=state, incarnation=more.pop("incarnation", 1), turn=turn, **more)


def pace(keep=1, within=10.0, settle=0.0):
    return Pace(keep_ready=keep, ready_within_s=within, settle_s=settle)


def under_way(name, state="starting", **more):
    return seat(name, state, "under_way", life=2, **{"incarnation": 2, **more})


@pytest.mark.parametrize(
    ("asked", "said", "count", "keep"),
    [(None, None, 3, 2), (None, None, 1, 0), (None, 1, 3, 1), (0, 2, 3, 0), (2, None, 3, 2)],
)
def test_so_many_stay_ready_as_asked_else_as_said_else_all_but_one(asked, said, count, keep):
    assert keep_of(asked, said, count) == keep


@pytest.mark.parametrize(("asked", "count"), [(3, 3), (4, 3), (-1, 3)])
def test_to_keep_all_is_refused(asked, count):
    with pytest.raises(ValueError, match=f"{asked} of {count} instances cannot stay ready; allowed: 0 to {count - 1}"):
        keep_of(asked, None, count)


def test_as_many_are_restarted_together_as_are_to_spare():
    seats = [seat("a"), seat("b"), seat("c")]
    assert next_step(seats, pace(keep=2), 0.0, 0.0) == Next(["a"])
    assert next_step(seats, pace(keep=1), 0.0, 0.0) == Next(["a", "b"])
    assert next_step(seats, pace(keep=0), 0.0, 0.0) == Next(["a", "b", "c"])


def test_the_next_waits_until_the_last_is_ready_and_has_settled():
    one, other = under_way("a"), seat("b")
    assert next_step([one, other], pace(settle=1.0), 0.0, 0.0) == Next([])
    one.see("ready", 2, 5.0)
    assert next_step([one, other], pace(settle=1.0), 0.0, 5.5) == Next([])
    assert next_step([one, other], pace(settle=1.0), 0.0, 6.0) == Next(["b"])
    assert one.turn == "done"


def test_the_old_incarnation_counts_for_nothing_while_it_ends():
    one = seat("a")
    one.ask(1.0)
    assert (one.life, one.asked_s) == (2, 1.0)
    ready = []
    for state, incarnation, now_s in (("ready", 1, 1.1), ("ready", 2, 1.2), ("ready", 2, 1.3), ("unhealthy", 2, 1.4)):
        one.see(state, incarnation, now_s)
        ready.append(one.ready_s)
    assert ready == [None, 1.2, 1.2, None]


def test_a_roll_is_over_when_all_are_done():
    assert next_step([seat("a", turn="done")], pace(), 0.0, 0.0) == Over()


@pytest.mark.parametrize(
    ("one", "trouble"),
    [
        (under_way("a", incarnation=3), "a ended by itself after its restart"),
        (under_way("a", "crash_loop"), "a is crash loop after its restart"),
        (under_way("a", "held"), "a is held after its restart"),
        (under_way("a", "backing_off", incarnation=1), "a is backing off after its restart"),
        (under_way("a", "running", asked_s=-10.0), "a is not ready 10 s after its restart"),
    ],
)
def test_one_that_does_not_come_up_ends_the_roll(one, trouble):
    assert next_step([one, seat("b")], pace(), 0.0, 0.0) == Over(trouble)


def test_what_is_broken_comes_first_and_one_at_a_time():
    seats = [seat("a"), seat("b", "crash_loop"), seat("c", "unhealthy")]
    assert next_step(seats, pace(keep=0), 0.0, 0.0) == Next(["b"])
    seats[1] = under_way("b")
    assert next_step(seats, pace(keep=0), 0.0, 0.0) == Next([])


def test_too_few_ready_ones_are_waited_for_and_then_given_up():
    seats = [seat("a"), seat("b", "starting")]
    assert next_step(seats, pace(keep=1), 0.0, 9.9) == Next([])
    assert next_step(seats, pace(keep=1), 0.0, 10.0) == Over("only 1 of 2 are ready after 10 s, 1 are kept")


states = st.sampled_from(["ready", "starting", "running", "unhealthy", "backing_off", "crash_loop", "exited"])


@given(st.lists(states, min_size=1, max_size=8), st.data())
def test_never_are_fewer_ready_than_are_kept_by_what_a_roll_does(found, data):
    keep = data.draw(st.integers(0, len(found) - 1))
    seats = [seat(f"s{number}", state) for number, state in enumerate(found)]
    now_s = 0.0
    for _ in range(60):
        step = next_step(seats, pace(keep, within=1000.0), 0.0, now_s)
        if isinstance(step, Over):
            assert not step.trouble
            assert all(one.turn == "done" for one in seats)
            return
        for one in seats:
            if one.name in step.names:
                was_ready = one.state == "ready"
                one.ask(now_s)
                one.see("stopping", one.incarnation, now_s)
                ready = sum(each.state == "ready" for each in seats)
                assert not was_ready or ready >= keep
            elif one.turn == "under_way" and data.draw(st.booleans()):
                one.see("ready", one.life, now_s)
            elif one.turn == "ahead" and one.state in {"starting", "running"}:
                one.see("ready", one.incarnation, now_s)
        now_s += 1.0
