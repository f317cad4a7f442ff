import pytest

from actors.healer import symptoms
from bus.messages.monitor import AnomalyDetected, ForecastRaised, SeriesDrifted, ThresholdCrossed
from bus.messages.node import ActorFailed
from bus.messages.process_manager import ProbeFailed, ProcessStartFailed
from tests.healer.fakes import crashed, looped, row


@pytest.mark.parametrize(
    ("asked", "expected", "kind"),
    [(False, False, "crash"), (True, True, None), (False, True, None), (True, False, None)],
)
def test_only_an_end_that_nobody_wanted_is_a_crash(asked, expected, kind):
    found = symptoms.of_exit(crashed(asked=asked, expected=expected))
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(
    ("code", "signal", "text"),
    [
        (3, None, "exited with code 3"),
        (None, "KILL", "ended by signal KILL"),
        (None, None, "ended, nobody knows how"),
    ],
)
def test_a_crash_says_how_it_ended(code, signal, text):
    found = symptoms.of_exit(crashed(exit_code=code, signal=signal))
    assert found is not None
    assert found.text == f"{text} after 12.0 s"


def test_two_crashes_with_the_same_error_have_one_fingerprint_and_with_another_error_another():
    marks = [
        symptoms.of_exit(crashed(pid=pid, uptime_s=up, tail=[tail]))
        for pid, up, tail in ((1, 2.0, "ValueError: row 7"), (9, 60.0, "ValueError: row 88"), (1, 2.0, "KeyError: 'a'"))
    ]
    prints = [each.fingerprint for each in marks if each]
    assert prints[0] == prints[1] != prints[2]


def test_without_an_error_in_the_log_the_way_it_ended_tells_crashes_apart():
    killed = symptoms.of_exit(crashed(exit_code=None, signal="KILL"))
    exited = symptoms.of_exit(crashed(exit_code=2))
    assert killed
    assert exited
    assert killed.fingerprint != exited.fingerprint


@pytest.mark.parametrize(
    ("tail", "kind"),
    [(["OSError: [Errno 98] Address already in use"], "port_in_use"), (["KeyError: 'a'"], "crash_loop")],
)
def test_a_crash_loop_over_a_taken_address_is_its_own_kind(tail, kind):
    assert symptoms.of_crash_loop(looped(tail=tail)).kind == kind


@pytest.mark.parametrize(("retryable", "attempt", "found"), [(True, 1, False), (True, 2, True), (False, 1, True)])
def test_a_failed_start_is_a_symptom_when_it_fails_again_or_for_good(retryable, attempt, found):
    fact = ProcessStartFailed(subject="api", reason="no such program", retryable=retryable, attempt=attempt)
    assert (symptoms.of_start_failure(fact) is not None) is found


@pytest.mark.parametrize(
    ("probe", "was_ready", "kind"),
    [
        ("liveness", False, "unresponsive"),
        ("liveness", True, "unresponsive"),
        ("readiness", True, "not_working"),
        ("readiness", False, None),
        ("work", False, "not_working"),
        ("work", True, "not_working"),
        ("startup", False, "not_working"),
    ],
)
def test_each_probe_speaks_of_its_own_kind(probe, was_ready, kind):
    fact = ProbeFailed(subject="api", probe=probe, failures=3, detail="refused")
    found = symptoms.of_probe(fact, was_ready=was_ready)
    assert (found.kind if found else None) == kind
    assert found is None or found.cause.probe == probe


@pytest.mark.parametrize(
    ("metric", "kind", "values"),
    [
        ("memory", "memory", "9 B over 5 B"),
        ("cpu", "cpu", "9 % over 5 %"),
        ("latency", "latency", "9 s over 5 s"),
        ("availability", "availability", "9 % over 5 %"),
        ("error_rate", "resource", "9 % over 5 %"),
        ("fds", "resource", "9 over 5"),
        ("my_own", "resource", "9 over 5"),
    ],
)
def test_each_metric_has_its_kind_and_its_severity_is_the_thresholds(metric, kind, values):
    fact = ThresholdCrossed(
        subject="api",
        scope="workload",
        metric=metric,
        value=9.0,
        limit=5.0,
        direction="above",
        held_s=3.0,
        severity="critical",
    )
    found = symptoms.of_threshold(fact)
    assert (found.kind, found.weight, found.text) == (kind, "critical", f"{metric} {values} for 3 s")
    assert (found.cause.metric, found.cause.limit, found.cause.held_s) == (metric, 5.0, 3.0)


@pytest.mark.parametrize("given_up", [True, False])
def test_an_actor_is_a_symptom_when_it_is_given_up(given_up):
    fact = ActorFailed(subject="monitor", error="boom", while_handling="x", failures=6, given_up=given_up)
    assert (symptoms.of_actor(fact) is not None) is given_up


@pytest.mark.parametrize(
    ("state", "why", "kind", "probe"),
    [
        ("crash_loop", "", "crash_loop", ""),
        ("unhealthy", "liveness probe fails", "unresponsive", "liveness"),
        ("unhealthy", "startup probe fails", "not_working", "startup"),
        ("ready", "", None, ""),
        ("running", "", None, ""),
        ("exited", "", None, ""),
    ],
)
def test_the_process_table_tells_what_a_lost_fact_would_have_told(state, why, kind, probe):
    found = symptoms.of_row(row(state=state, why=why))
    assert (found.kind if found else None) == kind
    assert (found.cause.probe if found else "") == probe


@pytest.mark.parametrize(("direction", "side"), [("above", "over"), ("below", "under")])
def test_a_forecast_says_what_will_be_when(direction, side):
    found = symptoms.of_forecast(
        ForecastRaised(
            subject="api", scope="workload", metric="memory", value=139e6, limit=200e6, direction=direction, in_s=61.0
        )
    )
    assert (found.kind, found.weight, found.cause.metric) == ("forecast", "warning", "memory")
    assert found.text == f"memory 139 MB will be {side} 200 MB in 61 s"


@pytest.mark.parametrize(("what", "begins"), [("level", "rows was"), ("spread", "spread of rows was")])
def test_a_drift_says_what_was_and_what_is(what, begins):
    found = symptoms.of_drift(
        SeriesDrifted(
            subject="api", scope="workload", metric="rows", what=what, before=1000.0, after=900.0, since_s=900.0
        )
    )
    assert (found.kind, found.cause.metric) == ("drift", "rows")
    assert found.text == f"{begins} 1000 and is 900 since 15 min"


def test_a_strange_reading_is_a_piece_of_evidence():
    fact = AnomalyDetected(subject="api", scope="workload", metric="cpu", value=97.0, score=0.71)
    assert symptoms.anomaly_text(fact) == "strange: cpu 97 % is unlike any before (score 0.71)"
