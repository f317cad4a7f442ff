"""What people teach the Healer, and what it learns from real faults in real processes."""

import msgspec
import pytest

from actors.healer.actor import Healer
from actors.healer.lore import Lore
from actors.settings import Hook, RestartPolicy, Seconds
from bus.errors import Refused
from bus.messages import (
    ExplainDecision,
    ExplainIssue,
    ExportLore,
    FixIssue,
    ImportLore,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListFixes,
    ListIssues,
    ProcessReady,
    ProcessStarted,
    RemedyStarted,
    RestartProcess,
)
from bus.messages.process_manager import RunHook, StartProcess
from tests.healer.fakes import hook, looped, quick, workload
from tests.healer.real import python

BREAKS = """
import os, sys, time
while True:
    if os.path.exists("broken"):
        sys.exit("SettingsError: the settings cannot be read")
    time.sleep(0.01)
"""
HOOKS = {"useless": Hook(command=["true"]), "mend": Hook(command=["rm", "-f", "broken"])}
LOOPS = RestartPolicy(start_limit=2, backoff_first=Seconds(0.01))


@pytest.fixture
def breaks(real_ward, tmp_path):
    """A program that ends as long as a file is there, and two hooks of which the second takes it away."""
    house = real_ward(
        python(BREAKS),
        hooks=HOOKS,
        restart=LOOPS,
        heal={"crash_loop": ["hook:useless", "hook:mend"], "crash": ["await_restart"]},
    )
    house.wait_for(ProcessReady)
    return house


def fault(house, tmp_path):
    """Break it, wait until it is mended, and give the hooks that were tried."""
    before, ended = len(house.events(RemedyStarted)), len(house.events(IssueResolved))
    (tmp_path / "broken").touch()
    house.until(lambda: len(house.events(IssueResolved)) > ended, 60.0)
    assert not (tmp_path / "broken").exists()
    return [fact.remedy for fact in house.events(RemedyStarted)[before:] if fact.remedy.startswith("hook:")]


def test_of_two_remedies_the_one_that_works_is_first_the_next_time_and_after_a_restart_of_the_healer(breaks, tmp_path):
    assert fault(breaks, tmp_path) == ["hook:useless", "hook:mend"]
    assert fault(breaks, tmp_path) == ["hook:mend"]
    settings = breaks.shells["healer"].settings
    breaks.die("healer")
    breaks.start(Healer, settings)
    assert fault(breaks, tmp_path) == ["hook:mend"]
    found = breaks.ask(ListFixes())
    rows = {row.name: (row.verified + row.returned, row.failed) for row in found.by_remedy}
    assert rows["hook:mend"] == (3, 0)
    assert rows["hook:useless"] == (0, 1)
    assert [lesson.text.partition(" against")[0] for lesson in found.lessons] == [
        "hook:mend is tried first from now on"
    ]


def test_what_one_node_learnt_another_takes_over(breaks, tmp_path):
    fault(breaks, tmp_path)
    part = breaks.ask(ExportLore())
    lore = msgspec.json.decode(part.text, type=Lore)
    assert part.parts == 1
    moved = msgspec.structs.replace(
        lore, outcomes=[msgspec.structs.replace(row, origin="beta") for row in lore.outcomes]
    )
    text = msgspec.json.encode(moved).decode()
    count = len(lore.outcomes)
    assert f"new here: {count} of {count} outcomes" in breaks.ask(ImportLore(text=text)).detail
    assert f"new here: 0 of {count} outcomes" in breaks.ask(ImportLore(text=text)).detail
    with pytest.raises(Refused, match="cannot be taken over"):
        breaks.ask(ImportLore(text="{"))
    assert msgspec.json.decode(breaks.ask(ExportLore(part=7)).text, type=Lore) == Lore()


STUCK = {"crash_loop": ["hook:bad"]}


def stuck(ward, **fields):
    """An issue that no remedy of the plan helps against, and so goes to a person."""
    ward.open(workload(heal=STUCK, hooks={"bad": hook(), "good": hook()}, **fields), retry=60.0, retry_max=60.0)
    return escalated(ward)


def escalated(ward):
    before = len(ward.house.events(IssueEscalated))
    ward.script.down()
    ward.script.asked.clear()
    ward.tell(looped())
    ward.house.until(lambda: len(ward.house.events(IssueEscalated)) > before)
    return ward.house.ask(ListIssues()).issues[0].issue


def steps(ward, issue):
    return [(step.step, step.detail) for step in ward.house.ask(ExplainIssue(issue=issue)).audit]


@pytest.fixture
def helpless(ward):
    """A manager whose start does not help."""
    ward.script.effects[RunHook] = ward.script.effects[StartProcess] = lambda _: Refused("it cannot be")
    return ward


def test_a_persons_remedy_is_tried_first_the_next_time_though_the_plan_does_not_name_it(helpless):
    issue = stuck(helpless)
    done = helpless.house.ask(FixIssue(issue=issue, by="hook:good"))
    assert done.detail.endswith("hook:good is tried first the next time")
    assert helpless.house.wait_for(IssueResolved).by == "person"
    helpless.script.effects.clear()
    helpless.script.down()
    helpless.tell(looped())
    helpless.house.until(lambda: len(helpless.house.events(IssueResolved)) == 2)
    assert helpless.house.events(IssueResolved)[-1].by == "hook:good"
    assert "hook:good" in helpless.script.actions()


def test_a_persons_words_are_told_the_next_time(helpless):
    issue = stuck(helpless)
    assert helpless.house.ask(FixIssue(issue=issue, by=" made \n room ")).detail.endswith("it is told the next time")
    helpless.script.up()
    again = escalated(helpless)
    assert ("known", f"a person fixed it before ({issue}): made room") in steps(helpless, again)
    assert helpless.house.events(IssueEscalated)[-1].why.endswith("; a person fixed it before: made room")
    assert helpless.house.ask(ExplainDecision(issue=again)).known == f"made room ({issue})"


def test_a_fix_of_an_issue_that_is_over_can_still_be_told(helpless):
    issue = stuck(helpless)
    helpless.house.ask(FixIssue(issue=issue, by="a"))
    helpless.house.ask(FixIssue(issue=issue, by="b"))
    assert [row.text for row in helpless.house.ask(ListFixes()).fixes] == ["b"]


def test_a_remedy_that_the_workload_does_not_have_is_refused(helpless):
    issue = stuck(helpless)
    with pytest.raises(Refused, match="it declares no hook none"):
        helpless.house.ask(FixIssue(issue=issue, by="hook:none"))
    with pytest.raises(Refused, match="say what fixed it"):
        helpless.house.ask(FixIssue(issue=issue, by=" "))
    assert helpless.house.ask(ListFixes()).fixes == []


def test_a_config_changed_by_hand_is_the_fix_when_the_issue_goes_away(helpless):
    issue = stuck(helpless)
    changed = workload(heal=STUCK, hooks={"bad": hook(), "good": hook()}, env={"A": "b"})
    helpless.house.reload({"api": changed})
    helpless.house.until(lambda: ("by_hand", "config: env changed") in steps(helpless, issue))
    helpless.script.up()
    helpless.house.wait_for(IssueResolved)
    (fix,) = helpless.house.ask(ListFixes()).fixes
    assert (fix.text, fix.how, fix.remedy, fix.issue) == ("config: env changed", "seen", "", issue)


def test_a_restart_by_hand_that_helps_is_applied_the_next_time(real_ward, tmp_path):
    house = real_ward(python(BREAKS), restart=LOOPS, heal={"crash_loop": [], "crash": ["await_restart"]})
    house.wait_for(ProcessReady)
    (tmp_path / "broken").touch()
    house.wait_for(IssueEscalated)
    (tmp_path / "broken").unlink()
    house.ask(RestartProcess(name="api", why="asked on the command line"))
    assert house.wait_for(IssueResolved).by == "itself"
    (fix,) = house.ask(ListFixes()).fixes
    assert (fix.text, fix.remedy, fix.how) == ("restart, asked on the command line", "restart", "seen")


def test_a_start_that_no_person_asked_for_is_no_fix(helpless):
    issue = stuck(helpless)
    helpless.tell(ProcessStarted(subject="api", pid=1, incarnation=2, reason="drift: it is down", revision="r"))
    helpless.script.up()
    helpless.house.wait_for(IssueResolved)
    assert not [step for step in steps(helpless, issue) if step[0] == "by_hand"]


def test_explain_says_which_rule_decides_and_why_each_remedy_has_its_place(ward, tmp_path):
    (tmp_path / "rules.yaml").write_text(
        "rules:\n- rule: mine\n  when: count >= 1 and kind == 'crash_loop'\n  do: [hook:none, hook:good, restart]\n"
    )
    ward.open(workload(hooks={"good": hook()}), rules=str(tmp_path / "rules.yaml"))
    ward.script.down()
    ward.tell(looped())
    issue = ward.house.wait_for(IssueRaised).issue
    assert ward.house.wait_for(IssueResolved).by == "hook:good"
    found = ward.house.ask(ExplainDecision(issue=issue[:6]))
    assert (found.issue, found.rule, found.told_only) == (issue, "mine", "")
    assert [(row.remedy, row.why) for row in found.remedies] == [
        ("hook:good", "helped once"),
        ("restart", "not tried against this yet"),
    ]
    assert [(row.remedy, row.why) for row in found.left_out] == [("hook:none", "it declares no hook none")]
    assert [(row.rule, row.at, row.why) for row in found.looked] == [("mine", "rules.yaml:2", "")]
    assert found.names["kind"] == '"crash_loop"'


def test_explain_of_the_plan_in_the_config_asks_no_rule(helpless):
    found = helpless.house.ask(ExplainDecision(issue=stuck(helpless)))
    assert (found.rule, found.looked) == ("heal", [])


def test_rules_that_were_broken_after_the_check_leave_the_shipped_ones_and_the_log_says_so(ward, tmp_path, caplog):
    (tmp_path / "rules.yaml").write_text("rules: [")
    ward.open(rules=str(tmp_path / "rules.yaml"))
    ward.script.down()
    ward.tell(looped())
    assert ward.house.wait_for(IssueResolved).by == "restart"
    assert "rules.unread" in caplog.text


def test_a_rule_that_raises_is_passed_over_and_told_once_and_a_new_config_brings_new_rules(ward, tmp_path, caplog):
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n- {rule: bad, when: 1 / (count - count) > 0, do: ['hook:none']}\n")
    ward.open(rules=str(path))
    ward.script.down()
    ward.tell(looped())
    first = ward.house.wait_for(IssueResolved)
    assert ward.house.ask(ExplainDecision(issue=first.issue)).rule == "crash-loop"
    assert caplog.text.count("rule.passed_over") == 1
    path.write_text("rules:\n- {rule: other, do: [restart]}\n")
    ward.house.reload(ward.house.view.workloads, healer=quick(rules=str(path)))
    ward.house.until(lambda: ward.house.ask(ExplainDecision(issue=first.issue)).rule == "other")
