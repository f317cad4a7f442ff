import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.restart import (
    JITTER,
    Again,
    CrashLoop,
    Ended,
    Later,
    Leave,
    Record,
    decide_restart,
    decide_retry,
    succeeded,
)
from actors.settings import RestartPolicy, Seconds

POLICY = RestartPolicy(start_limit=100)


def ended(exit_code=1, signal=None, uptime_s=0.1):
    return Ended(exit_code=exit_code, signal=signal, uptime_s=uptime_s)


def decide(policy=POLICY, end=None, starts_s=(), quick=0, *, critical=False, chance=0.5):
    record = Record(starts_s=starts_s, quick_exits=quick)
    return decide_restart(policy, end or ended(), record, critical=critical, now_s=1000.0, chance=chance)


@pytest.mark.parametrize(
    ("policy", "end", "left"),
    [
        ("always", ended(0), False),
        ("always", ended(1), False),
        ("on-failure", ended(0), True),
        ("on-failure", ended(3), True),
        ("on-failure", ended(1), False),
        ("on-failure", ended(None, "TERM"), False),
        ("on-failure", ended(None, None), False),
        ("never", ended(0), True),
        ("never", ended(1), True),
        ("never", ended(None, "KILL"), True),
    ],
)
def test_the_policy_says_whether_it_is_left_as_it_is(policy, end, left):
    verdict = decide(RestartPolicy(policy=policy, success_codes=[0, 3]), end)
    assert isinstance(verdict, Leave) is left


def test_an_end_by_signal_or_unseen_is_no_success():
    assert succeeded(POLICY, ended(0))
    assert not succeeded(POLICY, ended(None, "TERM"))
    assert not succeeded(POLICY, ended(None, None))


def test_the_first_quick_end_is_answered_at_once():
    assert decide(quick=0) == Again(1)


def test_an_end_after_a_stable_run_is_answered_at_once_and_counts_afresh():
    assert decide(end=ended(uptime_s=5.0), quick=7) == Again(0)


@pytest.mark.parametrize(
    ("quick", "delay_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (8, 12.8), (10, 30), (5000, 30)]
)
def test_further_quick_ends_wait_twice_as_long_each_up_to_the_maximum(quick, delay_s):
    verdict = decide(quick=quick)
    assert isinstance(verdict, Later)
    assert verdict.delay_s == pytest.approx(delay_s)
    assert verdict.attempt == quick + 1


def test_a_critical_workload_never_waits_longer_than_the_first_delay():
    assert decide(quick=9, critical=True) == Later(0.1, 10)


def test_the_start_limit_holds_it_as_a_crash_loop_also_when_critical():
    policy = RestartPolicy(start_limit=3, start_limit_window=Seconds(60))
    assert decide(policy, starts_s=[939.0, 950.0, 999.0]) == Again(1)
    assert decide(policy, starts_s=[940.0, 950.0, 999.0]) == CrashLoop(3)
    assert decide(policy, starts_s=[940.0, 950.0, 999.0], critical=True) == CrashLoop(3)


def test_what_is_left_as_it_is_is_no_crash_loop():
    policy = RestartPolicy(policy="on-failure", start_limit=1)
    assert decide(policy, ended(0), starts_s=[999.0]) == Leave()


@given(
    quick=st.integers(1, 10_000),
    first=st.floats(0.001, 5),
    longest=st.floats(5, 1000),
    chance=st.floats(0, 1),
    critical=st.booleans(),
)
def test_a_delay_stays_within_its_jitter_and_its_maximum(quick, first, longest, chance, critical):
    policy = RestartPolicy(backoff_first=Seconds(first), backoff_max=Seconds(longest), start_limit=10**6)
    verdict = decide(policy, quick=quick, chance=chance, critical=critical)
    assert isinstance(verdict, Later)
    middle = min(longest * 2, first * 2.0 ** min(0 if critical else quick - 1, 60))
    assert min(longest, middle * (1 - JITTER)) * 0.999 <= verdict.delay_s <= min(longest, middle * (1 + JITTER)) * 1.001


@given(quick=st.integers(0, 50), recent=st.integers(0, 50), limit=st.integers(1, 50), uptime=st.floats(0, 100))
def test_a_crash_loop_comes_exactly_at_the_limit(quick, recent, limit, uptime):
    policy = RestartPolicy(start_limit=limit)
    verdict = decide(policy, ended(uptime_s=uptime), starts_s=[999.0] * recent, quick=quick)
    assert isinstance(verdict, CrashLoop) is (recent >= limit)


def retry(attempt, *, retryable=True, critical=False, longest_s=30.0):
    return decide_retry(
        POLICY, attempt, retryable=retryable, critical=critical, longest_s=longest_s, chance=0.5
    ).delay_s


def test_a_spawn_that_failed_is_tried_again_after_doubling_delays():
    assert [retry(attempt) for attempt in (1, 2, 3, 20)] == pytest.approx([0.1, 0.2, 0.4, 30])


def test_what_a_retry_cannot_help_is_tried_at_the_longest_delay():
    assert retry(1, retryable=False) == 30


def test_a_critical_workload_is_tried_again_quickly_for_as_often_as_it_may_start():
    assert retry(100, critical=True) == pytest.approx(0.1)
    assert retry(120, critical=True) == 30


def test_the_longest_delay_is_at_least_the_first():
    assert retry(1, retryable=False, longest_s=0.0) == pytest.approx(0.1)
