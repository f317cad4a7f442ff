"""hold, release, scale, ps, why, attach and restart against a node that plays its part."""

import json
import signal
import subprocess
import time

import pytest

from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    DriftReport,
    DriftRow,
    ExplainProcess,
    FamilyRow,
    FamilyTable,
    GetDrift,
    GetHealth,
    HealthRow,
    IssueList,
    ListFamilies,
    ListIssues,
    ListProcesses,
    MoveRow,
    ProcessStarted,
    ProcessStories,
    ReleaseProcess,
    RestartProcess,
    RollWorkload,
    StopProcess,
    StoryRow,
)
from tests.cli import samples


def web(number, **more):
    return samples.process(f"web-{number}", workload="web", instance=number, tags=["api"], **more)


@pytest.fixture
def node(fake):
    fake.answers(ListProcesses, samples.table(samples.process("db", workload="db"), web(1), web(2)))
    return fake


def asked(fake, kind):
    return [one for one in fake.asked if isinstance(one, kind)]


def test_a_restart_of_all_instances_is_in_turn_and_of_one_is_not(node, gyrostat):
    node.answers(RollWorkload, Done(detail="restarted 2 in turn, all ready after 3.0 s"))
    node.answers(RestartProcess, Done(detail="started, pid 7"))
    assert gyrostat("restart", "@api", "--keep", "1") == (0, "web: restarted 2 in turn, all ready after 3.0 s\n", "")
    (roll,) = asked(node, RollWorkload)
    assert (roll.name, roll.mode, roll.keep_ready) == ("web", "live", 1)
    assert gyrostat("restart", "web-1", "db")[1] == "web-1: started, pid 7\ndb: started, pid 7\n"
    assert gyrostat("restart", "web", "--at-once")[1] == "web-1: started, pid 7\nweb-2: started, pid 7\n"
    assert len(asked(node, RestartProcess)) == 4


def test_a_roll_that_ended_early_is_code_1_and_says_why(node, gyrostat):
    node.answers(RollWorkload, Refused("the roll of web ended: web-1 is not ready 60 s after its restart"))
    code, out, err = gyrostat("restart", "web")
    assert (code, out) == (1, "")
    assert err == "gyrostat: web: the roll of web ended: web-1 is not ready 60 s after its restart\n"


@pytest.mark.parametrize("option", [["--at-once"], ["--keep", "1"]])
def test_what_is_about_instances_goes_with_names(node, gyrostat, option):
    code, _, err = gyrostat("restart", *option)
    assert code == 2
    assert "go with names" in err


def test_hold_says_why_and_release_ends_it(node, gyrostat):
    node.answers(StopProcess, Done(detail="down after 0.1 s"))
    node.answers(ReleaseProcess, lambda one: Done(detail="starting: released" if one.name == "db" else "is not held"))
    assert gyrostat("hold", "web-*", "--why", "moving its queue")[0] == 0
    assert [(one.name, one.hold, one.why) for one in asked(node, StopProcess)] == [
        ("web-1", True, "held: moving its queue"),
        ("web-2", True, "held: moving its queue"),
    ]
    assert gyrostat("release", "*")[1] == "db: starting: released\nweb-1: is not held\nweb-2: is not held\n"


def process(pid, depth=0, name="web-1", **more):
    said = {"parent": 1, "argv": ["sleep", str(pid)], "memory_bytes": 2_000_000, "cpu_s": 0.5, "threads": 1}
    return FamilyRow(workload=name, pid=pid, depth=depth, age_s=75.0, **{**said, **more})


def test_ps_draws_the_trees(node, gyrostat):
    rows = [
        process(10),
        process(11, 1),
        process(12, 2),
        process(13, 1),
        process(14, 2, argv=["a b", "c"]),
        process(15, apart=True),
        process(20, name="db"),
    ]
    node.answers(ListFamilies, FamilyTable(rows=rows))
    code, out, _ = gyrostat("ps")
    assert code == 0
    head, *lines = out.splitlines()
    shown = [line[head.index("COMMAND") :] for line in lines if "MB  1" in line]
    assert shown == [
        "sleep 20",
        "sleep 10",
        "|- sleep 11",
        "|  `- sleep 12",
        "`- sleep 13",
        "   `- 'a b' c",
        "(left its parent) sleep 15",
    ]
    assert lines[-1].split()[:4] == ["web-2", "live", "ready", "-"]
    assert asked(node, ListFamilies)[0].names == []
    assert json.loads(gyrostat("ps", "web", "--json")[1])["rows"][0]["pid"] == 10
    assert asked(node, ListFamilies)[1].names == ["web-1", "web-2"]


def story(name, state, **more):
    said = {"why": "", "since_s": 12.0, "wanted": True, "held": False, "declared": True, "restarts": 0}
    none: dict[str, object] = {
        "exit_code": None,
        "signal": None,
        "moves": [],
        "unmet": [],
        "because_of": [],
        "next_s": None,
    }
    return StoryRow(name=name, state=state, **{**said, **none, "log_tail": [], **more})


def test_why_tells_the_chain_of_causes_and_what_others_say(node, gyrostat):
    moves = [
        MoveRow(ago_s=12.0, before="starting", state="crash_loop", why="5 starts within 60 s", pid=None),
        MoveRow(ago_s=20.0, before="stopped", state="starting", why="node starts", pid=9),
    ]
    tale = [
        story("web-1", "waiting", why="waits for db", unmet=["db (crash loop, not ready)"], because_of=["db"]),
        story("db", "crash_loop", why="5 starts", restarts=4, moves=moves, log_tail=["no disk"], exit_code=3),
    ]
    node.answers(ExplainProcess, ProcessStories(stories=tale, draining=True))
    node.answers(ListIssues, IssueList(issues=[samples.issue(subject="db")]))
    drift = DriftRow(subject="web-1", drift="vanished", desired="runs", observed="waiting", action="start", since_s=3.0)
    node.answers(GetDrift, DriftReport(drifts=[drift], checked=1, closed_total=0, last_s=1.0))
    sick = HealthRow(subject="db", scope="workload", level="failing", since_s=4.0, why=["crash loop"])
    node.answers(GetHealth, samples.health("failing", sick))
    code, out, err = gyrostat("why", "web-1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "web-1 is waiting, for 12 s: waits for db",
        "  waits for db (crash loop, not ready)",
        "  drift: wanted runs, found waiting; start",
    ]
    rest = out.partition("because of that:\n")[2].splitlines()
    assert rest[0] == "db is crash loop, for 12 s: 5 starts"
    assert rest[1] == "  was restarted 4 times without being asked"
    assert rest[4].split() == ["12", "s", "ago", "crash", "loop", "5", "starts", "within", "60", "s"]
    assert rest[5].split() == ["20", "s", "ago", "starting", "pid", "9", "node", "starts"]
    assert "    | no disk" in rest
    assert any(line.startswith("  issue ") for line in rest)
    assert "  health is failing, for 4 s: crash loop" in rest
    assert rest[-1] == "the node is drained: it starts nothing until gyrostat undrain"
    told = json.loads(gyrostat("why", "web-1", "--json")[1])
    assert [one["name"] for one in told[0]["stories"]["stories"]] == ["web-1", "db"]
    assert len(told[0]["issues"]) == 1


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (story("a", "held", held=True), "  a person holds it: only gyrostat release a and gyrostat start a end that"),
        (story("a", "stopped", wanted=False), "  it is not started with the node (autostart: false); start it with"),
        (story("a", "backing_off", next_s=3.2), "  is started again in 3.2 s"),
        (story("a", "ready", declared=False), "  it is no longer in the config"),
        (story("a", "stopping", declared=False, scaled_away=True), "  it is scaled away"),
        (story("a", "crash_loop"), "  is left alone until a remedy or a person starts it: gyrostat start a"),
        (story("a", "ready", why="ready"), "a is ready, for 12 s"),
        (story("a", "ready", restarts=1), "  was restarted 1 time without being asked"),
    ],
)
def test_why_notes_what_is_special(node, gyrostat, about, said):
    node.answers(ExplainProcess, ProcessStories(stories=[about], draining=False))
    _, out, _ = gyrostat("why", "db")
    assert any(line.startswith(said) for line in out.splitlines())


def test_attach_shows_the_output_of_each_with_its_name_and_what_happens(node, argv, tmp_path):
    logs = {number: tmp_path / f"web-{number}.log" for number in (1, 2, 3)}
    logs[1].write_bytes(b"old\nolder\nlast\n")
    rows = [web(number, log_path=str(path)) for number, path in logs.items()]
    node.answers(ListProcesses, samples.table(*rows[:2]))
    command = [*argv, "attach", "web", "-n", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        seen = []

        def read_until(text):
            assert one.stdout is not None
            for line in one.stdout:
                seen.append(line.rstrip("\n"))
                if text in line:
                    return
            pytest.fail(f"{text!r} was not shown: {seen}")

        try:
            read_until("last")
            with logs[1].open("ab") as file:
                file.write(b"half a ")
                file.flush()
                time.sleep(0.2)
                file.write(b"line\n")
            logs[2].write_bytes(b"hello\n")
            read_until("hello")
            node.answers(ListProcesses, samples.table(*rows))
            started = ProcessStarted(subject="web-3", pid=7, incarnation=1, reason="scaled", revision="r")
            end_s = time.monotonic() + 20
            logs[3].write_bytes(b"third\n")
            while not any("started, pid 7" in line for line in seen):
                assert time.monotonic() < end_s
                node.bus.publish(started, source="process_manager")
                read_until("web-3")
            if "web-3 | third" not in seen:
                read_until("third")
        finally:
            one.send_signal(signal.SIGINT)
            one.wait(20)
    assert one.returncode == 0
    assert seen[0] == "web-1 | last"
    assert "web-1 | half a line" in seen
    assert "web-2 | hello" in seen
