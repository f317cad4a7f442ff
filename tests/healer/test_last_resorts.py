"""hold, fallback, roll and task: on real processes, from the fault to the way back."""

import contextlib
import sys

import msgspec
import psutil
import pytest

from actors.executor.actor import Executor
from actors.executor.settings import ExecutorSettings
from actors.healer.actor import Healer
from actors.process_manager.actor import ProcessManager
from actors.settings import (
    Param,
    Probe,
    Probes,
    RestartPolicy,
    RetryRule,
    Seconds,
    StopPolicy,
    TaskKind,
    Workload,
    WorkloadSettings,
)
from actors.settings.healing import Fallback
from actors.settings.instances import RollPolicy
from actors.settings.repair import Repair, Tunable
from bus.messages import (
    ExplainIssue,
    IssueEscalated,
    IssueResolved,
    ListChanges,
    ListIssues,
    ListProcesses,
    ProcessReady,
    ProcessStarted,
    RemedyDeferred,
    RemedyFailed,
    RemedyStarted,
    RemedyVerified,
    RollStarted,
    StandInChanged,
    StartProcess,
    StopAll,
    UndoIssue,
)
from tests.harness import House
from tests.healer.fakes import quick

LOOP = RestartPolicy(start_limit=2, backoff_first=Seconds(0.01), backoff_max=Seconds(0.05))
HEALER = quick(stable_for=0.3, verify_within=10.0, command_timeout=20.0, retry=60.0, retry_max=60.0)
SPARE = WorkloadSettings(command=["sleep", "1000"], autostart=False, stop=StopPolicy(grace=Seconds(0.3)))
UNLESS_BROKEN = ["sh", "-c", "test ! -f broken || exit 3; exec sleep 1000"]


def spec(command, **fields):
    return WorkloadSettings(command=command, **({"restart": LOOP, "stop": StopPolicy(grace=Seconds(0.3))} | fields))


def work(*command):
    """Whether it does its work, told by a program."""
    return Probes(work=Probe(exec_=list(command), every=Seconds(0.1), timeout=Seconds(5), failures=2))


@pytest.fixture
def several(tmp_path, word):
    """Opens a house over several workloads, some perhaps instances of one."""
    made = []

    def start(specs, *, healer=HEALER, tasks=None):
        house = House(tmp_path / "state", node=f"n{word}")
        made.append(house)
        workloads = {}
        for name, each in specs.items():
            group, _, number = name.partition("-")
            instance = int(number) if number else None
            workloads[name] = Workload(
                name=name, config_name=group, mode="live", spec=each, cwd=tmp_path, env=each.env, instance=instance
            )
        if tasks:
            house.view = msgspec.structs.replace(house.view, tasks=tasks, root=tmp_path)
        house.start(ProcessManager, workloads=workloads)
        if tasks:
            house.start(Executor, ExecutorSettings(stop_within=Seconds(0.3), look_every=Seconds(0.1)))
        house.start(Healer, healer)
        return house

    yield start
    for house in made:
        with contextlib.suppress(Exception):
            house.ask(StopAll())
        house.stop()


def row(house, name):
    return next(each for each in house.ask(ListProcesses()).processes if each.name == name)


def of(name):
    return lambda fact: fact.subject == name


# -- hold


def test_what_does_harm_is_held_told_and_begins_anew_when_a_person_takes_it_back(several, tmp_path):
    house = several(
        {"api": spec(["sleep", "1000"], probes=work("test", "!", "-e", "bad"), heal={"not_working": ["hold"]})}
    )
    first = house.wait_for(ProcessReady).pid
    (tmp_path / "bad").touch()
    told = house.wait_for(IssueEscalated, timeout_s=30)
    assert told.why.startswith("it is held, as nothing else helps against: work probe failed")
    assert "`gyrostat undo" in told.why
    assert told.retry_s is None
    assert house.wait_for(RemedyVerified).check == "it is held, and has no process"
    held = row(house, "api")
    assert (held.state, held.held, held.pid) == ("held", True, None)
    assert not psutil.pid_exists(first)
    (attempt,) = house.ask(ExplainIssue(issue=told.issue)).attempts
    assert (attempt.remedy, attempt.outcome) == ("hold", "verified")
    (tmp_path / "bad").unlink()
    house.ask(UndoIssue(issue=told.issue))
    resolved = house.wait_for(IssueResolved, timeout_s=30)
    assert (resolved.issue, resolved.by) == (told.issue, "itself")
    assert row(house, "api").state == "ready"
    assert house.ask(ListChanges()).changes[0].change == "undone"


def test_what_was_let_go_and_does_the_same_harm_is_held_again(several, tmp_path):
    settings = msgspec.structs.replace(HEALER, verify_within=Seconds(1.0))
    probed = {"probes": work("test", "!", "-e", "bad"), "heal": {"not_working": ["hold"]}}
    house = several({"api": spec(["sleep", "1000"], **probed)}, healer=settings)
    house.wait_for(ProcessReady)
    (tmp_path / "bad").touch()
    house.wait_for(IssueEscalated, timeout_s=30)
    house.ask(StartProcess(name="api"))
    house.until(lambda: len(house.events(IssueEscalated)) == 2, timeout_s=30)
    assert row(house, "api").held
    steps = [step.step for step in house.ask(ExplainIssue(issue=house.events(IssueEscalated)[0].issue)).audit]
    assert "released" in steps


# -- fallback


def failing_over():
    return Fallback(workload="spare", ready_within=Seconds(10), back_after=Seconds(0.5), well_for=Seconds(0.5))


def test_a_spare_stands_in_until_the_first_is_well_again(several, tmp_path):
    (tmp_path / "broken").touch()
    house = several({"api": spec(UNLESS_BROKEN, fallback=failing_over()), "spare": SPARE})
    resolved = house.wait_for(IssueResolved, timeout_s=30)
    assert (resolved.subject, resolved.by) == ("api", "fallback")
    assert house.wait_for(StandInChanged).active
    assert (row(house, "spare").state, row(house, "api").state) == ("ready", "held")
    (shown,) = house.ask(ListIssues()).stand_ins
    assert (shown.name, shown.standby) == ("api", "spare")
    spare = row(house, "spare").pid
    house.until(lambda: len([fact for fact in house.events(RemedyVerified) if fact.remedy == "fallback"]) == 2, 40)
    assert row(house, "spare").pid == spare
    (tmp_path / "broken").unlink()
    back = house.wait_for(StandInChanged, lambda fact: not fact.active, timeout_s=40)
    assert (back.subject, back.standby) == ("api", "spare")
    house.until(lambda: row(house, "spare").state == "stopped")
    assert (row(house, "api").state, row(house, "api").held) == ("ready", False)
    assert house.ask(ListIssues()).stand_ins == []
    assert "is well again; spare is stopped" in [each.what for each in house.ask(ListChanges()).changes]


def test_nothing_is_done_to_the_first_while_its_spare_is_not_ready(several, tmp_path):
    lame = msgspec.structs.replace(
        SPARE, probes=Probes(readiness=Probe(exec_=["false"], every=Seconds(0.1), timeout=Seconds(5)))
    )
    fallback = Fallback(workload="spare", ready_within=Seconds(1))
    probed = {"probes": work("test", "!", "-e", "bad"), "heal": {"not_working": ["fallback"]}}
    house = several({"api": spec(["sleep", "1000"], fallback=fallback, **probed), "spare": lame})
    first = house.wait_for(ProcessReady, of("api")).pid
    (tmp_path / "bad").touch()
    failed = house.wait_for(RemedyFailed, of("api"), timeout_s=30)
    assert failed.why == "spare is not ready in time: it is running"
    assert failed.undone == ""
    assert row(house, "api").pid == first
    assert row(house, "spare").pid is None
    assert house.events(StandInChanged) == []


def test_a_spare_that_ran_before_goes_on_when_the_first_is_back(several, tmp_path):
    (tmp_path / "broken").touch()
    warm = msgspec.structs.replace(SPARE, autostart=True)
    house = several({"api": spec(UNLESS_BROKEN, fallback=failing_over()), "spare": warm})
    house.wait_for(StandInChanged, timeout_s=30)
    pid = row(house, "spare").pid
    (tmp_path / "broken").unlink()
    house.wait_for(StandInChanged, lambda fact: not fact.active, timeout_s=40)
    assert row(house, "spare").pid == pid
    assert "is well again; spare goes on" in [each.what for each in house.ask(ListChanges()).changes]


# -- roll


def test_all_instances_are_restarted_in_turn_by_one_remedy(several, tmp_path):
    (tmp_path / "version").write_text("1")
    program = "cat version >seen-{0}; exec sleep 1000"
    specs = {
        f"web-{number}": spec(
            ["sh", "-c", program.format(number)],
            probes=work("cmp", "version", f"seen-{number}"),
            heal={"not_working": ["roll"]},
            roll=RollPolicy(settle=Seconds(0.2)),
        )
        for number in (1, 2, 3)
    }
    house = several(specs)
    house.until(lambda: all((tmp_path / f"seen-{number}").exists() for number in (1, 2, 3)))
    house.until(lambda: all(each.state == "ready" for each in house.ask(ListProcesses()).processes))
    before = len(house.events(ProcessStarted))
    (tmp_path / "version").write_text("2")
    house.until(lambda: any(fact.by == "roll" for fact in house.events(IssueResolved)), 60)
    house.until(lambda: not house.ask(ListIssues()).issues)
    assert {(tmp_path / f"seen-{number}").read_text() for number in (1, 2, 3)} == {"2"}
    assert [fact.remedy for fact in house.events(RemedyStarted)] == ["roll"]
    assert [fact.keep_ready for fact in house.events(RollStarted)] == [2]
    assert len(house.events(ProcessStarted)) == before + 3
    (rolled,) = [fact for fact in house.events(IssueResolved) if fact.by == "roll"]
    (attempt,) = house.ask(ExplainIssue(issue=rolled.issue)).attempts
    assert attempt.acted.startswith("restarted 3 in turn, all ready")


# -- task


CLEAR = TaskKind(
    command=["sh", "-c", 'rm -f broken; echo "result \\"$0\\"" >&3', "${workload}"],
    params={"workload": Param()},
    retry=RetryRule(attempts=1),
)


def test_a_task_of_the_config_is_run_and_what_it_mended_starts(several, tmp_path):
    (tmp_path / "broken").touch()
    house = several({"api": spec(UNLESS_BROKEN, heal={"crash_loop": ["task:clear"]})}, tasks={"clear": CLEAR})
    resolved = house.wait_for(IssueResolved, timeout_s=40)
    assert resolved.by == "task:clear"
    attempt = house.ask(ExplainIssue(issue=resolved.issue)).attempts[-1]
    assert attempt.acted.startswith('task 1 (clear) is done with "api"; ')
    assert row(house, "api").state == "ready"


def test_a_task_that_fails_is_a_remedy_that_failed(several, tmp_path):
    (tmp_path / "broken").touch()
    bad = TaskKind(command=["sh", "-c", "echo no such table; exit 3"], retry=RetryRule(attempts=1))
    house = several({"api": spec(UNLESS_BROKEN, heal={"crash_loop": ["task:bad"]})}, tasks={"bad": bad})
    failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "task:bad", timeout_s=40)
    assert failed.why.startswith("task 1 (bad) is dead: ")
    assert "exit code 3" in failed.why


# -- what was kept, when nothing helps in the end

TWO_FAULTS = """
import os, pathlib, sys
if not pathlib.Path("spool").is_dir():
    raise FileNotFoundError(2, "No such file or directory", "spool")
if int(os.environ["WORKERS"]) > 4:
    raise MemoryError
raise AssertionError("the tables do not fit")
"""


def test_what_a_repair_kept_is_taken_back_when_nothing_helps_but_not_a_directory_that_it_needs(several, tmp_path):
    house = several(
        {
            "api": spec(
                [sys.executable, "-I", "-S", "-c", TWO_FAULTS],
                env={"WORKERS": "8"},
                tunables={"workers": Tunable(type="int", min=1, max=8, env="WORKERS")},
                repair=Repair(directories=["spool"], encoding=False),
                restart=RestartPolicy(start_limit=100, backoff_first=Seconds(0.2), backoff_max=Seconds(0.2)),
                heal={"crash": ["make_directory", "throttle"], "crash_loop": ["make_directory", "throttle"]},
            )
        }
    )
    told = house.wait_for(IssueEscalated, timeout_s=40)
    assert told.why.startswith("every remedy of the plan was tried")
    house.until(lambda: any(each.change == "undone" for each in house.ask(ListChanges()).changes))
    ended = {each.remedy: each.check for each in house.ask(ExplainIssue(issue=told.issue)).attempts}
    assert ended["make_directory"].endswith("that is another failure, so what was done is kept")
    assert ended["throttle"].endswith("that is another failure, so what was done is kept")
    assert row(house, "api").overrides == {}
    assert (tmp_path / "spool").is_dir()
    said = [each.what for each in house.ask(ListChanges()).changes if each.change == "undone"]
    assert said == ["throttle: nothing helped in the end, so it is as it was"]


def test_a_person_is_told_what_a_remedy_would_do(several, tmp_path):
    healer = msgspec.structs.replace(HEALER, phase="observe")
    probed = {"probes": work("test", "!", "-e", "bad"), "heal": {"not_working": ["hold"]}}
    house = several({"api": spec(["sleep", "1000"], **probed)}, healer=healer)
    pid = house.wait_for(ProcessReady).pid
    (tmp_path / "bad").touch()
    told = house.wait_for(RemedyDeferred, timeout_s=30)
    assert f"would stop api (pid {pid}) and hold it until a person starts it; " in told.why
