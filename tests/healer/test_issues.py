import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer import issues
from actors.healer.issues import (
    LIFE,
    PROBE,
    SERVICE,
    Cause,
    Symptom,
    became,
    bounded,
    family,
    fold,
    next_id,
    pieces,
    raised,
    repeated,
    severity,
)
from bus.messages.healer import IssueKind

KINDS = typing.get_args(IssueKind)


def symptom(kind="crash", text="exited", **fields):
    if kind in (*SERVICE, "memory", "cpu"):
        fields.setdefault("cause", Cause(metric={"resource": "fds"}.get(kind, kind), limit=1.0))
    if kind in PROBE:
        fields.setdefault("cause", Cause(probe="liveness"))
    if kind == "actor":
        fields.setdefault("cause", Cause(scope="actor"))
    return Symptom(subject="api", kind=kind, fingerprint="f", text=text, **fields)


def issue(kind="crash", **fields):
    made = raised(symptom(kind), issue="i1", wall_s=100.0, critical=False)
    return msgspec.structs.replace(made, **fields)


# -- ids


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=50))
def test_ids_are_unique_and_sort_in_the_order_they_were_made_even_when_the_clock_is_set_back(walls_s):
    made: list[str] = []
    for wall_s in walls_s:
        made.append(next_id(made[-1] if made else "", wall_s))
    assert made == sorted(set(made))
    assert all(len(each) == 12 and each.isalnum() and each.islower() for each in made)


def test_an_id_made_later_is_greater_with_no_knowledge_of_the_earlier():
    assert next_id("", 1_000.0) < next_id("", 1_000.001) < next_id("", 2_000_000_000.0)


# -- folding


def expected_fold(old, new, *, healing):
    """The table in words, written again from the rules."""
    ranks = {"life": ["crash", "start_failed", "crash_loop", "port_in_use"], "probe": ["not_working", "unresponsive"]}
    for ranked in ranks.values():
        if old in ranked and new in ranked:
            return "became" if ranked.index(new) > ranked.index(old) else "again"
    if old == new:
        return "again"
    if "actor" in (old, new):
        return None
    if new in ("latency", "availability", "resource", "errors") and old in (*ranks["life"], *ranks["probe"]):
        return "again"
    return "again" if new == "crash" and healing else None


@pytest.mark.parametrize("healing", [False, True])
@pytest.mark.parametrize("new", KINDS)
@pytest.mark.parametrize("old", KINDS)
def test_every_pair_of_kinds_folds_as_the_rules_say(old, new, healing):
    assert fold(issue(old), symptom(new), healing=healing) == expected_fold(old, new, healing=healing)


def test_two_metrics_of_one_subject_are_two_issues():
    fds, threads = Cause(metric="fds"), Cause(metric="threads")
    assert fold(issue("resource", cause=fds), symptom("resource", cause=threads), healing=False) is None
    assert fold(issue("resource", cause=fds), symptom("resource", cause=fds), healing=False) == "again"


def test_a_reading_of_the_host_belongs_to_no_workload_of_that_name():
    host = symptom("resource", cause=Cause(scope="host", metric="fds"))
    assert fold(issue("crash"), host, healing=True) is None
    assert fold(issue("resource", cause=Cause(metric="fds")), host, healing=False) is None
    assert family(host.kind, host.cause) != family("resource", Cause(metric="fds"))


# -- severity


@pytest.mark.parametrize("critical", [False, True])
@pytest.mark.parametrize("weight", ["warning", "critical"])
@pytest.mark.parametrize("kind", KINDS)
def test_severity_is_the_symptoms_own_or_that_of_a_critical_workload_that_does_not_serve(kind, weight, critical):
    serves_not = kind in (*LIFE, *PROBE)
    worst = "critical" if weight == "critical" or (critical and serves_not) else "warning"
    assert severity(symptom(kind, weight=weight), critical=critical) == worst


# -- repetition and evidence


def test_a_repeated_symptom_counts_and_keeps_its_issue():
    again = repeated(issue(count=3), symptom(text="exited again"), wall_s=200.0, evidence_max=20)
    assert (again.issue, again.kind, again.count, again.first_seen, again.last_seen) == ("i1", "crash", 4, 100.0, 200.0)
    assert again.evidence == ("exited", "exited again")


def test_the_same_evidence_is_kept_once():
    once = issue(evidence=("exited", "log: boom"))
    assert repeated(once, symptom(lines=("boom",)), wall_s=1.0, evidence_max=20).evidence == once.evidence
    assert repeated(once, symptom(text="other", lines=("boom",)), wall_s=1.0, evidence_max=20).evidence == (
        "exited",
        "log: boom",
        "other",
    )


@given(st.integers(2, 30), st.lists(st.text(min_size=1), max_size=200))
def test_evidence_never_grows_beyond_its_bound_and_keeps_the_first_and_the_newest(most, texts):
    kept: tuple[str, ...] = ()
    for text in texts:
        kept = bounded((*kept, text), most)
        assert len(kept) <= most
        assert kept[-1] == text
        assert kept[0] == texts[0]


def test_an_issue_that_becomes_another_keeps_its_id_and_begins_its_plan_anew():
    old = issue(state="escalated", step=2, told=True, retry_at=5.0, severity="critical", tried=("restart",), rounds=2)
    new = became(old, symptom("crash_loop", "5 starts"), wall_s=7.0, critical=False, evidence_max=20)
    assert (new.issue, new.kind, new.summary, new.count) == ("i1", "crash_loop", "5 starts", 2)
    assert (new.state, new.step, new.told, new.retry_at) == ("open", 0, False, None)
    assert (new.severity, new.tried, new.rounds, new.first_seen) == ("critical", ("restart",), 2, 100.0)


@pytest.mark.parametrize(
    ("direction", "value", "beyond"), [("above", 2, True), ("above", 1, False), ("below", 0, True), ("below", 1, False)]
)
def test_a_value_at_its_limit_is_not_beyond_it(direction, value, beyond):
    assert Cause(metric="fds", limit=1.0, direction=direction).is_beyond(value) is beyond


def test_a_row_shows_what_people_ask_for():
    shown = issue(tried=("restart",), time_to_repair_s=3.0).row()
    assert (shown.issue_kind, shown.remedies, shown.time_to_repair_s) == ("crash", ["restart"], 3.0)


def test_the_log_lines_of_a_symptom_are_part_of_the_evidence():
    assert issues.pieces(symptom(lines=("a", " ", "b"))) == ("exited", "log: a", "log: b")


# -- warnings of the Monitor


def test_a_forecast_becomes_the_issue_it_warned_of_and_one_after_it_is_a_repetition():
    memory = Cause(metric="memory", limit=100.0)
    assert fold(issue("forecast", cause=memory), symptom("memory", cause=memory), healing=False) == "became"
    assert fold(issue("memory", cause=memory), symptom("forecast", cause=memory), healing=False) == "again"
    other = Cause(metric="fds", limit=100.0)
    assert fold(issue("forecast", cause=memory), symptom("resource", cause=other), healing=False) is None


def test_a_drift_is_an_issue_beside_the_one_of_its_limit():
    rows = Cause(metric="rows")
    assert fold(issue("drift", cause=rows), symptom("resource", cause=rows), healing=False) is None
    assert fold(issue("drift", cause=rows), symptom("drift", cause=rows), healing=False) == "again"


def test_what_was_strange_is_evidence_before_the_log():
    found = symptom("memory", text="too much", notes=("strange: cpu",), lines=("error: full",))
    assert pieces(found) == ("too much", "strange: cpu", "log: error: full")
