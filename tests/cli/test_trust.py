import json
import time

import msgspec
import pytest

from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    AlteredRow,
    ApprovalList,
    ApprovalRow,
    ApproveRemedy,
    AttemptRow,
    AuditRow,
    ChangeList,
    DegradedRow,
    ExplainIssue,
    IssueList,
    ListApprovals,
    ListChanges,
    ListIssues,
    ListPhases,
    ListProcesses,
    PhaseRow,
    PhaseTable,
    RejectRemedy,
    SetPhase,
    UndoIssue,
)
from tests.cli import samples

PHASES = PhaseTable(
    node=PhaseRow(name="alpha", phase="advise", set_by="person"),
    workloads=[
        PhaseRow(name="web", phase="advise", set_by="person"),
        PhaseRow(name="db", phase="observe", set_by="workload"),
    ],
)


def test_phases_are_shown_with_who_set_them(fake, gyrostat):
    fake.answers(ListPhases, PHASES)
    _, out, _ = gyrostat("phase")
    assert [line.split() for line in out.splitlines()][1] == [
        "node",
        "alpha",
        "advise",
        *["a", "person,", "at", "run", "time"],
    ]
    _, out, _ = gyrostat("phase", "db")
    assert out.splitlines()[1].split() == ["db", "observe", "its", "config"]
    assert json.loads(gyrostat("phase", "--json")[1])["node"]["phase"] == "advise"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["observe"], SetPhase(phase="observe")),
        (["web", "act"], SetPhase(name="web", phase="act")),
        (["web", "--reset"], SetPhase(name="web")),
        (["--reset"], SetPhase()),
    ],
)
def test_a_phase_is_set_for_the_node_or_a_workload(fake, gyrostat, words, asked):
    fake.answers(SetPhase, Done(detail="web: phase act"))
    assert gyrostat("phase", *words) == (0, "web: phase act\n", "")
    assert fake.asked == [asked]


@pytest.mark.parametrize("words", [["web", "actt"], ["act", "advise"], ["web", "act", "--reset"]])
def test_what_is_no_phase_is_one_line_that_helps(fake, gyrostat, words):
    code, out, err = gyrostat("phase", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert fake.asked == []


def test_a_name_that_is_neither_workload_nor_phase_is_said(fake, gyrostat):
    fake.answers(ListPhases, PHASES)
    code, _, err = gyrostat("phase", "obsrve")
    assert code == 2
    assert "phases are: observe, advise, act, autonomous" in err


def test_what_waits_for_a_person_is_listed_and_answered(fake, gyrostat):
    fake.answers(ListApprovals, ApprovalList(approvals=[]))
    assert gyrostat("approve")[1] == "nothing waits for a person's word\n"
    row = ApprovalRow(
        issue="i1",
        subject="web",
        remedy="restart",
        why="memory",
        confidence=0.42,
        asked_at=time.time(),
        until=time.time() + 600,
        otherwise="reject",
    )
    fake.answers(ListApprovals, ApprovalList(approvals=[row]))
    _, out, _ = gyrostat("approve")
    assert "0.42" in out
    fake.answers(ApproveRemedy, Done(detail="restart begins"))
    assert gyrostat("approve", "i1", "--note", "ok")[1] == "restart begins\n"
    assert fake.asked[-1] == ApproveRemedy(issue="i1", note="ok")
    fake.answers(RejectRemedy, Refused("nothing is asked about i1"))
    assert gyrostat("reject", "i1") == (1, "", "gyrostat: nothing is asked about i1\n")


def test_the_change_log_is_shown_newest_first(fake, gyrostat):
    fake.answers(ListChanges, ChangeList(changes=[]))
    assert gyrostat("changes")[1] == "nothing was altered\n"
    row = AlteredRow(time=time.time(), subject="web", change="acted", what="restart: done", by="healer", issue="i1")
    fake.answers(ListChanges, ChangeList(changes=[row]))
    _, out, _ = gyrostat("changes", "web", "--limit", "3")
    assert out.splitlines()[1].split()[2:] == ["web", "acted", "healer", "i1", "restart:", "done"]
    assert fake.asked[-1] == ListChanges(subject="web", limit=3)


def test_an_undo_says_what_was_taken_back(fake, gyrostat):
    fake.answers(UndoIssue, Done(detail="hook:repair of i1 is taken back"))
    assert gyrostat("undo", "i1", "--note", "no") == (0, "hook:repair of i1 is taken back\n", "")
    assert fake.asked == [UndoIssue(issue="i1", note="no")]


def test_why_of_an_issue_goes_from_the_evidence_to_the_outcome(fake, gyrostat):
    detail = samples.detail()
    first = detail.row.first_seen
    attempt = AttemptRow(
        number=1,
        remedy="restart",
        why="remedy 1 of 1 for crash; it is exited",
        started_at=first + 0.1,
        confidence="confidence 0.93 (chance 0.6)",
        acted="started",
        acted_at=first + 0.2,
        outcome="verified",
        check="pid 7 is ready for 2.0 s",
        ended_at=first + 2.3,
    )
    row = msgspec.structs.replace(detail.row, issue="i1m7y6", state="resolved", time_to_repair_s=2.3)
    audit = [*detail.audit, AuditRow(time=first + 2.3, step="resolved", detail="by restart: pid 7")]
    told = msgspec.structs.replace(
        detail, row=row, attempts=[attempt], audit=audit, phase="act", trace="Traceback:\nKeyError: 'a'"
    )
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    fake.answers(ExplainIssue, told)
    code, out, _ = gyrostat("why", "i1m7y6")
    assert code == 0
    order = [
        "Evidence",
        "KeyError: 'a'",
        "Rule:",
        "Phase: act",
        "Remedy 1: restart",
        "confidence 0.93",
        "action: started",
    ]
    places = [out.index(text) for text in [*order, "verified: pid 7", "Outcome: resolved in 2.3 s"]]
    assert places == sorted(places)
    assert "+0.1 s why: remedy 1 of 1" in out
    assert json.loads(gyrostat("why", "i1m7y6", "--json")[1])["issue"]["phase"] == "act"


def test_why_of_an_issue_that_is_asked_about_says_how_to_answer(fake, gyrostat):
    detail = samples.detail()
    row = msgspec.structs.replace(detail.row, issue="i1m7y6", asks="restart")
    fake.answers(ListProcesses, samples.table())
    fake.answers(ExplainIssue, msgspec.structs.replace(detail, row=row))
    assert "gyrostat approve i1m7y6" in gyrostat("why", "i1m7y6")[1]


def test_status_shows_what_goes_on_with_less(fake, gyrostat):
    row = DegradedRow(name="web", level="minor", quality_loss=0.2, steps=["without its cache"], since=0.0)
    fake.answers(ListIssues, IssueList(issues=[], degraded=[row]))
    assert "web goes on with 20% less (minor): without its cache" in gyrostat("status")[1]


def test_status_says_when_the_history_of_issues_waits_for_room_on_the_disk(fake, gyrostat):
    fake.answers(ListIssues, IssueList(issues=[], unwritten=12, left_out=1))
    out = gyrostat("status")[1]
    assert "disk full: 12 changes of the issues' history kept in memory" in out
    assert "1 change of the issues' history left out: no room for it" in out
