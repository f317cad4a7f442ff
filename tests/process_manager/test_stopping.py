"""A ProcessManager and real processes: stops, restarts, holds, signals, and the end of the node."""

import contextlib
import os
import signal
import threading

import pytest

from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds, StopPolicy
from bus.errors import CommandError, Refused
from bus.messages import (
    EndStrays,
    ListProcesses,
    ProcessExited,
    ProcessStarted,
    ProcessStateChanged,
    ProcessStopped,
    RestartProcess,
    SignalProcess,
    StartProcess,
    StopAll,
    StopProcess,
)
from tests.process_manager.asking import of, row, said

FOREVER = "exec sleep 1000"
STUBBORN = "trap '' TERM; echo on; while :; do sleep 0.05; done"
QUICK = StopPolicy(grace=Seconds(0.2))


def test_a_stop_is_answered_when_it_is_down_and_it_stays_down(keep, workload, alive):
    house = keep(workload("web", FOREVER))
    house.ask(StopProcess(name="web", why="maintenance"))
    assert alive("sleep") == []
    assert (row(house).state, row(house).held, row(house).wanted) == ("held", True, False)
    exited, stopped = house.wait_for(ProcessExited), house.wait_for(ProcessStopped)
    assert (exited.signal, exited.asked, exited.expected) == ("TERM", True, True)
    assert (stopped.reason, stopped.killed) == ("maintenance", False)


def test_a_hold_outlives_the_node_until_it_is_started(keep, workload):
    house = keep(workload("web", FOREVER))
    house.ask(StopProcess(name="web"))
    house.stop()
    second = keep(workload("web", FOREVER))
    assert (row(second).state, row(second).held, row(second).why) == ("held", True, "held: a person stopped it")
    second.ask(StartProcess(name="web"))
    assert not row(second).held
    second.stop()
    assert row(keep(workload("web", FOREVER))).state == "ready"


def test_a_stop_without_hold_lasts_until_the_next_start(keep, workload):
    house = keep(workload("web", FOREVER))
    house.ask(StopProcess(name="web", hold=False))
    assert (row(house).state, row(house).held) == ("stopped", False)
    house.stop()
    assert row(keep(workload("web", FOREVER))).state == "ready"


def test_what_ignores_its_stop_signal_is_killed_after_its_grace(keep, workload, alive):
    house = keep(workload("web", STUBBORN, stop=QUICK))
    said(house)
    assert "killed" in house.ask(StopProcess(name="web")).detail
    assert house.wait_for(ProcessStopped).killed
    assert house.wait_for(ProcessExited).signal == "KILL"
    assert alive() == []


def test_its_own_stop_signal_is_sent(keep, workload):
    house = keep(
        workload("web", "trap 'exit 9' USR1; echo on; while :; do sleep 0.05; done", stop=StopPolicy(signal="USR1"))
    )
    said(house)
    house.ask(StopProcess(name="web"))
    assert house.wait_for(ProcessExited).exit_code == 9


def test_the_whole_group_is_down_when_a_stop_is_answered(keep, workload, alive):
    # The main process ends at once; one child ignores TERM.
    script = f"trap 'exit 0' TERM; sh -c \"{STUBBORN}\" & sleep 1000 & wait"
    house = keep(workload("web", script, stop=QUICK))
    said(house)
    house.ask(StopProcess(name="web"))
    assert alive() == []
    assert house.wait_for(ProcessExited).exit_code == 0
    assert house.wait_for(ProcessStopped).killed


def test_a_process_that_was_stopped_by_a_signal_ends_all_the_same(keep, workload, alive):
    house = keep(workload("web", "trap 'echo bye; exit 0' TERM; echo on; while :; do sleep 0.05; done"))
    said(house)
    house.ask(SignalProcess(name="web", signal="STOP"))
    house.ask(StopProcess(name="web"))
    assert house.wait_for(ProcessExited).exit_code == 0
    assert not house.wait_for(ProcessStopped).killed


def test_stops_asked_for_together_are_all_answered(keep, workload):
    house = keep(workload("web", STUBBORN, stop=QUICK))
    said(house)
    answers = [house.bus.send(StopProcess(name="web"), timeout_s=20) for _ in range(3)]
    assert all("down after" in answer.result(20).detail for answer in answers)
    assert len(house.events(ProcessStopped)) == 1


def test_a_stop_of_what_backs_off_waits_or_loops_keeps_it_down(keep, workload):
    quick = RestartPolicy(backoff_first=Seconds(0.05), start_limit=3)
    late = RestartPolicy(backoff_first=Seconds(0.3), backoff_max=Seconds(0.3), start_limit=99)
    house = keep(
        workload("late", "exit 1", restart=late),
        workload("loop", "exit 1", restart=quick),
        workload("waits", FOREVER, depends_on={"off": "ready"}),
        workload("off", FOREVER, autostart=False),
    )
    house.wait_for(ProcessStateChanged, of("late", state="backing_off"))
    house.wait_for(ProcessStateChanged, of("loop", state="crash_loop"))
    for name, was in (("late", "backing off"), ("loop", "crash loop"), ("waits", "waiting"), ("off", "stopped")):
        assert house.ask(StopProcess(name=name)).detail == f"was down: {was}"
        assert row(house, name).state == "held"
    started = len(house.events(ProcessStarted))
    house.ask(StartProcess(name="off"))
    threading.Event().wait(0.5)
    assert len(house.events(ProcessStarted)) == started + 1
    assert row(house, "waits").state == row(house, "late").state == "held"


def test_a_restart_is_answered_when_the_new_process_is_there(keep, workload, alive):
    house = keep(workload("web", FOREVER))
    old = row(house)
    answer = house.ask(RestartProcess(name="web", why="new config"))
    new = row(house)
    assert answer.detail == f"started, pid {new.pid}"
    assert (new.incarnation, new.restarts, old.pid != new.pid) == (2, 0, True)
    assert house.wait_for(ProcessStarted, of("web", incarnation=2)).reason == "new config"
    house.until(lambda: alive("sleep") == [new.pid])


def test_restarts_asked_for_together_are_all_answered_and_double_nothing(keep, workload, alive):
    house = keep(workload("web", FOREVER))
    answers = [house.bus.send(RestartProcess(name="web"), timeout_s=20) for _ in range(20)]
    assert all(answer.result(20).detail.startswith("started") for answer in answers)
    house.until(lambda: alive("sleep") == [row(house).pid])


def test_a_restart_meets_an_exit_at_any_instant(keep, workload, alive):
    policy = RestartPolicy(stable_after=Seconds(0), start_limit=10_000)
    house = keep(workload("web", FOREVER, restart=policy))
    for _ in range(60):
        pid = row(house).pid
        answer = house.bus.send(RestartProcess(name="web"), timeout_s=20)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert answer.result(20).detail.startswith("started")
    house.until(lambda: alive("sleep") == [row(house).pid])
    assert house.shells["process_manager"].failures == 0


def test_a_stop_during_a_restart_wins(keep, workload, alive):
    house = keep(workload("web", STUBBORN, stop=QUICK))
    said(house)
    restart = house.bus.send(RestartProcess(name="web"), timeout_s=20)
    house.ask(StopProcess(name="web", why="enough"))
    with pytest.raises(Refused, match="web was stopped meanwhile: enough"):
        restart.result(20)
    assert row(house).state == "held"
    assert alive() == []


def test_a_start_during_a_stop_starts_it_when_it_is_down(keep, workload):
    house = keep(workload("web", STUBBORN, stop=QUICK))
    said(house)
    stop = house.bus.send(StopProcess(name="web", hold=False), timeout_s=20)
    assert house.ask(StartProcess(name="web")).detail == "is being stopped; starts when it is down"
    assert "down after" in stop.result(20).detail
    house.wait_for(ProcessStarted, of("web", incarnation=2))


def test_what_a_person_holds_is_not_restarted_by_others(keep, workload):
    house = keep(workload("web", FOREVER))
    house.ask(StopProcess(name="web"))
    with pytest.raises(Refused, match="web is held: a person stopped it; start it instead"):
        house.ask(RestartProcess(name="web"))
    assert row(house).state == "held"


def test_a_signal_reaches_the_main_process(keep, workload):
    house = keep(workload("web", "trap 'echo hup' HUP; echo on; while :; do sleep 0.05; done"))
    said(house)
    assert house.ask(SignalProcess(name="web", signal="hup")).detail == f"sent HUP to pid {row(house).pid}"
    said(house, "hup")
    with pytest.raises(Refused, match="no signal 'FOO'; there are: ABRT"):
        house.ask(SignalProcess(name="web", signal="FOO"))
    house.ask(StopProcess(name="web"))
    with pytest.raises(Refused, match="web has no process: held"):
        house.ask(SignalProcess(name="web", signal="HUP"))


def test_all_are_stopped_dependants_first(keep, workload, alive):
    house = keep(
        workload("db", FOREVER),
        workload(
            "app", "trap 'sleep 0.1; exit 0' TERM; echo on; while :; do sleep 0.02; done", depends_on={"db": "ready"}
        ),
        workload("web", FOREVER, depends_on={"app": "ready"}),
        workload("cron", FOREVER),
        workload("bad", "exit 1", restart=RestartPolicy(backoff_first=Seconds(20))),
    )
    said(house, name="app")
    assert house.ask(StopAll()).detail == "all 5 are down"
    assert alive() == []
    downs = [one.subject for one in house.events(ProcessStopped)]
    assert sorted({*downs} - {"bad"}) == ["app", "cron", "db", "web"]
    assert downs.index("web") < downs.index("app") < downs.index("db")
    assert {one.state for one in house.ask(ListProcesses()).processes} == {"stopped"}


def test_once_all_are_to_be_down_nothing_is_started_again(keep, workload, alive):
    house = keep(workload("web", STUBBORN, stop=QUICK), workload("db", FOREVER))
    said(house)
    stop = house.bus.send(StopAll(), timeout_s=20)
    for command in (StartProcess(name="db"), RestartProcess(name="web")):
        with pytest.raises(Refused, match="is not started: the node stops"):
            house.ask(command)
    assert house.bus.ask(StopAll(), timeout_s=20).detail == "all 2 are down"
    assert stop.result(20).detail == "all 2 are down"
    assert alive() == []


def test_a_process_that_ends_by_itself_while_all_stop_is_not_restarted(keep, workload, alive):
    house = keep(workload("db", FOREVER), workload("web", STUBBORN, stop=QUICK, depends_on={"db": "ready"}))
    said(house)
    stop = house.bus.send(StopAll(), timeout_s=20)
    os.kill(row(house, "db").pid, signal.SIGKILL)
    stop.result(20)
    assert len(house.events(ProcessStarted)) == 2
    assert alive() == []


def test_after_all_were_stopped_the_next_node_starts_everything_that_is_not_held(keep, workload):
    def both():
        return (
            workload("a", FOREVER),
            workload("b", FOREVER),
            workload("job", "exit 0", restart=RestartPolicy(policy="never")),
        )

    house = keep(*both())
    house.ask(StopProcess(name="b"))
    house.wait_for(ProcessStateChanged, of("job", state="exited"))
    house.ask(StopAll())
    house.stop()
    second = keep(*both())
    assert [row(second, name).state for name in "ab"] == ["ready", "held"]
    second.wait_for(ProcessStarted, of("job", incarnation=2))


def test_with_nothing_to_stop_the_answer_comes_at_once(keep):
    assert keep().ask(StopAll()).detail == "all 0 are down"


def test_left_over_children_are_listed_as_strays_and_ended_by_command(keep, workload, alive):
    house = keep(workload("web", "sleep 1000 & echo on; wait"))
    said(house)
    first = row(house).pid
    house.until(lambda: len(alive("sleep 1000")) >= 1)
    left = next(pid for pid in alive("sleep 1000") if pid != first)
    os.kill(first, signal.SIGKILL)
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    assert house.ask(ListProcesses(strays=True)).processes[0].strays == [left]
    assert house.ask(ListProcesses()).processes[0].strays == []
    assert house.ask(EndStrays(name="web", by_hand=[os.getpid()])).detail == f"ended {left}; left alone {os.getpid()}"
    assert house.ask(EndStrays(name="web")).detail == "nothing to end"
    assert house.ask(ListProcesses(strays=True)).processes[0].strays == []
    assert row(house).incarnation == 2


def test_a_stop_of_what_is_down_ends_what_it_left_over(keep, workload, alive):
    house = keep(workload("web", "sleep 1000 & exit 0", restart=RestartPolicy(policy="never")))
    house.wait_for(ProcessStateChanged, of("web", state="exited"))
    house.until(lambda: len(alive("sleep")) == 1)
    assert house.ask(StopProcess(name="web")).detail.startswith("was down: exited; ended left-over ")
    assert alive() == []


def test_commands_that_wait_when_the_actor_goes_are_answered(houses, workload):
    house = houses()
    house.start(ProcessManager, workloads={"web": workload("web", STUBBORN)})
    said(house)
    answer = house.bus.send(StopProcess(name="web"), timeout_s=20)
    house.wait_for(ProcessStateChanged, of("web", state="stopping"))
    house.stop()
    with pytest.raises(CommandError, match="is made anew or stopping"):
        answer.result(20)
