"""A lock file that nobody holds is removed, and only such a one."""

import fcntl
import os
import subprocess

import pytest

from actors.healer.remedies import NotNow, Planned, Unfit
from actors.healer.repair import RepairFailed
from actors.healer.repairs.stale_lock import ClearLock
from actors.settings.repair import Repair
from bus.messages import IssueResolved, RemedyFailed
from tests.healer.real import alive, pid_of, python
from tests.healer.repairs.scenes import ended_pid, scene

LOCKS = Repair(stale_locks=["app.lock"])

REFUSES_A_LOCK = """
import os, pathlib, sys, time
lock = pathlib.Path("app.lock")
if lock.exists():
    sys.exit(f"another instance holds the lock file {lock} (pid {lock.read_text()})")
lock.write_text(str(os.getpid()))
time.sleep(1000)
"""


def test_a_lock_of_an_ended_process_is_removed_and_can_be_put_back(tmp_path):
    lock = tmp_path / "app.lock"
    lock.write_text(f"{ended_pid()}\n")
    before, here = lock.read_text(), scene(tmp_path, LOCKS)
    planned = ClearLock().look(here)
    assert isinstance(planned, Planned)
    ClearLock().act(here, planned)
    assert not lock.exists()
    ClearLock().take_back(here, planned.undo)
    assert lock.read_text() == before


def test_nothing_is_removed_that_the_config_does_not_name(tmp_path):
    (tmp_path / "app.lock").touch()
    assert isinstance(ClearLock().look(scene(tmp_path, Repair())), Unfit)
    assert isinstance(ClearLock().look(scene(tmp_path, Repair(stale_locks=["other.lock"]))), Unfit)


def test_a_lock_is_held_by_the_living_process_that_it_names(tmp_path):
    (tmp_path / "app.lock").write_text(str(os.getpid()))
    found = ClearLock().look(scene(tmp_path, LOCKS))
    assert isinstance(found, NotNow)
    assert f"pid {os.getpid()} lives" in found.why


def test_a_lock_is_held_by_who_has_it_locked_or_open(tmp_path):
    with (tmp_path / "app.lock").open("w") as lock:
        assert "has it open" in str(ClearLock().look(scene(tmp_path, LOCKS)))
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "has it locked" in str(ClearLock().look(scene(tmp_path, LOCKS)))


def test_a_lock_that_is_taken_between_look_and_act_is_left_alone(tmp_path):
    (tmp_path / "app.lock").touch()
    here = scene(tmp_path, LOCKS)
    planned = ClearLock().look(here)
    assert isinstance(planned, Planned)
    (tmp_path / "app.lock").write_text(str(os.getpid()))
    with pytest.raises(RepairFailed, match="held again"):
        ClearLock().act(here, planned)
    assert (tmp_path / "app.lock").exists()


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.lock").touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "run").symlink_to(outside)
    with pytest.raises(RepairFailed, match="symbolic link"):
        ClearLock().look(scene(inside, Repair(stale_locks=["run/app.lock"])))


def test_a_workload_that_refuses_to_start_over_a_stale_lock_runs_again(real_ward, tmp_path):
    (tmp_path / "app.lock").write_text(str(ended_pid()))
    house = real_ward(python(REFUSES_A_LOCK), repair=LOCKS)
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "clear_lock"
    assert alive(pid_of(house))
    assert not house.events(RemedyFailed)


def test_a_lock_that_a_stranger_holds_is_not_removed_from_a_real_workload(real_ward, tmp_path):
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            (tmp_path / "app.lock").write_text(str(stranger.pid))
            house = real_ward(python(REFUSES_A_LOCK), repair=LOCKS)
            house.until(lambda: any("is held" in fact.why for fact in house.events() if hasattr(fact, "for_s")))
            assert (tmp_path / "app.lock").read_text() == str(stranger.pid)
        finally:
            stranger.kill()
