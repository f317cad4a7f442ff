"""Orders of events: dependencies, operators, several issues of one subject, floods."""

import tracemalloc

from actors.settings import Seconds, StopPolicy
from bus.errors import ActorUnavailable
from bus.messages import (
    ExplainIssue,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListIssues,
    ProcessReady,
    RemedyDeferred,
    RemedyFailed,
    RemedyStarted,
)
from bus.messages.process_manager import ListProcesses, RestartProcess, RunHook, StartProcess
from tests.healer.fakes import NEVER, crashed, hook, looped, manager, probes, quick, row, workload
from tests.healer.test_actor import crossed, failed, kind_of, passed, sampled

READY = ProcessReady(subject="api", pid=4000, incarnation=1, after_s=1.0)


def of(name):
    return lambda fact: fact.subject == name


# -- dependencies


def test_a_reading_of_one_that_waits_belongs_to_what_it_waits_for_and_is_its_own_when_it_outlasts_that(ward):
    ward.open(
        workload("db"),
        workload("api", depends_on={"db": "ready"}),
        workload("web", depends_on={"api": "ready"}),
    )
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.script.rows["db"] = row("db", "crash_loop", exit_code=1)
    ward.script.rows["api"], ward.script.rows["web"] = row("api", "waiting"), row("web", "waiting")
    ward.tell(looped("db"))
    ward.house.wait_for(IssueRaised, of("db"))
    ward.looked()
    for name in ("api", "web"):
        ward.tell(crossed("availability", name=name), sampled("availability", 150.0, name=name))
    raised = ward.house.events(IssueRaised)[0].issue
    ward.house.until(
        lambda: (
            [line.partition(":")[0] for line in ward.house.ask(ExplainIssue(issue=raised)).evidence[-2:]]
            == ["api waits for it", "web waits for it"]
        )
    )
    ward.looked()
    assert {issue.subject for issue in ward.house.ask(ListIssues()).issues} == {"db"}
    ward.script.rows["api"] = row("api", "ready")
    assert ward.house.wait_for(IssueRaised, of("api")).issue_kind == "availability"


def test_a_crash_while_a_dependency_is_down_waits_for_it_and_is_no_failure(ward):
    ward.open(workload("db"), workload("api", depends_on={"db": "ready"}))
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.script.rows["db"], ward.script.rows["api"] = row("db", "crash_loop", exit_code=1), row("api", "waiting")
    ward.tell(looped("db"), crashed("api"))
    said = ward.house.wait_for(RemedyDeferred, of("api"))
    assert (said.remedy, said.why) == ("await_restart", "it waits for db")
    ward.script.rows["db"], ward.script.rows["api"] = row("db"), row("api", uptime_s=60.0)
    ward.house.wait_for(IssueResolved, of("api"))
    assert not any(map(of("api"), ward.house.events(RemedyFailed)))


def test_a_dependency_heals_first_and_its_dependant_may_then_recover_by_itself(ward):
    api = workload(probes=probes(readiness={}), depends_on={"db": "ready"})
    db = workload("db", hooks={"repair": hook(timeout=Seconds(0.5))})
    ward.open(api, db, verify_within=2.0, command_timeout=1.0)
    ward.script.down(name="db")
    ward.script.effects[RunHook] = lambda _: NEVER
    ward.tell(READY, looped("db"), failed("readiness"))
    held = ward.house.wait_for(RemedyDeferred, of("api"))
    ward.house.wait_for(IssueResolved, of("db"))
    assert held.why.startswith("dependencies heal first: db")
    ward.tell(passed("readiness"))
    assert ward.house.wait_for(IssueResolved, of("api")).by == "itself"
    assert ward.script.actions() == ["hook:repair", "start"]


def test_a_dependant_that_does_not_recover_with_its_dependency_is_restarted_after_a_while(ward):
    api = workload(probes=probes(readiness={}), depends_on={"db": "ready"})
    ward.open(api, workload("db"))
    ward.script.set("db", state="running")
    ward.tell(READY, failed("readiness"))
    assert ward.house.wait_for(RemedyDeferred).why == "dependencies heal first: db is not ready"
    ward.script.set("db", state="ready")
    ward.house.until(lambda: ward.script.actions() == ["restart"])
    ward.verifying()
    ward.tell(passed("readiness"))
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_no_restart_storm_while_a_dependency_cannot_be_healed(ward):
    api = workload(probes=probes(liveness={}), depends_on={"db": "ready"})
    ward.open(api, workload("db"), retry=60.0, retry_max=60.0)
    ward.script.down(name="db")
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.tell(looped("db"))
    ward.house.wait_for(IssueEscalated, of("db"))
    ward.tell(failed())
    ward.house.wait_for(RemedyDeferred, of("api"))
    looks = len(ward.script.asked)
    ward.house.until(lambda: len(ward.script.asked) > looks + 10)
    assert ward.script.actions() == ["start"]
    assert len([fact for fact in ward.house.events(RemedyDeferred) if fact.subject == "api"]) == 1


# -- operators


def test_what_an_operator_holds_gets_no_remedy_until_it_is_let_go(ward):
    ward.open(workload(probes=probes(liveness={})))
    ward.script.down("stopped", held=True, wanted=False)
    ward.tell(failed(), looped())
    ward.house.wait_for(RemedyDeferred, lambda fact: fact.why == "it is held by an operator")
    looks = len(ward.script.asked)
    ward.house.until(lambda: len(ward.script.asked) > looks + 10)
    assert ward.script.actions() == []
    ward.script.down("crash_loop", held=False, wanted=True)
    assert ward.house.wait_for(IssueResolved, kind_of("crash_loop")).by == "restart"


def test_what_an_operator_stops_while_a_hook_runs_is_not_started(ward):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()

    def repair(_):
        ward.script.down("stopped", held=True, wanted=False)

    ward.script.effects[RunHook] = repair
    ward.tell(looped())
    ward.house.wait_for(RemedyFailed)
    ward.house.wait_for(RemedyDeferred, lambda fact: fact.why == "it is held by an operator")
    assert ward.script.actions() == ["hook:repair"]


def test_what_is_no_longer_declared_has_no_issue(ward):
    ward.open(workload(), workload("web"), retry=60.0, retry_max=60.0)
    ward.script.down("exited")
    ward.tell(crashed())
    ward.house.wait_for(IssueEscalated)
    ward.house.reload({"web": workload("web")})
    assert ward.house.wait_for(IssueResolved).verified == "it is no longer declared"
    assert ward.house.ask(ListIssues()).issues == []


def test_a_probe_that_is_no_longer_declared_has_no_issue(ward):
    ward.open(workload(probes=probes(liveness={})), retry=60.0, retry_max=60.0)
    ward.tell(failed())
    ward.house.wait_for(IssueEscalated)
    ward.house.reload({"api": workload()})
    assert ward.house.wait_for(IssueResolved).verified == "its liveness probe is no longer declared"


def test_new_settings_hold_from_the_reload_on(ward):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down("exited")
    ward.house.reload(dict(ward.house.view.workloads), healer=quick(retry=0.7))
    ward.tell(crashed())
    assert ward.house.wait_for(IssueEscalated).retry_s == 0.7


# -- several issues of one subject


def issue_of(ward, kind):
    return next((issue for issue in ward.house.ask(ListIssues()).issues if issue.issue_kind == kind), None)


def verifying(ward, kind):
    ward.house.until(lambda: getattr(issue_of(ward, kind), "state", "") == "verifying")


def test_two_issues_of_one_subject_are_healed_one_after_the_other(ward):
    relieve = hook(timeout=Seconds(0.1))
    ward.open(workload(probes=probes(liveness={}), hooks={"relieve": relieve}), command_timeout=1.0, verify_within=2.0)
    ward.script.effects[RunHook] = lambda _: NEVER
    ward.tell(crossed())
    ward.house.wait_for(RemedyStarted)
    ward.tell(failed())
    ward.looked()
    assert issue_of(ward, "memory").state == "healing"
    assert ward.script.actions() == ["hook:relieve"]
    verifying(ward, "memory")
    ward.looked()
    assert ward.script.actions() == ["hook:relieve"]
    ward.tell(sampled())
    ward.house.wait_for(IssueResolved, kind_of("memory"))
    ward.house.until(lambda: ward.script.actions() == ["hook:relieve", "restart"])


def test_a_reading_that_goes_with_the_restart_for_another_issue_takes_no_second_restart(ward):
    ward.open(workload(probes=probes(liveness={})), verify_within=20.0)

    def restart(_):
        ward.house.wait_for(IssueRaised, kind_of("cpu"))
        ward.script.up()

    ward.script.effects[RestartProcess] = restart
    ward.tell(failed())
    ward.house.wait_for(RemedyStarted)
    ward.tell(crossed("cpu"))
    verifying(ward, "unresponsive")
    ward.tell(passed())
    ward.house.wait_for(IssueResolved, kind_of("unresponsive"))
    ward.looked()
    assert ward.script.actions() == ["restart"]
    ward.tell(*[sampled("cpu")] * 3)
    assert ward.house.wait_for(IssueResolved, kind_of("cpu")).by == "itself"
    assert ward.script.actions() == ["restart"]


# -- cool-down, breaker, the node's limit


def test_the_same_issue_again_waits_out_a_cool_down_and_says_so(ward):
    ward.open(cool_down=0.5, cool_down_max=5.0)
    for number in (1, 2):
        ward.script.down()
        ward.tell(looped(tail=["KeyError: 'a'"]))
        ward.house.until(lambda number=number: len(ward.house.events(IssueResolved)) == number)
    first, second = ward.house.events(RemedyStarted)
    (deferred,) = ward.house.events(RemedyDeferred)
    assert deferred.why == "cool-down of restart"
    assert deferred.issue == second.issue != first.issue
    assert 0 < deferred.for_s <= 0.5


def test_a_remedy_that_fails_five_times_opens_its_breaker(ward):
    ward.open(retry=0.01, cool_down=0.01, breaker_open=30.0)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.tell(looped())
    deferred = ward.house.wait_for(RemedyDeferred, lambda fact: "circuit breaker" in fact.why)
    assert 20 < deferred.for_s <= 30
    assert ward.script.actions() == ["start"] * 5


def test_the_node_starts_no_more_remedies_a_minute_than_allowed(ward):
    names = [f"w{number}" for number in range(6)]
    ward.open(*(workload(name) for name in names), disruptive_per_minute=4)
    for name in names:
        ward.script.down(name=name)
    for name in names:
        ward.tell(looped(name))
    ward.house.until(lambda: len(ward.house.events(IssueResolved)) == 4)
    ward.house.until(lambda: len({fact.subject for fact in ward.house.events(RemedyDeferred)}) == 2)
    assert {fact.why for fact in ward.house.events(RemedyDeferred)} == {
        "too many remedies on this node within a minute"
    }
    assert ward.script.actions() == ["start"] * 4


# -- a ProcessManager in trouble


def test_a_process_manager_that_is_not_there_yet_is_waited_for(ward):
    ward.open(manager_too=False)
    ward.tell(looped())
    deferred = ward.house.wait_for(RemedyDeferred)
    assert deferred.why.startswith("the process table cannot be read")
    ward.script.down()
    ward.house.start(manager(ward.script))
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_command_without_an_answer_may_have_helped_all_the_same(ward):
    ward.open(workload(stop=StopPolicy(grace=Seconds(0))), command_timeout=0.2)
    ward.script.down()

    def start(_):
        ward.script.up()
        return NEVER

    ward.script.effects[StartProcess] = start
    ward.tell(looped())
    assert ward.house.wait_for(IssueResolved).by == "restart"
    assert not ward.house.events(RemedyFailed)


def test_facts_that_never_came_are_made_up_for_by_the_process_table(ward):
    ward.script.down()
    ward.open()
    assert ward.house.wait_for(IssueRaised).issue_kind == "crash_loop"
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_process_manager_that_raises_is_a_failed_remedy(ward):
    ward.open()
    ward.script.down()
    fails = iter([True, False])
    ward.script.effects[StartProcess] = lambda _: 1 / 0 if next(fails) else ward.script.up()
    ward.tell(looped())
    assert ward.house.wait_for(RemedyFailed).why.startswith("handler_failed")
    assert ward.house.wait_for(IssueResolved)


# -- floods


def test_four_thousand_symptoms_of_one_subject_are_one_issue_and_take_no_memory(ward):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.effects[StartProcess] = lambda _: ActorUnavailable("no")
    ward.script.down()
    ward.tell(looped())
    issue = ward.house.wait_for(IssueEscalated).issue
    source = ward.house.bus

    def flood(times):
        before = ward.healer.handled
        for number in range(times):
            ward.tell(crashed(tail=[f"{chr(97 + number % 26) * (number % 90)} error {number}", *["line"] * 50]))
            if number % 500 == 499:
                ward.house.until(lambda number=number: ward.healer.handled >= before + number - 400)
        ward.house.until(lambda: ward.healer.handled >= before + times)

    flood(300)
    with ward.house._news:
        ward.house._heard.clear()
    tracemalloc.start()
    flood(300)
    with ward.house._news:
        ward.house._heard.clear()
    first, _ = tracemalloc.get_traced_memory()
    flood(3600)
    with ward.house._news:
        ward.house._heard.clear()
    last, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    ward.house.until(lambda: ward.house.ask(ExplainIssue(issue=issue)).row.count >= 4201)  # a log may be asked for
    told = ward.house.ask(ExplainIssue(issue=issue))
    assert told.row.count == 4201
    assert len(told.evidence) <= 20
    assert len(told.audit) < 20
    assert len(ward.house.ask(ListIssues(open_only=False)).issues) == 1
    assert last - first < 1_000_000, (first, last)  # their tails alone are 2 MB
    assert ward.healer.row().dropped == 0
    assert source.counters["subscriber_failed"] == 0


def test_a_flood_does_not_look_at_the_processes_once_per_symptom(ward):
    ward.open(retry=60.0, retry_max=60.0, check_every=30.0, resync=30.0)
    ward.script.down("backing_off")
    ward.tell(crashed())
    ward.house.wait_for(RemedyStarted)
    looks = len([command for command in ward.script.asked if isinstance(command, ListProcesses)])
    ward.tell(*(crashed() for _ in range(500)))
    ward.house.until(lambda: ward.house.ask(ListIssues()).issues[0].count == 501)
    assert len(ward.script.asked) - looks <= 3
