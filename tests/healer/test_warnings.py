"""What the Monitor foresees, sees drift or finds strange, as issues and evidence."""

from typing import Any, ClassVar

from actors.base import Actor, NoSettings
from bus.messages import (
    AnomalyDetected,
    ExplainIssue,
    ForecastCleared,
    ForecastRaised,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListIssues,
    ListWarnings,
    RemedyStarted,
    SeriesDrifted,
    SeriesReturned,
    ThresholdCleared,
    ThresholdCrossed,
    WarningList,
    WarningRow,
)
from tests.healer.fakes import hook, workload


def foreseen(metric="memory", **given):
    fields: dict[str, Any] = {"scope": "workload", "value": 60.0, "limit": 100.0, "direction": "above"}
    fields |= {"in_s": 900.0} | given
    return ForecastRaised(subject="api", metric=metric, **fields)


def crossed(metric="memory", **given):
    fields: dict[str, Any] = {"scope": "workload", "value": 150.0, "limit": 100.0, "direction": "above"}
    fields |= {"held_s": 0.1} | given
    return ThresholdCrossed(subject="api", metric=metric, severity="warning", **fields)


def test_a_forecast_is_told_to_people_and_nothing_is_done(ward):
    ward.open()
    ward.tell(foreseen())
    assert ward.house.wait_for(IssueRaised).issue_kind == "forecast"
    escalated = ward.house.wait_for(IssueEscalated)
    assert escalated.retry_s is None
    assert ward.script.actions() == []
    ward.tell(ForecastCleared(subject="api", scope="workload", metric="memory", lasted_s=60.0))
    assert ward.house.wait_for(IssueResolved).by == "itself"


def test_a_forecast_that_comes_true_is_the_same_issue_and_is_healed(ward):
    ward.open()
    ward.tell(foreseen())
    first = ward.house.wait_for(IssueEscalated)
    ward.tell(
        crossed(), ForecastCleared(subject="api", scope="workload", metric="memory", lasted_s=9.0, because="crossed")
    )
    assert ward.house.wait_for(RemedyStarted).issue == first.issue
    assert ward.house.wait_for(IssueRaised, lambda fact: fact.issue_kind == "memory").issue == first.issue
    ward.verifying()
    ward.tell(foreseen())
    ward.tell(ThresholdCleared(subject="api", scope="workload", metric="memory", value=10.0, lasted_s=1.0))
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_drift_is_an_issue_until_the_series_is_back(ward):
    ward.open()
    ward.tell(drifted())
    told = ward.house.wait_for(IssueRaised)
    assert (told.issue_kind, told.summary) == ("drift", "accuracy was 0.95 and is 0.7 since 20 min")
    ward.tell(SeriesReturned(subject="api", scope="workload", metric="accuracy", now=0.94))
    assert ward.house.wait_for(IssueResolved).verified.endswith("accuracy is back at 0.94")


def drifted(metric="accuracy"):
    return SeriesDrifted(
        subject="api", scope="workload", metric=metric, what="level", before=0.95, after=0.7, since_s=1200.0
    )


class ScriptedMonitor(Actor[NoSettings]):
    """Says which warnings stand."""

    name = "monitor"
    answers = (ListWarnings,)
    standing: ClassVar[list[WarningRow]] = []

    def do_list_warnings(self, _):
        return WarningList(warnings=list(self.standing))


def test_a_warning_whose_end_was_lost_is_over_when_the_monitor_does_not_have_it_any_more(ward, monkeypatch):
    rows = [
        WarningRow(subject="api", scope="workload", metric="memory", what="forecast"),
        WarningRow(subject="api", scope="workload", metric="accuracy", what="drift"),
    ]
    monkeypatch.setattr(ScriptedMonitor, "standing", rows)
    ward.open()
    ward.house.start(ScriptedMonitor)
    ward.tell(foreseen(), drifted())
    ward.house.until(lambda: len(ward.house.events(IssueEscalated)) == 2)
    ward.looked()
    assert not ward.house.events(IssueResolved)
    monkeypatch.setattr(ScriptedMonitor, "standing", rows[1:])
    forecast = ward.house.wait_for(IssueResolved)
    assert (forecast.issue_kind, forecast.by) == ("forecast", "itself")
    assert "does not warn of memory any more" in forecast.verified
    monkeypatch.setattr(ScriptedMonitor, "standing", [])
    assert ward.house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "drift").by == "itself"


def test_a_warning_stands_while_the_monitor_cannot_be_asked(ward):
    ward.open()
    ward.tell(foreseen())
    ward.house.wait_for(IssueEscalated)
    ward.looked(10)
    assert not ward.house.events(IssueResolved)


def test_something_strange_is_no_issue_but_evidence_for_the_next(ward):
    ward.open()
    ward.tell(AnomalyDetected(subject="api", scope="workload", metric="cpu", value=97.0, score=0.7), crossed())
    issue = ward.house.wait_for(IssueRaised)
    assert issue.evidence[1] == "strange: cpu 97 % is unlike any before (score 0.70)"
    assert len(ward.house.ask(ListIssues()).issues) == 1


def test_the_action_of_a_threshold_is_tried_first(ward):
    ward.open(workload(hooks={"drop": hook()}))
    ward.tell(crossed("queue_depth", action="hook:drop"))
    assert ward.house.wait_for(RemedyStarted).remedy == "hook:drop"
    ward.house.until(lambda: ward.script.actions() == ["hook:drop"])


def test_an_action_that_the_workload_has_not_is_skipped(ward):
    ward.open()
    ward.tell(crossed("queue_depth", action="hook:drop"))
    started = ward.house.wait_for(RemedyStarted)
    assert started.remedy == "restart"
    audit = ward.house.ask(ExplainIssue(issue=started.issue)).audit
    assert any(line.step == "skipped" and "it declares no hook drop" in line.detail for line in audit)
