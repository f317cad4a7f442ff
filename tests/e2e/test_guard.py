"""A node beneath its guard: started again when it dies, upgraded beneath its workloads, and no exit goes unseen."""

import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a guard is a child subreaper, which Linux has")

CONFIG = """
node: {name: alpha}
workloads:
  web: {command: [sleep, "5001"], stop: {grace: 2s}}
  job: {command: [sh, -c, "until [ -e go ]; do sleep 0.02; done; exit 7"], restart: {policy: never}}
  hit: {command: [sleep, "5002"], restart: {policy: never}}
"""


def node_pid(site):
    return json.loads((site.directory / "var/run/endpoints.json").read_text())["pid"]


def start(site):
    site.write(CONFIG)
    code, _, err = site.call("start")
    assert (code, err) == (0, "")
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "all are ready")
    return site.rows()


def ends(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_node_that_is_killed_is_started_again_and_knows_how_those_ended_that_ended_meanwhile(site):
    before = start(site)
    first = node_pid(site)
    guard = psutil.Process(first).ppid()
    os.kill(guard, signal.SIGSTOP)  # holds the next node back
    os.kill(first, signal.SIGKILL)
    until(lambda: ends(first), "the node is dead")
    (site.directory / "go").touch()
    os.kill(before["hit"]["pid"], signal.SIGUSR1)
    until(lambda: ends(before["job"]["pid"]) and ends(before["hit"]["pid"]), "two workloads have ended")
    os.kill(guard, signal.SIGCONT)
    until(lambda: site.call("status")[0] == 0 and node_pid(site) != first, "the guard starts the next node")
    until(lambda: site.rows()["web"]["state"] == "ready", "it is adopted")
    rows = site.rows()
    assert rows["web"]["pid"] == before["web"]["pid"]
    assert (rows["job"]["state"], rows["job"]["exit_code"], rows["job"]["signal"]) == ("exited", 7, None)
    assert (rows["hit"]["state"], rows["hit"]["exit_code"], rows["hit"]["signal"]) == ("exited", None, "USR1")
    assert "the node ended by signal 9" in (site.directory / "var/node.out").read_text()


def test_exits_are_known_too_when_the_node_was_ended_by_command_and_started_much_later(site):
    before = start(site)
    guard = psutil.Process(node_pid(site)).ppid()
    assert site.call("stop", "--keep-workloads")[0] == 0
    (site.directory / "go").touch()
    os.kill(before["hit"]["pid"], signal.SIGUSR1)
    notes = site.directory / "var/exits"
    until(lambda: sum(len(path.read_text().splitlines()) for path in notes.glob("*")) == 2, "the guard notes both")
    assert psutil.pid_exists(guard)
    assert site.call("start")[0] == 0
    until(lambda: site.rows()["web"]["state"] == "ready", "it is adopted")
    rows = site.rows()
    assert (rows["job"]["exit_code"], rows["hit"]["signal"]) == (7, "USR1")
    assert site.call("stop")[0] == 0
    until(lambda: not psutil.pid_exists(guard), "the guard ends with the last of them")
    assert site.processes() == []


def test_the_end_of_an_adopted_one_is_known_whoever_reaps_it(site):
    before = start(site)
    first = node_pid(site)
    os.kill(first, signal.SIGKILL)
    until(lambda: site.call("status")[0] == 0 and node_pid(site) != first, "the next node")
    (site.directory / "go").touch()
    until(lambda: site.rows()["job"]["state"] == "exited", "it has ended")
    assert site.rows()["job"]["exit_code"] == 7
    assert site.rows()["web"]["pid"] == before["web"]["pid"]


def test_an_upgrade_keeps_every_process_and_is_refused_when_the_config_has_a_fault(site):
    before = start(site)
    first = node_pid(site)
    guard = psutil.Process(first).ppid()
    site.write(CONFIG.replace("grace", "grce"))
    code, _, err = site.call("upgrade")
    assert (code, node_pid(site)) == (2, first), err
    site.write(CONFIG)
    code, out, err = site.call("upgrade")
    assert (code, err) == (0, "")
    assert re.search(r"\(pid \d+\) -> .* \(pid \d+\) in .*; 3 workloads untouched", out)
    assert node_pid(site) != first
    assert psutil.Process(node_pid(site)).ppid() == guard
    assert {name: row["pid"] for name, row in site.rows().items()} == {n: row["pid"] for n, row in before.items()}
    assert site.call("stop")[0] == 0
    until(lambda: not psutil.pid_exists(guard), "the guard ends")


def test_an_upgrade_says_first_what_a_changed_config_will_do_and_does_not_call_that_untouched(site):
    before = start(site)
    site.write(CONFIG.replace("5001", "5003"))
    code, out, err = site.call("upgrade")
    assert (code, err) == (0, "")
    head, action, change, *_, last = out.splitlines()
    assert head == "the config was changed, and the next node brings it in:"
    assert action.split() == ["~", "restart", "web", "live"]
    assert change.split(": ", 1)[0].strip() == "command"
    assert last.endswith("; 2 workloads untouched; restarted or stopped next, as the config was changed: web")
    until(lambda: site.rows()["web"]["pid"] not in {before["web"]["pid"], None}, "web is restarted")
    assert site.rows()["hit"]["pid"] == before["hit"]["pid"]
    site.write(CONFIG)
    code, out, _ = site.call("restart")
    assert code == 0
    assert out.splitlines()[1].split() == ["~", "restart", "web", "live"]
    assert site.call("stop")[0] == 0


def test_a_guard_that_is_killed_takes_its_node_with_it_and_leaves_the_workloads(site):
    before = start(site)
    first = node_pid(site)
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
    until(lambda: ends(first), "the node ends too")
    assert site.call("start")[0] == 0
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "all are adopted")
    assert {name: row["pid"] for name, row in site.rows().items()} == {n: row["pid"] for n, row in before.items()}


def test_a_service_manager_hears_that_the_node_is_ready_lives_reloads_and_stops(site, monkeypatch):
    site.write(CONFIG)
    address = str(site.directory / "notify")
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(address)
    told.settimeout(20)
    monkeypatch.setitem(site.environ, "NOTIFY_SOCKET", address)
    monkeypatch.setitem(site.environ, "WATCHDOG_USEC", "500000")

    def hears(word):
        while word not in (said := told.recv(4096).decode()).split("\n"):
            pass
        return said

    with told:
        node = site.up("--guard", "--quiet")
        monkeypatch.setitem(site.environ, "WATCHDOG_PID", str(node.pid))
        assert "STATUS=started with 3 workloads" in hears("READY=1")
        assert node_pid(site) != node.pid
        hears("WATCHDOG=1")
        until(lambda: "STATUS=3 of 3 workloads ready" in hears("WATCHDOG=1"), "its status")
        assert "NOTIFY_SOCKET" not in psutil.Process(site.rows()["web"]["pid"]).environ()
        node.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in hears("RELOADING=1")
        hears("READY=1")
        os.kill(node_pid(site), signal.SIGKILL)
        hears("READY=1")
        os.kill(node_pid(site), signal.SIGSTOP)  # it hangs: no sign of life, and systemd would send ABRT
        node.send_signal(signal.SIGABRT)
        os.kill(node_pid(site), signal.SIGCONT)
        assert node.wait(20) == 128 + signal.SIGABRT
        again = site.up("--guard", "--quiet")
        hears("READY=1")
        again.send_signal(signal.SIGTERM)
        hears("STOPPING=1")
        assert again.wait(20) == 0
    assert Path(address).exists()
