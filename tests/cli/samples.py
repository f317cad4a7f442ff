"""One of every fact, and replies that the fake node gives."""

import time
import typing

import msgspec

from bus.messages import (
    FACTS,
    ActorRow,
    AuditRow,
    DriftReport,
    ExperimentList,
    GoalList,
    GoalRow,
    HealthReport,
    HealthRow,
    IssueDetail,
    IssueList,
    IssueRow,
    NodeInfo,
    ProcessRow,
    ProcessTable,
    TaskStats,
)


def filled(kind):
    """A fact with something in every field."""
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: value_of(hints[field.name]) for field in msgspec.structs.fields(kind)})


def value_of(hint):
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return args[0]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return filled(hint)
    if origin is list:
        return [value_of(args[0])]
    if origin is dict:
        return {"memory": 12.0}
    if origin is not None:  # a union with None
        return value_of(args[0])
    return {str: "word", int: 3, float: 1.5, bool: True}[hint]


EVERY_FACT = [filled(kind) for kind in FACTS.values()]


def process(name, state="ready", **changes):
    row = {
        "name": name,
        "state": state,
        "wanted": True,
        "mode": "live",
        "critical": False,
        "pid": 100 if state in ("ready", "running", "unhealthy") else None,
        "incarnation": 1,
        "restarts": 0,
        "uptime_s": 75.0,
        "since_s": 75.0,
        "revision": "abc",
        "adopted": False,
        "exit_code": None,
        "signal": None,
        "held": False,
        "declared": True,
        "why": "",
        "log_path": f"/nowhere/{name}.log",
    }
    return ProcessRow(**{**row, **changes})


def table(*rows, none=()):
    return ProcessTable(processes=list(rows), none=list(none))


def health(level="healthy", *rows, why=()):
    def row(scope):
        return HealthRow(subject="alpha", scope=scope, level=level, since_s=3.0, why=list(why))

    return HealthReport(
        whole=row("whole"), node=row("node"), host=row("host"), workloads=list(rows), sampling_interval_s=5.0
    )


def actor(name, state="running", **changes):
    counts = dict.fromkeys(
        ("handled", "failures", "restarts", "dead_letters", "dropped", "conflated", "refused", "waiting"), 0
    )
    return ActorRow(**{"name": name, "state": state, **counts, **changes})


def node(*actors):
    return NodeInfo(
        node="alpha",
        pid=1,
        mode="live",
        release="1",
        uptime_s=3700.0,
        revision="abc",
        config="gyrostat.yaml",
        actors=list(actors),
        cpu_percent=0.4,
        memory_bytes=45_000_000,
    )


def issue(number="i1", **changes):
    row = {
        "issue": number,
        "subject": "web",
        "issue_kind": "crash",
        "severity": "warning",
        "state": "healing",
        "fingerprint": "f1",
        "summary": "exited with code 1",
        "count": 2,
        "first_seen": time.time() - 5,
        "last_seen": time.time(),
        "remedies": ["restart"],
    }
    return IssueRow(**{**row, **changes})


def detail():
    row = issue()
    audit = [
        AuditRow(time=row.first_seen, step="raised", detail="exited with code 1"),
        AuditRow(time=row.first_seen + 0.2, step="remedy", detail="restart: first of the plan"),
    ]
    return IssueDetail(row=row, evidence=["log: boom"], audit=audit)


def goal():
    return GoalRow(
        goal="g1",
        subject="web",
        goal_kind="reliability",
        priority=4,
        state="in_progress",
        metric="availability",
        direction="at_least",
        target=99.0,
        baseline=90.0,
        value=95.0,
        progress=0.55,
        set_at=0.0,
        why="below its target",
    )


NO_DRIFT = DriftReport(drifts=[], checked=2, closed_total=0, last_s=1.0)
NO_GOALS = GoalList(goals=[])
NO_ISSUES = IssueList(issues=[])
NO_TASKS = TaskStats(counts={}, waiting=[], ended=[], window_s=300.0, workers=2, paused=None)
NO_EXPERIMENTS = ExperimentList(experiments=[], parameters={})
