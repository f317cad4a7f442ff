"""What no single key can show: whether the parts of a configuration fit together. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from actors.settings.expressions import circle, names_in
from actors.settings.faults import At, Fault, suggest
from actors.settings.metrics import Metric, declared_unit
from actors.settings.policies import signal_name
from actors.settings.tasks import TaskKind
from actors.settings.thresholds import METRICS, UNITS_ALLOWED, Threshold
from actors.settings.units import Unit
from actors.settings.workloads import WorkloadSettings

REMEDIES: Final = (
    "restart", "hook", "signal", "end_strays", "roll", "hold", "fallback", "task", "await_restart", "wait_dependency",
)  # fmt: skip
"""Remedies that are known by name; others have to have the shape of one and not be a slip of one."""

ACTIONS: Final = REMEDIES[:-2]
"""Remedies that do something, and so can be the action of a threshold."""

_NAMED: Final = ("hook", "signal", "task")
"""Remedies that say which."""

TOLD: Final = ("workload", "issue")
"""Parameters that a task is given when it is run as a remedy, if its kind has them."""

_SLIP: Final = 0.8
"""Likeness, from 0 to 1, from which on an unknown remedy is taken for a slip of a known one."""

_REMEDY: Final = re.compile(r"(?P<verb>[a-z][a-z0-9_]*)(?::(?P<argument>[A-Za-z0-9_.-]+))?")
_REMEDY_ALLOWED: Final = "restart, end_strays, roll, hold, fallback, hook:NAME, signal:NAME, task:NAME"
_WRITTEN: Final[Mapping[Unit, str]] = {
    "bytes": "a size (200MB)",
    "percent": "a percentage (80%)",
    "count": "a number",
    "seconds": "a duration (1s)",
}


def cross_faults(
    workloads: Mapping[str, WorkloadSettings],
    names: Collection[str],
    at: At,
    *,
    partial: Collection[str] = (),
    tasks: Mapping[str, TaskKind | None] | None = None,
) -> Iterator[Fault]:
    """Give what does not fit together.

    workloads: those that could be read. names: of all that were written, so that a fault in one is no fault of those
    that depend on it. partial: workloads that lack what had a fault; their heal plans are left out, since the hook
    they name may be what is lacking, and so are thresholds of metrics of their own. tasks: kinds by name, None for one
    that could not be read; None: not known, so that none is missed.
    """
    for name, spec in workloads.items():
        key = f"workloads.{name}"
        yield from _dependency_faults(key, name, spec, names, at)
        for metric, threshold in spec.thresholds.items():
            if name in partial and metric not in METRICS and not spec.metrics:
                continue
            yield from _threshold_faults(f"{key}.thresholds.{metric}", metric, threshold, spec.metrics, at)
            if name not in partial and threshold.action is not None:
                yield from _action_faults(f"{key}.thresholds.{metric}.action", threshold.action, spec, at, tasks)
        for place, metric in enumerate(spec.drift):
            if not (name in partial or metric in METRICS or declared_unit(spec.metrics, metric)):
                known = suggest(metric, [*METRICS, *spec.metrics])
                yield at(f"{key}.drift[{place}]", f'unknown metric "{metric}"', known)
        if name not in partial:
            yield from _expression_faults(f"{key}.metrics", spec.metrics, METRICS, at)
        if name not in partial:
            yield from _heal_faults(key, spec, at, tasks)
            yield from _fallback_faults(name, spec, workloads, names, at)
        yield from _text_faults(key, spec, at)
        if spec.instances is None and spec.roll.keep_ready:  # here, as each instance of several says none
            problem = f"{spec.roll.keep_ready} of 1 leaves none to restart"
            yield at(f"{key}.roll.keep_ready", problem, "0, or instances: N with more")
    yield from _circle_faults(workloads, at)


def _dependency_faults(key: str, name: str, spec: WorkloadSettings, names: Collection[str], at: At) -> Iterator[Fault]:
    for other in spec.depends_on:
        path = f"{key}.depends_on.{other}"
        if other == name:
            yield at(path, "a workload cannot depend on itself", "another workload")
        elif other not in names:
            others = [each for each in names if each != name]
            yield at(path, f'no workload "{other}"', suggest(other, others) or "no dependency")


def _circle_faults(workloads: Mapping[str, WorkloadSettings], at: At) -> Iterator[Fault]:
    """Give each circle once, at the dependency that closes it."""
    done: set[str] = set()
    for start in workloads:
        trail: list[str] = []
        branches = [iter([start])]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if trail:
                    done.add(trail.pop())
            elif name in trail:
                circle = [*trail[trail.index(name) :], name]
                if len(circle) > 2:  # noqa: PLR2004 - on itself: told already
                    key = f"workloads.{trail[-1]}.depends_on.{name}"
                    yield at(key, f"dependencies go in a circle: {' -> '.join(circle)}", "")
            elif name not in done and name in workloads:
                trail.append(name)
                branches.append(iter(list(workloads[name].depends_on)))


def _threshold_faults(
    key: str, metric: str, threshold: Threshold, declared: Mapping[str, Metric], at: At
) -> Iterator[Fault]:
    own = declared_unit(declared, metric)
    allowed = UNITS_ALLOWED.get(metric) or ((own,) if own is not None else ())
    if not allowed:
        yield at(key, f'unknown metric "{metric}"', suggest(metric, [*METRICS, *declared]))
        return
    if threshold.unit is not None and threshold.unit not in allowed:
        side = "above" if threshold.above is not None else "below"
        kinds = " or ".join(_WRITTEN[unit] for unit in allowed)
        yield at(f"{key}.{side}", f"{metric} is not in {threshold.unit}", kinds)


def _action_faults(
    key: str, action: str, spec: WorkloadSettings, at: At, tasks: Mapping[str, TaskKind | None] | None
) -> Iterator[Fault]:
    match = _REMEDY.fullmatch(action)
    if match is None or match["verb"] not in ACTIONS:
        yield at(key, f'"{action}" is no action', _REMEDY_ALLOWED)
    else:
        yield from _own_faults(key, action, spec, at, tasks)


def _expression_faults(key: str, metrics: Mapping[str, Metric], measured: Collection[str], at: At) -> Iterator[Fault]:
    """Give what an expression names that nothing measures, and expressions that need one another."""
    needs = {name: names_in(one.expression) for name, one in metrics.items() if one.expression is not None}
    for name, others in needs.items():
        for other in sorted(others):
            if other not in measured and declared_unit(metrics, other) is None:
                path = f"{key}.{name}.expression"
                yield at(path, f'unknown metric "{other}"', suggest(other, [*measured, *metrics]))
    if names := circle(needs):
        yield at(f"{key}.{names[0]}.expression", f"{' and '.join(names)} need one another", "other metrics")


def _heal_faults(
    key: str, spec: WorkloadSettings, at: At, tasks: Mapping[str, TaskKind | None] | None
) -> Iterator[Fault]:
    for kind, remedies in spec.heal.items():
        for remedy in remedies:
            yield from _own_faults(f"{key}.heal.{kind}", remedy, spec, at, tasks)


def _own_faults(
    path: str, remedy: str, spec: WorkloadSettings, at: At, tasks: Mapping[str, TaskKind | None] | None
) -> Iterator[Fault]:
    """Give what is wrong with a remedy that a workload names for itself."""
    yield from remedy_faults(path, remedy, spec.hooks, at)
    verb, _, argument = remedy.partition(":")
    if remedy == "fallback" and spec.fallback is None:
        yield at(path, "it declares no fallback", "fallback: {workload: NAME}")
    elif remedy == "roll" and spec.instances is None:
        yield at(path, "it has no instances to restart in turn", "restart, or instances: N")
    elif verb == "task" and argument and tasks is not None and argument not in tasks:
        yield at(path, f'no task "{argument}"', suggest(argument, list(tasks)) or "a kind under tasks:")
    elif verb == "task" and tasks is not None and (kind := tasks.get(argument)) and (lacks := kind.needs(TOLD)):
        allowed = f"a default for every parameter but {' and '.join(TOLD)}"
        yield at(path, f"task {argument} needs {', '.join(lacks)}", allowed)


def _fallback_faults(
    name: str, spec: WorkloadSettings, workloads: Mapping[str, WorkloadSettings], names: Collection[str], at: At
) -> Iterator[Fault]:
    """Give why a workload cannot stand in for another."""
    if spec.fallback is None:
        return
    path, other = f"workloads.{name}.fallback.workload", spec.fallback.workload
    stands = workloads.get(other)
    if other == name:
        yield at(path, "a workload cannot stand in for itself", "another workload")
    elif other not in names:
        others = [each for each in names if each != name]
        yield at(path, f'no workload "{other}"', suggest(other, others) or "another workload")
    elif spec.instances is not None:
        yield at(path, f"{name} has instances, of which the others go on", "a workload with no instances")
    elif stands is not None and stands.instances is not None:
        yield at(path, f'"{other}" has instances', "one with no instances")
    elif stands is not None and stands.fallback is not None:
        yield at(path, f'"{other}" has a fallback itself', "one that has none")
    elif stands is not None and name in stands.depends_on:
        yield at(path, f'"{other}" depends on {name}, and so is down with it', "one that does not depend on it")


def remedy_faults(path: str, remedy: str, hooks: Collection[str] | None, at: At) -> Iterator[Fault]:
    """Give what is wrong with a remedy of a plan. hooks: of the workload; None: it is for any workload."""
    match = _REMEDY.fullmatch(remedy)
    if match is None:
        yield at(path, f'"{remedy}" is no remedy', _REMEDY_ALLOWED)
        return
    verb, argument = match["verb"], match["argument"]
    if verb in _NAMED and argument is None:
        yield at(path, f'"{verb}" needs a name', f"{verb}:NAME")
    elif verb == "hook" and argument is not None and hooks is not None and argument not in hooks:
        yield at(path, f'no hook "{argument}" in this workload', suggest(argument, list(hooks)) or "a hook of it")
    elif verb == "signal" and argument is not None:
        try:
            signal_name(argument)
        except ValueError as error:
            problem, _, allowed = str(error).partition("; allowed: ")
            yield at(path, problem, allowed)
    elif verb not in REMEDIES:
        guess = suggest(verb, REMEDIES, _SLIP)
        if guess.startswith("did you mean"):
            yield at(path, f'unknown remedy "{verb}"', guess)
    elif verb not in _NAMED and argument is not None:
        yield at(path, f'"{verb}" takes no name', verb)


def _text_faults(key: str, spec: WorkloadSettings, at: At) -> Iterator[Fault]:
    """Give what no process can be given: a zero byte, or a variable without a name."""
    commands = {
        "command": spec.command,
        **{f"hooks.{name}.command": hook.command for name, hook in spec.hooks.items()},
        **{f"hooks.{name}.undo": hook.undo or [] for name, hook in spec.hooks.items()},
        **{f"modes.{mode}.command": each.command or [] for mode, each in spec.modes.items()},
    }
    for path, command in commands.items():
        if any("\0" in word for word in command):
            yield at(f"{key}.{path}", "a zero byte cannot be given to a process", "")
    environments = {"env": spec.env, **{f"modes.{mode}.env": each.env for mode, each in spec.modes.items()}}
    for path, env in environments.items():
        for name, value in env.items():
            if "=" in name or "\0" in name + value:
                yield at(f"{key}.{path}.{name}", "cannot be an environment variable", "no = in names, no zero byte")
    if not spec.cwd or "\0" in spec.cwd:
        yield at(f"{key}.cwd", "is no directory", "a path")
