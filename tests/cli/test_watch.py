"""`--watch`, and `--json` of commands to workloads."""

import json
import os
import signal
import subprocess
import sys

import pytest

from bus.errors import Refused
from bus.message import Done
from bus.messages import GoalList, ListGoals, ListProcesses, RestartProcess, ScaleWorkload, StopProcess
from tests.cli import samples

ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}


def watching(folder, *args):
    argv = [sys.executable, "-P", "-m", "actors.cli", *args]
    return subprocess.Popen(argv, cwd=folder, env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_watch_asks_again_until_ctrl_c_which_is_no_failure(fake):
    fake.answers(ListGoals, GoalList(goals=[]))
    with watching(fake.directory, "goals", "--every", "0.1") as child:
        try:
            assert [child.stdout.readline() for _ in range(3)] == ["no open goals\n"] * 3
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 0
        finally:
            child.kill()
    assert len(fake.asked) >= 3


def test_watch_with_json_prints_a_document_each_time(fake):
    fake.answers(ListGoals, GoalList(goals=[]))
    with watching(fake.directory, "goals", "--every", "0.1", "--json") as child:
        try:
            text = "".join(child.stdout.readline() for _ in range(3))
            assert json.loads(text) == {"goals": []}
        finally:
            child.kill()


def test_watch_tells_that_the_node_is_away_and_goes_on(fake):
    fake.answers(ListGoals, Refused("not now"))
    with watching(fake.directory, "goals", "--every", "0.1") as child:
        try:
            assert [child.stderr.readline() for _ in range(2)] == ["gyrostat: not now\n"] * 2
            fake.answers(ListGoals, GoalList(goals=[]))
            assert child.stdout.readline() == "no open goals\n"
        finally:
            child.kill()


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_watch_refuses_what_is_no_time(gyrostat, fake, seconds):
    assert gyrostat("goals", "--every", seconds)[0] == 2


def test_what_became_of_each_workload_as_json(gyrostat, fake):
    fake.answers(ListProcesses, samples.table(samples.process("web"), samples.process("worker")))
    fake.answers(RestartProcess, lambda asked: Done(detail="started") if asked.name == "web" else Refused("is held"))
    code, out, err = gyrostat("restart", "web", "worker", "--json")
    assert code == 1
    assert json.loads(out) == [
        {"name": "web", "ok": True, "detail": "started"},
        {"name": "worker", "ok": False, "detail": "is held"},
    ]
    assert err == "gyrostat: worker: is held\n"
    fake.answers(StopProcess, Done())
    assert json.loads(gyrostat("hold", "web", "--json")[1]) == [{"name": "web", "ok": True, "detail": "held"}]


def test_scale_as_json(gyrostat, fake):
    fake.answers(ListProcesses, samples.table(samples.process("web-1", workload="web", instance=1)))
    fake.answers(ScaleWorkload, Done(detail="2 instances"))
    assert json.loads(gyrostat("scale", "web", "1", "--json")[1])[0]["name"] == "web"


@pytest.mark.parametrize("name", ["start", "stop", "restart"])
def test_json_is_for_workloads_and_not_for_the_node(gyrostat, fake, name):
    code, _, err = gyrostat(name, "--json")
    assert code == 2
    assert "--json goes with names of workloads" in err
