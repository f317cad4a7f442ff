"""The table of nodes as lines, for `nodes` and `status --all`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from actors.cli.paint import Cell, Paint, span, table
from actors.cli.status_lines import STATE_TONES, level_tone, shortened

TONES: Final = {"here": "good", "stopping": "warn", "left": "dim", "gone": "bad", "unheard": "bad"}
HEAD: Final = ("NODE", "STATE", "FOR", "HEARD", "HEALTH", "WORKLOADS", "ISSUES", "STATUS", "WHY")
UP: Final = frozenset({"ready", "running"})


def rows_of(nodes: Iterable[Any], paint: Paint) -> list[str]:
    """One line for each node."""
    return table([_row(node) for node in nodes], paint, HEAD)


def all_of(nodes: Iterable[Any], paint: Paint) -> list[str]:
    """Each node with its workloads, as it told last."""
    lines: list[str] = []
    for node in nodes:
        lines += ["", paint(_head(node), "bold")] if lines else [paint(_head(node), "bold")]
        workloads = node.status.workloads if node.status is not None else []
        lines += table([_workload(each) for each in workloads], paint) if workloads else ["  no workloads known"]
    return lines


def _row(node: Any) -> list[str | Cell]:
    status = node.status
    level = status.level if status is not None and status.level else "-"
    up = sum(each.state in UP for each in status.workloads) if status is not None else 0
    return [
        node.name + (" (this)" if node.own else ""),
        _state(node),
        span(node.since_s),
        span(node.heard_s) if node.heard_s is not None else "-",
        (level, level_tone(level) if level != "-" else "dim"),
        f"{up} of {len(status.workloads)} up" if status is not None else "-",
        str(status.issues) if status is not None and status.issues is not None else "-",
        f"{span(node.status_s)} ago" if node.status_s is not None else "-",
        shortened("; ".join(status.why)) if status is not None else "",
    ]


def _state(node: Any) -> Cell:
    if node.draining and node.state == "here":
        return ("draining", "warn")
    return (node.state, TONES.get(node.state, "plain"))


def _head(node: Any) -> str:
    status = node.status
    parts = [f"node {node.name}", _state(node)[0], f"for {span(node.since_s)}"]
    if status is not None:
        parts += [status.mode, status.level or "health not known", f"told {span(node.status_s)} ago"]
        parts += [f"no answer from {', '.join(status.missing)}"] if status.missing else []
        if status.issues:
            parts.append(f"{status.issues} open issue{'s' if status.issues != 1 else ''}")
    return " | ".join(parts)


def _workload(each: Any) -> list[str | Cell]:
    return [
        f"  {each.name}",
        (each.state.replace("_", " "), STATE_TONES.get(each.state, "plain")),
        str(each.pid or "-"),
        (each.level or "-", level_tone(each.level) if each.level else "dim"),
        shortened(each.why),
    ]
