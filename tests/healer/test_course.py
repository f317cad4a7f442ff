import msgspec
import pytest

from actors.healer.course import Act, Escalate, Situation, Skip, Wait, decide
from actors.healer.plans import Plan, plan_for
from actors.healer.protection import Protection
from actors.healer.remedies import Remedy, Seen
from actors.healer.settings import HealerSettings
from tests.healer.fakes import row, workload
from tests.healer.test_plans import BOOK, an_issue

SETTINGS = HealerSettings()


def situation(kind="unresponsive", *, seen=None, of=None, plan=None, issue=None, **fields):
    issue = msgspec.structs.replace(an_issue(kind), **(issue or {}))
    of = of or workload()
    return Situation(
        issue=issue, plan=plan or plan_for(issue, of, BOOK), workload=of, seen=seen or Seen(row=row()), **fields
    )


def decided(of, protection=None, now_s=1000.0):
    return decide(of, protection or Protection(SETTINGS), SETTINGS, now_s)


def test_with_nothing_in_its_way_the_first_remedy_begins_and_says_what_was_looked_at():
    assert decided(situation()) == Act(Remedy("restart"), "it is ready, pid 4000")


def test_what_may_only_be_told_goes_to_a_person():
    found = decided(situation(plan=Plan(told_only="no remedy is allowed on the host")))
    assert found == Escalate("no remedy is allowed on the host", None)


def test_what_is_not_in_the_table_is_looked_at_again():
    blank = msgspec.structs.replace(situation(), seen=None)
    assert isinstance(decided(blank), Wait)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"held": True}, "it is held by an operator"),
        ({"wanted": False, "state": "stopped"}, "it is not wanted now"),
        ({"state": "stopping"}, "it is stopping"),
    ],
)
def test_what_a_person_stopped_is_left_alone(fields, why):
    found = decided(situation("crash_loop", seen=Seen(row=row(**fields))))
    assert found == Wait("restart", why, SETTINGS.resync)


def test_one_remedy_at_a_time_for_one_subject():
    found = decided(situation(busy="i9"))
    assert found == Wait("restart", "issue i9 is healed first", SETTINGS.resync, quiet=True)


def test_nothing_is_chosen_while_the_log_that_may_tell_the_failure_is_being_read():
    found = decided(situation(reading=True))
    assert isinstance(found, Wait)
    assert (found.quiet, found.why) == (True, "its log is being read")


def test_what_it_failed_over_is_known_so_that_its_log_is_not_waited_for():
    found = decided(situation(reading=True, issue={"failure": "import"}))
    assert isinstance(found, Act)


def test_a_warning_is_told_before_it_is_acted_upon():
    first = decided(situation("latency"))
    assert first == Escalate("a warning; acted upon when it lasts 30 s longer", 30.0, told=True)
    assert isinstance(decided(situation("latency", issue={"told": True})), Act)


def test_a_critical_reading_is_acted_upon_at_once():
    assert isinstance(decided(situation("latency", issue={"severity": "critical"})), Act)


@pytest.mark.parametrize(("rounds", "retry_s"), [(0, 60.0), (1, 120.0), (9, 1800.0)])
def test_at_the_end_of_the_plan_a_person_is_wanted_and_it_is_tried_again_later(rounds, retry_s):
    found = decided(situation(issue={"step": 1, "rounds": rounds}))
    assert found == Escalate("every remedy of the plan was tried", retry_s)


def test_a_remedy_that_does_not_exist_or_apply_is_passed_over():
    unknown = Plan(remedies=("dance", "restart"))
    assert decided(situation(plan=unknown)) == Skip("dance", "there is no such remedy")
    assert isinstance(decided(situation(plan=Plan(remedies=("end_strays",)))), Skip)


def test_a_crash_that_will_not_be_restarted_goes_to_a_person():
    found = decided(situation("crash", seen=Seen(row=row(state="exited", why="its policy is never"))))
    assert found == Escalate("it will not be restarted: its policy is never", 60.0)


def test_what_is_on_its_way_up_is_given_its_time():
    found = decided(situation(seen=Seen(row=row(state="backing_off"))))
    assert found == Wait("restart", "it is backing_off", SETTINGS.resync)


def test_dependencies_heal_first():
    dependent = workload(depends_on={"db": "ready"})
    sick = decided(situation("unresponsive", of=dependent, sick=("db",), plan=Plan(remedies=("restart",))))
    assert sick == Wait("restart", "dependencies heal first: db has an open issue", SETTINGS.resync)
    plan, seen = Plan(remedies=("wait_dependency", "restart")), Seen(row=row(), unready=("db",))
    unready = decided(situation("not_working", of=dependent, seen=seen, plan=plan))
    assert unready == Wait("wait_dependency", "dependencies heal first: db is not ready", SETTINGS.resync)


def test_a_remedy_that_only_waits_is_never_held_back():
    protection = Protection(HealerSettings(disruptive_per_minute=1))
    protection.started("restart", "web", "f", 1000.0)
    crash = situation("crash", sick=("db",), settle_s=9.0)
    assert decided(crash, protection) == Act(Remedy("await_restart"), "it is ready, pid 4000")


def test_a_remedy_waits_out_its_cool_down():
    protection = Protection(SETTINGS)
    protection.started("restart", "api", "f", 1000.0)
    assert decided(situation(), protection, 1002.0) == Wait("restart", "cool-down of restart", 3.0)


def test_what_has_just_been_helped_otherwise_is_given_time_to_recover():
    assert decided(situation(settle_s=7.0)) == Wait(
        "restart", "what it suffered from has just changed", 7.0, quiet=True
    )
