"""What was written when: a probe that fails is told by lines since it passed last."""

from typing import Any

import pytest

from bus.errors import Refused
from bus.messages import (
    ExplainIssue,
    IssueRaised,
    ListIssues,
    LogLinesRead,
    ProbeFailed,
    ProbeMeasured,
    ProbeRecovered,
    ReadLog,
    ThresholdCrossed,
)
from tests.healer.fakes import NEVER, crashed, looped, probes, workload
from tests.healer.test_traces import PYTHON


def read_up_to(end):
    return LogLinesRead(subject="api", lines=3, errors=0, read_bytes=10, end=end)


def failed(probe="work", detail="status 500"):
    return ProbeFailed(subject="api", probe=probe, failures=2, detail=detail)


def passed(probe="work"):
    return ProbeMeasured(subject="api", probe=probe, ok=True, latency_s=0.01)


def opened(ward):
    return ward.open(workload(probes=probes(liveness={}, work={})), verify_within=30.0, stable_for=20.0)


def first(ward):
    raised = ward.house.wait_for(IssueRaised)
    return ward.house.ask(ExplainIssue(issue=raised.issue))


def test_a_line_from_before_the_probe_passed_last_speaks_only_when_nothing_newer_does(ward):
    opened(ward)
    ward.script.log = ["ERROR database is locked", "ERROR [Errno 28] No space left on device"]
    ward.tell(read_up_to(1), passed(), read_up_to(2), failed())
    assert first(ward).row.failure == "disk"


def test_without_a_newer_line_the_older_one_speaks(ward):
    opened(ward)
    ward.script.log = ["ERROR database is locked", "INFO served"]
    ward.tell(read_up_to(1), passed(), failed())
    assert first(ward).row.failure == "db_locked"


def test_a_probe_that_passes_while_its_log_is_read_is_no_symptom(ward):
    opened(ward)
    ward.script.effects[ReadLog] = lambda _: ward.script.publish(
        ProbeRecovered(subject="api", probe="work", after_s=0.1)
    )
    ward.tell(failed())
    ward.house.until(lambda: any(isinstance(each, ReadLog) for each in list(ward.script.asked)))
    ward.looked()
    assert ward.house.ask(ListIssues()).issues == []


@pytest.mark.parametrize("effect", [lambda _: Refused("no"), lambda _: NEVER])
def test_a_log_that_cannot_be_had_delays_the_symptom_and_no_more(ward, effect):
    opened(ward)
    ward.script.effects[ReadLog] = effect
    ward.tell(failed())
    assert first(ward).row.failure == "http"


def test_a_crash_whose_tail_begins_within_a_traceback_is_told_by_more_of_its_log(ward):
    ward.open()
    ward.script.log = PYTHON.split("\n")
    ward.tell(crashed(tail=PYTHON.split("\n")[1:]))
    told = first(ward)
    assert (told.row.failure, told.trace) == ("key", PYTHON)


def test_lines_of_another_life_do_not_tell_of_this_one(ward):
    ward.open()
    ward.script.log = PYTHON.split("\n")
    ward.tell(crashed(tail=[f"    frame {n}" for n in range(15)], incarnation=7))
    assert first(ward).row.failure == "unknown"


def test_a_crash_loop_has_its_whole_traceback_too(ward):
    ward.open()
    ward.script.down()
    ward.script.log = PYTHON.split("\n")
    ward.tell(looped(tail=PYTHON.split("\n")[1:]))
    assert first(ward).trace == PYTHON


def test_a_threshold_of_a_workload_is_told_by_its_log_and_one_of_the_host_is_not(ward):
    ward.open()
    ward.script.log = ["ERROR upstream: Connection refused"]
    crossed: dict[str, Any] = {"metric": "latency", "value": 3.0, "limit": 1.0, "direction": "above", "held_s": 1.0}
    ward.tell(ThresholdCrossed(subject="host", scope="host", severity="warning", **(crossed | {"metric": "disk"})))
    ward.tell(ThresholdCrossed(subject="api", scope="workload", severity="warning", **crossed))
    raised = ward.house.wait_for(IssueRaised, lambda one: one.subject == "api")
    assert ward.house.ask(ExplainIssue(issue=raised.issue)).row.failure == "connection"


def test_a_repeated_failure_tells_what_is_wrong_now(ward):
    opened(ward)
    ward.script.log = ["ERROR database is locked"]
    ward.tell(failed())
    raised = ward.house.wait_for(IssueRaised)
    ward.script.log = ["ERROR [Errno 28] No space left on device"]
    ward.tell(failed("liveness"))
    ward.house.until(lambda: ward.house.ask(ExplainIssue(issue=raised.issue)).row.failure == "disk")
