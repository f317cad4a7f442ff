"""A node's status in short, from the answers of its actors."""

import msgspec

from actors.nodes.summary import QUESTIONS, WHY_CHARS, WHY_MAX, WORKLOADS_MAX, summary
from bus.codec import FRAME_BYTES_MAX
from bus.errors import UnknownTarget
from bus.messages import HealthReport, HealthRow, IssueList, NodeStatus, ProcessTable, WorkloadBrief
from tests.cli.samples import issue, process


def health(level="healthy", why=(), **workloads):
    rows = [
        HealthRow(subject=name, scope="workload", level=one, since_s=1.0, why=[f"{name} why"])
        for name, one in workloads.items()
    ]
    whole = HealthRow(subject="alpha", scope="whole", level=level, since_s=1.0, why=list(why))
    return HealthReport(whole=whole, node=whole, host=whole, workloads=rows, sampling_interval_s=5.0)


def test_the_answers_of_all_make_one_status():
    answers = {
        "processes": ProcessTable(processes=[process("web"), process("db", "backing_off", why="ended")], draining=True),
        "health": health("degraded", ["db is slow"], web="degraded", db="critical"),
        "issues": IssueList(issues=[issue(state="escalated"), issue(state="open")]),
    }
    assert summary("alpha", "live", answers) == NodeStatus(
        subject="alpha",
        mode="live",
        level="degraded",
        why=["db is slow"],
        workloads=[
            WorkloadBrief(name="web", state="ready", pid=100, level="degraded", why="web why"),
            WorkloadBrief(name="db", state="backing_off", level="critical", why="ended"),
        ],
        issues=2,
        escalated=1,
        draining=True,
    )


def test_who_gives_no_answer_is_named_and_nothing_is_made_up():
    error = UnknownTarget("no actor")
    status = summary("alpha", "live", {"processes": error, "health": error})
    assert status.missing == ["process_manager", "monitor", "healer"]
    assert (status.level, status.workloads, status.issues, status.escalated) == ("", [], None, None)
    assert set(QUESTIONS) == {"processes", "health", "issues"}


def test_a_status_of_many_workloads_fits_a_frame():
    rows = [process(f"{'w' * 60}{number:04}", "waiting", why="x" * 900) for number in range(5_000)]
    answers = {"processes": ProcessTable(processes=rows), "health": health("critical", ["y" * 900] * 50)}
    status = summary("alpha", "live", answers)
    assert len(status.workloads) == WORKLOADS_MAX
    assert [len(why) for why in status.why] == [WHY_CHARS] * WHY_MAX
    assert len(msgspec.msgpack.encode(status)) < FRAME_BYTES_MAX
