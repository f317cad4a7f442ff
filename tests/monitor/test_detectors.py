import random

import pytest

from actors.monitor.detectors import Detecting, Detectors
from actors.monitor.history import History
from actors.monitor.subject import Subject
from actors.monitor.thresholds import Limit
from bus.messages import AnomalyDetected, ForecastCleared, ForecastRaised, MetricsSampled, SeriesDrifted, SeriesReturned

MEMORY = Limit(metric="memory", direction="above", value=200e6, clear=180e6)


@pytest.fixture
def shared():
    made = Detecting(measured={"cpu", "memory"})
    made.refit(100, 10.0, 3600.0)
    return made


@pytest.fixture
def subject(shared):
    return Subject("web", "workload", History(1000, 10.0), 0.0, shared)


def read(subject, readings, metric="quality", start_s=0.0, step_s=10.0):
    """Facts but samples."""
    return [
        fact
        for index, value in enumerate(readings)
        for fact in subject.read({metric: value}, start_s + index * step_s, step_s)
        if not isinstance(fact, MetricsSampled)
    ]


def noise(count, level=50.0, sigma=1.0, seed=1):
    chance = random.Random(seed)
    return [chance.gauss(level, sigma) for _ in range(count)]


def test_a_series_that_never_moved_has_no_detector(subject, shared):
    for at_s in range(0, 1000, 10):
        subject.read({"fds": 5.0, "memory": 1e6, "uptime": float(at_s)}, float(at_s), 10.0)
    assert shared.left == 100


def test_a_flat_series_is_strange_when_it_first_moves(subject, shared):
    assert read(subject, [45.0] * 80) == []
    (strange,) = read(subject, [46.0], start_s=800.0)
    assert isinstance(strange, AnomalyDetected)
    assert (strange.subject, strange.scope, strange.metric, strange.value) == ("web", "workload", "quality", 46.0)
    assert strange.score >= 0.5
    assert shared.left == 99


def test_a_series_with_a_limit_is_never_strange(subject):
    subject.restrict({"quality": Limit(metric="quality", direction="above", value=1e9, clear=1e9)}, 0.0)
    assert read(subject, [45.0] * 80 + [46.0, 1000.0]) == []


def test_readings_closer_than_the_step_are_no_further_evidence(subject):
    found = read(subject, [45.0] * 80, step_s=10.0)
    found += read(subject, [45.0, 45.0, 46.0, 900.0, 46.0], start_s=800.0, step_s=1.0)
    assert [fact.value for fact in found] == [46.0]


def leak(subject, until_mb, start_s=0.0, from_mb=10):
    return read(subject, [mb * 1e6 for mb in range(from_mb, until_mb, 10)], "memory", start_s)


def test_a_leak_is_foreseen_once_and_over_when_it_has_come(subject):
    subject.restrict({"memory": MEMORY}, 0.0)
    told = leak(subject, 300)
    assert [type(fact).__name__ for fact in told] == ["ForecastRaised", "ThresholdCrossed", "ForecastCleared"]
    assert (told[0].limit, told[0].direction, told[2].because) == (200e6, "above", "crossed")
    assert 0 < told[0].in_s < 200


def test_a_leak_that_ends_is_taken_back_after_a_while(subject):
    subject.restrict({"memory": MEMORY}, 0.0)
    (raised,) = leak(subject, 180)
    assert isinstance(raised, ForecastRaised)
    (cleared,) = read(subject, [100e6] * 200, "memory", 170.0)
    assert isinstance(cleared, ForecastCleared)
    assert cleared.because == "reading"
    assert cleared.lasted_s >= 360


def test_a_new_life_takes_a_forecast_back_and_begins_a_new_one(subject, shared):
    subject.restrict({"memory": MEMORY}, 0.0)
    leak(subject, 180)
    subject.reborn(170.0)
    assert shared.left == 100
    (cleared,) = read(subject, [10e6], "memory", 170.0)
    assert (cleared.because, cleared.metric) == ("new_life", "memory")
    (raised,) = leak(subject, 180, start_s=180.0, from_mb=20)
    assert isinstance(raised, ForecastRaised)


def test_what_is_owed_when_nothing_can_be_read_is_told_without_a_reading(subject):
    subject.restrict({"memory": MEMORY}, 0.0)
    leak(subject, 180)
    subject.gone(200.0)
    (cleared,) = subject.owed()
    assert cleared.because == "new_life"
    assert subject.owed() == []


@pytest.mark.parametrize("limits", [{}, {"memory": Limit(metric="memory", direction="above", value=9e9, clear=9e9)}])
def test_another_limit_ends_the_forecast_of_the_former(subject, limits):
    subject.restrict({"memory": MEMORY}, 0.0)
    leak(subject, 180)
    told = subject.restrict(limits, 200.0)
    assert [fact.because for fact in told] == ([] if limits else ["limit_removed"])
    told += read(subject, [170e6, 171e6] * 30, "memory", 200.0)
    assert [type(fact) for fact in told] == [ForecastCleared]


def test_a_warning_of_another_life_of_the_actor_stands_until_readings_do_not_confirm_it(subject):
    subject.detectors.resume("memory", -500.0, 0.0)
    subject.restrict({"memory": MEMORY}, 0.0)
    told = read(subject, [50e6] * 60, "memory")
    assert [(fact.because, fact.lasted_s >= 860) for fact in told] == [("reading", True)]


def test_the_first_look_at_a_process_takes_no_warning_back_that_was_resumed(subject):
    subject.detectors.resume("memory", -500.0, 0.0)
    subject.restrict({"memory": MEMORY}, 0.0)
    subject.reborn(1.0)
    assert subject.owed() == []
    told = leak(subject, 300, start_s=2.0)
    assert [(type(fact).__name__, getattr(fact, "because", "")) for fact in told] == [
        ("ThresholdCrossed", ""),
        ("ForecastCleared", "crossed"),
    ]


def test_another_lead_holds_at_once_for_the_forecasts_that_are_made(subject, shared):
    subject.restrict({"memory": MEMORY}, 0.0)
    leak(subject, 100)
    shared.refit(100, 10.0, 0.0)
    subject.restrict({"memory": MEMORY}, 90.0)
    assert shared.left == 100
    assert [type(fact).__name__ for fact in leak(subject, 190, start_s=90.0, from_mb=100)] == []


def test_drift_is_looked_for_where_it_was_asked_for(subject):
    subject.declare({}, ["quality"])
    told = read(subject, noise(1500) + noise(500, level=54.0, seed=2))
    drifted = next(fact for fact in told if isinstance(fact, SeriesDrifted))
    assert (drifted.what, drifted.metric, drifted.scope) == ("level", "quality", "workload")
    assert drifted.before == pytest.approx(50, abs=0.3)
    assert drifted.after == pytest.approx(54, abs=1.5)
    assert 0 <= drifted.since_s < 3000
    assert list(subject.detectors.standing()) == [("quality", "drift")]
    back = next(
        fact for fact in read(subject, noise(800, seed=3), start_s=20_000.0) if isinstance(fact, SeriesReturned)
    )
    assert back.because == "reading"
    assert back.now == pytest.approx(50, abs=1.0)
    assert list(subject.detectors.standing()) == []


def test_what_drifted_and_is_not_watched_any_more_is_taken_back(subject, shared):
    subject.declare({}, ["quality"])
    read(subject, noise(1500) + noise(500, level=54.0, seed=2))
    (back,) = subject.declare({}, [])
    assert (back.metric, back.because) == ("quality", "not_watched")
    assert subject.declare({}, ["quality"]) == []
    assert shared.left == 98


def test_no_more_detectors_are_made_than_there_is_room_for_and_forecasts_have_the_last_places(shared):
    shared.refit(4, 10.0, 3600.0)
    subject = Subject("web", "workload", History(1000, 10.0), 0.0, shared)
    subject.restrict({"memory": MEMORY}, 0.0)
    for at_s in (0.0, 10.0):
        subject.read({f"m{index}": at_s for index in range(5)}, at_s, 10.0)
    assert (shared.left, shared.refused) == (1, 2)
    leak(subject, 40, start_s=20.0)
    assert (shared.left, shared.refused) == (0, 2)
    subject.removed(100.0)
    assert shared.left == 4


def test_what_was_learned_goes_on_in_another_life_of_the_actor(subject, shared):
    subject.declare({}, ["quality"])
    read(subject, noise(1500))
    states = list(subject.detectors.saved())
    assert {kind for _, kind, _ in states} == {"anomaly", "drift"}
    other = Subject("web", "workload", History(1000, 10.0), 0.0, shared)
    for state in states:
        other.detectors.restore(*state)
    other.declare({}, ["quality"])
    rest = noise(300, level=54.0, seed=2)
    assert read(other, rest, start_s=15_000.0) == read(subject, rest, start_s=15_000.0) != []


def test_a_state_that_cannot_be_read_is_refused(shared):
    with pytest.raises(ValueError, match="no saved detector"):
        Detectors("web", "workload", shared).restore("quality", "drift", b"nonsense")
    assert shared.left == 100
