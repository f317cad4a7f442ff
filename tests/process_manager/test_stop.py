import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.stop import KILL_AGAIN_S, LOOK_MAX_S, Ask, Ending, Kill, Look, Over, next_step, take


def ending(*sequence, **changes):
    given_changes = {"group": 7, "sequence": sequence or [("TERM", 10.0)], "began_s": 100.0, "why": "asked", **changes}
    return Ending(**given_changes)


def asked(*sequence, at_s=100.0, **changes):
    one = ending(*sequence, **changes)
    take(one, Ask(one.sequence[0][0]), at_s)
    return one


def step(one, now_s=100.0, *, main=True, tree=True):
    return next_step(one, main_alive=main, tree_alive=tree, first_look_s=0.01, now_s=now_s)


def test_first_it_is_asked():
    assert step(ending()) == Ask("TERM")


def test_once_asked_it_has_its_grace():
    assert step(asked(), 104.0) == Look(6.0)


def test_after_the_grace_it_is_killed_and_killed_again():
    one = asked()
    assert step(one, 110.0) == Kill()
    assert not one.killed
    take(one, Kill(), 110.0)
    assert (one.killed, one.signal) == (True, "KILL")
    assert step(one, 110.2) == Look(110.0 + KILL_AGAIN_S - 110.2)
    assert step(one, 111.0) == Kill()


def test_without_grace_or_with_kill_as_its_signal_it_is_killed_at_once():
    assert step(ending(("TERM", 0.0))) == Kill()
    one = ending(("KILL", 10.0))
    assert step(one) == Kill()
    take(one, Kill(), 100.0)
    assert not one.killed, "it was asked in the way it was to be asked"
    assert step(one, 100.0) == Look(KILL_AGAIN_S)


def test_each_signal_of_the_sequence_has_its_time_and_the_last_word_is_kill():
    one, seen, now_s = ending(("INT", 5.0), ("TERM", 3.0), ("QUIT", 1.0)), [], 100.0
    while not one.killed:
        match step(one, now_s):
            case Ask(name) as ask:
                seen.append((name, now_s))
                take(one, ask, now_s)
            case Kill() as kill:
                seen.append(("KILL", now_s))
                take(one, kill, now_s)
            case Look(after_s):
                now_s += after_s
    assert seen == [("INT", 100.0), ("TERM", 105.0), ("QUIT", 108.0), ("KILL", 109.0)]


def test_kill_within_a_sequence_is_the_last_word():
    one = asked(("INT", 5.0), ("KILL", 1.0), ("TERM", 3.0))
    assert step(one, 105.0) == Kill()


def test_a_workload_that_asks_for_time_gets_it_before_the_next_signal():
    one = asked(("INT", 5.0), ("TERM", 3.0))
    one.until_s = 120.0
    assert step(one, 105.0) == Look(15.0)
    assert step(one, 120.0) == Ask("TERM")
    take(one, Ask("TERM"), 120.0)
    assert step(one, 120.0) == Look(3.0), "the time it asked for was that of the signal before"


def test_a_tree_that_lingers_is_looked_at_ever_more_slowly():
    waits = [step(asked(looks=looks), 101.0, main=False) for looks in (0, 1, 4, 60)]
    assert waits == [Look(0.01), Look(0.02), Look(0.16), Look(LOOK_MAX_S)]


def test_a_tree_that_lingers_is_killed_after_the_grace():
    assert step(asked(), 110.0, main=False) == Kill()
    assert step(asked(), 109.95, main=False) == Look(0.01)


def test_it_is_over_when_main_and_tree_are_gone():
    assert step(ending(), main=False, tree=False) == Over()
    one = asked()
    take(one, Kill(), 1.0)
    assert step(one, 500.0, main=False, tree=False) == Over()


SEQUENCES = st.lists(st.tuples(st.sampled_from(["INT", "TERM", "KILL"]), st.floats(0, 20)), min_size=1, max_size=4)


@given(sequence=SEQUENCES, ignores=st.booleans(), main_after=st.floats(0, 30), rest_after=st.floats(0, 30))
def test_every_stop_comes_to_its_end(sequence, ignores, main_after, rest_after):
    one, now_s = ending(*sequence), 100.0
    for _ in range(10_000):
        killed = one.killed_s is not None
        main = not killed and (ignores or now_s < 100 + main_after)
        tree = main or (not killed and (ignores or now_s < 100 + rest_after))
        match next_step(one, main_alive=main, tree_alive=tree, first_look_s=0.01, now_s=now_s):
            case Ask() | Kill() as taken:
                take(one, taken, now_s)
            case Look(after_s):
                assert after_s > 0
                one.looks += not main
                now_s += after_s
            case Over():
                break
    else:
        pytest.fail("never over")
    assert now_s <= 100 + sum(wait for _, wait in sequence) + KILL_AGAIN_S
