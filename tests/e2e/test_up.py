import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from bus.subscriber import Subscriber
from tests.e2e.conftest import read_until, until

TWO = """
node: {name: alpha}
workloads:
  base: {command: [sleep, "1001"], stop: {grace: 2s}}
  leaf: {command: [sleep, "1002"], stop: {grace: 2s}, depends_on: base}
"""


def pid_in(line):
    found = re.search(r"pid (\d+)", line)
    assert found is not None
    return int(found[1])


def test_a_killed_workload_comes_back_and_a_killed_node_is_followed_by_one_that_adopts(site):
    site.write(TWO)
    node = site.up()
    lines = read_until(node.stdout, "leaf          ready")
    assert lines[0].startswith("gyrostat alpha | live | 2 workloads | gyrostat.yaml")

    os.kill(site.rows()["base"]["pid"], signal.SIGKILL)
    lines = read_until(node.stdout, "base          started")
    assert any("ended by SIGKILL" in line for line in lines)
    pids = {"base": pid_in(lines[-1]), "leaf": site.rows()["leaf"]["pid"]}
    read_until(node.stdout, "base          ready")

    node.kill()
    node.wait()
    assert all(psutil.pid_exists(pid) for pid in pids.values())
    assert site.call("status")[0] == 3

    again = site.up()
    lines = read_until(again.stdout, "leaf          adopted untouched")
    until(lambda: {name: row["state"] for name, row in site.rows().items()} == dict.fromkeys(pids, "ready"), "ready")
    rows = site.rows()
    assert {name: row["pid"] for name, row in rows.items()} == pids
    assert all(row["adopted"] for row in rows.values())
    sleepers = [process for process in site.processes() if process.name() == "sleep"]
    assert sorted(process.pid for process in sleepers) == sorted(pids.values())  # neither lost nor doubled

    again.send_signal(signal.SIGINT)
    assert again.wait(30) == 0
    rest = again.stdout.read()
    assert "its workloads are stopped, dependants first" in rest
    assert rest.index("leaf          stopped") < rest.index("base          stopped")
    assert again.stderr.read() == ""
    until(lambda: not site.processes(), "nothing is left")


@pytest.mark.skipif(sys.platform != "linux", reason="tgkill is Linux's")
def test_a_signal_that_reaches_another_thread_ends_the_node_all_the_same(site):
    site.write(TWO)
    node = site.up()
    read_until(node.stdout, "leaf          ready")
    site.status()  # answered by a node that serves
    threads = [int(task.name) for task in Path(f"/proc/{node.pid}/task").iterdir()]
    others = [one for one in threads if one != node.pid and takes(node.pid, one, signal.SIGTERM)]
    assert ctypes.CDLL(None).tgkill(node.pid, others[0], signal.SIGTERM) == 0
    assert node.wait(30) == 0


def takes(pid, thread, number):
    """Whether a thread does not block a signal; those of ZeroMQ block all."""
    status = Path(f"/proc/{pid}/task/{thread}/status").read_text()
    blocked = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
    return not blocked >> (number - 1) & 1


def test_a_second_node_on_the_same_state_is_refused_in_one_line(site):
    site.write("node: {name: alpha}\nworkloads: {}\n")
    node = site.up("--json")
    read_until(node.stdout, "node.started")
    code, _, err = site.call("up")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert re.match(rf"gyrostat: a node runs on .* already \(pid {node.pid}\)", err)


def test_a_state_directory_that_cannot_be_used_is_one_line(site):
    site.write("node: {name: alpha}\nworkloads: {}\n")
    (site.directory / "var" / "node.pid").mkdir(parents=True)
    for command in ("up", "start"):
        code, out, err = site.call(command)
        assert (code, out) == (1, "")
        assert re.fullmatch(r"gyrostat: cannot write in .*; set node.state_dir to a directory you may write\n", err)


def test_a_broken_reload_changes_nothing_and_a_good_one_only_what_differs(site):
    site.write(TWO)
    node = site.up("--json")
    read_until(node.stdout, "process.ready.v1")
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "ready")
    before = site.rows()

    site.write(TWO.replace("command", "comand"))
    code, _, err = site.call("reload")
    assert code == 2
    assert err.splitlines()[-1] == "gyrostat: 4 faults; the config in force is unchanged"
    assert {name: row["pid"] for name, row in site.rows().items()} == {name: row["pid"] for name, row in before.items()}

    site.write(TWO + '  more: {command: [sleep, "1003"]}\n')
    node.send_signal(signal.SIGHUP)
    for line in node.stdout:
        fact = json.loads(line)
        if fact["type"] == "config.reloaded.v1":
            break
    assert fact["data"]["added"] == ["more"]
    until(lambda: site.rows().get("more", {}).get("state") == "ready", "the new one is up")
    assert site.rows()["base"]["pid"] == before["base"]["pid"]


def test_a_node_goes_on_when_nobody_reads_its_stream_any_more(site):
    site.write(TWO)
    node = site.up()
    read_until(node.stdout, "leaf          ready")
    node.stdout.close()
    pid = site.rows()["base"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: site.rows()["base"]["pid"] not in (None, pid), "it is started again")
    node.send_signal(signal.SIGTERM)
    assert node.wait(30) == 0


LISTENER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "listen.py"


def test_an_outside_tool_hears_the_facts_with_the_bus_alone_also_of_a_node_started_again(site):
    site.write(TWO)
    node = site.up()
    read_until(node.stdout, "leaf          ready")
    argv = [sys.executable, str(LISTENER), str(site.directory / "var"), "process", "config.reloaded"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as listener:
        try:
            hears_a_kill(site, listener)
            assert site.call("restart")[0] == 0
            hears_a_kill(site, listener)
        finally:
            listener.kill()


def hears_a_kill(site, listener):
    """Once it has joined, which takes a subscriber a moment: what was told before that, it never hears."""
    joined = threading.Event()

    def reload():
        while not joined.is_set():
            site.call("reload")

    reloader = threading.Thread(target=reload)
    reloader.start()
    try:
        read_until(listener.stdout, "config.reloaded.v1 alpha")
    finally:
        joined.set()
        reloader.join()
    os.kill(until(lambda: site.rows()["base"]["pid"], "it is up"), signal.SIGKILL)
    assert "'signal': 'KILL'" in read_until(listener.stdout, "process.exited.v1 base")[-1]


def test_a_crash_loop_is_told_here_and_to_those_who_listen(site):
    site.write("""
node: {name: alpha}
workloads:
  bad: {command: ["false"], restart: {start_limit: 3, start_limit_window: 20s, backoff_first: 300ms}}
""")
    node = site.up()
    read_until(node.stdout, "bad           started")
    with Subscriber(site.directory / "var", ["process"], since="start", timeout_s=10.0) as events:
        told = next(event for event in events if event.type == "process.crash_loop_entered.v1")
    assert (told.subject, told.data["starts"], told.data["window_s"]) == ("bad", 3, 20.0)
    read_until(node.stdout, "bad           is held: 3 starts within 20 s")
