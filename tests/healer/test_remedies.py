import typing

import msgspec
import pytest

from actors.healer.remedies import (
    Hopeless,
    NotNow,
    Remedy,
    Seen,
    Unfit,
    command,
    command_timeout_s,
    follow_up,
    goes_further,
    obstacle,
    parse,
    undo,
    unready_dependencies,
)
from actors.healer.repair_kinds import REPAIRS
from actors.healer.repairs.known import KNOWN
from actors.settings import Seconds
from bus.messages.process_manager import EndStrays, ProcessState, RestartProcess, RunHook, SignalProcess, StartProcess
from tests.healer.fakes import hook, row, workload
from tests.healer.test_plans import an_issue

STATES = typing.get_args(ProcessState)
HOOKED = workload(hooks={"repair": hook(undo=["true"], timeout=Seconds(7)), "relieve": hook()})


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("restart", Remedy("restart")),
        ("signal:HUP", Remedy("signal", "HUP")),
        ("signal:sighup", Remedy("signal", "HUP")),
        ("hook:repair", Remedy("hook", "repair")),
        ("end_strays", Remedy("end_strays")),
        ("await_restart", Remedy("await_restart")),
        ("wait_dependency", Remedy("wait_dependency")),
        ("restart:now", None),
        ("hook", None),
        ("signal:", None),
        ("rm -rf", None),
        ("", None),
    ],
)
def test_a_remedy_is_named_as_in_the_config(text, remedy):
    assert parse(text) == remedy


@pytest.mark.parametrize("name", ["restart", "signal:HUP", "hook:repair", "end_strays", "await_restart"])
def test_the_name_of_a_remedy_is_read_back(name):
    remedy = parse(name)
    assert remedy
    assert remedy.name == name


LIFE_RESTART = {
    "crash_loop": None,
    "exited": None,
    "stopped": None,
    "adopted": NotNow,
    "held": NotNow,
    "waiting": NotNow,
    "starting": NotNow,
    "stopping": NotNow,
    "backing_off": NotNow,
    "running": NotNow,
    "ready": NotNow,
    "unhealthy": NotNow,
}
ANSWER_RESTART = {
    "running": None,
    "ready": None,
    "unhealthy": None,
    "exited": None,
    "adopted": NotNow,
    "held": NotNow,
    "stopped": NotNow,
    "waiting": NotNow,
    "starting": NotNow,
    "stopping": NotNow,
    "backing_off": NotNow,
    "crash_loop": NotNow,
}


@pytest.mark.parametrize("state", STATES)
def test_a_crash_loop_is_restarted_in_the_states_that_only_a_command_ends(state):
    found = obstacle(Remedy("restart"), an_issue("crash_loop"), HOOKED, Seen(row=row(state=state)))
    assert (type(found) if found else None) == LIFE_RESTART[state]


@pytest.mark.parametrize("kind", ["unresponsive", "memory", "cpu", "latency"])
@pytest.mark.parametrize("state", STATES)
def test_what_does_not_answer_is_restarted_in_the_states_that_have_a_process(state, kind):
    found = obstacle(Remedy("restart"), an_issue(kind), HOOKED, Seen(row=row(state=state)))
    assert (type(found) if found else None) == ANSWER_RESTART[state]


def test_a_start_that_failed_is_not_left_to_its_back_off():
    assert obstacle(Remedy("restart"), an_issue("start_failed"), HOOKED, Seen(row=row(state="backing_off"))) is None


def test_a_startup_probe_that_fails_may_restart_what_is_starting():
    seen = Seen(row=row(state="starting"))
    startup = msgspec.structs.replace(an_issue("not_working"), cause=an_issue("not_working").cause)
    startup = msgspec.structs.replace(startup, cause=msgspec.structs.replace(startup.cause, probe="startup"))
    assert obstacle(Remedy("restart"), startup, HOOKED, seen) is None


@pytest.mark.parametrize("state", STATES)
def test_a_restart_is_awaited_unless_none_will_come(state):
    found = obstacle(Remedy("await_restart"), an_issue("crash"), HOOKED, Seen(row=row(state=state)))
    expected = {"exited": Hopeless, "stopped": Hopeless, "held": Hopeless, "crash_loop": Unfit}.get(state)
    assert (type(found) if found else None) == expected


@pytest.mark.parametrize(("state", "waits"), [("ready", True), ("running", False), ("unhealthy", False)])
def test_what_answers_now_is_not_restarted_for_having_been_away(state, waits):
    found = obstacle(Remedy("restart"), an_issue("availability"), HOOKED, Seen(row=row(state=state, since_s=60.0)))
    assert isinstance(found, NotNow) is waits


@pytest.mark.parametrize(("since_s", "waits"), [(0.1, True), (9.9, True), (10.0, False)])
def test_what_was_just_adopted_is_asked_before_it_is_restarted_for_an_issue_of_the_last_node(since_s, waits):
    seen = Seen(row=row(state="running", since_s=since_s))
    assert isinstance(obstacle(Remedy("restart"), an_issue("availability"), HOOKED, seen), NotNow) is waits


def test_a_symptom_that_is_gone_needs_no_remedy():
    found = obstacle(Remedy("restart"), an_issue("cpu"), HOOKED, Seen(row=row(), gone="cpu is down"))
    assert isinstance(found, NotNow)
    assert found.quiet


@pytest.mark.parametrize(
    ("remedy", "state", "strays", "unready"),
    [
        (Remedy("hook", "other"), "ready", [], ()),
        (Remedy("signal", "HUP"), "crash_loop", [], ()),
        (Remedy("signal", "STOP"), "ready", [], ()),
        (Remedy("end_strays"), "crash_loop", [], ()),
        (Remedy("wait_dependency"), "ready", [], ()),
    ],
)
def test_a_remedy_with_nothing_to_work_on_is_passed_over(remedy, state, strays, unready):
    seen = Seen(row=row(state=state, strays=strays), unready=unready)
    assert isinstance(obstacle(remedy, an_issue("memory"), HOOKED, seen), Unfit)


@pytest.mark.parametrize(
    ("remedy", "seen"),
    [
        (Remedy("hook", "relieve"), Seen(row=row())),
        (Remedy("signal", "HUP"), Seen(row=row())),
        (Remedy("end_strays"), Seen(row=row(strays=[7]))),
        (Remedy("wait_dependency"), Seen(row=row(), unready=("db",))),
    ],
)
def test_a_remedy_with_something_to_work_on_may_begin(remedy, seen):
    assert obstacle(remedy, an_issue("memory"), HOOKED, seen) is None


@pytest.mark.parametrize(
    ("remedy", "state", "asked"),
    [
        (Remedy("restart"), "ready", RestartProcess),
        (Remedy("restart"), "backing_off", RestartProcess),
        (Remedy("restart"), "crash_loop", StartProcess),
        (Remedy("restart"), "exited", StartProcess),
        (Remedy("signal", "HUP"), "ready", SignalProcess),
        (Remedy("hook", "repair"), "crash_loop", RunHook),
        (Remedy("end_strays"), "crash_loop", EndStrays),
        (Remedy("await_restart"), "backing_off", type(None)),
        (Remedy("wait_dependency"), "ready", type(None)),
    ],
)
def test_each_remedy_asks_for_one_thing(remedy, state, asked):
    assert isinstance(command(remedy, row(state=state), "why"), asked)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", ["hook", "end_strays", "restart", "signal"])
def test_what_an_action_made_startable_is_started(verb, state):
    argument = {"hook": "repair", "signal": "HUP"}.get(verb, "")
    found = follow_up(Remedy(verb, argument), an_issue("crash"), row(state=state), "why")
    assert (found is not None) is (verb in ("hook", "end_strays") and state in ("crash_loop", "exited", "backing_off"))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", ["crash", "not_working"])
def test_a_process_that_came_up_before_a_repair_of_what_it_died_of_is_started_anew(kind, state):
    found = follow_up(Remedy("repair", "clear_lock"), an_issue(kind), row(state=state), "why")
    if state in ("crash_loop", "exited", "backing_off"):
        assert isinstance(found, StartProcess)
    elif state in ("starting", "running", "ready", "unhealthy") and kind == "crash":
        assert isinstance(found, RestartProcess)
    else:
        assert found is None


@pytest.mark.parametrize(("wanted", "held"), [(False, False), (True, True)])
def test_what_a_person_stopped_meanwhile_is_not_started(wanted, held):
    stopped = row(state="crash_loop", wanted=wanted, held=held)
    assert follow_up(Remedy("hook", "repair"), an_issue("crash"), stopped, "why") is None


def test_a_hook_with_an_undo_is_taken_back_and_nothing_else_is():
    back = undo(Remedy("hook", "repair"), HOOKED, "why")
    assert isinstance(back, RunHook)
    assert (back.hook, back.undo) == ("repair", True)
    for remedy in (Remedy("hook", "relieve"), Remedy("hook", "gone"), Remedy("restart"), Remedy("signal", "HUP")):
        assert undo(remedy, HOOKED, "why") is None


def test_a_command_is_given_the_time_that_the_config_gives_the_action():
    assert command_timeout_s(Remedy("hook", "repair"), HOOKED, 20.0) == 27.0
    assert command_timeout_s(Remedy("restart"), HOOKED, 20.0) == 30.0


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("demand", ["ready", "started"])
def test_a_dependency_is_ready_when_it_is_what_was_demanded(demand, state):
    dependent = workload(depends_on={"db": demand})
    well = {"ready": ("ready",), "started": ("running", "ready", "unhealthy")}[demand]
    assert unready_dependencies(dependent, {"db": row("db", state)}) == (() if state in well else ("db",))


def test_a_dependency_that_is_not_in_the_table_is_not_waited_for():
    assert unready_dependencies(workload(depends_on={"db": "ready"}), {}) == ()


def test_every_repair_is_known_by_the_name_it_has_in_a_plan():
    assert list(KNOWN) == list(REPAIRS)
    assert all(KNOWN[name].name == name for name in REPAIRS)
    assert all(parse(name) == Remedy("repair", name) for name in REPAIRS)


@pytest.mark.parametrize(
    ("name", "tried", "further"),
    [
        ("tune", (), False),
        ("tune", ("tune",), True),
        ("tune", ("tune", "tune"), False),
        ("tune", ("tune", "restart"), False),
        ("clear_lock", ("clear_lock",), False),
        ("restart", ("restart",), False),
    ],
)
def test_what_goes_further_each_time_is_tried_again_before_the_next(name, tried, further):
    assert goes_further(name, tried) is further
