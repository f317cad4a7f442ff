"""Restart intensity."""

from hypothesis import given
from hypothesis import strategies as st

from actors.intensity import GiveUp, Intensity, Restart, decide

SETTINGS = Intensity(failures_max=3, window_s=10, retry_first_s=5, retry_max_s=60)


def test_a_first_failure_is_restarted_at_once() -> None:
    assert decide([100.0], 0, starting=False, intensity=SETTINGS, now_s=100.0) == Restart(0.0)


def test_failures_outside_the_window_are_forgotten() -> None:
    assert decide([1, 2, 3, 100.0], 0, starting=False, intensity=SETTINGS, now_s=100.0) == Restart(0.0)


def test_one_more_than_allowed_gives_up() -> None:
    assert decide([97, 98, 99, 100.0], 0, starting=False, intensity=SETTINGS, now_s=100.0) == GiveUp(5)


def test_a_start_that_fails_waits_longer_each_time() -> None:
    assert decide([100.0], 0, starting=True, intensity=SETTINGS, now_s=100.0) == Restart(0.05)
    assert decide([99.0, 100.0], 0, starting=True, intensity=SETTINGS, now_s=100.0) == Restart(0.1)


def test_a_start_that_fails_after_giving_up_gives_up_again_for_longer() -> None:
    assert decide([100.0], 2, starting=True, intensity=SETTINGS, now_s=100.0) == GiveUp(20)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30), st.integers(0, 40), st.booleans())
def test_waits_stay_within_their_bounds(times: list[float], given_up: int, starting: bool) -> None:
    verdict = decide(times, given_up, starting=starting, intensity=SETTINGS, now_s=1000.0)
    if isinstance(verdict, GiveUp):
        assert 0 < verdict.retry_s <= SETTINGS.retry_max_s
    else:
        assert 0 <= verdict.delay_s < 1
