import math
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from actors.monitor.settings import HOST_METRICS
from actors.monitor.sources.host import HostSource, memory_values, open_files
from actors.monitor.sources.own import OwnSource
from actors.monitor.sources.pressure import Pressure
from actors.monitor.sources.traffic import Traffic, disk_counts, net_counts

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
STALLED = "some avg10={0:.2f} avg60=0.00 avg300=0.00 total={1}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_what_is_read_of_the_host_has_a_name_that_a_limit_can_be_set_for(tmp_path):
    source = HostSource(tmp_path, time.monotonic)
    source.read()
    time.sleep(0.05)
    values = source.read()
    assert values.keys() - {"memory_percent", "memory_total"} <= HOST_METRICS.keys()
    assert {"cpu", "load1", "memory", "swap", "disk"} <= values.keys()
    assert all(math.isfinite(value) and value >= 0 for value in values.values())


@LINUX
def test_memory_is_what_psutil_says_of_the_same_moment():
    values, memory = memory_values(), psutil.virtual_memory()
    assert values["memory_total"] == memory.total
    assert values["memory"] == pytest.approx(memory.total - memory.available, rel=0.05)
    assert values["swap"] == pytest.approx(psutil.swap_memory().percent, abs=1.0)


def test_disk_and_inodes_are_in_percent_of_what_a_user_can_have(tmp_path):
    values, found = HostSource(tmp_path, time.monotonic).read(), os.statvfs(tmp_path)
    assert values["disk"] == pytest.approx(psutil.disk_usage(str(tmp_path)).percent, abs=0.5)
    if found.f_files:
        assert values["inodes"] == pytest.approx(100 * (1 - found.f_ffree / found.f_files), abs=5.0)


@LINUX
def test_open_files_of_the_host_rise_with_a_file_that_is_opened():
    before = open_files() or 0
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    try:
        # Rounded by the kernel, which counts them per core.
        assert (open_files() or 0) > before
    finally:
        for each in held:
            os.close(each)


@LINUX
def test_bytes_written_to_a_disk_are_seen_in_its_rate(tmp_path, until):
    if not disk_counts():
        pytest.skip("there is no disk to be seen here")
    traffic = Traffic(time.monotonic)
    assert traffic.read() == {}

    def written():
        with (tmp_path / "data").open("wb") as file:
            file.write(os.urandom(4_000_000))
            os.fsync(file.fileno())
        return sum(after for _, after in disk_counts().values())

    before = sum(earlier for _, earlier in disk_counts().values())
    if written() - before < 1_000_000:
        pytest.skip("this directory is on no disk of this machine")
    assert until(lambda: traffic.read().get("disk_write", 0.0) > 0)


@LINUX
def test_the_network_counts_neither_loopback_nor_what_is_no_interface():
    assert "lo" not in net_counts()
    assert all(received >= 0 and sent >= 0 for received, sent in net_counts().values())


def test_pressure_is_the_kernels_average_first_and_then_what_was_waited_between_two_readings(tmp_path):
    (tmp_path / "io").write_text(STALLED.format(12.5, 1_000_000))
    now_s = [0.0]
    pressure = Pressure(lambda: now_s[0], tmp_path)
    assert pressure.read() == {"pressure_io": 12.5, "stall_io": 0.0}
    (tmp_path / "io").write_text(STALLED.format(12.5, 3_500_000))
    now_s[0] = 10.0
    assert pressure.read() == {"pressure_io": 25.0, "stall_io": 0.0}
    (tmp_path / "io").write_text("nonsense\n")
    assert pressure.read() == {}


def test_a_kernel_without_pressure_has_none(tmp_path):
    assert Pressure(time.monotonic, tmp_path / "none").read() == {}


@LINUX
@pytest.mark.skipif(not Path("/proc/pressure").is_dir(), reason="the kernel counts no pressure")
def test_two_threads_of_work_on_each_core_are_pressure(processes, until):
    pressure = Pressure(time.monotonic)
    pressure.read()
    for _ in range(2 * (os.cpu_count() or 1)):
        processes.python("print(1, flush=True)\nwhile True: pass")
    assert until(lambda: pressure.read()["pressure_cpu"] > 0)


def test_the_cost_of_the_monitor_is_that_of_its_thread_and_its_readings():
    source = OwnSource(time.monotonic)
    assert "monitor_cpu" not in source.read()
    end_s = time.thread_time() + 0.2
    while time.thread_time() < end_s:
        pass
    source.add_reading(0.1)
    values = source.read()
    if "monitor_cpu" in values:
        assert 0 < values["monitor_cpu"] <= 100 * 1.5 * (os.cpu_count() or 1)
        assert values["monitor_cpu"] > 10


def test_the_cost_of_a_thread_that_ended_is_not_known_any_more():
    made = []
    thread = threading.Thread(target=lambda: made.append(OwnSource(time.monotonic)))
    thread.start()
    thread.join()
    made[0].read()
    assert made[0].read()["memory"] > 0
