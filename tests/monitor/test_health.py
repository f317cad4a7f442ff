import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.health import (
    LEVELS,
    RANK,
    Condition,
    Crossing,
    Reason,
    Verdict,
    crossing_reasons,
    judge,
    judge_node,
    judge_whole,
    judge_workload,
)

MEMORY = Crossing(metric="memory", value=212e6, limit=200e6, direction="above", severity="warning", lasted_s=31.0)
CPU = Crossing(metric="cpu", value=99.0, limit=80.0, direction="above", severity="critical", lasted_s=5.0)
WELL = Verdict("healthy", [])


def condition(state, **more):
    return Condition(**({"state": state, "in_state_s": 5.0, "grace_s": 30.0} | more))


@pytest.mark.parametrize(
    ("state", "in_state_s", "level", "why"),
    [
        ("ready", 5, "healthy", []),
        ("running", 5, "healthy", ["not ready after 5 s"]),
        ("running", 31, "degraded", ["not ready after 31 s"]),
        ("starting", 5, "healthy", ["not ready after 5 s"]),
        ("starting", 31, "degraded", ["not ready after 31 s"]),
        ("waiting", 5, "degraded", ["waiting for 5 s: so it is"]),
        ("backing_off", 5, "degraded", ["backing off for 5 s: so it is"]),
        ("unhealthy", 5, "unhealthy", ["does not answer for 5 s: so it is"]),
        ("stopping", 5, "healthy", ["stops"]),
        ("stopped", 5, "healthy", ["stopped on purpose: so it is"]),
        ("exited", 5, "failing", ["ended 5 s ago: so it is"]),
        ("crash_loop", 5, "failing", ["in a crash loop for 5 s: so it is"]),
        ("unknown", 5, "healthy", ["nothing is known of it for 5 s"]),
        ("unknown", 31, "degraded", ["nothing is known of it for 31 s"]),
        ("of a later version", 5, "healthy", []),
    ],
)
def test_every_state_has_its_level_and_sentence(state, in_state_s, level, why):
    assert judge_workload(condition(state, in_state_s=in_state_s, note="so it is")) == Verdict(level, why)


def test_one_that_ended_as_expected_or_is_held_is_well_and_says_so():
    assert judge_workload(condition("exited", expected_end=True)) == Verdict("healthy", ["ended as expected"])
    assert judge_workload(condition("stopped", held=True)) == Verdict("healthy", ["held on purpose"])


@pytest.mark.parametrize(("severity", "level"), [("warning", "degraded"), ("critical", "unhealthy")])
def test_a_crossed_threshold_decides_by_its_severity(severity, level):
    crossing = Crossing(metric="memory", value=212e6, limit=200e6, direction="above", severity=severity, lasted_s=31.0)
    verdict = judge_workload(condition("ready", crossings=[crossing]))
    assert verdict == Verdict(level, ["memory 212 MB above 200 MB for 31 s"])


@pytest.mark.parametrize(
    ("value", "limit", "direction", "said"),
    [
        (212e6, 200e6, "above", "memory 212 MB above 200 MB for 31 s"),
        (190e6, 200e6, "above", "memory 190 MB not clear of 200 MB for 31 s"),
        (200e6, 200e6, "above", "memory 200 MB at 200 MB for 31 s"),
        (100e6, 200e6, "below", "memory 100 MB below 200 MB for 31 s"),
    ],
)
def test_the_sentence_says_how_the_reading_stands_to_its_limit(value, limit, direction, said):
    crossing = Crossing(
        metric="memory", value=value, limit=limit, direction=direction, severity="warning", lasted_s=31.0
    )
    assert [reason.text for reason in crossing_reasons([crossing])] == [said]


@pytest.mark.parametrize(
    ("probe", "level"),
    [("startup", "healthy"), ("liveness", "unhealthy"), ("work", "unhealthy"), ("readiness", "degraded")],
)
def test_a_failing_probe_decides_by_its_kind(probe, level):
    verdict = judge_workload(condition("ready", failing={probe: "refused"}))
    assert verdict == Verdict(level, [f"{probe} probe fails: refused"])
    assert judge_workload(condition("backing_off", failing={probe: ""})).why == ["backing off for 5 s"]


def test_a_dependency_that_is_not_ready_degrades_what_runs():
    missing = {"db": "crash_loop"}
    assert judge_workload(condition("ready", missing=missing)) == Verdict(
        "degraded", ["needs db, which is in a crash loop"]
    )
    assert judge_workload(condition("stopped", missing=missing)).level == "healthy"


def test_the_worst_reason_comes_first_and_notes_only_when_all_is_well():
    verdict = judge_workload(condition("running", crossings=[MEMORY, CPU], missing={"db": "waiting"}))
    assert verdict.level == "unhealthy"
    assert verdict.why == [
        "cpu 99 % above 80 % for 5 s",
        "needs db, which is waiting",
        "memory 212 MB above 200 MB for 31 s",
    ]


def test_a_crossing_says_nothing_of_one_that_is_stopped():
    assert judge_workload(condition("stopped", crossings=[CPU])).level == "healthy"
    assert judge_workload(condition("exited", expected_end=True, crossings=[CPU])).level == "healthy"


def test_a_given_up_actor_or_a_trouble_degrades_the_node():
    assert judge_node({}, []) == WELL
    assert judge_node({"healer": "KeyError: 1", "optimizer": ""}, ["nothing can be read"]) == Verdict(
        "degraded",
        ["actor healer is given up: KeyError: 1", "actor optimizer is given up", "nothing can be read"],
    )


FAILING = Verdict("failing", ["in a crash loop for 5 s"])
DEGRADED = Verdict("degraded", ["backing off for 1 s"])


@pytest.mark.parametrize(
    ("verdict", "state", "critical", "level"),
    [
        (WELL, "ready", False, "healthy"),
        (DEGRADED, "ready", False, "degraded"),
        (Verdict("unhealthy", []), "unhealthy", False, "degraded"),
        (FAILING, "crash_loop", False, "unhealthy"),
        (WELL, "ready", True, "healthy"),
        (DEGRADED, "ready", True, "degraded"),
        (Verdict("unhealthy", []), "unhealthy", True, "unhealthy"),
        (DEGRADED, "backing_off", True, "critical"),
        (FAILING, "crash_loop", True, "critical"),
        (WELL, "exited", True, "healthy"),
    ],
)
def test_what_a_workload_makes_of_the_whole(verdict, state, critical, level):
    others = {"web": (verdict, state), "other": (WELL, "ready")}
    whole = judge_whole(WELL, WELL, others, frozenset({"web"} if critical else ()))
    assert whole.level == level
    assert whole.why == ([] if level == "healthy" else [f"web: {(verdict.why or [verdict.level])[0]}"])


def test_the_whole_fails_when_everything_that_is_wanted_is_down():
    both = {"web": (FAILING, "crash_loop"), "job": (FAILING, "exited"), "off": (WELL, "stopped")}
    whole = judge_whole(WELL, WELL, both, frozenset())
    assert whole.level == "failing"
    assert whole.why[0] == "every workload is down"


def test_node_and_host_count_for_the_whole():
    host = Verdict("degraded", ["disk 91 % above 90 % for 60 s"])
    whole = judge_whole(Verdict("degraded", ["actor healer is given up"]), host, {}, frozenset())
    assert whole == Verdict("degraded", ["node: actor healer is given up", "host: disk 91 % above 90 % for 60 s"])


@given(st.lists(st.builds(Reason, st.sampled_from(LEVELS), st.text(min_size=1))))
def test_the_verdict_is_as_bad_as_the_worst_reason_and_in_order(reasons):
    verdict = judge(reasons)
    assert verdict.level == max((reason.level for reason in reasons), key=RANK.__getitem__, default="healthy")
    worse = sorted((reason for reason in reasons if reason.level != "healthy"), key=lambda one: -RANK[one.level])
    if worse:
        assert verdict.why == [reason.text for reason in worse]


def test_one_that_waits_for_its_time_is_well_and_one_that_waits_for_another_is_not():
    idle = judge_workload(condition("waiting", idle=True, note="waits for its time, 02:30", missing={"db": "stopped"}))
    assert (idle.level, idle.why) == ("healthy", ["waits for its time, 02:30"])
    assert judge_workload(condition("waiting", note="waits for db")).level == "degraded"
