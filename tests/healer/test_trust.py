"""Phases, approvals, undo and the change log: on a scripted ProcessManager, and on a real one."""

import json
from typing import Any

import msgspec
import pytest

from actors.settings.repair import Repair
from bus.errors import ActorUnavailable, Refused
from bus.messages import (
    ApprovalAnswered,
    ApprovalAsked,
    ApproveRemedy,
    ConfigReloaded,
    ConfigSetBack,
    DriftClosed,
    ExperimentStarted,
    ExperimentUndone,
    ExplainIssue,
    IssueRaised,
    IssueResolved,
    ListApprovals,
    ListChanges,
    ListIssues,
    ListPhases,
    PhaseChanged,
    RejectRemedy,
    RemedyDeferred,
    RemedyStarted,
    SetPhase,
    UndoIssue,
)
from bus.messages.process_manager import StartProcess
from tests.healer.fakes import hook, looped, quick, workload
from tests.healer.real import alive, pid_of, python

HOOKED: dict[str, Any] = {"hooks": {"repair": hook(undo=["true"])}, "heal": {"crash_loop": ["hook:repair", "restart"]}}
NEEDS_A_DIRECTORY = "import pathlib, time\npathlib.Path('spool/now').write_text('x')\ntime.sleep(1000)"


def approval(**changes):
    return {"approval": {"timeout": 60.0, "otherwise": "reject"} | changes}


def steps(ward):
    return [step.step for step in ward.last_steps()]


# -- phases


def test_in_the_phase_observe_nothing_is_done_and_what_would_be_done_is_told(ward):
    ward.open(workload(phase="observe"))
    ward.script.down()
    ward.tell(looped())
    told = ward.house.wait_for(RemedyDeferred)
    assert told.remedy == "restart"
    assert told.why.startswith("phase observe: it is only told; would start api; confidence 0.")
    ward.looked()
    assert ward.script.actions() == []
    assert len(ward.house.events(RemedyDeferred)) == 1


def test_the_phase_of_the_node_is_switched_at_run_time_and_what_waited_is_healed(ward):
    ward.open(settings=quick(phase="observe"))
    ward.script.down()
    ward.tell(looped())
    ward.house.wait_for(RemedyDeferred)
    ward.house.ask(SetPhase(phase="act"))
    changed = ward.house.wait_for(PhaseChanged)
    assert (changed.subject, changed.before, changed.phase) == ("alpha", "observe", "act")
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_phase_that_was_set_by_hand_holds_over_a_restart_until_it_is_reset(ward):
    ward.open()
    ward.house.ask(SetPhase(name="api", phase="observe"))
    ward.house.die("healer")
    ward.open(manager_too=False)
    assert [(row.name, row.phase, row.set_by) for row in ward.house.ask(ListPhases()).workloads] == [
        ("api", "observe", "person")
    ]
    ward.house.ask(SetPhase(name="api"))
    (row,) = ward.house.ask(ListPhases()).workloads
    assert (row.phase, row.set_by) == ("act", "node")


def test_a_phase_for_a_workload_that_is_not_there_is_refused(ward):
    ward.open()
    with pytest.raises(Refused, match="no workload 'web'"):
        ward.house.ask(SetPhase(name="web", phase="act"))


# -- approvals


def test_in_the_phase_advise_a_remedy_waits_for_a_person_and_begins_on_a_yes(ward):
    ward.open(workload(phase="advise"), **approval())
    ward.script.down()
    ward.tell(looped())
    asked = ward.house.wait_for(ApprovalAsked)
    assert (asked.remedy, asked.otherwise) == ("restart", "reject")
    assert "confidence" in asked.why
    (waits,) = ward.house.ask(ListApprovals()).approvals
    assert (waits.issue, waits.remedy) == (asked.issue, "restart")
    (row,) = ward.house.ask(ListIssues()).issues
    assert row.asks == "restart"
    ward.looked()
    assert ward.script.actions() == []
    ward.house.ask(ApproveRemedy(issue=asked.issue, note="go on"))
    assert ward.house.wait_for(IssueResolved).by == "restart"
    answered = ward.house.wait_for(ApprovalAnswered)
    assert (answered.approved, answered.by, answered.note) == (True, "person", "go on")
    assert ward.house.ask(ListApprovals()).approvals == []
    assert steps(ward)[-6:] == ["asked", "answered", "remedy", "acted", "verified", "resolved"]


def test_on_a_no_the_next_remedy_is_asked_for(ward):
    ward.open(workload(phase="advise", **HOOKED), **approval())
    ward.script.down()
    ward.tell(looped())
    first = ward.house.wait_for(ApprovalAsked)
    assert first.remedy == "hook:repair"
    ward.house.ask(RejectRemedy(issue=first.issue, note="it is being moved"))
    ward.house.wait_for(ApprovalAsked, lambda fact: fact.remedy == "restart")
    assert ward.script.actions() == []
    assert "hook:repair: a person said no: it is being moved" in [step.detail for step in ward.last_steps()]


@pytest.mark.parametrize(("otherwise", "actions"), [("reject", []), ("approve", ["start"])])
def test_no_answer_counts_as_the_config_says(ward, otherwise, actions):
    ward.open(workload(phase="advise"), retry=60.0, retry_max=60.0, **approval(timeout=0.3, otherwise=otherwise))
    ward.script.down()
    ward.tell(looped())
    answered = ward.house.wait_for(ApprovalAnswered)
    assert (answered.approved, answered.by) == (bool(actions), "time-out")
    ward.house.until(lambda: steps(ward)[-1] in ("escalated", "resolved"))
    assert ward.script.actions() == actions


def test_what_is_asked_survives_a_restart_of_the_healer(ward):
    ward.open(workload(phase="advise"), **approval())
    ward.script.down()
    ward.tell(looped())
    asked = ward.house.wait_for(ApprovalAsked)
    ward.house.die("healer")
    ward.open(workload(phase="advise"), manager_too=False, **approval())
    ward.looked()
    assert len(ward.house.events(ApprovalAsked)) == 1
    ward.house.ask(ApproveRemedy(issue=asked.issue))
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_word_on_what_nobody_asked_about_is_refused(ward):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.tell(looped())
    issue = ward.house.wait_for(IssueRaised).issue
    with pytest.raises(Refused, match="nothing is asked about"):
        ward.house.ask(ApproveRemedy(issue=issue))


def test_a_remedy_that_keeps_failing_is_no_longer_trusted(ward):
    ward.open(retry=0.01, cool_down=0.01, breaker_failures=1000)
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.script.down()
    ward.tell(looped())
    ward.house.until(lambda: len(ward.house.events(RemedyStarted)) >= 6)
    issue = ward.house.wait_for(IssueRaised).issue
    told = [row.confidence for row in ward.house.ask(ExplainIssue(issue=issue)).attempts]
    chances = [float(text.split("chance ")[1].split(":")[0]) for text in told[:6]]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > chances[5] + 0.2


# -- the chain, the change log, undo


def test_the_chain_of_an_issue_goes_from_evidence_to_outcome_with_times(ward):
    ward.open(workload(**HOOKED))
    ward.script.down()
    ward.tell(looped(tail=["KeyError: 'a'"]))
    issue = ward.house.wait_for(IssueResolved).issue
    detail = ward.house.ask(ExplainIssue(issue=issue))
    (attempt,) = detail.attempts
    assert (attempt.remedy, attempt.outcome, detail.phase) == ("hook:repair", "verified", "act")
    assert attempt.why == "remedy 1 of 2 for crash_loop; it is crash_loop"
    assert attempt.confidence.startswith("confidence 0.")
    assert attempt.acted
    assert attempt.started_at <= attempt.acted_at <= attempt.ended_at


def test_everything_that_is_altered_stands_in_the_change_log(ward):
    ward.open()
    ward.script.down()
    ward.tell(looped())
    issue = ward.house.wait_for(IssueResolved).issue
    ward.house.ask(SetPhase(phase="observe"))
    lines = [json.loads(line) for line in (ward.tmp_path / "changes.log").read_text().splitlines()]
    assert [(line["change"], line["by"], line["subject"]) for line in lines] == [
        ("acted", "healer", "api"),
        ("phase", "person", "alpha"),
    ]
    assert lines[0]["issue"] == issue
    newest = ward.house.ask(ListChanges(limit=1)).changes
    assert [row.change for row in newest] == ["phase"]
    assert [row.change for row in ward.house.ask(ListChanges(subject="api")).changes] == ["acted"]


def test_what_others_altered_stands_in_the_same_list(ward):
    facts = [
        ConfigReloaded(subject="alpha", revision="r2", added=["web"], removed=[], changed=["api"]),
        ExperimentStarted(
            subject="api", experiment="e1", parameter="workers", baseline=2.0, candidate=4.0, objective="x", why="slow"
        ),
        ExperimentUndone(
            subject="api", experiment="e1", parameter="workers", value=2.0, before=1.0, after=None, why="worse"
        ),
        DriftClosed(subject="api", drift="vanished", took_s=1.0),
        ConfigSetBack(subject="api", mode="live", instances=["api-1"], done=[], left=[], why="not ready"),
    ]
    lines = [{"time": 1.0, "what": fact.kind, **msgspec.to_builtins(fact)} for fact in facts]
    lines.append({"time": 2.0, "what": "workload.scaled", "subject": "api", "detail": "added api-2", "why": "asked"})
    lines += [{"time": 3.0, "what": "issue.raised", "subject": "api"}, {"time": 3.0, "what": "experiment.kept"}]
    lines.append({"a": 1})
    (ward.tmp_path / "changes.log").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ward.open()
    rows = ward.house.ask(ListChanges()).changes
    assert [(row.change, row.by, row.what) for row in reversed(rows)] == [
        ("config.reloaded", "node", "config r2 in force: added web, removed -, changed api"),
        ("experiment.started", "optimizer", "workers from 2 to 4, tried: slow"),
        ("experiment.undone", "optimizer", "workers back at 2: worse"),
        ("drift.closed", "reconciler", "vanished is put right"),
        ("config.set_back", "process_manager", "api-1 back to the config they were ready with: not ready"),
        ("workload.scaled", "person", "added api-2: asked"),
    ]


def test_a_change_log_that_was_cut_off_or_cannot_be_written_does_not_stop_healing(ward):
    (ward.tmp_path / "changes.log").write_bytes(b'{"time": 1.0, "subj')
    ward.open()
    ward.script.down()
    ward.tell(looped())
    ward.house.wait_for(IssueResolved)
    assert [row.change for row in ward.house.ask(ListChanges()).changes] == ["acted"]
    (ward.tmp_path / "changes.log").unlink()
    (ward.tmp_path / "changes.log").mkdir()
    ward.house.ask(SetPhase(phase="autonomous"))
    with pytest.raises(Refused, match="cannot be read"):
        ward.house.ask(ListChanges())


def test_a_person_takes_a_hook_back_and_it_is_asked_for_from_then_on(ward):
    ward.open(workload(hooks=HOOKED["hooks"], heal={"crash_loop": ["hook:repair"]}), cool_down=0.01, **approval())
    ward.script.down()
    ward.tell(looped())
    issue = ward.house.wait_for(IssueResolved).issue
    assert not ward.house.events(ApprovalAsked)
    done = ward.house.ask(UndoIssue(issue=issue, note="it lost a row"))
    assert done.detail.startswith(f"hook:repair of {issue} is taken back")
    assert ward.script.actions()[-1] == "undo:repair"
    with pytest.raises(Refused, match="can be taken back"):
        ward.house.ask(UndoIssue(issue=issue))
    ward.script.down()
    ward.tell(looped())
    assert ward.house.wait_for(ApprovalAsked).remedy == "hook:repair"


def test_what_leaves_nothing_behind_cannot_be_taken_back(ward):
    ward.open()
    ward.script.down()
    ward.tell(looped())
    issue = ward.house.wait_for(IssueResolved).issue
    with pytest.raises(Refused, match="restart leaves nothing behind"):
        ward.house.ask(UndoIssue(issue=issue))


def test_a_real_repair_waits_for_a_yes_helps_and_is_taken_back_by_a_person(real_ward, tmp_path):
    house = real_ward(python(NEEDS_A_DIRECTORY), repair=Repair(directories=["spool"]), phase="advise")
    asked = house.wait_for(ApprovalAsked)
    assert not (tmp_path / "spool").exists()
    while asked.remedy != "make_directory":
        house.ask(RejectRemedy(issue=asked.issue))
        asked = house.wait_for(ApprovalAsked, lambda fact, last=asked: fact.remedy != last.remedy)
    house.ask(ApproveRemedy(issue=asked.issue, note="make it"))
    assert house.wait_for(IssueResolved).by == "make_directory"
    assert alive(pid_of(house))
    (tmp_path / "spool" / "now").unlink()
    house.ask(UndoIssue(issue=asked.issue))
    assert not (tmp_path / "spool").exists()
    changes = house.ask(ListChanges()).changes
    assert [row.change for row in changes if row.issue == asked.issue] == ["undone", "acted"]
