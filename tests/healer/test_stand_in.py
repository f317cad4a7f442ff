"""When a workload that another stands in for is tried again: every cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.stand_in import SOON_S, Record, next_move, wait_s
from actors.settings import Seconds
from actors.settings.healing import Fallback

FALLBACK = Fallback(workload="spare", back_after=Seconds(60), back_after_max=Seconds(200), well_for=Seconds(10))
BEGUN = Record().begun("spare", 0.0, started=True)
INSTEAD = BEGUN.held()
TRIAL = INSTEAD.tried(60.0)


@pytest.mark.parametrize(
    ("record", "wall_s", "held", "well_s", "move"),
    [
        (BEGUN, 1.0, False, 0.0, "wait"),
        (BEGUN, 1.0, True, 0.0, "held"),
        (BEGUN, 60.0, False, 0.0, "noticed"),
        (BEGUN, 60.0, True, 0.0, "held"),
        (INSTEAD, 59.0, True, 0.0, "wait"),
        (INSTEAD, 60.0, True, 0.0, "try"),
        (INSTEAD, 1.0, False, 0.0, "noticed"),
        (TRIAL, 65.0, False, 5.0, "wait"),
        (TRIAL, 70.0, False, 10.0, "return"),
        (TRIAL, 990.0, True, 0.0, "wait"),
    ],
)
def test_each_phase_says_what_is_next(record, wall_s, held, well_s, move):
    assert next_move(record.now, FALLBACK, wall_s, held=held, well_s=well_s) == move


def now_of(record):
    assert record.now is not None
    return record.now


def test_each_trial_that_did_not_last_doubles_the_wait_up_to_its_bound():
    record, waits = BEGUN, []
    for number in range(4):
        waits.append(wait_s(now_of(record), FALLBACK))
        record = record.held().tried(number * 100.0).begun("spare", number * 100.0 + 5, started=False)
    assert waits == [60.0, 120.0, 200.0, 200.0]
    assert now_of(record).started
    assert now_of(record).since == 0.0


def test_one_that_was_needed_again_soon_waits_for_longer_and_later_not():
    over = TRIAL.ended(100.0)
    assert over.now is None
    assert wait_s(now_of(over.begun("spare", 100.0 + SOON_S - 1, started=True)), FALLBACK) == 120.0
    assert wait_s(now_of(over.begun("spare", 100.0 + SOON_S, started=True)), FALLBACK) == 60.0


@given(st.lists(st.sampled_from(["begun", "held", "tried", "ended"]), max_size=30))
def test_there_is_one_standby_or_none_whatever_happens(moves):
    record = Record()
    for number, move in enumerate(moves):
        record = (
            record.begun("spare", number, started=True)
            if move == "begun"
            else (
                record.ended(number) if move == "ended" else record.held() if move == "held" else record.tried(number)
            )
        )
        assert record.now is None or record.now.standby == "spare"
        assert record.now is None or 0 <= wait_s(record.now, FALLBACK) <= 200
