"""Directories are made, permissions given back, files that can be done without deleted, broken input put aside."""

import os
import stat
import time

import pytest

from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.clean_up import CleanUp
from actors.healer.repairs.fix_permission import FixPermission
from actors.healer.repairs.make_directory import MakeDirectory
from actors.healer.repairs.quarantine_input import QuarantineInput
from actors.settings import Share
from actors.settings.repair import Cleanup, Inputs, Repair
from bus.messages import IssueResolved
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import scene

WRITES_INTO_A_DIRECTORY = """
import pathlib, time
pathlib.Path("spool/now").write_text("x")
time.sleep(1000)
"""
WORKS_ON_INPUT = """
import json, pathlib, time
for path in sorted(pathlib.Path("inbox").glob("*.json")):
    print(path.name, json.loads(path.read_text()), flush=True)
time.sleep(1000)
"""


def done(repair, here):
    planned = repair.look(here)
    assert isinstance(planned, Planned), planned
    repair.act(here, planned)
    return planned


def test_a_directory_is_made_and_removed_again_while_it_is_empty(tmp_path):
    here = scene(tmp_path, Repair(directories=["a/b", "there"]))
    (tmp_path / "there").mkdir()
    planned = done(MakeDirectory(), here)
    assert (tmp_path / "a" / "b").is_dir()
    MakeDirectory().take_back(here, planned.undo)
    assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "there").is_dir()


def test_a_directory_that_was_used_meanwhile_stays(tmp_path):
    here = scene(tmp_path, Repair(directories=["a"]))
    planned = done(MakeDirectory(), here)
    (tmp_path / "a" / "file").touch()
    MakeDirectory().take_back(here, planned.undo)
    assert (tmp_path / "a" / "file").exists()


def test_permissions_are_given_back_and_can_be_taken_again(tmp_path):
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.chmod(0o000)
    here = scene(tmp_path, Repair(permissions={"key": "0640"}))
    planned = done(FixPermission(), here)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert isinstance(FixPermission().look(here), Unfit)
    FixPermission().take_back(here, planned.undo)
    assert stat.S_IMODE(path.stat().st_mode) == 0


def test_only_what_matches_is_deleted_and_the_oldest_first(tmp_path):
    for number in range(4):
        path = tmp_path / f"old-{number}.log"
        path.write_bytes(b"x" * 100_000)
        os.utime(path, (time.time() - 1000 + number,) * 2)
    (tmp_path / "kept.log").write_bytes(b"x" * 100_000)
    (tmp_path / "old-link.log").symlink_to(tmp_path / "kept.log")
    planned = done(CleanUp(), scene(tmp_path, Repair(cleanup=Cleanup(paths=["old-*.log"], keep_free=Share(1.0)))))
    assert next(iter(planned.detail)).endswith("old-0.log")
    assert {path.name for path in tmp_path.glob("*.log")} == {"kept.log", "old-link.log"}


def test_nothing_is_deleted_while_enough_is_free(tmp_path):
    (tmp_path / "old.log").write_text("x")
    assert isinstance(
        CleanUp().look(scene(tmp_path, Repair(cleanup=Cleanup(paths=["*.log"], keep_free=Share(0.0))))), Unfit
    )
    assert (tmp_path / "old.log").exists()


@pytest.mark.parametrize("text", ["", "ValueError in inbox/b.json: bad line"])
def test_a_broken_input_is_put_aside_and_can_be_put_back(tmp_path, text):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.json").write_text("{}")
    (tmp_path / "inbox" / "b.json").write_text("{")
    here = scene(tmp_path, Repair(inputs=Inputs(paths=["inbox/*.json"])), text=text)
    planned = done(QuarantineInput(), here)
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["a.json"]
    assert (tmp_path / "quarantine" / "b.json").read_text() == "{"
    QuarantineInput().take_back(here, planned.undo)
    assert (tmp_path / "inbox" / "b.json").exists()


def test_a_workload_whose_directory_is_gone_works_again(real_ward, tmp_path):
    house = real_ward(python(WRITES_INTO_A_DIRECTORY), repair=Repair(directories=["spool"]))
    assert house.wait_for(IssueResolved).by == "make_directory"
    assert (tmp_path / "spool" / "now").exists()
    assert alive(pid_of(house))


def test_a_workload_that_chokes_on_one_input_works_on_the_others(real_ward, tmp_path):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.json").write_text("{}")
    (tmp_path / "inbox" / "b.json").write_text('{"a"')
    house = real_ward(python(WORKS_ON_INPUT), repair=Repair(inputs=Inputs(paths=["inbox/*.json"])))
    assert house.wait_for(IssueResolved).by == "quarantine_input"
    assert (tmp_path / "quarantine" / "b.json").exists()
    assert alive(pid_of(house))
