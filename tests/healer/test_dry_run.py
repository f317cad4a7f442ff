"""What the remedies beyond a restart need, ask for and would do: one cell each."""

import pytest

from actors.healer.dry_run import would
from actors.healer.learning import Tally, arranged
from actors.healer.remedies import VERBS, Remedy, Seen, Unfit, command, command_timeout_s, obstacle, parse, undo
from actors.healer.repair_kinds import REPAIRS
from actors.healer.taking_back import is_taken_back
from actors.settings import Param, Seconds, TaskKind
from actors.settings.healing import Fallback
from actors.settings.instances import RollPolicy
from bus.messages.fleet import RollWorkload
from bus.messages.process_manager import StartProcess, StopProcess
from tests.healer.fakes import hook, row, workload
from tests.healer.test_plans import an_issue

API = workload(
    hooks={"mend": hook()},
    fallback=Fallback(workload="spare"),
    roll=RollPolicy(ready_within=Seconds(10), settle=Seconds(1)),
)
ISSUE = an_issue("not_working")
UP = row(uptime_s=60.0, since_s=60.0, workload="web")
KIN = tuple(row(name, workload="web") for name in ("api", "api-2", "api-3"))
KIND = TaskKind(command=["true"])
ASKS = TaskKind(command=["true", "${day}", "${issue}"], params={"day": Param(), "issue": Param()})


def named(text):
    remedy = parse(text)
    assert remedy is not None
    return remedy


def looked(remedy, **seen):
    return obstacle(named(remedy), ISSUE, API, Seen(row=UP, **seen))


@pytest.mark.parametrize(
    ("remedy", "seen", "why"),
    [
        ("roll", {"kin": KIN[:1]}, "it has no instances to restart in turn"),
        ("roll", {"kin": (KIN[0], row("api-2", "held", held=True))}, "it has no instances to restart in turn"),
        ("fallback", {}, "spare does not run on this node in its mode"),
        ("fallback", {"standby": row("spare", "held", held=True)}, "spare is held by an operator"),
        ("fallback", {"standby": row("spare", "crash_loop")}, "spare is in a crash loop itself"),
        ("task:clear", {}, "the node's config declares no task clear"),
        ("task:clear", {"tasks": {"clear": ASKS}}, "task clear needs day"),
    ],
)
def test_what_a_remedy_lacks_is_said(remedy, seen, why):
    assert looked(remedy, **seen) == Unfit(why)


@pytest.mark.parametrize(
    ("remedy", "seen"),
    [
        ("roll", {"kin": KIN}),
        ("hold", {}),
        ("fallback", {"standby": row("spare", "stopped")}),
        ("task:clear", {"tasks": {"clear": KIND}}),
    ],
)
def test_what_has_what_it_needs_may_begin(remedy, seen):
    assert looked(remedy, **seen) is None


def test_a_workload_without_a_fallback_has_none():
    assert obstacle(Remedy("fallback"), ISSUE, workload(), Seen(row=UP)) == Unfit("it declares no fallback")


@pytest.mark.parametrize(("state", "may"), [("backing_off", True), ("crash_loop", True), ("ready", False)])
def test_what_crashes_may_be_held_while_it_is_down(state, may):
    found = obstacle(Remedy("hold"), an_issue("crash_loop"), API, Seen(row=row(state=state)))
    assert (found is None) is may


def test_each_is_one_command_or_an_errand_and_says_how_it_is_taken_back():
    roll = command(Remedy("roll"), UP, "why")
    assert isinstance(roll, RollWorkload)
    assert (roll.name, roll.mode) == ("web", "live")
    hold = command(Remedy("hold"), UP, "why")
    assert isinstance(hold, StopProcess)
    assert hold.hold
    assert command(Remedy("fallback"), UP, "why") is command(Remedy("task", "clear"), UP, "why") is None
    for verb in ("hold", "fallback"):
        assert isinstance(undo(named(verb), API, "why"), StartProcess)
    assert undo(Remedy("roll"), API, "why") is None
    grace = API.spec.stop.grace
    assert command_timeout_s(Remedy("roll"), API, 5.0, 3) == 5.0 + 3 * (grace + 10 + 1)


def test_every_verb_says_what_it_would_do():
    seen = Seen(row=row(strays=[7, 8]), unready=("db",), kin=KIN, standby=row("spare"), tasks={"clear": KIND})
    said = {
        verb: would(Remedy(verb, {"hook": "mend", "signal": "HUP", "task": "clear"}.get(verb, "")), API, seen)
        for verb in VERBS
    }
    assert said == {
        "restart": "stop and start api (pid 4000)",
        "signal": "send SIGHUP to api (pid 4000)",
        "hook": "run true",
        "end_strays": "end left-over processes of api: 7, 8",
        "roll": "stop and start api, api-2, api-3 one after the other",
        "hold": "stop api (pid 4000) and hold it until a person starts it",
        "fallback": "start spare unless it runs, wait until it is ready, then stop api (pid 4000) and hold it",
        "task": "run task clear of the node's config",
        "await_restart": "wait until its policy has started api",
        "wait_dependency": "wait for db",
    }


def test_outcomes_move_nothing_across_a_last_resort():
    class Never:
        def betavariate(self, alpha: float, beta: float) -> float:
            return alpha / (alpha + beta)

    own = {"hold": Tally(verified=9, last="verified", last_at=9.0), "restart": Tally(failed=9, last_at=8.0)}
    plan = ("restart", "hook:mend", "hold", "end_strays")
    assert arranged(plan, own, {}, Never()) == ("hook:mend", "restart", "hold", "end_strays")


def test_what_is_a_file_that_the_workload_needs_stays():
    stays = {name for name in REPAIRS if not is_taken_back(name)}
    assert stays == {"put_back_config", "restore_file", "make_directory", "fix_permission", "install_module"}
