import json
import os
import subprocess
import threading

import pytest

from actors.cli.events import _doubt
from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    ApprovalList,
    ConfigReloaded,
    DriftReport,
    DriftRow,
    ExplainIssue,
    GetDrift,
    GetHealth,
    GetNode,
    GetTaskStats,
    GoalList,
    HealthRow,
    IssueList,
    ListApprovals,
    ListExperiments,
    ListGoals,
    ListIssues,
    ListProcesses,
    Reconcile,
    ReloadConfig,
    ReloadResult,
    ResolveIssue,
    RestartProcess,
    SignalProcess,
    StartProcess,
    StopNode,
    StopProcess,
)
from tests.cli import samples


@pytest.fixture
def all_well(fake):
    fake.answers(GetNode, samples.node(samples.actor("healer")))
    fake.answers(ListProcesses, samples.table(samples.process("web"), samples.process("worker")))
    web = HealthRow(
        subject="web", scope="workload", level="healthy", since_s=2.0, values={"cpu": 1.5, "memory": 21_000_000}
    )
    fake.answers(GetHealth, samples.health("healthy", web))
    fake.answers(ListIssues, samples.NO_ISSUES)
    fake.answers(GetDrift, samples.NO_DRIFT)
    fake.answers(ListGoals, samples.NO_GOALS)
    fake.answers(ListExperiments, samples.NO_EXPERIMENTS)
    fake.answers(ListApprovals, ApprovalList(approvals=[]))
    fake.answers(GetTaskStats, samples.NO_TASKS)
    return fake


def test_status_shows_the_node_and_every_workload(all_well, gyrostat):
    code, out, err = gyrostat("status")
    assert (code, err) == (0, "")
    assert "node alpha | live | up 1h 1m" in out
    web = next(line for line in out.splitlines() if line.startswith("web"))
    assert web.split() == ["web", "live", "ready", "100", "1m", "15s", "0", "1.5", "%", "21.0", "MB", "healthy"]


def test_status_shows_an_actor_that_was_given_up(all_well, gyrostat):
    broken = samples.actor("healer", "given_up", failures=4, last_error="KeyError: 'x'")
    all_well.answers(GetNode, samples.node(broken))
    _, out, _ = gyrostat("status")
    assert "actor healer is GIVEN UP after 4 failures: KeyError: 'x'" in out


def test_status_says_who_does_not_answer_and_shows_the_rest(all_well, gyrostat):
    all_well.answers(ListIssues, None)
    code, out, _ = gyrostat("status")
    assert code == 0
    assert "no answer from healer" in out
    assert "web" in out


def test_status_says_why_a_workload_is_not_well(all_well, gyrostat):
    rows = [samples.process("web", "crash_loop", why="exited with code 1, 5 starts"), samples.process("b", held=True)]
    all_well.answers(ListProcesses, samples.table(*rows))
    all_well.answers(ListIssues, IssueList(issues=[samples.issue()]))
    _, out, _ = gyrostat("status")
    assert "crash loop" in out
    assert "exited with code 1, 5 starts" in out
    assert "held" in out
    assert "1 open issue " in out


def test_status_as_json_has_the_typed_replies_and_what_is_missing(all_well, gyrostat):
    all_well.answers(ListGoals, Refused("not now"))
    _, out, _ = gyrostat("status", "--json")
    found = json.loads(out)
    assert found["processes"]["processes"][0]["name"] == "web"
    assert found["goals"] is None
    assert found["missing"] == {"goals": "goal_planner: not now"}


@pytest.mark.parametrize(
    ("level", "code"), [("healthy", 0), ("degraded", 0), ("unhealthy", 1), ("critical", 1), ("failing", 1)]
)
def test_health_ends_with_a_code_for_scripts(fake, gyrostat, level, code):
    fake.answers(GetHealth, samples.health(level, why=["web is down"]))
    found, out, _ = gyrostat("health")
    assert found == code
    assert level in out
    assert "web is down" in out


def test_health_of_one_workload_leaves_the_others_out(fake, gyrostat):
    web = HealthRow(subject="web", scope="workload", level="failing", since_s=2.0, why=["it is down"])
    fake.answers(GetHealth, samples.health("healthy", web))
    assert gyrostat("health")[0] == 0
    code, out, _ = gyrostat("health", "web", "--json")
    assert code == 1
    assert json.loads(out)["subject"] == "web"
    code, _, err = gyrostat("health", "wbe")
    assert code == 2
    assert 'did you mean "web"?' in err


@pytest.mark.parametrize(
    ("verb", "kind"), [("start", StartProcess), ("stop", StopProcess), ("restart", RestartProcess)]
)
def test_workloads_are_asked_for_by_name_and_each_outcome_is_told(fake, gyrostat, verb, kind):
    fake.answers(ListProcesses, samples.table(samples.process("web"), samples.process("worker")))
    fake.answers(kind, lambda command: Done() if command.name == "web" else Refused("its data is locked"))
    code, out, err = gyrostat(verb, "web", "worker")
    assert code == 1
    assert out.startswith("web: ")
    assert err == "gyrostat: worker: its data is locked\n"
    assert {one.name for one in fake.asked if isinstance(one, kind)} == {"web", "worker"}


def test_a_stop_by_name_holds_the_workload(fake, gyrostat):
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    fake.answers(StopProcess, Done(detail="stopped in 0.1 s"))
    assert gyrostat("stop", "web") == (0, "web: stopped in 0.1 s\n", "")
    assert fake.asked[-1].hold


def test_an_unknown_workload_is_answered_with_the_nearest_and_nothing_is_asked_of_it(fake, gyrostat):
    fake.answers(ListProcesses, samples.table(samples.process("web"), samples.process("worker")))
    code, _, err = gyrostat("restart", "web", "wroker")
    assert code == 2
    assert err == 'gyrostat: no workload "wroker"; did you mean "worker"?; see gyrostat restart --help\n'
    assert not [one for one in fake.asked if isinstance(one, RestartProcess)]


def test_a_name_of_the_config_stands_for_both_instances_of_dual_mode(fake, gyrostat):
    fake.answers(ListProcesses, samples.table(samples.process("web-live"), samples.process("web-sandbox")))
    fake.answers(StartProcess, Done())
    assert gyrostat("start", "web")[0] == 0
    assert {one.name for one in fake.asked[1:]} == {"web-live", "web-sandbox"}


def test_a_signal_may_be_named_with_or_without_sig(fake, gyrostat):
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    fake.answers(SignalProcess, Done())
    assert gyrostat("signal", "web", "sighup")[0] == 0
    assert fake.asked[-1].signal == "HUP"
    code, _, err = gyrostat("signal", "web", "HPU")
    assert code == 2
    assert 'did you mean "HUP"?' in err


def test_issues_are_listed_and_one_is_explained(fake, gyrostat):
    fake.answers(ListIssues, lambda command: IssueList(issues=[samples.issue()] if command.open_only else []))
    fake.answers(ExplainIssue, samples.detail())
    code, out, _ = gyrostat("issues")
    assert code == 0
    assert "exited with code 1" in out
    assert gyrostat("issues", "--all")[1] == "no issues\n"
    _, out, _ = gyrostat("issues", "i1")
    assert "log: boom" in out
    assert "+0.2 s" in out
    assert "restart: first of the plan" in out
    assert json.loads(gyrostat("issues", "i1", "--json")[1])["row"]["issue"] == "i1"


def test_a_person_resolves_an_issue_with_a_note(fake, gyrostat):
    fake.answers(ResolveIssue, Done(detail="resolved"))
    assert gyrostat("resolve", "i1", "--note", "moved it")[0] == 0
    assert fake.asked[-1] == ResolveIssue(issue="i1", note="moved it")


def test_a_refusal_is_one_line_and_code_1(fake, gyrostat):
    fake.answers(ResolveIssue, Refused("no issue i9"))
    assert gyrostat("resolve", "i9") == (1, "", "gyrostat: no issue i9\n")


def test_goals_show_target_and_progress(fake, gyrostat):
    fake.answers(ListGoals, GoalList(goals=[samples.goal()]))
    _, out, _ = gyrostat("goals")
    assert "availability at least 99 %" in out
    assert "55%" in out


def test_reconcile_shows_what_differs(fake, gyrostat):
    row = DriftRow(subject="web", drift="stray", desired="one process", observed="pid 7", action="", since_s=2.0)
    fake.answers(Reconcile, DriftReport(drifts=[row], checked=2, closed_total=1, last_s=0.0))
    _, out, _ = gyrostat("reconcile")
    assert "web: stray for 2 s: wanted one process, found pid 7; told only" in out
    assert "2 compared, 1 differ" in out


def test_a_reload_says_what_changed_or_every_fault(fake, gyrostat):
    fake.answers(ReloadConfig, ReloadResult(faults=[], added=["a", "b"], changed=["c"]))
    assert gyrostat("reload") == (0, "reloaded; added: a, b; changed: c\n", "")
    fake.answers(ReloadConfig, ReloadResult(faults=["x.yaml:3: bad", "x.yaml:9: worse"]))
    code, out, err = gyrostat("reload")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "gyrostat: x.yaml:3: bad",
        "gyrostat: x.yaml:9: worse",
        "gyrostat: 2 faults; the config in force is unchanged",
    ]


def test_endpoints_are_told_for_other_tools(fake, gyrostat):
    found = json.loads(gyrostat("endpoints", "--json")[1])
    assert found["pid"] == os.getpid()
    assert found["facts"][0].endswith("facts.sock")
    assert "commands  ipc://" in gyrostat("endpoints")[1]


def test_logs_of_a_workload_are_where_the_node_says(fake, gyrostat, tmp_path):
    (tmp_path / "web.log").write_text("1\n2\n3\n")
    fake.answers(ListProcesses, samples.table(samples.process("web", log_path=str(tmp_path / "web.log"))))
    code, out, _ = gyrostat("logs", "web", "--tail", "2")
    assert (code, out) == (0, "2\n3\n")


def test_config_is_found_before_and_after_the_command(fake, gyrostat, tmp_path, monkeypatch):
    fake.answers(GetHealth, samples.health())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = str(fake.config)
    assert gyrostat("-c", config, "health")[0] == 0
    assert gyrostat("health", "-c", config)[0] == 0
    assert gyrostat("-c", "nowhere.yaml", "health", "-c", config)[0] == 0
    assert gyrostat("health")[0] == 2
    monkeypatch.setenv("GYROSTAT_CONFIG", config)
    assert gyrostat("health")[0] == 0


def listen(argv, fake, *args):
    return subprocess.Popen(
        [*argv, "events", "-c", str(fake.config), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def tell_until_heard(fake, process, fact):
    """Publish until the subscriber has joined and a line came."""
    heard = threading.Event()

    def tell():
        while not heard.wait(0.05):
            fake.bus.publish(fact, source="test")

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        return process.stdout.readline()
    finally:
        heard.set()
        teller.join()


FACT = ConfigReloaded(subject="alpha", revision="r2", added=["web"], removed=[], changed=[])


def test_events_are_told_as_they_happen_and_ctrl_c_ends_them_quietly(fake, argv):
    with listen(argv, fake, "--json") as process:
        event = json.loads(tell_until_heard(fake, process, FACT))
        assert event["type"] == "config.reloaded.v1"
        assert event["data"]["added"] == ["web"]
        process.send_signal(2)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_events_end_quietly_when_their_reader_goes(fake, argv):
    with listen(argv, fake, "--topic", "config") as process:
        assert "config reloaded, revision r2: added web" in tell_until_heard(fake, process, FACT)
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_topic_that_is_none_is_a_fault_of_usage(fake, gyrostat):
    code, _, err = gyrostat("events", "--topic", "Process Exited")
    assert code == 2
    assert "no topic" in err


def test_health_and_schedule_take_the_name_that_instances_share(fake, gyrostat, tmp_path):
    rows = [samples.process(f"web-{number}", workload="web", instance=number, tags=["api"]) for number in (1, 2)]
    fake.answers(ListProcesses, samples.table(*rows))
    levels = [
        HealthRow(subject=f"web-{number}", scope="workload", level="healthy", since_s=4.0, why=[]) for number in (1, 2)
    ]
    fake.answers(GetHealth, samples.health("healthy", *levels))
    for name in ("web", "@api", "web-*"):
        code, out, _ = gyrostat("health", name)
        assert (code, [line.split()[0] for line in out.splitlines()[1:]]) == (0, ["web-1", "web-2"])
    each = '{command: [sleep, "1"], instances: 2, tags: [api]'
    text = f"workloads: {{web: {each}, schedule: {{cron: '30 2 * * *'}}}}, db: {each}}}}}\n"
    (tmp_path / "gyrostat.yaml").write_text(text)
    for name in ("web", "@api", "web-*"):
        code, out, _ = gyrostat("schedule", name, "-n", "1")
        assert (code, [line.split()[0] for line in out.splitlines()[1:]]) == (0, ["web-1", "web-2"])
    assert gyrostat("schedule", "db")[1] == "no schedule and no window: db-1, db-2\n"


@pytest.mark.parametrize("said", ["HUP", "sighup", "1"])
def test_a_signal_is_named_or_numbered(fake, gyrostat, said):
    fake.answers(ListProcesses, samples.table(samples.process("web")))
    fake.answers(SignalProcess, Done(detail="sent"))
    assert gyrostat("signal", "web", said)[0] == 0
    assert fake.asked[-1].signal == "HUP"


def test_a_topic_that_nothing_has_is_doubted(capsys):
    _doubt(("process.exited.-.web", "issue", "metrics"))
    assert capsys.readouterr().err == ""
    _doubt(("isue",))
    assert capsys.readouterr().err == 'gyrostat: no fact of gyrostat itself is "isue"; did you mean "issue"?\n'


def test_a_node_that_ends_and_says_that_not_all_is_down_has_not_stopped(fake, gyrostat, monkeypatch):
    def ends(*_):
        (fake.state_dir / "node.out").write_text("gyrostat: not every workload is down: web\n")
        return True

    fake.answers(ListProcesses, samples.table())
    fake.answers(StopNode, Done(detail="the node is stopping"))
    monkeypatch.setattr("actors.cli.background.wait_ended", ends)
    code, out, err = gyrostat("stop")
    assert (code, err) == (1, "gyrostat: not every workload is down: web\n")
    assert "stopped in" not in out
