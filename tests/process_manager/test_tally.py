import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.tally import Checks, Tally, count, counts, eager_delay, first_checks, level_of
from actors.settings import Probe, Seconds

PROBE = Probe(tcp="h:1", failures=3, successes=2, every=Seconds(10))


def answers(text, probe=PROBE, every_s=10.0):
    """Turns that a row of answers brings: + is good, - is bad."""
    tally, turns = Tally(), []
    for number, letter in enumerate(text):
        tally, turn = count(tally, probe, ok=letter == "+", asked_s=number * every_s)
        if turn:
            turns.append(f"{number}:{turn}")
    return " ".join(turns), tally


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ("+", ""),
        ("++", "1:passed"),
        ("+-++", "3:passed"),
        ("--", ""),
        ("---", "2:failed"),
        ("------", "2:failed"),
        ("--+--", ""),
        ("++---", "1:passed 4:failed"),
        ("++---++", "1:passed 4:failed 6:recovered"),
        ("---+-++", "2:failed 6:recovered"),
        ("++---++---", "1:passed 4:failed 6:recovered 9:failed"),
    ],
)
def test_a_verdict_turns_after_as_many_answers_in_a_row_as_the_probe_says(row, turns):
    assert answers(row)[0] == turns


def test_a_failure_keeps_when_it_was_found():
    assert answers("++---")[1].failed_s == 40.0


def test_bad_answers_to_eager_questions_count_once_per_interval():
    tally = Tally()
    assert counts(tally, PROBE, ok=False, asked_s=0.0)
    tally, _ = count(tally, PROBE, ok=False, asked_s=0.0)
    assert not counts(tally, PROBE, ok=False, asked_s=0.5)
    assert not counts(tally, PROBE, ok=False, asked_s=8.9)
    assert counts(tally, PROBE, ok=False, asked_s=9.1)
    assert counts(tally, PROBE, ok=True, asked_s=0.5)


def test_eager_questions_come_ever_more_slowly_up_to_the_interval():
    waits, wait_s = [], 0.0
    for _ in range(40):
        wait_s = eager_delay(wait_s, 0.05, PROBE)
        waits.append(wait_s)
    assert waits[0] == 0.05
    assert waits == sorted(waits)
    assert waits[-1] == 10.0
    assert eager_delay(0.0, 0.05, Probe(tcp="h:1", every=Seconds(0.01))) == 0.01


@pytest.mark.parametrize("started", [None, True, False])
@pytest.mark.parametrize("alive", [None, True, False])
@pytest.mark.parametrize("ready", [None, True, False])
def test_what_the_checks_amount_to(started, alive, ready):
    level = level_of(Checks(started=started, alive=alive, ready=ready))
    if started is False or alive is False:
        assert level == "sicken"
    elif started is None:
        assert level is None
    else:
        assert level == ("pass" if ready else "run")


def test_right_after_a_spawn_only_what_is_asked_for_is_open():
    assert level_of(first_checks(startup=False, readiness=False)) == "pass"
    assert level_of(first_checks(startup=False, readiness=True)) == "run"
    assert level_of(first_checks(startup=True, readiness=False)) is None


@given(st.text("+-", max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_failures_and_recoveries_alternate(row, failures, successes):
    turns = answers(row, Probe(tcp="h:1", failures=failures, successes=successes))[0].split()
    words = [turn.partition(":")[2] for turn in turns]
    assert all(one != two for one, two in itertools.pairwise(words))
    assert "passed" not in words[1:]
    assert words[:1] != ["recovered"]
