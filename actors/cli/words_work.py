"""What the facts about tasks and data sets say, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from actors.cli.paint import number, span
from actors.cli.said import Data, Said


def _task_ended(data: Data) -> Said:
    text = f"task {data['task']} is {data['outcome']} after {span(data['run_s'])}"
    tries = f" and {data['attempts']} attempts" if data["attempts"] > 1 else ""
    return Said(text + tries, {"done": "good", "cancelled": "plain"}.get(data["outcome"], "bad"), data["error"])


def _gaps_found(data: Data) -> Said:
    kinds = ", ".join(f"{number(count)} {kind}" for kind, count in data["counts"].items() if count)
    return Said(f"{number(data['have'])} of {number(data['should'])} keys are there: {kinds or 'no gaps'}", "warn")


def _converged(data: Data) -> Said:
    text = f"all {number(data['checked'])} keys are as they should be"
    if data["unfillable"]:
        text = f"all of {number(data['checked'])} keys but {number(data['unfillable'])} given up are as they should be"
    return Said(f"{text}, {number(data['filled'])} filled since", "warn" if data["unfillable"] else "good")


def _gap_of(data: Data) -> str:
    tries = f" after {data['attempts']} tasks" if data["attempts"] > 1 else ""
    return f"{data['key']}, which was {data['gap']},{tries}"


WORDS: Final[Mapping[str, Callable[[Data], Said]]] = MappingProxyType(
    {
        "dataset.converged": _converged,
        "dataset.gap_filled": lambda d: Said(f"{_gap_of(d).rstrip(',')} is there now", "good"),
        "dataset.gap_unfillable": lambda d: Said(f"{_gap_of(d).rstrip(',')} is given up", "bad", d["why"]),
        "dataset.gaps_found": _gaps_found,
        "dataset.look_doubted": lambda d: Said("what was looked at is not believed", "warn", d["why"]),
        "dataset.look_failed": lambda d: Said("cannot be looked at", "bad", d["why"]),
        "queue.set_aside": lambda d: Said(
            f"queue was broken, kept as {d['kept']}; an empty one begins", "bad", d["why"]
        ),
        "task.ended": _task_ended,
        "task.some_finished": lambda d: Said(
            f"{number(d['done'])} tasks are done, {number(d['failed'])} failed for good",
            "warn" if d["failed"] else "dim",
        ),
        "task.late": lambda d: Said(
            f"task {d['task']} is late: {'dropped' if d['then'] == 'drop' else 'critical from now on'}", "warn"
        ),
        "worker.ended": lambda d: Said(
            f"worker {d['worker']} ended by itself, code {d['exit_code']}", "bad", d["said"]
        ),
    }
)
"""Kind of fact -> its words."""
