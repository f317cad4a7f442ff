import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.budget import Budgets
from actors.healer.course import Act, Escalate, Wait
from actors.healer.flow import Flow
from actors.healer.plans import Plan
from actors.healer.remedies import Seen
from actors.healer.settings import BudgetSettings, FlowSettings
from bus.messages import IssueResolved, RemedyDeferred
from tests.healer.fakes import crashed, quick, row, workload
from tests.healer.test_actor import crossed
from tests.healer.test_course import decided, situation

NOW_S = 10_000.0
WARNING = Plan(remedies=("restart",), tell_first=True)


def spent(*ages_s, failure="http", subjects=("api",), **settings):
    budgets = Budgets(BudgetSettings(**settings))
    for subject in subjects:
        for age_s in sorted(ages_s, reverse=True):
            budgets.note(subject, failure, NOW_S - age_s)
    return budgets.burn("api", failure, NOW_S)


# -- the budget


def test_ten_errors_an_hour_are_borne_and_the_eleventh_is_not():
    assert spent(*range(0, 3600, 400)).verdict == "tolerate"
    assert spent(*range(0, 3600, 300)).verdict == "heal"


def test_errors_that_have_ended_are_borne_however_many_they_were():
    found = spent(*[900.0] * 500)
    assert (found.verdict, found.short, found.trend) == ("tolerate", 0.0, "falling")


def test_a_short_burst_does_not_use_up_an_hour():
    assert spent(*[1.0] * 8).verdict == "tolerate"


@pytest.mark.parametrize(("errors", "verdict"), [(9, "tolerate"), (10, "heal"), (30, "degrade"), (100, "stop")])
def test_the_faster_it_burns_the_more_is_done(errors, verdict):
    assert spent(*[10.0] * errors).verdict == verdict


def test_a_class_may_have_its_own_budget():
    assert spent(*[10.0] * 30, classes={"http": 100}).verdict == "tolerate"
    assert spent(*[10.0] * 30, classes={"timeout": 100}).verdict == "degrade"


def test_what_four_workloads_suffer_from_at_once_is_systemic():
    names = ["api", "web", "worker", "mail"]
    assert spent(1.0, subjects=names).systemic
    assert not spent(1.0, subjects=names[:3]).systemic
    assert not spent(1.0, subjects=names, failure="unknown").systemic
    assert not spent(*[900.0] * 30, subjects=names).systemic


@given(st.lists(st.floats(0.0, 7200.0), max_size=50), st.floats(0.0, 7200.0))
def test_one_more_error_never_lessens_a_burn(ages_s, more_s):
    before, after = spent(*ages_s), spent(*ages_s, more_s)
    assert after.long >= before.long
    assert after.short >= before.short


@pytest.mark.parametrize("wrong", [{"short": 3600.0}, {"short": 0.0}, {"stop": 2.0, "degrade": 3.0}])
def test_windows_and_limits_out_of_order_are_refused(wrong):
    with pytest.raises(ValueError, match="has to be"):
        BudgetSettings(**wrong)


# -- what follows from it


def test_a_warning_beyond_its_budget_is_acted_upon_without_being_told_first():
    assert isinstance(decided(situation("latency", plan=WARNING, burn=spent(1.0))), Escalate)
    assert isinstance(decided(situation("latency", plan=WARNING, burn=spent(*[10.0] * 12))), Act)


def test_a_plan_that_was_spent_is_left_to_a_person_while_the_budget_burns_ten_times_too_fast():
    burn = spent(*[10.0] * 150)
    once = situation("unresponsive", plan=Plan(remedies=("restart",)), burn=burn, issue={"rounds": 1})
    assert isinstance(decided(once), Escalate)
    first = situation("unresponsive", plan=Plan(remedies=("restart",)), burn=burn)
    assert isinstance(decided(first), Act)


def test_what_runs_is_restarted_one_at_a_time_when_the_cause_is_systemic():
    burn = spent(1.0, subjects=["api", "web", "worker", "mail"])
    plan = Plan(remedies=("restart",))
    assert isinstance(decided(situation("unresponsive", plan=plan, burn=burn)), Act)
    waits = decided(situation("unresponsive", plan=plan, burn=burn, first="web"))
    assert isinstance(waits, Wait)
    assert waits.why.startswith("web first")
    down = Seen(row=row(state="crash_loop"))
    assert isinstance(decided(situation("crash_loop", plan=plan, burn=burn, first="web", seen=down)), Act)


def test_a_remedy_for_a_warning_waits_while_the_node_is_in_flow():
    told = {"issue": {"told": True}, "plan": WARNING}
    assert decided(situation("latency", flow_s=5.0, **told)) == Wait(
        "restart", "the node is in flow, and it is a warning only", 5.0
    )


# -- flow


@pytest.mark.parametrize(
    ("done", "failed", "on"), [(5, 0, False), (6, 0, True), (6, 1, False), (20, 1, True), (20, 3, False), (0, 0, False)]
)
def test_flow_is_more_than_five_a_minute_with_less_than_a_tenth_of_errors(done, failed, on):
    flow = Flow(FlowSettings())
    for _ in range(done):
        flow.completed(NOW_S)
    for _ in range(failed):
        flow.failed(NOW_S)
    assert flow.is_on(NOW_S) is on
    assert not flow.is_on(NOW_S + 61)


def test_in_flow_a_warning_waits_and_is_healed_when_the_flow_ends(ward):
    flowing = {"actions": 1, "errors": 1.0, "wait_max": 1.0}
    ward.open(workload(), settings=quick(flow=flowing, second_hold=0.05))
    ward.tell(*[crashed(expected=True, exit_code=0)] * 3, crossed("latency"))
    assert ward.house.wait_for(RemedyDeferred).why == "the node is in flow, and it is a warning only"
    assert ward.script.actions() == []
    ward.house.until(lambda: ward.script.actions() == ["restart"])
    assert not ward.house.events(IssueResolved)
