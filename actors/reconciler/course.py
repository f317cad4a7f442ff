"""Which gaps are to be filled next, and what follows from a task that has ended. Pure.

Level-triggered: what is done follows from the gaps of the last look and from what was tried, never from an event.
Times are wall seconds, as what was tried has to outlive the node.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from actors.reconciler.expected import written
from actors.reconciler.gaps import Gap
from actors.reconciler.tasks import Wanted
from actors.settings import TaskKind
from actors.settings.dataset_faults import KEY
from actors.settings.datasets import DatasetSettings, Fill
from actors.settings.dates import FORMS
from actors.settings.doubling import doubled
from actors.settings.patterns import Hole, fill, parse_pattern

ADDED_MAX: Final = 100
"""Tasks of one data set that may be added at once."""


class Tried(msgspec.Struct, kw_only=True):
    """What was done about a key. attempts: tasks after which it was still not right. due_s: it is not tried before.

    task: the number of the one that has not ended. gap: the kind of gap it was made for. unfillable: given up.
    """

    key: str
    gap: str
    attempts: int = 0
    due_s: float = 0.0
    task: int | None = None
    unfillable: bool = False
    why: str = ""


def next_gaps(gaps: Iterable[Gap], tried: Mapping[str, Tried], settings: Fill, now_s: float) -> list[Gap]:
    """The gaps for which tasks are to be added now, the first first. gaps: in order of rank."""
    in_flight = sum(one.task is not None for one in tried.values())
    room = min(settings.in_flight_max - in_flight, ADDED_MAX)
    return list(islice(_fillable(gaps, tried, settings, now_s), max(0, room)))


def _fillable(gaps: Iterable[Gap], tried: Mapping[str, Tried], settings: Fill, now_s: float) -> Iterator[Gap]:
    for gap in gaps:
        one = tried.get(gap.key)
        if gap.kind in settings.kinds and (
            one is None or (one.task is None and not one.unfillable and one.due_s <= now_s)
        ):
            yield gap


def open_gaps(gaps: Iterable[Gap], tried: Mapping[str, Tried], settings: Fill | None) -> int:
    """How many gaps there are that something can still be done about."""
    if settings is None:
        return 0
    return sum(gap.kind in settings.kinds and not (gap.key in tried and tried[gap.key].unfillable) for gap in gaps)


def due_s(tried: Iterable[Tried], now_s: float) -> float | None:
    """When the next key may be tried again, after now_s; None when none waits."""
    return min(
        (one.due_s for one in tried if one.task is None and not one.unfillable and one.due_s > now_s), default=None
    )


def task_for(gap: Gap, dataset: tuple[str, DatasetSettings], how: Fill, kind: TaskKind | None) -> Wanted:
    """The task that fills a gap, its parameters filled in with what the key stands for.

    dataset: its name and settings. kind: that of the task, whose parameters may be numbers.
    """
    name, settings = dataset

    def text(hole: Hole) -> str:
        dates = settings.over[hole.name].dates if hole.name in settings.over else None
        value = gap.key if hole.name == KEY else gap.values.get(hole.name, "")
        return value if dates is None else written(datetime.fromisoformat(value), hole, FORMS[dates.step])

    types = {param: each.type for param, each in kind.params.items()} if kind is not None else {}
    params = {
        param: _typed(fill(parse_pattern(each), text), types.get(param, "text")) for param, each in how.params.items()
    }
    return Wanted(kind=how.task, params=params, priority=gap.priority, key=task_key(name, gap.key), tags=(tag(name),))


def _typed(text: str, kind: str) -> str | float:
    """A text as a parameter of this type; one that is none stays a text, and the queue says so."""
    try:
        return int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        return text


def tag(dataset: str) -> str:
    """What the tasks of a data set are marked with."""
    return f"dataset:{dataset}"


def task_key(dataset: str, key: str) -> str:
    """What makes a second task for the same key the same task."""
    return f"{dataset}/{key}"


def failed(one: Tried, why: str, settings: Fill, now_s: float) -> Tried:
    """A task for a key has ended, and the key is still not right."""
    attempts = one.attempts + 1
    wait_s = doubled(settings.backoff_first, one.attempts, settings.backoff_max)
    return msgspec.structs.replace(
        one,
        attempts=attempts,
        due_s=now_s + wait_s,
        task=None,
        unfillable=attempts >= settings.attempts_max,
        why=why,
    )


def not_needed(tried: Mapping[str, Tried], gaps: Collection[str]) -> list[Tried]:
    """Tasks that have not ended, and whose gap a look shows to be closed."""
    return [one for one in tried.values() if one.task is not None and one.key not in gaps]
