import pytest

from actors.healer.issues import Cause
from actors.healer.remedies import Remedy
from actors.healer.settings import HealerSettings
from actors.healer.verification import Watch, window_s
from actors.settings import RestartPolicy, Seconds
from bus.messages.monitor import ForecastCleared, SeriesReturned, ThresholdCleared
from tests.healer.fakes import probes, workload
from tests.healer.test_plans import an_issue

STABLE_S = 2.0
PROBE = Cause(probe="liveness")
MEMORY = Cause(metric="memory", limit=100.0, held_s=30.0)
LOW = Cause(metric="availability", limit=99.0, direction="below")


def acted(kind="crash_loop", cause=None, *, tolerant=False):
    """A watch since an action at 0 s, to be verified until 30 s."""
    return Watch(kind, cause or Cause(), since_s=0.0, deadline_s=30.0, tolerant=tolerant)


def up(watch, at_s=0.0, pid=7, state="ready", age_s=None):
    watch.saw_process(state, pid, age_s, at_s)
    return watch


def outcome(watch, at_s):
    return watch.judge(at_s, STABLE_S).outcome


# -- the process


def test_a_process_is_stable_when_it_was_up_for_long_enough():
    watch = up(acted())
    assert outcome(watch, 1.9) == "wait"
    verdict = watch.judge(2.0, STABLE_S)
    assert (verdict.outcome, verdict.text) == ("verified", "pid 7 is ready for 2.0 s with no exit")


@pytest.mark.parametrize("state", ["stopped", "waiting", "starting", "unhealthy", "stopping", "backing_off", "exited"])
def test_a_process_in_any_other_state_is_not_up(state):
    watch = up(up(acted()), 1.0, state=state)
    assert outcome(watch, 10.0) == "wait"
    verdict = watch.judge(30.0, STABLE_S)
    assert (verdict.outcome, verdict.text) == ("failed", f"not verified in time: the process is {state}")


def test_another_pid_begins_anew():
    watch = up(up(acted(), pid=7), 1.5, pid=8)
    assert outcome(watch, 3.4) == "wait"
    assert outcome(watch, 3.5) == "verified"


def test_the_age_of_the_process_counts_but_not_what_was_before_the_action():
    assert outcome(up(acted(), 5.0, age_s=2.0), 5.0) == "verified"
    assert outcome(up(acted(), 1.0, age_s=500.0), 1.0) == "wait"


def test_an_exit_after_the_action_is_a_failure_at_once():
    watch = up(acted())
    watch.saw_exit("exited with code 1", 0.5, 0.1)
    assert watch.judge(0.5, STABLE_S).text == "exited with code 1"
    assert outcome(watch, 0.5) == "failed"


def test_where_the_end_of_the_process_is_part_of_the_remedy_its_next_life_is_watched():
    watch = up(acted("crash", tolerant=True))
    watch.saw_exit("exited with code 1", 1.0, 0.1)
    assert outcome(watch, 10.0) == "wait"
    up(watch, 10.0, pid=8)
    assert outcome(watch, 12.0) == "verified"


def test_nobody_having_acted_there_is_no_failure():
    watch = up(Watch("crash", Cause(), since_s=0.0))
    watch.saw_exit("exited", 1.0, 0.1)
    watch.saw_symptom("again", 1.0)
    assert outcome(watch, 1e6) == "wait"
    up(watch, 1e6)
    assert outcome(watch, 1e6 + 2) == "verified"


# -- probes


def test_a_probe_has_to_pass_after_the_action():
    watch = up(acted("unresponsive", PROBE))
    assert outcome(watch, 5.0) == "wait"
    watch.saw_probe("readiness", ok=True)
    assert outcome(watch, 5.0) == "wait"
    watch.saw_probe("liveness", ok=True)
    assert watch.judge(5.0, STABLE_S).text.endswith("no exit, liveness probe passes")
    watch.saw_probe("liveness", ok=False)
    assert watch.judge(30.0, STABLE_S).text == "not verified in time: the liveness probe has not passed"


def test_a_passing_probe_is_not_enough_while_the_process_is_young():
    watch = up(acted("unresponsive", PROBE))
    watch.saw_probe("liveness", ok=True)
    assert outcome(watch, 1.0) == "wait"


def test_a_symptom_that_shows_again_after_the_action_is_a_failure():
    watch = up(acted("unresponsive", PROBE))
    watch.saw_probe("liveness", ok=True)
    watch.saw_symptom("liveness probe failed 3 times", 1.0)
    assert watch.judge(5.0, STABLE_S).text == "liveness probe failed 3 times"


def test_while_acting_probes_speak_of_the_process_before_and_failed_starts_of_the_next():
    probing = Watch("unresponsive", PROBE, since_s=0.0, deadline_s=30.0, acting=True)
    probing.saw_symptom("readiness probe failed", 0.1)
    assert probing.against == ""
    starting = Watch("start_failed", Cause(), since_s=0.0, deadline_s=30.0, acting=True)
    starting.saw_symptom("could not be started", 0.1)
    assert starting.against == "could not be started"


def test_what_passed_before_an_exit_says_nothing_about_the_next_life():
    watch = up(acted("unresponsive", PROBE, tolerant=True))
    watch.saw_probe("liveness", ok=True)
    watch.saw_exit("exited", 1.0, 0.1)
    up(watch, 1.0, pid=8)
    assert outcome(watch, 10.0) == "wait"


# -- metrics


def test_after_an_action_one_value_behind_the_limit_will_do():
    watch = up(acted("memory", MEMORY))
    watch.saw_values("workload", {"memory": 101.0})
    watch.saw_values("workload", {"cpu": 1.0})
    watch.saw_values("host", {"memory": 1.0})
    assert outcome(watch, 5.0) == "wait"
    watch.saw_values("workload", {"memory": 99.0})
    assert watch.judge(5.0, STABLE_S).text.endswith("memory 99 B is behind its limit 100 B")
    watch.saw_values("workload", {"memory": 101.0})
    assert outcome(watch, 5.0) == "wait"


def test_by_itself_it_takes_three_values_in_a_row():
    watch = up(Watch("memory", MEMORY, since_s=0.0))
    for value in (99.0, 99.0, 101.0, 99.0, 99.0):
        watch.saw_values("workload", {"memory": value})
        assert outcome(watch, 5.0) == "wait"
    watch.saw_values("workload", {"memory": 99.0})
    assert outcome(watch, 5.0) == "verified"


def cleared(metric, scope="workload", **more):
    return ThresholdCleared(subject="api", scope=scope, metric=metric, value=50.0, lasted_s=1.0, **more)


def test_a_limit_that_is_not_there_any_more_is_no_issue():
    watch = up(Watch("memory", MEMORY, since_s=0.0))
    watch.saw_cleared(cleared("memory", because="limit_removed"))
    assert watch.gone == "memory has no limit any more"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_says_nothing(value):
    watch = up(acted("memory", MEMORY))
    watch.saw_values("workload", {"memory": value})
    assert outcome(watch, 5.0) == "wait"


@pytest.mark.parametrize(("cause", "text"), [(MEMORY, "memory is down to 50 B"), (LOW, "availability is 50 %")])
def test_a_cleared_threshold_is_gone(cause, text):
    watch = up(Watch("memory", cause, since_s=0.0))
    watch.saw_cleared(cleared("other"))
    assert not watch.gone
    watch.saw_cleared(cleared(cause.metric))
    assert watch.gone == text
    assert outcome(watch, 5.0) == "verified"


def test_the_host_needs_no_process():
    watch = Watch("resource", Cause(scope="host", metric="disk", limit=90.0), since_s=0.0)
    assert outcome(watch, 5.0) == "wait"
    watch.saw_cleared(cleared("disk", "host"))
    assert watch.judge(5.0, STABLE_S).text == "disk is down to 50 %"


def test_an_actor_is_well_when_it_started_again():
    watch = Watch("actor", Cause(scope="actor"), since_s=0.0)
    assert watch.judge(5.0, STABLE_S).text == "the actor is not seen to be well"
    watch.saw_actor_start()
    assert outcome(watch, 5.0) == "verified"


# -- the window


@pytest.mark.parametrize(
    ("remedy", "kind", "spec", "interval_s", "expected_s"),
    [
        ("restart", "crash_loop", {}, None, 30.0),
        ("await_restart", "crash", {"restart": RestartPolicy(backoff_max=Seconds(45))}, None, 75.0),
        ("restart", "unresponsive", {}, None, 30.0),
        (
            "restart",
            "unresponsive",
            {"probes": probes(liveness={"every": Seconds(20), "initial_delay": Seconds(60)})},
            None,
            102.05,
        ),
        ("restart", "memory", {}, None, 42.0),
        ("restart", "memory", {}, 10.0, 62.0),
        ("restart", "availability", {}, None, 330.0),
    ],
)
def test_the_window_is_as_long_as_the_symptom_takes_to_show(remedy, kind, spec, interval_s, expected_s):
    issue = an_issue(kind, **({"cause": Cause(metric="memory", limit=1.0, held_s=40.0)} if kind == "memory" else {}))
    found = window_s(Remedy(remedy), issue, workload(**spec), HealerSettings(), interval_s)
    assert found == pytest.approx(expected_s)


def test_the_end_of_a_life_that_began_before_the_action_says_nothing_about_it():
    watch = Watch("crash", Cause(), since_s=10.0, deadline_s=20.0, tolerant=False)
    watch.saw_exit("exited", 10.5, 0.6)
    before = watch.against
    watch.saw_exit("exited", 11.0, 0.3)
    assert (before, watch.against) == ("", "exited")


@pytest.mark.parametrize(("then", "found"), [("passes", "verified"), ("fails", "failed")])
def test_a_probe_that_fails_while_the_process_starts_speaks_against_the_remedy_only_if_it_goes_on(then, found):
    watch = up(acted("not_working", PROBE))
    watch.saw_symptom("connection refused", 0.4)
    assert outcome(watch, 0.5) == "wait"
    if then == "passes":
        watch.saw_probe("liveness", ok=True)
    assert outcome(watch, 2.1) == found


def test_a_probe_that_fails_later_speaks_against_the_remedy_at_once():
    watch = up(acted("not_working", PROBE))
    watch.saw_symptom("it hangs", 1.6)
    assert outcome(watch, 1.6) == "failed"


# -- what the Monitor says is over


def foreseen(kind="forecast"):
    return up(Watch(kind, Cause(metric="memory", limit=100.0), since_s=0.0))


@pytest.mark.parametrize(
    ("because", "text"),
    [
        ("reading", "the limit of memory is not in sight any more"),
        ("crossed", "the limit of memory is not in sight any more"),
        ("new_life", "a new life began"),
        ("limit_removed", "memory has no limit any more"),
    ],
)
def test_a_forecast_is_over_when_the_monitor_says_so(because, text):
    watch = foreseen()
    watch.saw_forecast_end(
        ForecastCleared(subject="api", scope="workload", metric="memory", lasted_s=1.0, because=because)
    )
    assert outcome(watch, 5.0) == "verified"
    assert text in watch.judge(5.0, STABLE_S).text


@pytest.mark.parametrize(("because", "text"), [("reading", "is back at 3"), ("not_watched", "is not watched")])
def test_a_drift_is_over_when_the_series_is_back(because, text):
    watch = foreseen("drift")
    watch.saw_return(SeriesReturned(subject="api", scope="workload", metric="memory", now=3.0, because=because))
    assert outcome(watch, 5.0) == "verified"
    assert text in watch.judge(5.0, STABLE_S).text


@pytest.mark.parametrize("kind", ["forecast", "drift"])
def test_no_reading_ends_a_forecast_or_a_drift(kind):
    watch = foreseen(kind)
    for _ in range(5):
        watch.saw_values("workload", {"memory": 10.0})
    watch.saw_cleared(ThresholdCleared(subject="api", scope="workload", metric="memory", value=1.0, lasted_s=1.0))
    assert outcome(watch, 5.0) == "wait"


def test_what_is_over_of_another_metric_or_kind_says_nothing():
    forecast, drift = foreseen(), foreseen("drift")
    for watch in (forecast, drift):
        watch.saw_forecast_end(ForecastCleared(subject="api", scope="host", metric="memory", lasted_s=1.0))
        watch.saw_return(SeriesReturned(subject="api", scope="workload", metric="cpu", now=3.0))
    drift.saw_forecast_end(ForecastCleared(subject="api", scope="workload", metric="memory", lasted_s=1.0))
    forecast.saw_return(SeriesReturned(subject="api", scope="workload", metric="memory", now=3.0))
    assert (outcome(forecast, 5.0), outcome(drift, 5.0)) == ("wait", "wait")


def test_a_remedy_against_a_forecast_has_the_minutes_until_it_can_be_taken_back():
    issue = an_issue("forecast", cause=Cause(metric="memory", limit=100.0))
    assert window_s(Remedy("hook", "clean"), issue, workload(), HealerSettings(), 5.0) == 600.0


def test_after_lives_that_ended_early_the_next_one_has_to_outlast_them():
    watch = up(acted("crash", tolerant=True))
    watch.saw_exit("exited", 2.5, 2.2)
    up(watch, 2.6, pid=8)
    assert outcome(watch, 2.6 + 3.2) == "wait"
    assert outcome(watch, 2.6 + 3.4) == "verified"


def test_a_life_that_was_long_asks_no_more_of_the_next():
    watch = up(acted("crash", tolerant=True))
    watch.saw_exit("exited", 6.0, 5.9)
    up(watch, 6.1, pid=8)
    assert outcome(watch, 6.1 + 2.1) == "verified"
