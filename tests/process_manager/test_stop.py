import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.stop import KILL_AGAIN_S, LOOK_MAX_S, Ask, Ending, Kill, Look, Over, next_step


def ending(**changes):
    return Ending(**{"group": 7, "signal": "TERM", "grace_s": 10.0, "began_s": 100.0, "why": "asked", **changes})


def step(one, now_s=100.0, *, main=True, group=True):
    return next_step(one, main_alive=main, group_alive=group, first_look_s=0.01, now_s=now_s)


def test_first_it_is_asked():
    assert step(ending()) == Ask()


def test_once_asked_it_has_its_grace():
    assert step(ending(asked=True), 104.0) == Look(6.0)


def test_after_the_grace_it_is_killed_and_killed_again():
    assert step(ending(asked=True), 110.0) == Kill()
    assert step(ending(asked=True, killed_s=110.0), 110.2) == Look(110.0 + KILL_AGAIN_S - 110.2)
    assert step(ending(asked=True, killed_s=110.0), 111.0) == Kill()


def test_without_grace_or_with_kill_as_its_signal_it_is_killed_at_once():
    assert step(ending(grace_s=0.0)) == Kill()
    assert step(ending(signal="KILL")) == Kill()
    assert step(ending(signal="KILL", killed_s=100.0), 100.0) == Look(KILL_AGAIN_S)


def test_members_that_linger_are_asked_once_more_then_looked_at_ever_more_slowly():
    assert step(ending(asked=True), 101.0, main=False) == Ask()
    waits = [step(ending(asked=True, asked_members=True, looks=looks), 101.0, main=False) for looks in (0, 1, 4, 60)]
    assert waits == [Look(0.01), Look(0.02), Look(0.16), Look(LOOK_MAX_S)]


def test_members_that_linger_are_killed_after_the_grace():
    assert step(ending(asked=True, asked_members=True), 110.0, main=False) == Kill()
    assert step(ending(asked=True, asked_members=True), 109.95, main=False) == Look(0.01)


def test_it_is_over_when_main_and_group_are_gone():
    assert step(ending(), main=False, group=False) == Over()
    assert step(ending(killed_s=1.0), 500.0, main=False, group=False) == Over()


@given(
    grace=st.floats(0, 20), ignores=st.booleans(), main_after=st.floats(0, 30), rest_after=st.floats(0, 30),
    signal=st.sampled_from(["TERM", "KILL"]),
)  # fmt: skip
def test_every_stop_comes_to_its_end(grace, ignores, main_after, rest_after, signal):
    one, now_s = ending(grace_s=grace, signal=signal), 100.0
    for _ in range(10_000):
        killed = one.killed_s is not None
        main = not killed and (ignores or now_s < 100 + main_after)
        group = main or (not killed and (ignores or now_s < 100 + rest_after))
        match next_step(one, main_alive=main, group_alive=group, first_look_s=0.01, now_s=now_s):
            case Ask():
                one.asked, one.asked_members = True, not main
            case Kill():
                one.killed_s = now_s
            case Look(after_s):
                assert after_s > 0
                one.looks += not main
                now_s += after_s
            case Over():
                break
    else:
        pytest.fail("never over")
    assert now_s <= 100 + grace + KILL_AGAIN_S
