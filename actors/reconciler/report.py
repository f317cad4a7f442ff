"""gaps.json: what is missing where, for people and programs that do not ask the node."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.reconciler.watched import Watched

LISTED_MAX: Final = 1000
"""Gaps of one data set that are listed, the first ones; all of them are counted."""


def told(datasets: Iterable[Watched], now_s: float) -> dict[str, Any]:
    """What the report says. now_s: wall seconds."""
    return {
        "written": datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds"),
        "datasets": {one.name: _dataset(one) for one in datasets},
    }


def write(path: Path, report: dict[str, Any]) -> None:
    """Put it in its place, whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(report), indent=1))
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _dataset(one: Watched) -> dict[str, Any]:
    gaps: list[dict[str, Any]] = []
    for gap in one.gaps.values():
        if len(gaps) == LISTED_MAX:
            break
        tried = one.tried.get(gap.key)
        gaps.append(
            {
                "key": gap.key,
                "kind": gap.kind,
                "why": gap.why,
                "priority": gap.priority,
                "attempts": tried.attempts if tried is not None else 0,
                "unfillable": tried.unfillable if tried is not None else False,
            }
        )
    return {
        "state": one.state,
        "why": one.why,
        "should": one.known.should,
        "have": one.have,
        "counts": {kind: count for kind, count in one.counts.items() if count},
        "unfillable": one.unfillable,
        "gaps": gaps,
    }
