import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from actors.monitor.sampling import Sampler, SamplingFailed, system_source
from actors.monitor.sources.connections import held_connections, host_connections, listed_sockets, open_sockets
from actors.monitor.sources.host import memory_total
from actors.monitor.sources.portable import PortableSource
from actors.monitor.sources.trees import Target

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Starts as many children as asked, each with so many bytes of memory, and then waits.
FAMILY = """
import subprocess, sys
child = "b = bytearray(int(%r)); b[::4096] = b'x' * len(b[::4096]); print(1, flush=True); input()"
children = [
    subprocess.Popen([sys.executable, "-c", child % sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(int(sys.argv[1]))
]
for each in children: each.stdout.readline()
print(" ".join(str(each.pid) for each in children), flush=True)
import time; time.sleep(600)
"""
BURNER = "print(1, flush=True)\nwhile True: pass"
ORPHAN = """
import subprocess, sys, time
child = "import subprocess; print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)"
middle = subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
print(middle.stdout.strip(), flush=True)
time.sleep(600)
"""
ZOMBIES = """
import os, time
for _ in range(3):
    if os.fork() == 0: os._exit(0)
time.sleep(0.2)
print(1, flush=True)
time.sleep(600)
"""
# Burns in children one after another, each waited for.
RELAY = """
import subprocess, sys, time
print(1, flush=True)
burn = "import time; end = time.process_time() + 0.2\\nwhile time.process_time() < end: pass"
while True:
    subprocess.run([sys.executable, "-c", burn])
"""


@pytest.fixture(params=["proc", "portable"])
def sampler(request, tmp_path):
    if request.param == "proc" and sys.platform != "linux":
        pytest.skip("reads /proc")
    source = PortableSource() if request.param == "portable" else None
    return Sampler(time.monotonic, tmp_path, connections_max=10_000, source=source)


def read(sampler, process, **how):
    how = {"everything": True} | how
    sample = sampler.sample([Target("it", process.pid)], **how)
    return sample.trees["it"].values if "it" in sample.trees else None


def cpu_over(sampler, process, seconds=1.0, **how):
    read(sampler, process)
    time.sleep(seconds)
    return read(sampler, process, **how)["cpu"]


def test_a_process_that_burns_reads_a_whole_core_and_one_that_sleeps_none(sampler, processes):
    burner, sleeper = processes.python(BURNER), processes.sleep()
    used_s = sum(psutil.Process(burner.pid).cpu_times()[:2])
    began_s = time.monotonic()
    measured = cpu_over(sampler, burner)
    own_share = 100 * (sum(psutil.Process(burner.pid).cpu_times()[:2]) - used_s) / (time.monotonic() - began_s)
    assert measured == pytest.approx(own_share, abs=12)
    assert 10 < measured < 112
    assert cpu_over(sampler, sleeper, 0.3) < 5


def test_a_tree_is_summed(sampler, processes):
    family = processes.python(FAMILY, 3, 20_000_000)
    values = read(sampler, family)
    pids = [family.pid, *map(int, family.said.split())]
    resident = sum(psutil.Process(pid).memory_info().rss for pid in pids)
    assert values["processes"] == 4
    assert values["memory"] == pytest.approx(resident, rel=0.02)
    assert values["memory"] > 3 * 20_000_000
    assert values["threads"] == sum(psutil.Process(pid).num_threads() for pid in pids)
    assert values["fds"] == sum(psutil.Process(pid).num_fds() for pid in pids)
    assert values["zombies"] == 0
    assert 0 < values["uptime"] < 60


def test_a_child_whose_parent_ended_is_found_by_its_session(sampler, processes):
    orphaned = processes.python(ORPHAN)
    assert psutil.Process(int(orphaned.said)).ppid() != orphaned.pid
    assert read(sampler, orphaned)["processes"] == 2


def test_zombies_are_counted_and_are_no_living_processes(sampler, processes):
    values = read(sampler, processes.python(ZOMBIES))
    assert values["zombies"] == 3
    assert values["processes"] == 1
    assert values["threads"] == 1


def test_a_zombie_itself_and_a_process_that_is_gone_give_no_reading(sampler, processes, until):
    ended, other = processes.sleep(), processes.sleep()
    read(sampler, ended)
    ended.kill()
    until(lambda: psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE)
    targets = [Target("ended", ended.pid), Target("other", other.pid)]
    assert list(sampler.sample(targets, everything=True).trees) == ["other"]
    processes.end(ended)
    assert list(sampler.sample(targets, everything=True).trees) == ["other"]
    assert list(sampler.sample(targets, everything=False).trees) == ["other"]


@LINUX
def test_processes_that_come_and_go_while_they_are_read_harm_nothing(tmp_path, processes):
    sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000)
    relay = processes.python(RELAY)
    for round_ in range(200):
        values = read(sampler, relay, everything=round_ % 3 == 0)
        assert values["processes"] >= 1
        assert values.get("cpu", 0.0) >= 0.0


@LINUX
def test_cpu_of_children_that_ended_is_counted_once(tmp_path, processes):
    sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000)
    relay = processes.python(RELAY)
    read(sampler, relay)
    before = os.times().elapsed
    readings, spent = [], psutil.Process(relay.pid).cpu_times()
    for _ in range(10):
        time.sleep(0.2)
        readings.append(read(sampler, relay)["cpu"])
    after, lasted_s = psutil.Process(relay.pid).cpu_times(), os.times().elapsed - before
    waited_s = after.children_user + after.children_system - spent.children_user - spent.children_system
    mean = sum(readings) / len(readings)
    assert max(readings) < 100 * (os.cpu_count() or 1) + 1
    assert mean == pytest.approx(100 * waited_s / lasted_s, abs=25)
    assert mean > 5


def test_a_restarted_workload_has_no_spike(sampler, processes):
    burner = processes.python(BURNER)
    cpu_over(sampler, burner, 0.5)
    processes.end(burner)
    assert 0 <= cpu_over(sampler, processes.sleep(), 0.3) < 10


def test_a_young_tree_has_a_share_from_its_start_and_an_old_one_only_with_the_second_reading(sampler, processes):
    burner = processes.python(BURNER)
    time.sleep(0.5)
    assert read(sampler, burner)["cpu"] > 5
    source = sampler.trees._source
    later_s = source.now_s() + 3600
    source.now_s = lambda: later_s
    sampler.trees._looks.clear()
    assert "cpu" not in read(sampler, burner)


@LINUX
@pytest.mark.parametrize("begun", ["begin()", "threading.Thread(target=begin).start()"])
def test_a_quick_look_sees_new_children_of_every_thread(tmp_path, processes, until, begun):
    sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000)
    code = f"""
import subprocess, threading
def begin():
    subprocess.run(['sleep', '0.5'])
    subprocess.run(['sleep', '600'])
print(1, flush=True)
{begun}
"""
    parent = processes.python(code)
    read(sampler, parent)
    until(lambda: (found := read(sampler, parent, everything=False)) and found["processes"] == 2)
    assert cpu_over(sampler, parent, 0.2, everything=False) < 20


def test_everything_means_host_and_node_as_well(sampler):
    sampler.sample([], everything=True)
    time.sleep(0.2)
    end_s = time.process_time() + 0.1
    while time.process_time() < end_s:
        pass
    sample = sampler.sample([], everything=True)
    assert 0 <= sample.host["cpu"] <= 100
    assert 0 < sample.host["memory"] < sample.host["memory_total"] == memory_total()
    assert sample.host["memory_percent"] == pytest.approx(psutil.virtual_memory().percent, abs=5)
    assert 0 < sample.host["disk"] < 100
    assert sample.host["load1"] >= 0
    assert sample.own["cpu"] > 1
    assert sample.own["memory"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)
    assert sample.own["threads"] >= 1
    assert 0 < sample.cycle_s < 10
    quick = sampler.sample([], everything=False)
    assert (quick.host, quick.own, quick.trees) == ({}, {}, {})


def test_a_state_directory_that_is_not_there_yet_has_no_disk(tmp_path):
    sampler = Sampler(time.monotonic, tmp_path / "later", connections_max=10_000)
    assert "disk" not in sampler.sample([], everything=True).host


def test_a_system_that_refuses_is_one_error(tmp_path):
    class Refusing(PortableSource):
        def sweep(self, passed=()):
            raise OSError(24, "Too many open files")

    sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000, source=Refusing())
    with pytest.raises(SamplingFailed, match="Too many open files"):
        sampler.sample([Target("it", os.getpid())], everything=True)


CLIENT = """
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
print(len(held), flush=True)
time.sleep(600)
"""


@LINUX
def test_connections_of_a_workload_are_those_it_holds(tmp_path, processes):
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = processes.python(CLIENT, server.getsockname()[1], 4)
        sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000)
        target = Target("it", client.pid, frozenset({"connections"}))
        (counted,) = sampler.sample([target], everything=True).trees.values()
        assert counted.values["connections"] == 4
        assert (host_connections() or 0) >= 4
        assert "connections" not in read(sampler, client)
        sampler.trees.connections_max = 0
        (left,) = sampler.sample([target], everything=True).trees.values()
        assert "connections" not in left.values


@LINUX
def test_a_process_that_is_gone_holds_no_connections(processes):
    gone = processes.sleep()
    processes.end(gone)
    assert held_connections([gone.pid], open_sockets()) == 0


@LINUX
@pytest.mark.needs("unshare")
def test_connections_in_another_network_are_unknown(processes):
    elsewhere = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo there; exec sleep 600"],
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    processes.adopt(elsewhere)
    assert elsewhere.stdout
    if elsewhere.stdout.readline() != "there\n":
        pytest.skip("no network of its own can be had here")
    assert held_connections([elsewhere.pid], open_sockets()) is None


@pytest.mark.parametrize(
    "source", [PortableSource(), pytest.param(system_source(), marks=LINUX)], ids=["portable", "proc"]
)
def test_a_process_that_is_gone_has_no_descriptors_and_no_figures(processes, until, source):
    gone = processes.sleep()
    until(lambda: source.near([gone.pid]).read(gone.pid).memory > 0)
    assert source.descriptors(gone.pid) > 0
    processes.end(gone)
    assert source.descriptors(gone.pid) == 0
    assert source.near([gone.pid]).read(gone.pid) is None


@LINUX
def test_names_that_look_like_fields_are_read_past(tmp_path, processes):
    program = tmp_path / "a ) b (7 "
    program.symlink_to(Path("/bin/sleep").resolve())
    odd = processes.python(
        f"import os, subprocess; p = subprocess.Popen([{str(program)!r}, '600']); print(p.pid, flush=True); p.wait()"
    )
    sampler = Sampler(time.monotonic, tmp_path, connections_max=10_000)
    assert read(sampler, odd)["processes"] == 2


def test_the_kernel_gives_the_same_connections_as_its_tables():
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        with one, other:
            mine = {b"%d" % os.fstat(end.fileno()).st_ino for end in (one, other)}
            assert mine <= open_sockets()
            assert mine <= listed_sockets()
        assert not mine & open_sockets()
