"""The answers of the actors as the lines of `status`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors.cli.exits import count
from actors.cli.paint import Cell, Paint, measured, size, span, table

STATE_TONES: Final = {
    "ready": "good",
    "running": "good",
    "starting": "warn",
    "adopted": "warn",
    "waiting": "warn",
    "stopping": "warn",
    "backing_off": "warn",
    "stopped": "dim",
    "held": "dim",
    "exited": "dim",
    "unhealthy": "bad",
    "crash_loop": "bad",
}
LEVEL_TONES: Final = {"healthy": "good", "degraded": "warn"}
"""Tones of health levels; worse ones are bad."""
MODE_TONES: Final = {"live": "bold", "sandbox": "dim"}
WHY_MAX: Final = 90
SHOWN_MAX: Final = 10
"""Issues and other rows of one kind that are shown; the rest is counted."""


def lines_of(answers: Mapping[str, Any], missing: Mapping[str, str], paint: Paint) -> list[str]:
    """Every line. answers: typed reply by part. missing: why a part has no answer."""
    blocks = [
        list(_head(answers, paint)),
        _workloads(answers, paint),
        list(_actors(answers, paint)),
        list(_issues(answers, paint)),
        list(_waiting(answers, paint)),
        [*_degraded(answers, paint), *_stand_ins(answers, paint)],
        list(_unwritten(answers, paint)),
        list(_others(answers)),
        [paint(f"no answer from {text}", "bad") for text in missing.values()],
    ]
    lines: list[str] = []
    for block in blocks:
        lines += ([""] if lines and block else []) + block
    return lines


def level_tone(level: str) -> str:
    """The tone of a health level."""
    return LEVEL_TONES.get(level, "bad")


def _head(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    node, health = answers.get("node"), answers.get("health")
    parts = []
    if node is not None:
        parts += [
            paint(f"node {node.node}", "bold"),
            node.mode,
            f"up {span(node.uptime_s)}",
            f"pid {node.pid}",
            f"cpu {measured('cpu', node.cpu_percent)}",
            f"memory {size(node.memory_bytes)}",
            node.config,
        ]
    if "processes" in answers and answers["processes"].draining:
        parts.append(paint("DRAINED: no workload is started", "warn"))
    if health is not None:
        parts.append(paint(health.whole.level, level_tone(health.whole.level)))
        if health.emergency:
            parts.append(paint(f"EMERGENCY, incident {health.emergency}", "bad"))
    yield " | ".join(parts) if parts else "node gives no answer"
    if health is not None and health.whole.level != "healthy":
        yield from (f"  {why}" for why in health.whole.why[:SHOWN_MAX])


def _workloads(answers: Mapping[str, Any], paint: Paint) -> list[str]:
    if "processes" not in answers:
        return []
    rows = answers["processes"].processes
    if not rows:
        return ["no workloads"]
    health = {row.subject: row for row in answers["health"].workloads} if "health" in answers else {}
    head = ("NAME", "MODE", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "MEMORY", "HEALTH", "WHY")
    return table([workload_cells(row, health.get(row.name)) for row in rows], paint, head)


def workload_cells(row: Any, health: Any) -> list[str | Cell]:
    """One workload as cells. health: its row, or None."""
    values = health.values if health is not None and row.pid else {}
    level = health.level if health is not None else "-"
    return [
        row.name,
        (row.mode, MODE_TONES.get(row.mode, "plain")),
        (row.state.replace("_", " "), STATE_TONES.get(row.state, "plain")),
        str(row.pid or "-"),
        span(row.uptime_s) if row.uptime_s is not None else "-",
        str(row.restarts),
        measured("cpu", values["cpu"]) if "cpu" in values else "-",
        size(values["memory"]) if "memory" in values else "-",
        (level, level_tone(level) if health is not None else "dim"),
        why_of(row, health),
    ]


def why_of(row: Any, health: Any) -> str:
    """Why a workload is as it is, when it is not simply well."""
    notes = ["held"] if row.held and row.state != "held" else []
    if not row.declared:
        notes.append(parting(row))
    elif row.state not in {"ready", "running"} and row.why:
        notes.append(row.why)
    elif health is not None and health.level != "healthy":
        notes.extend(health.why)
    if row.refused:
        notes.append("keeps to its former config, as the changed one did not get ready")
    if row.status:
        notes.append(f"says: {row.status}")
    if row.overrides:
        notes.append(f"runs with {overrides_of(row.overrides)}")
    if row.strays:
        notes.append(f"left-over processes: {', '.join(map(str, row.strays))}")
    return shortened("; ".join(dict.fromkeys(notes)))


def overrides_of(values: Mapping[str, str]) -> str:
    """What a workload is started with instead of what its config says, as in `env.TIMEOUT=4`."""
    kept = [f"{key}={value}" for key, value in values.items() if key != "env_last_good"]
    last = ["its variables as they were while it was well"] if "env_last_good" in values else []
    return ", ".join([*last, *kept])


def parting(row: Any) -> str:
    """Why it is no longer to run. row: or its story."""
    return "scaled away" if row.scaled_away else "no longer in the config"


def shortened(text: str, limit: int = WHY_MAX) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def _actors(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    node = answers.get("node")
    for row in node.actors if node is not None else ():
        if row.state == "given_up":
            yield paint(f"actor {row.name} is GIVEN UP after {row.failures} failures: {row.last_error}", "bad")
            yield "  the node goes on without it and tries again by itself"
        elif row.state != "running":
            yield paint(f"actor {row.name} is {row.state}: {row.last_error or 'no error'}", "warn")
        elif row.failed_s is not None:
            yield paint(
                f"actor {row.name} failed {span(row.failed_s)} ago and was made anew: {shortened(row.last_error)}",
                "warn",
            )


def _issues(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    if "issues" not in answers:
        return
    rows = answers["issues"].issues
    if not rows:
        yield paint("no open issues", "dim")
        return
    yield f"{len(rows)} open issue{'s' if len(rows) != 1 else ''} (gyrostat issues ID explains one)"
    tones = {"escalated": "bad", "open": "warn", "healing": "warn", "verifying": "warn"}
    shown: list[list[str | Cell]] = [
        [
            f"  {row.issue}",
            row.subject,
            row.issue_kind.replace("_", " "),
            (row.state, tones.get(row.state, "plain")),
            shortened(row.summary),
        ]
        for row in rows[:SHOWN_MAX]
    ]
    yield from table(shown, paint)
    if len(rows) > SHOWN_MAX:
        yield f"  and {len(rows) - SHOWN_MAX} more"


def _waiting(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    for row in answers["approvals"].approvals if answers.get("approvals") is not None else ():
        asked = f"{row.remedy} for {row.subject} waits for your word: gyrostat approve {row.issue}, or reject"
        yield paint(asked, "warn")


def _degraded(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    for row in answers["issues"].degraded if answers.get("issues") is not None else ():
        text = f"{row.name} goes on with {row.quality_loss:.0%} less ({row.level}): {', '.join(row.steps)}"
        yield paint(text, "warn")


def _stand_ins(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    for row in answers["issues"].stand_ins if answers.get("issues") is not None else ():
        trial = f"; {row.name} is tried again beside it" if row.trial else ""
        yield paint(f"{row.standby} stands in for {row.name}{trial}", "warn")


def _unwritten(answers: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    issues = answers.get("issues")
    if issues is not None and issues.unwritten:
        yield paint(f"disk full: {count(issues.unwritten, 'change')} of the issues' history kept in memory", "bad")
    if issues is not None and issues.left_out:
        yield paint(f"{count(issues.left_out, 'change')} of the issues' history left out: no room for it", "bad")


def _others(answers: Mapping[str, Any]) -> Iterator[str]:
    if answers.get("drift") is not None:
        for row in answers["drift"].drifts[:SHOWN_MAX]:
            yield f"drift: {row.subject} {row.drift.replace('_', ' ')} for {span(row.since_s)}: found {row.observed}"
    if answers.get("goals") is not None:
        for goal in answers["goals"].goals[:SHOWN_MAX]:
            side = goal.direction.replace("_", " ")
            target = f"{goal.metric} {side} {measured(goal.metric, goal.target)}"
            yield f"goal: {goal.subject} {target}, {goal.progress:.0%} done"
    if answers.get("tasks") is not None and (line := queue_of(answers["tasks"])):
        yield line
    if answers.get("experiments") is not None:
        for trial in answers["experiments"].experiments:
            if trial.state == "running":
                yield f"experiment: {trial.parameter} {trial.baseline:g} -> {trial.candidate:g}: {trial.why}"


def queue_of(stats: Any) -> str:
    """`tasks: 3 running, 120 waiting`; empty when there are none."""
    told = ", ".join(f"{number} {state}" for state, number in stats.counts.items() if number)
    paused = f", paused: {stats.paused}" if stats.paused else ""
    return f"tasks: {told or 'none'}{paused}" if told or paused else ""
