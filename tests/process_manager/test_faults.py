"""Bad days, on real processes: a machine that is short of something, jumping clocks, pids that come again, zombies."""

import contextlib
import os
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from actors.clock import RealClock
from actors.process_manager.actor import ProcessManager
from actors.settings import RestartPolicy, Seconds
from bus.messages import (
    CrashLoopEntered,
    ListProcesses,
    ProcessAdopted,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStartFailed,
    StartProcess,
    StopProcess,
)
from tests.process_manager.asking import of, row
from tests.small_disk import fill, small_disk

FOREVER = "exec sleep 1000"
ALWAYS = RestartPolicy(stable_after=Seconds(0), backoff_first=Seconds(0.02), start_limit=1_000_000)
ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")


def descriptors():
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def test_no_descriptor_left_is_told_and_over_when_there_are_some_again(keep, workload):
    house = keep(workload("web", FOREVER, restart=ALWAYS))
    pid = house.wait_for(ProcessReady).pid
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        highest = max(descriptors())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        with contextlib.suppress(OSError):
            while True:
                held.enter_context(Path(os.devnull).open("rb"))
        os.kill(pid, signal.SIGKILL)
        failed = house.wait_for(ProcessStartFailed, of("web", attempt=2))
    assert failed.retryable
    assert "Too many open files" in failed.reason
    house.wait_for(ProcessReady, lambda fact: fact.pid != pid)
    assert house.shells["process_manager"].failures == 0


def test_a_fork_that_fails_is_told_and_tried_again(mark):
    folder = Path(tempfile.mkdtemp(prefix="gyrostat-short-"))
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    try:
        os.chown(folder, uid, -1)
        ran = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("short_of.py")), str(folder / "state"), f"n{mark}", str(uid)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "up", "short True the machine cannot start sleep now: Resource temporarily unavailable", "back 0",
    ]  # fmt: skip


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB at the state directory."""
    with small_disk(tmp_path / "state") as place:
        yield place


@as_root
def test_a_full_disk_keeps_nobody_from_being_restarted_and_logs_go_on_when_there_is_room(disk, keep, workload, caplog):
    script = "while :; do echo line; sleep 0.02; done"
    house = keep(workload("web", script, restart=ALWAYS), log_check=Seconds(0.05))
    house.wait_for(ProcessReady)
    filler = fill(disk)
    for number in range(2, 6):
        os.kill(row(house).pid, signal.SIGKILL)
        house.wait_for(ProcessReady, of("web", incarnation=number))
    house.until(lambda: any("store.not_written" in one.message for one in caplog.records))
    path = Path(row(house).log_path)
    before = path.stat().st_size
    filler.unlink()
    house.until(lambda: path.stat().st_size > before + 50)
    os.kill(row(house).pid, signal.SIGKILL)
    house.wait_for(ProcessReady, of("web", incarnation=6))
    pid = row(house).pid
    assert house.shells["process_manager"].failures == 0
    house.die("process_manager")
    second = keep(workload("web", script, restart=ALWAYS))
    assert second.wait_for(ProcessAdopted).pid == pid


class Wall(RealClock):
    """A machine whose wall clock is set by a person."""

    offset_s = 0.0

    def wall(self) -> float:
        return super().wall() + self.offset_s


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0])
def test_a_wall_clock_that_jumps_by_a_day_restarts_nobody(houses, workload, jump_s):
    clock = Wall()
    house = houses(clock=clock)
    loads = {f"w{number}": workload(f"w{number}", FOREVER) for number in range(5)}
    house.start(ProcessManager, workloads=loads)
    pids = [one.pid for one in house.ask(ListProcesses()).processes]
    clock.offset_s = jump_s
    rows = house.ask(ListProcesses()).processes
    assert [one.pid for one in rows] == pids
    assert all(0 <= one.uptime_s < 60 and 0 <= one.since_s < 60 for one in rows)
    os.kill(pids[0], signal.SIGKILL)
    house.wait_for(ProcessStarted, of("w0", incarnation=2))
    house.die("process_manager")
    after = Wall()
    after.offset_s = -jump_s
    second = houses(clock=after)
    second.start(ProcessManager, workloads=loads)
    assert [one.pid for one in second.ask(ListProcesses()).processes][1:] == pids[1:]
    assert {one.restarts for one in second.ask(ListProcesses()).processes[1:]} == {0}
    assert second.events(ProcessExited, ProcessStarted) == []


def next_pid_is(pid: int) -> bool:
    with contextlib.suppress(OSError):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        return True
    return False


@as_root
def test_a_stranger_with_the_pid_of_a_dead_workload_is_neither_adopted_nor_signalled(keep, workload, mark):
    house = keep(workload("web", FOREVER))
    pid = house.wait_for(ProcessReady).pid
    house.die("process_manager")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    time.sleep(0.05)  # the kernel counts starts in ticks of 10 ms: in the same tick nobody could tell them apart
    for _ in range(200):
        if not next_pid_is(pid):
            pytest.skip("pids cannot be chosen here")
        stranger = subprocess.Popen(["sleep", "1234"], start_new_session=True)
        if stranger.pid == pid:
            break
        stranger.kill()
        stranger.wait()
    else:
        pytest.skip("somebody else was always quicker")
    second = keep(workload("web", FOREVER))
    assert second.wait_for(ProcessStarted).pid != pid
    assert second.events(ProcessAdopted) == []
    second.ask(StopProcess(name="web"))
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_zombie_in_its_tree_holds_up_no_stop(keep, workload, python, alive):
    program = "import os, time\nif not os.fork(): os._exit(0)\nprint('on', flush=True); time.sleep(1000)"
    house = keep(workload("web", python(program)))
    path = Path(row(house).log_path)
    house.until(lambda: path.exists() and path.read_text() == "on\n")
    house.ask(StopProcess(name="web"))
    assert alive() == []


def test_one_whose_parent_never_reaps_it_is_seen_to_end(keep, workload, mark, tmp_path):
    # The node before is not dead but stopped: what it started stays its child, and a zombie when it ends.
    script = "exec sleep 1000"
    host = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("host.py")), str(tmp_path / "state"), f"n{mark}",
         str(tmp_path), script],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with host:
        try:
            assert host.stdout is not None
            assert host.stdout.readline() == "up\n"
            os.kill(host.pid, signal.SIGSTOP)
            house = keep(workload("web", script, restart=ALWAYS))
            adopted = house.wait_for(ProcessAdopted)
            os.kill(adopted.pid, signal.SIGKILL)
            exited = house.wait_for(ProcessExited)
            assert (exited.pid, exited.signal) == (adopted.pid, "KILL")
            house.wait_for(ProcessStarted, of("web", incarnation=2))
            house.ask(StopProcess(name="web"))
        finally:
            host.kill()
            os.kill(host.pid, signal.SIGCONT)


def test_one_that_closes_its_output_is_kept_like_any_other(keep, workload, tmp_path):
    house = keep(workload("web", "echo first; exec >&- 2>&- <&-; exec sleep 1000", restart=ALWAYS))
    for number in range(1, 4):
        started = house.wait_for(ProcessReady, of("web", incarnation=number))
        path = Path(row(house).log_path)
        house.until(lambda path=path, number=number: path.read_text() == "first\n" * number)
        os.kill(started.pid, signal.SIGKILL)
    house.ask(StopProcess(name="web"))


EXITS = 10_000 if "GYROSTAT_CI" in os.environ else 2_000
"""Ten thousand take half a minute; every change is proven by less, every merge by all."""


def test_ten_thousand_exits_leave_nothing_behind(keep, workload, alive):
    # Twenty workloads that end at once, until each was started so often that it is a crash loop.
    names, starts = [f"w{number}" for number in range(20)], EXITS // 20
    policy = RestartPolicy(
        backoff_first=Seconds(0), backoff_max=Seconds(0), start_limit=starts, start_limit_window=Seconds(3600)
    )
    fds = len(descriptors())
    house = keep(*(workload(name, ["false"], restart=policy) for name in names), evidence_lines=0)
    for name in names:
        house.wait_for(CrashLoopEntered, of(name, starts=starts), timeout_s=120)
    assert len(house.events(ProcessExited)) == EXITS
    assert house.shells["process_manager"].failures == 0
    assert alive() == []
    assert len(descriptors()) < fds + 50
    house.ask(StartProcess(name="w0"))
    house.wait_for(ProcessStarted, of("w0", incarnation=starts + 1))
