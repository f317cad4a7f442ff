import os
import sys
import time

import psutil
import pytest

from actors.monitor.sources import trees as trees_file
from actors.monitor.sources.portable import PortableSource
from actors.monitor.sources.proc import ProcSource
from actors.monitor.sources.trees import Target, Trees

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

WRITER = """
import os, sys
file = open(sys.argv[1], "wb")
print(1, flush=True)
for line in sys.stdin:
    file.write(os.urandom(int(line)))
    file.flush()
    os.fsync(file.fileno())
    print("done", flush=True)
"""
FORKER = """
import subprocess, sys
print(1, flush=True)
for line in sys.stdin:
    print(subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).pid, flush=True)
"""


class Counting(ProcSource):
    """Counts the processes that were looked at."""

    looked = 0

    def sweep(self, passed=()):
        table = super().sweep(passed)
        self.looked = len(table.pids)
        return table


@pytest.fixture
def source():
    return Counting()


@pytest.fixture
def trees(source):
    return Trees(source, connections_max=10_000, cores=os.cpu_count() or 1)


def read(trees, *processes, dear=()):
    targets = [Target(str(each.pid), each.pid, frozenset(dear)) for each in processes]
    found = trees.read(targets, everything=True)
    return [found[target.name].values for target in targets]


def test_a_process_that_sleeps_reads_as_before_and_a_new_child_is_seen_at_once(trees, processes):
    sleeper, forker = processes.sleep(), processes.fed(FORKER)
    first = read(trees, sleeper, forker)
    time.sleep(0.1)
    second = read(trees, sleeper, forker)
    assert {**second[0], "uptime": 0, "cpu": 0} == {**first[0], "uptime": 0, "cpu": 0}
    assert second[0]["cpu"] == 0.0
    assert second[0]["uptime"] > first[0]["uptime"]
    processes.say(forker, "1")
    assert read(trees, sleeper, forker)[1]["processes"] == 2


def test_what_belongs_to_no_workload_is_passed_over_until_the_workloads_change(trees, source, processes, monkeypatch):
    first, other = processes.sleep(), processes.sleep()
    read(trees, first)
    everybody = source.looked
    read(trees, first)
    assert source.looked < everybody
    (values, _) = read(trees, first, other)
    assert values["processes"] == 1
    assert source.looked >= 2
    read(trees, first, other)
    monkeypatch.setattr(trees_file, "STRANGERS_S", 0.0)
    trees._strangers_until_s = 0.0
    read(trees, first, other)
    assert source.looked > 2


def test_a_child_that_another_process_of_the_tree_started_meanwhile_is_no_stranger(trees, processes):
    forker = processes.fed(FORKER)
    read(trees, forker)
    for count in range(2, 5):
        processes.say(forker, "1")
        assert read(trees, forker)[0]["processes"] == count


def test_pss_is_there_when_it_is_asked_for_and_not_more_than_the_resident_set(trees, processes):
    sleeper = processes.python("print(1, flush=True); import time; time.sleep(600)")
    assert "pss" not in read(trees, sleeper)[0]
    (values,) = read(trees, sleeper, dear=["pss"])
    assert 0 < values["pss"] <= values["memory"]
    assert values["pss"] == pytest.approx(psutil.Process(sleeper.pid).memory_full_info().pss, rel=0.2)


def test_what_a_tree_writes_to_disk_is_a_rate_between_two_readings_of_it(trees, processes, tmp_path):
    writer = processes.fed(WRITER, tmp_path / "data")
    assert "disk_write" not in read(trees, writer, dear=["disk_io"])[0]
    began_s, before = time.monotonic(), psutil.Process(writer.pid).io_counters().write_bytes
    processes.say(writer, "8000000")
    time.sleep(0.2)
    assert "disk_write" not in read(trees, writer)[0]
    (values,) = read(trees, writer, dear=["disk_io"])
    written = psutil.Process(writer.pid).io_counters().write_bytes - before
    if written == 0:
        pytest.skip("this directory is on no disk")
    assert values["disk_write"] == pytest.approx(written / (time.monotonic() - began_s), rel=0.5)
    assert values["disk_read"] >= 0


@pytest.mark.parametrize("source", [ProcSource(), PortableSource()], ids=["proc", "portable"])
def test_a_process_that_is_gone_has_moved_nothing_and_has_no_memory(source, processes):
    gone = processes.sleep()
    assert source.moved(gone.pid) is not None
    assert source.proportional(gone.pid) > 0
    processes.end(gone)
    assert source.moved(gone.pid) is None
    assert source.proportional(gone.pid) == 0
