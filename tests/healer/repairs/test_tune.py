"""Numbers of a workload are raised or lowered within their bounds, by variable or in its file, and taken back."""

import json

import msgspec
import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.tune import Tune, further
from actors.settings.repair import Repair, Tunable
from bus.messages import IssueResolved, ListProcesses, OverrideProcess, RemedyFailed
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

TIMEOUT = Tunable(min=0.5, max=5.0, file="app.json", key="client.timeout")
WORKERS = Tunable(type="int", min=1, max=8, env="WORKERS")
UP, DOWN = Tune("tune", "raise"), Tune("throttle", "lower")


def app(directory, timeout=0.5):
    (directory / "app.json").write_text(f'{{"client": {{ "timeout": {timeout} }}, "name": "x"}}\n')


@pytest.mark.parametrize(
    ("failure", "text", "name", "way"),
    [
        ("timeout", "", "timeout", "raise"),
        ("timeout", "", "read_timeout_s", "raise"),
        ("timeout", "", "workers", None),
        ("http", "429 Too Many Requests", "timeout", None),
        ("http", "429 Too Many Requests", "poll_interval", "raise"),
        ("http", "429 Too Many Requests", "rate", "lower"),
        ("http", "500 Internal Server Error", "rate", None),
        ("memory", "", "workers", "lower"),
        ("memory", "", "batch_size", "lower"),
        ("fd", "", "max_connections", "lower"),
        ("key", "", "workers", None),
    ],
)
def test_the_name_of_a_tunable_says_which_failures_it_is_changed_against(tmp_path, failure, text, name, way):
    here = scene(tmp_path, Repair(), text=text, failure=failure, tunables={name: Tunable(min=1, max=9, env="N")})
    here = msgspec.structs.replace(here, workload=msgspec.structs.replace(here.workload, env={"N": "4"}))
    found = {repair.way for repair in (UP, DOWN) if isinstance(repair.look(here), Planned)}
    assert found == ({way} if way else set())


def test_what_the_config_says_of_a_tunable_counts_more_than_its_name(tmp_path):
    own = Tunable(min=1, max=9, env="N", raise_on=["memory"], lower_on=["key"])
    for failure, way in (("memory", "raise"), ("key", "lower"), ("timeout", None)):
        here = scene(tmp_path, Repair(), failure=failure, tunables={"timeout": own})
        found = {repair.way for repair in (UP, DOWN) if isinstance(repair.look(here), Planned)}
        assert found == ({way} if way else set())


@pytest.mark.parametrize(
    ("tunable", "way", "now", "to_bound", "then"),
    [
        (TIMEOUT, "raise", 0.5, False, "1"),
        (TIMEOUT, "raise", 0.5, True, "5"),
        (TIMEOUT, "raise", 4.0, False, "5"),
        (TIMEOUT, "raise", 5.0, False, None),
        (TIMEOUT, "raise", None, False, "5"),
        (WORKERS, "lower", 8.0, False, "4"),
        (WORKERS, "lower", 3.0, False, "1"),
        (WORKERS, "lower", 1.0, False, None),
        (WORKERS, "raise", 1.0, False, "2"),
        (WORKERS, "lower", 20.0, False, "8"),
        (WORKERS, "raise", 0.0, False, "8"),
    ],
)
def test_a_number_goes_by_its_factor_then_to_its_bound_and_never_beyond(tunable, way, now, to_bound, then):
    assert further(tunable, way, now, to_bound=to_bound) == then


def test_a_number_in_a_file_is_changed_in_its_place_and_put_back(tmp_path):
    app(tmp_path)
    before = (tmp_path / "app.json").read_text()
    here = scene(tmp_path, Repair(), failure="timeout", tunables={"timeout": TIMEOUT})
    planned = UP.look(here)
    assert isinstance(planned, Planned)
    assert planned.says == "raise timeout from 0.5 to 1"
    assert UP.act(here, planned).command is None
    assert (tmp_path / "app.json").read_text() == before.replace("0.5", "1")
    UP.take_back(here, planned.undo)
    assert (tmp_path / "app.json").read_text() == before


def test_a_variable_is_changed_by_the_process_manager_and_put_back(tmp_path):
    here = scene(tmp_path, Repair(), failure="memory", tunables={"workers": WORKERS}, env={"WORKERS": "8"})
    planned = DOWN.look(here)
    assert isinstance(planned, Planned)
    command = DOWN.act(here, planned).command
    assert isinstance(command, OverrideProcess)
    assert (command.values, planned.undo) == ({"env.WORKERS": "4"}, {"env.WORKERS": ""})
    back = DOWN.take_back(here, planned.undo).command
    assert isinstance(back, OverrideProcess)
    assert (back.values, back.drop) == ({}, ["env.WORKERS"])
    again = msgspec.structs.replace(here, row=msgspec.structs.replace(here.row, overrides={"env.WORKERS": "4"}))
    further_down = DOWN.look(again)
    assert isinstance(further_down, Planned)
    assert (further_down.detail, further_down.undo) == ({"env.WORKERS": "2"}, {"env.WORKERS": "4"})


@pytest.mark.parametrize("content", ['{"client": {"timeout": "soon"}}', "{", '{"client": {}}', None])
def test_a_file_that_does_not_hold_the_number_is_left_alone(tmp_path, content):
    if content is not None:
        (tmp_path / "app.json").write_text(content)
    found = UP.look(scene(tmp_path, Repair(), failure="timeout", tunables={"timeout": TIMEOUT}))
    assert isinstance(found, Unfit)
    assert found.why.startswith("timeout: ")


NEEDS_TIME = """
import json, sys, time
timeout = json.load(open("app.json"))["client"]["timeout"]
if timeout < float(sys.argv[1]):
    raise TimeoutError("timed out")
time.sleep(1000)
"""
NEEDS_FEW = """
import os, time
if int(os.environ["WORKERS"]) > 4:
    raise MemoryError
time.sleep(1000)
"""


@pytest.mark.parametrize(("needed", "found"), [(1.0, 1), (3.0, 5)])
def test_a_workload_that_times_out_runs_with_a_longer_time_out(real_ward, tmp_path, needed, found):
    app(tmp_path)
    house = real_ward(python(NEEDS_TIME, needed), tunables={"timeout": TIMEOUT})
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "tune"
    assert json.loads((tmp_path / "app.json").read_text())["client"]["timeout"] == found
    failures = [fact for fact in house.events(RemedyFailed) if fact.remedy == "tune"]
    assert len(failures) == (needed > 1), failures


def test_a_time_out_is_as_it_was_when_raising_it_did_not_help(real_ward, tmp_path):
    app(tmp_path)
    house = real_ward(python(NEEDS_TIME, 60), tunables={"timeout": TIMEOUT})
    failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "tune" and len(house.events(RemedyFailed)) > 1)
    assert failed.undone == "tune"
    assert json.loads((tmp_path / "app.json").read_text())["client"]["timeout"] == 0.5


def test_a_workload_short_of_memory_runs_with_fewer_workers(real_ward):
    house = real_ward(python(NEEDS_FEW), tunables={"workers": WORKERS}, env={"WORKERS": "8"})
    assert house.wait_for(IssueResolved).by == "throttle"
    row = house.ask(ListProcesses()).processes[0]
    assert row.overrides == {"env.WORKERS": "4"}
    assert alive(pid_of(house))


LAYERED = """
import json, os, time
if json.load(open("app.json"))["client"]["timeout"] < 1:
    raise TimeoutError("the answer did not come in time")
if int(os.environ["WORKERS"]) > 4:
    raise MemoryError("too many workers")
time.sleep(1000)
"""


def test_of_two_failures_one_behind_the_other_both_are_repaired(real_ward, tmp_path):
    app(tmp_path)
    tunables = {"timeout": TIMEOUT, "workers": WORKERS}
    house = real_ward(python(LAYERED), tunables=tunables, env={"WORKERS": "8"})
    assert house.wait_for(IssueResolved).by == "throttle"
    first = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "tune")
    assert first.undone == ""
    assert "another failure" in first.why
    assert json.loads((tmp_path / "app.json").read_text())["client"]["timeout"] == 1
    assert house.ask(ListProcesses()).processes[0].overrides == {"env.WORKERS": "4"}
