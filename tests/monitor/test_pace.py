import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.pace import PaceSettings, begin, step
from actors.settings import Seconds

SETTINGS = PaceSettings(close=4, close_for=Seconds(100), wide=2, calm_after=Seconds(300))
CALM = frozenset[str]()


def after(*looks, settings=SETTINGS):
    """The pace after looks of (seconds, what is wrong, error lines)."""
    pace = begin(0.0)
    for at_s, wrong, errors in looks:
        pace = step(pace, wrong, errors, at_s, settings)
    return pace


def test_it_begins_as_asked_for():
    assert after().factor == after((10.0, CALM, 0)).factor == 1.0


def test_news_brings_readings_closer_at_once_and_says_whose():
    pace = after((10.0, CALM, 0), (11.0, {"web", "db"}, 0))
    assert (pace.factor, pace.why) == (0.25, "db and 1 more not well")


def test_a_trouble_that_lasts_is_no_news_and_is_measured_as_asked_for():
    news = after((11.0, {"db"}, 0))
    assert step(news, {"db"}, 0, 110.0, SETTINGS).factor == 0.25
    assert step(news, {"db"}, 0, 111.0, SETTINGS).factor == 1.0
    assert step(news, {"db", "web"}, 0, 150.0, SETTINGS).factor == 0.25


def test_when_all_is_well_again_it_is_as_asked_for_and_wider_only_after_a_long_calm():
    trouble = after((11.0, {"db"}, 0))
    well = step(trouble, CALM, 0, 20.0, SETTINGS)
    assert well.factor == 1.0
    assert step(well, CALM, 0, 310.0, SETTINGS).factor == 1.0
    wide = step(well, CALM, 0, 311.0, SETTINGS)
    assert (wide.factor, wide.why) == (2, "all is calm")
    assert step(wide, {"db"}, 0, 312.0, SETTINGS).factor == 0.25


def test_error_lines_that_get_more_bring_readings_closer():
    steady = [(10.0 * n, CALM, 5) for n in range(1, 5)]
    assert after(*steady).factor == 1.0
    rising = after(*steady, (50.0, CALM, 50))
    assert rising.factor == 0.25
    assert rising.why.startswith("error lines get more: usually ")


def test_a_few_error_lines_are_no_rise_and_nor_is_one_line_in_a_short_time():
    quiet = [(10.0, CALM, 0), (20.0, CALM, 1)]
    assert after(*quiet).factor == 1.0
    assert after((10.0, CALM, 0), (10.2, CALM, 2)).factor == 1.0
    assert after((10.0, CALM, 0), (10.2, CALM, 2), (15.2, CALM, 40)).factor == 0.25


def test_what_is_counted_before_a_look_at_the_rate_is_not_lost():
    pace = after((10.0, CALM, 0), (11.0, CALM, 30), (12.0, CALM, 30))
    assert (pace.factor, pace.errors) == (1.0, 60)
    assert step(pace, CALM, 0, 15.0, SETTINGS).factor == 0.25


def test_a_factor_of_one_never_moves():
    still = PaceSettings(close=1, wide=1)
    assert after((1.0, {"db"}, 900), (9000.0, CALM, 0), settings=still).factor == 1.0


@pytest.mark.parametrize("key", ["close_for", "calm_after"])
def test_times_that_never_end_are_refused(key):
    with pytest.raises(ValueError, match=f"{key}: has to be more than 0s"):
        PaceSettings(**{key: Seconds(0)})


LOOKS = st.lists(
    st.tuples(st.floats(0, 1e4), st.sets(st.sampled_from(["a", "b", "c"])), st.integers(0, 10_000)), max_size=40
)


@given(LOOKS, st.booleans())
def test_it_is_always_one_of_three_paces_also_when_time_goes_back(looks, in_order):
    factors = {after(*(sorted(looks, key=lambda look: look[0]) if in_order else looks)).factor}
    assert factors <= {0.25, 1.0, 2}


@given(LOOKS)
def test_it_is_never_wider_while_something_is_wrong(looks):
    pace = begin(0.0)
    for at_s, wrong, errors in looks:
        pace = step(pace, wrong, errors, at_s, SETTINGS)
        assert not (wrong and pace.factor > 1)
