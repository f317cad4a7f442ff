from hypothesis import given
from hypothesis import strategies as st

from actors.settings.doubling import doubled


def test_it_doubles_from_the_first_to_the_longest():
    assert [doubled(0.5, times, 3.0) for times in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_before_the_first_time_it_is_the_first():
    assert doubled(0.5, -3, 9.0) == 0.5


@given(st.floats(0.001, 1e4), st.integers(-5, 10_000), st.floats(1, 1e6))
def test_it_never_shrinks_and_never_passes_the_longest(first_s, times, longest_s):
    assert doubled(first_s, times, longest_s) <= doubled(first_s, times + 1, longest_s) <= longest_s
