"""`gyrostat top`: what keys do and what is shown, and the whole of it in a real terminal on a real node."""

import os
import shlex
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.cli.live.keys import LOG, QUIT, press
from actors.cli.live.model import Do, Look, Model
from actors.cli.live.rows import rows_of
from actors.cli.live.screen import CHOSEN, lines_of, text_of
from bus.messages import ApprovalList, ApprovalRow, HealthRow, IssueList
from bus.status import Status
from tests.cli import samples
from tests.cli.terminal import Terminal

ROWS = (
    samples.process("web"),
    samples.process("worker", "crash_loop", why="5 starts within 60 s, the last ended by itself: exit code 3"),
    samples.process("box", mode="sandbox"),
)
ASKED = ApprovalRow(
    issue="i9", subject="web", remedy="restart", why="it hangs", confidence=0.5, asked_at=1.0, until=9.0,
    otherwise="the next",
)  # fmt: skip


def status(**changes):
    given_ = {
        "at": 1.0,
        "node": samples.node(samples.actor("healer")),
        "processes": samples.table(*ROWS),
        "health": samples.health("healthy", HealthRow(subject="web", scope="workload", level="healthy", since_s=1.0)),
        "issues": IssueList(issues=[samples.issue("i9"), samples.issue("i1")]),
        "approvals": ApprovalList(approvals=[ASKED]),
    }
    return Status(**{**given_, **changes})


LOOK = Look(status=status(), at_s=100.0)


def model(**changes):
    return Model(**{"look": LOOK, **changes})


def screen(found, width=80, height=24, now_s=100.0):
    return text_of(lines_of(found, width, height, now_s))


def after(found, *keys):
    """The model after the keys, and what the last one wanted."""
    wanted = None
    for key in keys:
        found, wanted = press(found, key)
    return found, wanted


# -- keys


def test_arrows_choose_a_row_and_stay_within_the_list():
    assert after(model(), "down")[0].chosen == "worker"
    assert after(model(), "up")[0].chosen == "web"
    assert after(model(), "end", "down")[0].chosen == "box"
    assert after(model(), "end", "home")[0].chosen == "web"


def test_the_choice_stays_with_its_row_when_rows_come_and_go():
    chosen, _ = after(model(), "down")
    fewer = replace(chosen, look=Look(status=status(processes=samples.table(*ROWS[1:])), at_s=1.0))
    assert next(row for row in rows_of(fewer) if row.key == fewer.chosen).key == "worker"


@pytest.mark.parametrize(("key", "verb"), [("r", "restart"), ("x", "stop")])
def test_what_ends_something_live_is_asked_first(key, verb):
    asked, wanted = after(model(), key)
    assert wanted is None
    assert screen(asked)[-1] == f"{verb} web, which is LIVE? y, or any other key"
    assert after(asked, "y")[1] == Do(verb=verb, name="web")
    refused, wanted = after(asked, "n")
    assert wanted is None
    assert refused.message == "nothing was done"


def test_what_is_not_live_or_not_up_is_not_asked_about():
    assert after(model(), "end", "r")[1] == Do(verb="restart", name="box")
    assert after(model(), "down", "r")[1] == Do(verb="restart", name="worker")
    assert after(model(), "s")[1] == Do(verb="start", name="web")
    assert after(model(ask_nothing=True), "x")[1] == Do(verb="stop", name="web")


def test_a_remedy_is_approved_or_rejected_among_the_issues_only():
    assert after(model(), "a") == (model(message="approve: choose one among the issues (tab)"), None)
    assert after(model(), "tab", "a")[1] == Do(verb="approve", name="i9")
    assert after(model(), "i", "d")[1] == Do(verb="reject", name="i9")
    assert after(model(), "tab", "down", "a")[0].message == "i1 waits for nobody's word"
    assert after(model(), "tab", "r")[0].message == "restart: choose one among the workloads (tab)"


def test_what_waits_for_a_person_stands_first_and_once():
    rows = rows_of(after(model(), "tab")[0])
    assert [row.key for row in rows] == ["i9", "i1"]
    assert rows[0].waits


def test_the_filter_is_typed_kept_and_taken_away():
    typed, _ = after(model(), "/", "w", "o", "x", "backspace", "up")
    assert (typed.typing, typed.filter) == (True, "wo")
    assert [row.key for row in rows_of(typed)] == ["worker"]
    kept, _ = after(typed, "enter")
    assert not kept.typing
    assert after(kept, "q")[1] == QUIT
    assert after(kept, "escape")[0].filter == ""
    assert after(typed, "escape")[0] == model()


def test_the_log_opens_scrolls_and_closes():
    opened, wanted = after(model(), "down", "enter")
    assert (opened.view, opened.log_of, wanted) == ("log", "worker", LOG)
    filled = replace(opened, log=tuple(f"line {number}" for number in range(100)))
    assert screen(filled)[-3] == "line 99"
    assert screen(after(filled, "pageup")[0])[-3] == "line 89"
    assert screen(after(filled, "home")[0])[3:5] == ["line 0", ""]
    closed, _ = after(filled, "q")
    assert (closed.view, closed.chosen, closed.log) == ("workloads", "worker", ())


def test_help_says_the_keys_and_any_key_leaves_it():
    shown, _ = after(model(), "?")
    assert "approve or reject" in "\n".join(screen(shown))
    assert after(shown, "x")[0] == model()


def test_ctrl_c_ends_it_also_while_something_is_asked():
    for keys in ((), ("/",), ("r",), ("l",)):
        assert after(after(model(), *keys)[0], "c-c")[1] == QUIT


def test_keys_without_any_row_do_nothing():
    empty = Model()
    for key in ("up", "down", "enter", "a", "r", "escape", "nonsense", ""):
        found, wanted = press(empty, key)
        assert wanted is None
        assert found.view == "workloads"


# -- screen


def test_the_screen_has_the_verdict_the_workloads_and_the_keys():
    lines = screen(model())
    assert len(lines) == 24
    assert lines[0].startswith("alpha LIVE up 1h 1m")
    assert lines[1].startswith("1 need you (tab)  2 open issues")
    assert lines[2].split()[0] == "NAME"
    assert lines[3].split()[:2] == ["web", "ready"] or lines[3].split()[:3] == ["web", "live", "ready"]
    assert lines[-1].startswith("enter log  r restart")


def test_the_chosen_row_says_in_full_why_it_is_so():
    assert screen(after(model(), "down")[0])[-2] == ROWS[1].why


def test_what_is_old_says_since_when():
    old = replace(model(), look=Look(status=status(), at_s=10.0, trouble="node alpha does not answer"))
    assert "STALE for 15 s: node alpha does not answer" in screen(old, width=120, now_s=25.0)[0]
    assert screen(Model())[0] == "asking the node ..."
    assert screen(Model(look=Look(trouble="no node runs")))[0] == "no node runs"


def test_parts_without_an_answer_are_named():
    lost = replace(model(), look=Look(status=status(health=None, issues=None, missing={"health": "x"}), at_s=100.0))
    assert "no answer: health" in screen(lost)[1]


def test_what_a_log_holds_cannot_speak_to_the_terminal():
    hostile = model(view="log", log_of="web", log=("a\x1b[2Jb\tc\x07",))
    assert screen(hostile)[3] == "a?[2Jb c?"


@given(
    st.integers(1, 200),
    st.integers(1, 60),
    st.lists(st.sampled_from(["up", "down", "tab", "/", "w", "enter", "escape", "?", "r", "y", "l", "a", "end"])),
)
def test_the_screen_is_never_larger_than_the_terminal(width, height, keys):
    found, _ = after(model(), *keys)
    lines = lines_of(found, width, height, 100.0)
    assert len(lines) == height
    assert all(sum(len(text) for _, text in line) <= width for line in lines)


def test_of_many_rows_the_chosen_one_is_seen():
    many = samples.table(*(samples.process(f"w{number:03}") for number in range(200)))
    found = Model(look=Look(status=status(processes=many), at_s=100.0), chosen="w150")
    chosen = [line for line in lines_of(found, 80, 24, 100.0) if any(tone == CHOSEN for tone, _ in line)]
    assert len(chosen) == 1
    assert text_of(chosen)[0].startswith("w150")


# -- the command


def test_without_a_terminal_it_says_what_does_without(gyrostat, fake):
    code, _, err = gyrostat("top")
    assert (code, err) == (1, "gyrostat: top needs a terminal; without one: gyrostat status --watch\n")


TOP = f"{shlex.join([sys.executable, '-P', '-m', 'actors.cli', 'top'])}; echo ended with $?; exec cat"
CONFIG = """\
node: {name: alpha}
actors: {gateway: {enabled: false}}
workloads:
  web: {command: [sh, -c, "echo begun; exec sleep 1000"]}
  worker: {command: [sleep, "1000"]}
  shop:
    command: [python3, -u, -c, "open('spool/now', 'w'); import time; time.sleep(1000)"]
    autostart: false
    phase: advise
    repair: {directories: [spool]}
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GYROSTAT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    cli = [sys.executable, "-P", "-m", "actors.cli"]
    subprocess.run([*cli, "start"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    yield tmp_path
    subprocess.run([*cli, "stop"], cwd=tmp_path, check=True, capture_output=True, timeout=60)


@pytest.fixture
def terminal(node):
    made = Terminal(node)
    yield made
    made.close()


def pid_of(shown, name):
    line = next(line for line in shown.splitlines() if line.startswith(name))
    return next(word for word in line.split() if word.isdigit())


@pytest.mark.needs("tmux")
def test_in_a_terminal_of_80_by_24_a_live_workload_is_restarted_its_log_read_and_rows_are_filtered(terminal):
    terminal.run(TOP)
    before = terminal.wait("worker")
    assert max(map(len, before.splitlines())) <= 80
    assert "alpha LIVE" in before
    terminal.keys("r")
    terminal.wait("restart web, which is LIVE?")
    terminal.keys("y")
    restarted = terminal.wait("web: started, pid")
    assert pid_of(restarted.splitlines()[-1].replace(":", " "), "web") != pid_of(before, "web")
    terminal.keys("Enter")
    terminal.wait("begun")
    terminal.keys("q")
    terminal.wait("worker")
    terminal.keys("/", "w", "o", "r", "Enter")
    terminal.wait("/wor  enter log")
    assert not [line for line in terminal.screen().splitlines() if line.startswith("web ")]
    terminal.keys("q")
    terminal.wait("ended with 0")


@pytest.mark.needs("tmux")
def test_a_remedy_that_waits_is_approved_and_begins(terminal, node):
    terminal.run(TOP)
    terminal.wait("shop")
    terminal.keys("Down", "Down", "s")
    terminal.wait("1 need you (tab)")
    terminal.keys("Tab")
    terminal.wait("NEEDS YOU")
    assert not (node / "spool").exists()
    terminal.keys("a")
    terminal.wait("make_directory for")
    until_s = time.monotonic() + 60
    while not (node / "spool" / "now").exists():
        assert time.monotonic() < until_s, terminal.screen()
        time.sleep(0.05)


@pytest.mark.needs("tmux")
def test_when_the_node_goes_away_the_screen_says_since_when_and_finds_the_next_one(terminal, node):
    cli = [sys.executable, "-P", "-m", "actors.cli"]
    terminal.run(TOP)
    terminal.wait("worker")
    subprocess.run([*cli, "stop", "--keep-workloads"], cwd=node, check=True, capture_output=True, timeout=60)
    terminal.wait("STALE for")
    subprocess.run([*cli, "start"], cwd=node, check=True, capture_output=True, timeout=60)
    until_s = time.monotonic() + 60
    while "STALE" in terminal.screen():
        assert time.monotonic() < until_s, terminal.screen()
        time.sleep(0.05)
    terminal.keys("C-c")
    terminal.wait("ended with 0")
