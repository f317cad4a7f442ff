"""A workload is started with UTF-8, higher limits or its last good variables when that is what it lacks."""

import os

import msgspec
import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.put_back_env import PutBackEnv
from actors.healer.repairs.raise_limits import RaiseMemory, RaiseOpenFiles
from actors.healer.repairs.use_utf8 import UseUtf8
from actors.kept import GoodVariables, Index, index_path, read_index
from actors.settings import Limits
from actors.settings.repair import Repair
from actors.settings.units import Bytes
from bus.messages import IssueResolved, ListProcesses, OverrideProcess, ProcessReady, RemedyFailed
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

ASCII = "UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3 in position 0: ordinal not in range(128)"
READS_TEXT = """
import pathlib, sys, time
text = pathlib.Path("names.txt").read_text()
time.sleep(1000)
"""
OPENS_FILES = """
import time
held = [open("/dev/null") for _ in range(100)]
time.sleep(1000)
"""
TAKES_MEMORY = """
import time
held = bytearray(200_000_000)
time.sleep(1000)
"""
NEEDS_MODE = """
import os, time
if os.environ["KIND"] != "good" or "EXTRA" in os.environ or os.environ["OF_FILE"] != "good":
    raise SystemExit("ValueError: KIND is " + os.environ["KIND"])
time.sleep(1000)
"""


def overridden(here, **values):
    given = {key.replace("__", "."): value for key, value in values.items()}
    return msgspec.structs.replace(here, row=msgspec.structs.replace(here.row, overrides=given))


@pytest.mark.parametrize(
    ("text", "repair", "env", "fits"),
    [
        (ASCII, Repair(), {}, True),
        ("UnicodeEncodeError: 'latin-1' codec can't encode character", Repair(), {}, True),
        ("invalid byte sequence in US-ASCII (ArgumentError)", Repair(), {}, True),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff", Repair(), {}, False),
        ("KeyError: 'x'", Repair(), {}, False),
        (ASCII, Repair(encoding=False), {}, False),
        (ASCII, Repair(), {"PYTHONUTF8": "1"}, False),
    ],
)
def test_utf8_is_for_what_fails_over_another_encoding(tmp_path, text, repair, env, fits):
    here = scene(tmp_path, repair, text=text, env=env)
    assert isinstance(UseUtf8().look(here), Planned) is fits
    assert isinstance(UseUtf8().look(overridden(here, env__PYTHONUTF8="1")), Unfit)


def test_the_limit_of_open_files_is_raised_to_what_is_allowed(tmp_path):
    limits = Limits(rlimits={"nofile": "64"})
    here = scene(tmp_path, Repair(open_files_max=256), failure="fd", limits=limits)
    planned = RaiseOpenFiles().look(here)
    assert isinstance(planned, Planned)
    assert planned.detail == {"limits.rlimits.nofile": "256"}
    command = RaiseOpenFiles().take_back(here, planned.undo).command
    assert isinstance(command, OverrideProcess)
    assert (command.values, command.drop) == ({}, ["limits.rlimits.nofile"])
    assert isinstance(RaiseOpenFiles().look(overridden(here, limits__rlimits__nofile="256")), Unfit)
    assert isinstance(RaiseOpenFiles().look(scene(tmp_path, Repair(), limits=limits)), Unfit)


def test_limits_of_memory_are_raised_to_what_is_allowed(tmp_path):
    most = Repair(memory_max=Bytes(500_000_000))
    limits = Limits(memory_max=Bytes(100_000_000), rlimits={"as": "200MB", "data": "unlimited"})
    planned = RaiseMemory().look(scene(tmp_path, most, failure="memory", limits=limits))
    assert isinstance(planned, Planned)
    assert planned.detail == {"limits.memory_max": "500000000", "limits.rlimits.as": "500000000"}
    enough = Limits(memory_max=Bytes(500_000_000))
    for repair, now in ((most, enough), (most, Limits()), (Repair(), limits)):
        assert isinstance(RaiseMemory().look(scene(tmp_path, repair, limits=now)), Unfit)


def test_the_last_good_variables_are_for_what_was_started_with_others(tmp_path):
    here = scene(tmp_path, Repair(), env={"KIND": "bad", "EXTRA": "1"}, env_last_good=True, env_files=["-.env"])
    assert isinstance(PutBackEnv().look(here), Unfit)
    kept = index_path(here.keep)
    kept.parent.mkdir(parents=True)
    (tmp_path / ".env").write_text("A=1\n")
    kept.write_bytes(msgspec.json.encode(Index(variables=GoodVariables({"KIND": "good"}, {}))))
    planned = PutBackEnv().look(here)
    assert isinstance(planned, Planned)
    assert planned.says == "start it with KIND, EXTRA, .env as it was when last well"
    assert isinstance(PutBackEnv().look(overridden(here, env_last_good="true")), Unfit)
    same = GoodVariables({"KIND": "bad", "EXTRA": "1"}, {str(tmp_path / ".env"): "A=1\n"})
    kept.write_bytes(msgspec.json.encode(Index(variables=same)))
    assert isinstance(PutBackEnv().look(here), Unfit)
    assert isinstance(PutBackEnv().look(scene(tmp_path, Repair())), Unfit)


def test_a_workload_that_cannot_read_its_text_is_started_with_utf8(real_ward, tmp_path, monkeypatch):
    (tmp_path / "names.txt").write_bytes("Zoë\n".encode())
    for name, value in {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}.items():
        monkeypatch.setenv(name, value)
    house = real_ward([*python(READS_TEXT)[:1], "-c", READS_TEXT])
    assert house.wait_for(IssueResolved).by == "use_utf8"
    assert alive(pid_of(house))


def test_a_workload_out_of_open_files_gets_more(real_ward):
    limits, repair = Limits(rlimits={"nofile": "64"}), Repair(open_files_max=256)
    house = real_ward(python(OPENS_FILES), limits=limits, repair=repair)
    assert house.wait_for(IssueResolved).by == "raise_open_files"
    assert house.ask(ListProcesses()).processes[0].overrides == {"limits.rlimits.nofile": "256"}


def test_a_workload_out_of_memory_gets_more(real_ward):
    limits, repair = Limits(rlimits={"as": "150MB"}), Repair(memory_max=Bytes(600_000_000))
    house = real_ward(python(TAKES_MEMORY), limits=limits, repair=repair)
    assert house.wait_for(IssueResolved).by == "raise_memory"


def test_more_that_does_not_help_is_taken_back(real_ward):
    limits, repair = Limits(rlimits={"nofile": "32"}), Repair(open_files_max=64)
    house = real_ward(python(OPENS_FILES), limits=limits, repair=repair)
    failed = house.wait_for(RemedyFailed, lambda fact: fact.remedy == "raise_open_files")
    assert failed.undone == "raise_open_files"
    assert house.ask(ListProcesses()).processes[0].overrides == {}


def test_a_workload_broken_by_a_change_of_its_variables_runs_with_the_last_good_ones(real_ward, tmp_path):
    (tmp_path / "env").write_text("OF_FILE=good\n")
    house = real_ward(python(NEEDS_MODE), env={"KIND": "good"}, env_files=[str(tmp_path / "env")], env_last_good=True)
    house.wait_for(ProcessReady)
    kept = index_path(tmp_path / "state" / "healer" / "api")
    house.until(kept.exists)
    api = house.view.workloads["api"]
    (tmp_path / "env").write_text("OF_FILE=bad\n")
    spec = msgspec.structs.replace(api.spec, env={"KIND": "bad", "EXTRA": "1"})
    house.reload({"api": msgspec.structs.replace(api, spec=spec, env=spec.env)})
    looks = kept.stat().st_mtime_ns
    house.until(lambda: (house.ask(ListProcesses()).processes[0].uptime_s or 0) > 1.5)
    assert kept.stat().st_mtime_ns == looks, "what runs was started before the change"
    pid = pid_of(house)
    assert pid
    os.kill(pid, 9)
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "put_back_env"
    assert house.ask(ListProcesses()).processes[0].overrides == {"env_last_good": "true"}
    assert alive(pid_of(house))
    house.until(lambda: (house.ask(ListProcesses()).processes[0].uptime_s or 0) > 1.5)
    good = read_index(kept.parent.parent).variables
    assert good
    assert good.env == {"KIND": "good"}, "the change is still not good"
