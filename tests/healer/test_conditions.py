from actors.healer.conditions import Conditions
from actors.healer.issues import Cause
from tests.healer.test_issues import symptom

MEMORY = symptom("memory", cause=Cause(metric="memory", limit=100.0, held_s=10.0))
PROBE = symptom("unresponsive")


def test_a_failed_probe_lasts_until_it_passes():
    conditions = Conditions()
    conditions.begin(PROBE, 0.0)
    assert conditions.due(4.0, 5.0) == []
    assert conditions.due(5.0, 5.0) == [PROBE]
    conditions.end_probe("api", "readiness")
    assert conditions.due(5.0, 5.0) == [PROBE]
    conditions.end_probe("api", "liveness")
    assert conditions.due(5.0, 5.0) == []


def test_a_new_life_of_the_process_ends_what_its_probes_said_but_not_its_metrics():
    conditions = Conditions()
    conditions.begin(PROBE, 0.0)
    conditions.begin(MEMORY, 0.0)
    conditions.end_probes("api")
    assert conditions.due(60.0, 5.0) == [MEMORY]


def test_a_metric_is_due_again_only_when_its_samples_are_beyond_the_limit_for_the_hold_time():
    conditions = Conditions()
    conditions.begin(MEMORY, 0.0)
    conditions.sampled("api", "workload", {"memory": 90.0}, 1.0)
    assert conditions.due(60.0, 5.0) == []
    conditions.sampled("api", "workload", {"memory": 110.0}, 60.0)
    conditions.sampled("api", "workload", {"memory": 120.0}, 65.0)
    conditions.sampled("api", "workload", {"cpu": 1.0}, 66.0)
    conditions.sampled("api", "host", {"memory": 1.0}, 66.0)
    conditions.sampled("api", "workload", {"memory": float("nan")}, 66.0)
    assert conditions.due(69.0, 5.0) == []
    assert conditions.due(70.0, 5.0) == [MEMORY]
    conditions.end_metric("api", "host", "memory")
    assert conditions.due(70.0, 5.0) == [MEMORY]
    conditions.end_metric("api", "workload", "memory")
    assert conditions.due(70.0, 5.0) == []


def test_what_a_person_dealt_with_is_forgotten():
    conditions = Conditions()
    conditions.begin(PROBE, 0.0)
    conditions.begin(MEMORY, 0.0)
    conditions.end_subject("api")
    assert conditions.due(1e9, 0.0) == []


def test_ten_thousand_repetitions_are_one():
    conditions = Conditions()
    for at_s in range(10_000):
        conditions.begin(MEMORY, float(at_s))
    assert conditions.due(1e9, 0.0) == [MEMORY]
