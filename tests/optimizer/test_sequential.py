"""The test that may be looked at after every pair."""

import math
import random

import pytest

from actors.optimizer.sequential import Sequential


def ended(effect, seed, *, noise=0.1, pairs_max=120, heavy=0.0, effect_min=0.0):
    """What was found of a relative effect, and after how many pairs; noise: of one window."""
    chance = random.Random(seed)
    test = Sequential(pairs_max=pairs_max, effect_min=effect_min)
    finding = ""
    while not finding:
        wide = 3.0 if chance.random() < heavy else 1.0
        finding = test.take(math.log1p(effect) + chance.gauss(0, noise * math.sqrt(2)) * wide)
    return finding, test.count


@pytest.mark.parametrize("heavy", [0.0, 0.05])
def test_of_two_equals_at_most_one_in_twenty_is_called_better_though_it_is_looked_at_after_every_pair(heavy):
    found = [ended(0.0, seed, heavy=heavy)[0] for seed in range(600)]
    assert found.count("better") <= 0.05 * len(found)
    assert found.count("worse") <= 0.05 * len(found)


def test_a_tenth_less_at_a_noise_of_a_tenth_is_found_within_sixty_pairs_four_times_of_five():
    found = [ended(-0.1, seed, pairs_max=60) for seed in range(200)]
    assert sum(one == "better" for one, _ in found) >= 0.8 * len(found)
    counts = sorted(count for _, count in found)
    assert counts[len(counts) // 2] <= 20


def test_harm_is_found_as_well():
    assert {ended(0.2, seed)[0] for seed in range(100)} == {"worse"}


def test_a_gain_that_is_not_worth_it_is_alike():
    found = [ended(-0.01, seed, noise=0.01, effect_min=0.05)[0] for seed in range(100)]
    assert set(found) == {"alike"}


def test_with_no_hope_of_the_least_gain_it_ends_early():
    counts = [ended(0.0, seed, noise=0.02, effect_min=0.1)[1] for seed in range(50)]
    assert max(counts) < 40


def test_the_interval_is_what_the_evidence_does_not_speak_against():
    chance = random.Random(3)
    values = [chance.gauss(-0.05, 0.1) for _ in range(30)]
    test = Sequential(pairs_max=1000)
    for value in values:
        test.take(value)
    low, high = test.interval()
    for shift, inside in ((low + 1e-6, True), (low - 1e-6, False), (high - 1e-6, True), (high + 1e-6, False)):
        moved = Sequential(pairs_max=1000)
        for value in values:
            moved.take(value - shift)
        assert (moved.evidence() < math.log(10)) == inside


def test_before_there_is_a_variance_nothing_is_known():
    test = Sequential()
    assert (test.take(-5.0), test.evidence()) == ("", 0.0)
    assert test.interval() == (-math.inf, math.inf)


def test_pairs_that_do_not_differ_at_all_end_as_alike():
    test = Sequential(pairs_max=5)
    assert [test.take(0.0) for _ in range(5)] == ["", "", "", "", "alike"]
