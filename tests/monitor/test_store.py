import pytest

from actors.monitor.health import Verdict
from actors.monitor.history import History
from actors.monitor.store import MonitorStore
from actors.monitor.subject import Subject
from actors.monitor.thresholds import Limit
from bus.messages import ForecastCleared, ForecastRaised, HealthChanged, ThresholdCleared, ThresholdCrossed

LIMIT = Limit(metric="memory", direction="above", value=10.0, clear=9.0)
CROSSED = ThresholdCrossed(
    subject="web", scope="workload", metric="memory", value=12.0, limit=10.0, direction="above", held_s=4.0,
    severity="warning",
)  # fmt: skip
CLEARED = ThresholdCleared(subject="web", scope="workload", metric="memory", value=8.0, lasted_s=1.0)
DEGRADED = HealthChanged(subject="web", scope="workload", level="degraded", before="healthy")


@pytest.fixture
def store(tmp_path):
    opened = MonitorStore(tmp_path)
    yield opened
    opened.close()


def recalled(store, name="web", now_s=500.0, wall_s=1_000_100.0):
    subject = Subject(name, "workload", History(10, 1.0), now_s)
    store.recall([subject], now_s, wall_s)
    subject.restrict({"memory": LIMIT}, now_s)
    return subject


def test_what_was_told_is_recalled_with_its_times(store):
    store.note(CROSSED, 1_000_000.0)
    store.note(DEGRADED, 1_000_010.0)
    subject = recalled(store)
    (crossing,) = subject.crossings(500.0)
    assert (crossing.value, crossing.lasted_s) == (12.0, pytest.approx(104.0))
    assert subject.verdict == Verdict("degraded", [])
    assert subject.level_since_s == pytest.approx(410.0)


def test_what_was_cleared_is_not_recalled(store):
    store.note(CROSSED, 1_000_000.0)
    store.note(CLEARED, 1_000_001.0)
    assert recalled(store).crossings(500.0) == []


@pytest.mark.parametrize("facts", [[CROSSED], [DEGRADED], [CROSSED, DEGRADED]])
def test_what_is_there_of_others_is_forgotten(store, facts):
    for fact in facts:
        store.note(fact, 1_000_000.0)
    recalled(store, "other")
    subject = recalled(store, "web")
    assert subject.crossings(500.0) == []
    assert subject.verdict.level == "healthy"


def test_a_wall_clock_that_was_set_back_gives_no_time_in_the_future(store):
    store.note(CROSSED, 2_000_000.0)
    assert recalled(store).crossings(500.0)[0].lasted_s == 0.0


def test_an_interval_holds_as_long_as_the_config_says_the_same(store):
    assert store.interval_s(5.0) is None
    store.put_interval(2.0, 5.0, "asked", 1.0)
    store.put_interval(3.0, 5.0, "asked again", 2.0)
    assert store.interval_s(5.0) == 3.0
    assert store.interval_s(6.0) is None


RAISED = ForecastRaised(
    subject="web", scope="workload", metric="memory", value=5.0, limit=10.0, direction="above", in_s=60.0
)


def test_a_warning_that_stands_is_recalled_until_it_is_taken_back(store):
    store.note(RAISED, 1_000_000.0)
    assert recalled(store).detectors.raised["memory"].at_s == pytest.approx(400.0)
    store.note(ForecastCleared(subject="web", scope="workload", metric="memory", lasted_s=1.0), 1_000_050.0)
    assert recalled(store).detectors.raised == {}
    store.note(RAISED, 1_000_000.0)
    recalled(store, "other")
    assert recalled(store).detectors.raised == {}


def test_states_of_detectors_are_kept_until_they_are_old(store):
    store.put_detectors([("workload", "web", "cpu", "anomaly", b"one", 100.0)])
    store.put_detectors(
        [("workload", "web", "cpu", "anomaly", b"two", 200.0), ("host", "host", "cpu", "drift", b"x", 50.0)]
    )
    assert store.detectors(100.0) == [("workload", "web", "cpu", "anomaly", b"two")]
    assert store.detectors(0.0) == [("workload", "web", "cpu", "anomaly", b"two")]
    store.forget("workload", "web")
    assert store.detectors(0.0) == []
