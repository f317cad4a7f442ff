"""A new config on a running node: its plan is shown, exactly that is done, and on a terminal it is asked before."""

import json
import os
import pty
import select
import subprocess
import time

import pytest

from tests.e2e.conftest import ENVIRON, GYROSTAT, until

CONFIG = """
node: {name: alpha}
workloads:
  web: {command: [sleep, "1000"], env: {A: 1}}
  db: {command: [sleep, "1001"], stop: {grace: 5s}}
  mq: {command: [sleep, "1002"]}
"""


@pytest.fixture
def running(site):
    site.write(CONFIG)
    assert site.call("start")[0] == 0
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "ready")
    return site


def pids(site):
    return {name: row["pid"] for name, row in site.rows().items()}


def on_a_terminal(site, answer, *args):
    """Run a command on a terminal of its own, type the answer at its question: (code, what it showed)."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [GYROSTAT, *args], cwd=site.directory, stdin=its, stdout=its, stderr=its, env=ENVIRON, start_new_session=True
    )
    os.close(its)
    shown, end_s = b"", time.monotonic() + 60
    typed = False
    try:
        while time.monotonic() < end_s:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:  # nobody holds the other end any more
                    break
            if b"[y/N]" in shown and not typed:
                os.write(ours, f"{answer}\n".encode())
                typed = True
        return process.wait(30), shown.decode()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_the_plan_is_shown_and_nothing_is_done_until_the_reload_which_touches_only_what_changed(running):
    before = pids(running)
    running.write(
        CONFIG.replace("A: 1", "A: 2")
        .replace("5s", "7s")
        .replace('mq: {command: [sleep, "1002"]}', "new: {command: [sleep, 9]}")
    )
    code, out, err = running.call("config", "diff")
    assert (code, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines() if line[0] in "+-~="] == [
        ["+", "start", "new"],
        ["-", "stop", "mq"],
        ["~", "restart", "web"],
        ["=", "take", "over"],
    ]
    assert '      env.A: "1" -> "2"' in out
    assert '      stop.grace: "5s" -> "7s"' in out
    assert out.endswith("0 workloads not touched\n")
    assert running.call("reload", "--dry-run")[1] == out
    assert pids(running) == before
    code, shown, _ = running.call("reload")
    assert code == 0
    assert shown == out + "reloaded; added: new; removed: mq; changed: web, db\n"
    until(lambda: set(pids(running)) == {"web", "db", "new"}, "mq is gone")
    until(lambda: running.rows()["web"]["state"] == "ready" and pids(running)["web"] != before["web"], "restarted")
    assert pids(running)["db"] == before["db"]
    assert json.loads(running.call("config", "diff", "--json")[1])["plan"] == []


def test_a_fault_is_told_and_the_plan_changes_nothing(running):
    before = pids(running)
    running.write(CONFIG.replace("command", "comand"))
    code, out, err = running.call("config", "diff")
    assert (code, out) == (2, "")
    assert "gyrostat.yaml:4: workloads.web.comand" in err
    assert running.call("reload", "--dry-run")[0] == 2
    assert pids(running) == before


def test_on_a_terminal_it_is_asked_before_something_live_is_ended(running):
    before = pids(running)
    code, shown = on_a_terminal(running, "n", "stop", "web", "db")
    assert code == 1
    assert "stop web, db, which are LIVE? [y/N]" in shown
    assert "nothing was done" in shown
    for words in (("restart", "mq"), ("signal", "mq", "TERM"), ("drain",), ("stop",)):
        code, shown = on_a_terminal(running, "n", *words)
        assert (code, "LIVE? [y/N]" in shown) == (1, True), shown
    assert pids(running) == before
    running.write(CONFIG.replace("A: 1", "A: 2"))
    code, shown = on_a_terminal(running, "n", "reload")
    assert "restart web, which is LIVE? [y/N]" in shown
    assert (code, pids(running)) == (1, before)
    code, shown = on_a_terminal(running, "y", "stop", "web")
    assert code == 0
    assert running.rows()["web"]["pid"] is None
    code, shown = on_a_terminal(running, "", "stop", "db", "--yes")
    assert (code, "LIVE?" in shown) == (0, False)
    assert on_a_terminal(running, "", "signal", "mq", "CONT")[0] == 0


def test_what_is_no_live_workload_is_ended_unasked_and_every_line_says_the_mode(site):
    site.write(CONFIG.replace("workloads:", "mode: sandbox\nworkloads:"))
    assert site.call("start")[0] == 0
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "ready")
    lines = [line.split() for line in site.call("status")[1].splitlines()]
    assert [line[:2] for line in lines if line and line[0] in {"web", "db", "mq"}] == [
        ["web", "sandbox"],
        ["db", "sandbox"],
        ["mq", "sandbox"],
    ]
    code, shown = on_a_terminal(site, "n", "stop", "web")
    assert (code, "LIVE" in shown) == (0, False)


def test_in_dual_mode_only_the_live_one_is_asked_for_and_neither_has_the_others_name(site):
    site.write(CONFIG.replace("workloads:", "mode: dual\nworkloads:"))
    assert site.call("start")[0] == 0
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "ready")
    code, shown = on_a_terminal(site, "n", "stop", "web-sandbox")
    assert (code, "LIVE" in shown) == (0, False)
    code, shown = on_a_terminal(site, "n", "stop", "web-live")
    assert (code, "stop web-live, which is LIVE?" in shown) == (1, True)
    assert site.rows()["web-live"]["state"] == "ready"
    code, out, _ = site.call("schedule")
    assert (code, out) == (0, "no workload has a schedule or a window\n")
