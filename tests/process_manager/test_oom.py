"""Ends for want of memory: a real kernel that limits a real group, and what is told of it."""

import os
import secrets
import signal
import sys
from pathlib import Path

import pytest

from actors.process_manager.cgroups import Groups, hierarchies
from actors.process_manager.exits import Exit
from actors.process_manager.life import Life, make_launch
from actors.process_manager.oom import OutOfMemory
from actors.process_manager.runs import end_run
from actors.process_manager.settings import ProcessManagerSettings
from actors.settings import Bytes, Limits, RestartPolicy, Seconds
from bus.messages import CrashLoopEntered, ProcessExited, StopAll
from tests.process_manager.asking import of, row, said

FOREVER = "exec sleep 1000"


@pytest.fixture
def parent():
    """A group beneath which the kernel limits memory; what is in it is removed at the end. To be asked for first."""
    places = [one for one in hierarchies("/proc", "/") if "memory" in one.controllers and os.access(one.base, os.W_OK)]
    if not places:
        pytest.skip("no group can be made that limits memory")
    folder = Path(places[0].base, f"gyrostat-test-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        if not any((folder / file).exists() for file in ("memory.max", "memory.limit_in_bytes")):
            pytest.skip("groups that limit memory are not handed down here")
        yield f"/{folder.name}"
    finally:
        for inner, _, _ in os.walk(folder, topdown=False):
            Path(inner).rmdir()


class Silent:
    """A log that nobody reads."""

    def warning(self, event: str, **pairs: object) -> None:
        pass


GROWS = "a = []\nwhile True: a.append(bytearray(b'x' * 1_000_000))"


def test_an_end_for_want_of_memory_is_told_as_one_and_any_other_kill_is_not(parent, keep, workload, python):
    limits = Limits(memory_max=Bytes(40_000_000))
    house = keep(
        workload("web", python(GROWS), limits=limits, restart=RestartPolicy(start_limit=2)),
        workload("app", FOREVER, limits=limits),
        cgroup_parent=parent,
    )
    ended = house.wait_for(ProcessExited, of("web"))
    assert (ended.signal, ended.cause) == ("KILL", "out of memory, limit 40MB")
    looped = house.wait_for(CrashLoopEntered, of("web"))
    assert looped.cause == ended.cause
    seen = row(house)
    assert seen.cause == ended.cause
    assert seen.why.endswith("ended by itself: signal KILL (out of memory, limit 40MB)")
    os.kill(row(house, "app").pid, signal.SIGKILL)
    assert house.wait_for(ProcessExited, of("app")).cause == ""
    groups = Groups(house.view.name, ProcessManagerSettings(cgroup_parent=parent), Silent())
    (group,) = groups.directories("web")
    house.ask(StopAll())
    house.stop()
    assert not Path(group).parent.exists()


def test_a_child_that_ended_for_want_of_memory_is_noted_and_not_blamed_later(parent, keep, workload, caplog):
    script = f'{sys.executable} -I -S -c "{GROWS}"; echo over; exec sleep 1000'
    house = keep(
        workload("web", script, limits=Limits(memory_max=Bytes(40_000_000))),
        cgroup_parent=parent, memory_check=Seconds(0.05),
    )  # fmt: skip
    said(house, "over\n")
    house.until(lambda: any("process.child_out_of_memory" in one.getMessage() for one in caplog.records))
    os.kill(row(house).pid, signal.SIGKILL)
    assert house.wait_for(ProcessExited, of("web")).cause == ""


def test_without_a_group_of_its_own_an_end_is_told_as_likely_for_want_of_memory(tmp_path, workload):
    own, proc = tmp_path / "cgroup" / "service", tmp_path / "proc"
    own.mkdir(parents=True)
    (proc / "self").mkdir(parents=True)
    (tmp_path / "cgroup" / "cgroup.controllers").write_text("cpu memory pids\n")
    (proc / "self" / "cgroup").write_text("0::/service\n")
    (proc / "self" / "mounts").write_text(f"cgroup2 {tmp_path / 'cgroup'} cgroup2 rw 0 0\n")
    oom = OutOfMemory(Groups("alpha", ProcessManagerSettings(), Silent(), str(proc)), Silent())
    bare = workload("web", FOREVER)

    def cause(signal_name, *, asked=False):
        life = Life(name="web", workload=bare, launch=make_launch(bare, "alpha", {}, str(tmp_path)))
        return oom.cause(life, end_run(life, Exit(signal=signal_name), asked=asked, now_s=0.0))

    assert cause("KILL") == ""  # nobody counts here
    (proc / "vmstat").write_text("nr_free_pages 1\noom_kill 3\n")
    oom.look([])
    assert cause("KILL") == ""
    (proc / "vmstat").write_text("nr_free_pages 1\noom_kill 4\n")
    assert cause("TERM") == cause("KILL", asked=True) == ""
    assert cause("KILL").startswith("likely out of memory")
    assert cause("KILL") == ""
    (own / "memory.events").write_text("oom 1\noom_kill 5\noom_group_kill 0\n")  # the node's own group is nearer
    assert cause("KILL").startswith("likely out of memory")
