"""What no single key of a data set can show: whether pattern, dimensions, tasks and data sets fit together. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import prod
from typing import Final

from actors.settings.datasets import DatasetSettings, Fill
from actors.settings.dates import date_range, parse_date
from actors.settings.dimensions import Dates
from actors.settings.faults import At, Fault, split_allowed, suggest
from actors.settings.metrics import POSTGRES
from actors.settings.patterns import holes, parse_pattern
from actors.settings.tasks import TaskKind

KEY: Final = "key"
"""What a parameter may say besides the holes of the pattern."""

_SOME_DATE: Final = datetime(2024, 2, 29, 23, 59)  # noqa: DTZ001 - to see whether a form can be written


def dataset_faults(
    datasets: Mapping[str, DatasetSettings], tasks: Mapping[str, TaskKind | None], at: At
) -> Iterator[Fault]:
    """Give what does not fit together. tasks: None for a kind that has faults of its own."""
    for name, one in datasets.items():
        key = f"datasets.{name}"
        yield from _pattern_faults(key, one, at)
        for dimension in one.over:
            yield from _dimension_faults(f"{key}.over.{dimension}", dimension, one, at)
        yield from _other_faults(key, name, one, datasets, at)
        if one.fill is not None:
            yield from _fill_faults(f"{key}.fill", one.fill, (_names(one), tasks), at)
    yield from _circle_faults(datasets, at)


def leader_faults(actors: Mapping[str, object], at: At) -> Iterator[Fault]:
    """Give a lease by which nothing could be refused. actors: name -> settings."""
    leader: str | None = getattr(actors.get("reconciler"), "leader", None)
    if leader is not None and leader.startswith(POSTGRES):
        queue: str | None = getattr(actors.get("executor"), "database", None)
        if leader != queue:
            problem = "is not the database of the queue, which has to refuse what a node adds that leads no more"
            yield at("actors.reconciler.leader", problem, "the same as actors.executor.database")


def count_faults(datasets: Mapping[str, DatasetSettings], now: datetime, at: At) -> Iterator[Fault]:
    """Give the patterns that stand for too many keys; what only a query or another data set tells counts as one."""
    for name, one in datasets.items():
        if one.keys is None:
            continue
        counts = {each: _count(one, each, now) for each in one.over}
        total = prod(counts.values())
        if total > one.keys_max:
            sizes = " x ".join(f"{count:,} {each}" for each, count in counts.items())
            problem = f"stands for {total:,} keys ({sizes})"
            yield at(f"datasets.{name}.keys", problem, f"at most keys_max, {one.keys_max:,}")


def _count(one: DatasetSettings, name: str, now: datetime) -> int:
    dimension = one.over[name]
    if dimension.values is not None:
        return len(set(dimension.values))
    try:
        dates = dimension.dates
        return max(1, date_range(dates.bounds, dates.step, now, dates.lag).count) if dates is not None else 1
    except (ValueError, OverflowError):  # told already
        return 1


def _names(one: DatasetSettings) -> set[str]:
    """The names of the holes; those of the dimensions for a pattern that cannot be read."""
    try:
        return {hole.name for hole in holes(parse_pattern(one.keys or ""))}
    except ValueError:
        return set(one.over)


def _pattern_faults(key: str, one: DatasetSettings, at: At) -> Iterator[Fault]:
    try:
        found = holes(parse_pattern(one.keys or ""))
    except ValueError as error:
        yield at(f"{key}.keys", *split_allowed(str(error)))
        return
    for hole in found:
        dimension = one.over.get(hole.name)
        if dimension is None:
            known = suggest(hole.name, list(one.over)) or "a name of over"
            yield at(f"{key}.keys", f'nothing says what "{{{hole.name}}}" is', known)
        elif hole.form and dimension.dates is None:
            yield at(f"{key}.keys", f'"{{{hole.name}:{hole.form}}}" has the form of a date', f"{{{hole.name}}}")
        elif hole.form and _SOME_DATE.strftime(hole.form) == hole.form:
            yield at(f"{key}.keys", f'"{hole.form}" says nothing of a date', "%Y-%m-%d")


def _dimension_faults(key: str, name: str, one: DatasetSettings, at: At) -> Iterator[Fault]:
    dimension, names = one.over[name], _names(one)
    if one.keys is not None and name not in names:
        yield at(key, "is in no hole of keys", ", ".join(sorted(names)) or "no dimension")
    if name == KEY:
        yield at(key, '"key" is the whole key already', "another name")
    if dimension.dates is not None:
        yield from _date_faults(f"{key}.dates", dimension.dates, at)
    if dimension.values == []:
        yield at(f"{key}.values", "is empty", "one value at least")


def _date_faults(key: str, dates: Dates, at: At) -> Iterator[Fault]:
    for name, text in (("from", dates.first), ("to", dates.to)):
        try:
            if text is not None:
                parse_date(text, _SOME_DATE)
        except ValueError as error:
            yield at(f"{key}.{name}", *split_allowed(str(error)))


def _other_faults(
    key: str, name: str, one: DatasetSettings, datasets: Mapping[str, DatasetSettings], at: At
) -> Iterator[Fault]:
    for path, other in _others(one):
        if other == name:
            yield at(f"{key}.{path}", "a data set cannot be made of itself", "another data set")
        elif other not in datasets:
            others = [each for each in datasets if each != name]
            yield at(f"{key}.{path}", f'no data set "{other}"', suggest(other, others) or "no other is declared")


def _others(one: DatasetSettings) -> Iterator[tuple[str, str]]:
    """The data sets that one names, each with the key that names it."""
    if one.like is not None:
        yield "like", one.like
    for name, dimension in one.over.items():
        if dimension.dataset is not None:
            yield f"over.{name}.dataset", dimension.dataset


def _fill_faults(
    key: str, fill: Fill, known: tuple[set[str], Mapping[str, TaskKind | None]], at: At
) -> Iterator[Fault]:
    names, tasks = known
    kind = tasks.get(fill.task)
    if fill.task not in tasks:
        yield at(f"{key}.task", f'no task "{fill.task}"', suggest(fill.task, list(tasks)) or "a name beneath tasks")
    for param, text in fill.params.items():
        path = f"{key}.params.{param}"
        if kind is not None and kind.params and param not in kind.params:
            yield at(path, f'the task {fill.task} has no parameter "{param}"', suggest(param, list(kind.params)))
        try:
            lacking = [hole.name for hole in holes(parse_pattern(text)) if hole.name not in {*names, KEY}]
        except ValueError as error:
            yield at(path, *split_allowed(str(error)))
            continue
        if lacking:
            yield at(path, f'"{{{lacking[0]}}}" is no hole of keys', ", ".join([*sorted(names), KEY]))


def _circle_faults(datasets: Mapping[str, DatasetSettings], at: At) -> Iterator[Fault]:
    """Give each data set that needs itself through others."""
    for name, one in datasets.items():
        trail, waiting = {name}, [other for _, other in _others(one) if other != name]
        while waiting:
            other = waiting.pop()
            if other == name:
                yield at(f"datasets.{name}", "is made of itself, through other data sets", "no circle")
                break
            if other not in trail and other in datasets:
                trail.add(other)
                waiting += [each for _, each in _others(datasets[other])]
