import os

import msgspec
import pytest

from actors.healer.issues import Cause
from actors.healer.remedies import Planned, Unfit
from actors.healer.repairs.rotate_logs import RotateLogs
from actors.process_manager.settings import ProcessManagerSettings
from actors.settings import LogPolicy, Seconds, Share
from actors.settings.repair import Cleanup, Repair
from actors.settings.units import Bytes
from bus.messages.mending import RotateLog
from bus.messages.process_manager import ListProcesses, ReadLog
from tests.healer.real import python
from tests.healer.repairs.scenes import scene

TIGHT = Repair(cleanup=Cleanup(keep_free=Share(1.0)))
FREE = Repair(cleanup=Cleanup(keep_free=Share(0.0)))


@pytest.fixture
def of_log(tmp_path, monkeypatch):
    """A scene of a workload whose log has rotated files; the disk is as if nothing else were on it."""

    def made(repair=TIGHT, sizes=(1000, 300_000, 300_000, 300_000), *, metric="", used=None):
        path = tmp_path / "api.log"
        for number, size in enumerate(sizes):
            (path if number == 0 else tmp_path / f"api.log.{number}").write_bytes(b"x" * size)
        own = sum(name.stat().st_blocks * 512 for name in tmp_path.glob("api.log*"))
        system = os.statvfs(tmp_path)
        blocks = (used or own) // system.f_frsize
        fields = {name: getattr(system, name) for name in ("f_frsize", "f_bsize")}
        full = type("Full", (), fields | {"f_blocks": blocks, "f_bfree": 0, "f_bavail": 0})()
        monkeypatch.setattr(os, "statvfs", lambda _: full)
        found = scene(tmp_path, repair, failure="disk", log=LogPolicy(max_size=Bytes(400_000), keep=4))
        issue = msgspec.structs.replace(found.issue, cause=Cause(metric=metric))
        return msgspec.structs.replace(found, row=msgspec.structs.replace(found.row, log_path=str(path)), issue=issue)

    return made


def test_rotated_files_but_the_newest_are_compressed_when_they_fill_the_disk(of_log):
    found = of_log()
    planned = RotateLogs().look(found)
    assert isinstance(planned, Planned)
    assert planned.says.startswith("compress api.log.2, api.log.3 (")
    acted = RotateLogs().act(found, planned)
    assert isinstance(acted.command, RotateLog)
    assert (acted.command.name, acted.then) == ("api", "start")


def test_a_log_over_its_size_is_rotated_too(of_log):
    planned = RotateLogs().look(of_log(sizes=(500_000, 300_000)))
    assert isinstance(planned, Planned)
    assert planned.says.startswith("rotate api.log (")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sizes": (1000, 300_000)}, "nothing of its log is left to be compressed"),
        ({"repair": FREE}, "0% or more is free where the logs are"),
        ({"used": 100_000_000}, "its log takes 1% of what is used of the disk only"),
    ],
)
def test_it_does_not_apply_when_the_log_is_not_what_fills_the_disk(of_log, fields, why):
    assert RotateLogs().look(of_log(**fields)) == Unfit(why)


def test_a_log_that_is_flooded_is_compressed_however_full_the_disk_is(of_log):
    assert isinstance(RotateLogs().look(of_log(FREE, metric="log_rate")), Planned)


TALKS = """
import pathlib, time
if not pathlib.Path("said").exists():
    pathlib.Path("said").touch()
    for number in range(60_000):
        print("line", number, "of a program that says much")
print("up", flush=True)
time.sleep(1000)
"""


def last_line(house):
    return house.ask(ReadLog(name="api", lines=1)).lines[0].text


def test_the_process_manager_compresses_the_log_of_a_process_that_runs(real_ward, tmp_path):
    house = real_ward(
        python(TALKS),
        manager=ProcessManagerSettings(log_check=Seconds(0.1)),
        log=LogPolicy(max_size=Bytes(500_000), keep=9),
    )
    log = tmp_path / "state" / "logs"
    house.until((log / "api.log.3").exists)
    house.until(lambda: last_line(house) == "up")
    assert house.ask(ListProcesses()).processes[0].state == "ready"
    assert house.ask(RotateLog(name="api")).detail.startswith("freed ")
    assert (log / "api.log.3.gz").exists()
    assert (log / "api.log.1").exists()
    assert not (log / "api.log.2").exists()
    assert last_line(house) == "up"
