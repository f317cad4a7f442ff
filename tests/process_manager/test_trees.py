"""Stops of whole trees: real children that leave their group, on a real process table."""

import os
import signal

import pytest

from actors.settings import RestartPolicy, Seconds, StopPolicy
from bus.messages import (
    ProcessExited,
    ProcessStarted,
    ProcessStopped,
    RestartProcess,
    StopAll,
    StopProcess,
)
from tests.process_manager.asking import of, said

QUICK = StopPolicy(grace=Seconds(0.3))


def test_a_child_that_called_setsid_is_gone_when_the_stop_is_told(keep, workload, alive):
    house = keep(workload("web", "setsid sleep 1001 & setsid setsid sleep 1002 & echo on; exec sleep 1000"))
    said(house)
    house.until(lambda: len(alive("sleep 100")) == 3)
    house.ask(StopProcess(name="web"))
    assert alive() == []
    assert not house.wait_for(ProcessStopped).killed


def test_a_setsid_child_that_ignores_the_signal_is_killed_after_the_grace(keep, workload, alive):
    stubborn = "trap '' TERM; echo on; while :; do sleep 0.05; done"
    house = keep(workload("web", f'setsid sh -c "{stubborn}" & exec sleep 1000', stop=QUICK))
    said(house)
    house.ask(StopProcess(name="web"))
    assert alive() == []
    assert house.wait_for(ProcessStopped).killed
    assert house.wait_for(ProcessExited).signal == "TERM"


def test_a_setsid_child_gets_the_signal_also_while_its_main_process_takes_its_time(keep, workload, alive, tmp_path):
    child = "trap 'echo asked > asked; exit 0' TERM; echo on; while :; do sleep 0.02; done"
    main = "trap '' TERM; while :; do sleep 0.05; done"
    house = keep(workload("web", f'setsid sh -c "{child}" & {main}', stop=StopPolicy(grace=Seconds(1))))
    said(house)
    house.ask(StopProcess(name="web"))
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert alive() == []


def test_what_a_former_incarnation_left_goes_with_the_stop(keep, workload, alive):
    house = keep(workload("web", "setsid sleep 1001 & echo on; exec sleep 1000"))
    said(house)
    os.kill(house.wait_for(ProcessStarted).pid, signal.SIGKILL)
    house.wait_for(ProcessStarted, of("web", incarnation=2))
    house.until(lambda: len(alive("sleep 1001")) == 2)
    house.ask(StopProcess(name="web"))
    assert alive() == []


def test_no_two_incarnations_meet_in_a_restart(keep, workload, alive):
    house = keep(workload("web", "setsid sleep 1001 & echo on; exec sleep 1000"))
    for number in range(2, 6):
        said(house, "on\n" * (number - 1))
        house.ask(RestartProcess(name="web"))
        house.wait_for(ProcessStarted, of("web", incarnation=number))
        house.until(lambda: len(alive("sleep 1001")) == 1)


def test_a_stop_touches_no_other_workload_nor_a_strangers_process(keep, workload, alive):
    house = keep(
        workload("web", "setsid sleep 1001 & echo on; exec sleep 1000"),
        workload("app", "setsid sleep 1002 & echo on; exec sleep 1003"),
    )
    said(house)
    said(house, name="app")
    house.ask(StopProcess(name="web"))
    assert (len(alive("sleep 1001")), len(alive("sleep 1002")), len(alive("sleep 1003"))) == (0, 1, 1)


def test_fifty_stops_at_once_share_the_looks_at_the_process_table(keep, workload, alive):
    house = keep(*(workload(f"w{number}", "setsid sleep 1001 & echo on; exec sleep 1000") for number in range(50)))
    house.until(lambda: len(alive("sleep 100")) == 100)
    house.ask(StopAll())
    assert alive() == []
    assert len(house.events(ProcessStopped)) == 50


def test_signals_come_one_after_the_other_each_with_its_time(keep, workload, tmp_path):
    script = (
        "trap 'echo INT >> seen' INT; trap 'echo USR1 >> seen' USR1; trap 'echo TERM >> seen; exit 7' TERM;"
        " echo on; while :; do sleep 0.02; done"
    )
    steps = StopPolicy(steps=["INT 200ms", "SIGUSR1 0.2", "TERM 10s"])
    assert (steps.signal, round(steps.grace, 3)) == ("INT", 10.4)
    # A shell in the background of no terminal ignores INT only when it is told so; here it has a trap of its own.
    house = keep(workload("web", script, stop=steps))
    said(house)
    house.ask(StopProcess(name="web"))
    assert (tmp_path / "seen").read_text().split() == ["INT", "USR1", "TERM"]
    assert house.wait_for(ProcessExited).exit_code == 7
    assert not house.wait_for(ProcessStopped).killed


def test_after_the_last_signal_comes_kill(keep, workload, alive):
    script = "trap '' INT TERM; echo on; while :; do sleep 0.02; done"
    house = keep(workload("web", script, stop=StopPolicy(steps=["INT 100ms", "TERM 100ms"])))
    said(house)
    house.ask(StopProcess(name="web"))
    assert (house.wait_for(ProcessExited).signal, house.wait_for(ProcessStopped).killed) == ("KILL", True)
    assert alive() == []


@pytest.mark.parametrize("policy", ["never", "always"])
def test_a_process_that_only_a_stranger_sees_is_left_alone(keep, workload, alive, policy):
    # A child that clears its environment and leaves its session is nobody's without a control group.
    script = "env -i PATH=$PATH GYROSTAT_TEST_MARK=$GYROSTAT_TEST_MARK setsid sleep 1001 & echo on; exec sleep 1000"
    house = keep(workload("web", script, restart=RestartPolicy(policy=policy)))
    said(house)
    house.until(lambda: len(alive("sleep 1001")) == 1)
    house.ask(StopProcess(name="web"))
    assert len(alive("sleep 1001")) == 1
