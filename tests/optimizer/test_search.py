"""The search over settings: every window of it is production."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.optimizer.search import Tuner
from actors.optimizer.space import Space

SPACE = {"workers": ("int", 1, 32, True), "timeout": ("float", 0.5, 8.0, False), "codec": ("cat", ["a", "b", "c"])}
DEFAULT = {"workers": 4, "timeout": 4.0, "codec": "a"}


def bowl(config):
    """Best at 12 workers, a time-out of 2 s and codec b; c is twice as bad."""
    codec = {"a": 1.0, "b": 0.85, "c": 2.0}[config["codec"]]
    return 50 * codec * (1 + 0.2 * math.log2(config["workers"] / 12) ** 2 + 0.05 * (config["timeout"] - 2) ** 2)


def played(cost, *, windows=240, noise=0.05, seed=1, space=SPACE, default=DEFAULT):
    chance = random.Random(seed)
    tuner = Tuner(space, default, seed)
    served = []
    for window in range(windows):
        config = tuner.ask()
        served.append(cost(config) if cost.__code__.co_argcount == 1 else cost(config, window))
        tuner.tell(config, served[-1] * math.exp(chance.gauss(0, noise)))
    return tuner, served


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_is_better_by_a_third_and_the_search_itself_costs_little(seed):
    tuner, served = played(bowl, seed=seed)
    assert bowl(tuner.best()) < 0.75 * bowl(DEFAULT)
    harm = sum(max(0.0, cost / bowl(DEFAULT) - 1) for cost in served) / len(served)
    assert harm < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_what_costs_far_more_is_served_once(seed):
    _, served = played(bowl, seed=seed)
    assert sum(cost > 1.5 * bowl(DEFAULT) for cost in served) <= 2


@pytest.mark.parametrize("seed", range(5))
def test_a_default_that_is_best_already_stays(seed):
    tuner, _ = played(lambda config: 30 + abs(config["workers"] - 4) + abs(config["timeout"] - 4), seed=seed)
    assert tuner.best()["workers"] == 4
    assert abs(tuner.best()["timeout"] - 4) < 1


def test_what_helped_and_then_does_harm_is_taken_back():
    def turned(config, window):
        return bowl(config) if window < 120 else bowl(DEFAULT) ** 2 / bowl(config)

    tuner, served = played(turned, windows=600)
    assert min(served[:120]) < 0.9 * bowl(DEFAULT)
    assert turned(tuner.best(), 600) <= 1.02 * bowl(DEFAULT)


def test_a_range_of_one_value_leaves_nothing_to_try():
    tuner, served = played(lambda _: 10.0, space={"n": ("int", 3, 3, False)}, default={"n": 3}, windows=40)
    assert set(served) == {10.0}
    assert tuner.best() == {"n": 3}


def test_the_same_seed_tries_the_same():
    assert played(bowl, seed=7)[1] == played(bowl, seed=7)[1]


def test_a_window_under_another_setting_teaches_nothing():
    tuner = Tuner(SPACE, DEFAULT, 1)
    asked = tuner.ask()
    tuner.tell({**asked, "workers": 31}, 1.0)
    assert tuner.ask() == asked


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_a_cost_has_to_be_a_number_above_zero(value):
    tuner = Tuner(SPACE, DEFAULT, 1)
    with pytest.raises(ValueError, match="above 0"):
        tuner.tell(tuner.ask(), value)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (("int", 5, 1, False), "5 is above 1"),
        (("float", 0, 1, True), "the logarithm of 0"),
        (("cat", []), "no choices"),
        (("text", 1, 2, False), "'text' is no kind"),
    ],
)
def test_a_range_that_is_none_is_refused_by_name(kind, said):
    with pytest.raises(ValueError, match=f"^knob: {said}"):
        Tuner({"knob": kind}, {"knob": 1}, 1)


def test_a_default_without_a_knob_is_refused():
    with pytest.raises(KeyError, match="codec"):
        Tuner(SPACE, {"workers": 1, "timeout": 1.0}, 1)


@given(st.integers(1, 32), st.floats(-1, 1))
def test_a_knob_never_leaves_its_range_and_always_moves_unless_it_is_at_its_end(value, part):
    space = Space({"workers": ("int", 1, 32, True)})
    (there,) = space.moved((value,), {0: part})
    assert 1 <= there <= 32
    if part and value not in (1, 32):
        assert (there > value) == (part > 0)
        assert there != value


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=80), st.integers(0, 100))
def test_whatever_it_is_told_it_asks_within_the_space(values, seed):
    tuner = Tuner(SPACE, DEFAULT, seed)
    for value in values:
        config = tuner.ask()
        assert 1 <= config["workers"] <= 32
        assert 0.5 <= config["timeout"] <= 8.0
        assert config["codec"] in ("a", "b", "c")
        tuner.tell(config, value)
