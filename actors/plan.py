"""What another config would change: of each workload which keys, and what is done about it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from actors.settings import Settings, Workload, revision
from actors.settings.node import fingerprint
from actors.settings.plain import HIDDEN, plain_of
from bus.messages import ChangeRow, PlanRow, ReloadResult

VALUE_MAX: Final = 200
_LIVE_NODE_KEYS: Final = frozenset(("node.shutdown_grace",))
"""Keys of the node that a reload puts in force."""


def plan_reload(old: Settings, new: Settings) -> ReloadResult:
    """Give what a reload does, and why."""
    before, after = old.workloads, new.workloads
    changed = [name for name in after if name in before and fingerprint(after[name]) != fingerprint(before[name])]
    rows = [
        *(_added(after[name]) for name in after if name not in before),
        *(_removed(before[name]) for name in before if name not in after),
        *(_changed(before[name], after[name]) for name in changed),
        *_node(old, new),
        *_alerts(old, new),
        *_actors(old, new),
    ]
    return ReloadResult(
        faults=[],
        added=[name for name in after if name not in before],
        removed=[name for name in before if name not in after],
        changed=changed,
        revision=new.revision,
        plan=rows,
        untouched=len([name for name in after if name in before and name not in changed]),
    )


def _added(workload: Workload) -> PlanRow:
    spec = workload.spec
    if not spec.autostart:
        return PlanRow(subject=workload.name, action="add", mode=workload.mode, note="is started by command only")
    waits = "at its time" if spec.schedule is not None else "in its window" if spec.windows.run else ""
    return PlanRow(subject=workload.name, action="start", mode=workload.mode, note=waits)


def _removed(workload: Workload) -> PlanRow:
    return PlanRow(subject=workload.name, action="stop", mode=workload.mode, note="no longer in the config")


def _changed(old: Workload, new: Workload) -> PlanRow:
    rows = [*changes(plain_of(old.spec), plain_of(new.spec)), *_secrets(old, new)]
    if old.mode != new.mode:
        rows.append(ChangeRow(key="mode", before=old.mode, after=new.mode))
    action: Literal["take_over", "restart"]
    action, note = "take_over", "nothing is restarted"
    if revision(old.spec) != revision(new.spec):
        action, note = "restart", ""
        if new.spec.schedule is not None:
            action, note = "take_over", "from its next run on"
        elif new.spec.windows.maintenance:
            note = "within its maintenance window"
    return PlanRow(subject=new.name, action=action, mode=new.mode, changes=rows, note=note)


def _secrets(old: Workload, new: Workload) -> Iterator[ChangeRow]:
    """Variables that differ, and look the same as neither is shown."""
    before, after = _flat(plain_of(old.spec), ""), _flat(plain_of(new.spec), "")
    for name in new.spec.env:
        key = f"env.{name}"
        other = old.spec.env.get(name, "") != new.spec.env[name]
        if other and before.get(key) == after.get(key) and key in after:
            yield ChangeRow(key=key, before=HIDDEN, after=f"{HIDDEN} (another value)")


def _node(old: Settings, new: Settings) -> Iterator[PlanRow]:
    rows = list(changes(plain_of(old.node), plain_of(new.node), "node"))
    later = [row for row in rows if row.key not in _LIVE_NODE_KEYS]
    at_once = [row for row in rows if row.key in _LIVE_NODE_KEYS]
    if later:
        yield PlanRow(subject="node", action="later", changes=later, note="in force after gyrostat restart")
    if at_once:
        yield PlanRow(subject="node", action="take_over", changes=at_once)


def _alerts(old: Settings, new: Settings) -> Iterator[PlanRow]:
    if old.alerts != new.alerts:
        rows = list(changes(plain_of(old.alerts), plain_of(new.alerts), "alerts"))
        note = "" if rows else "a secret"
        yield PlanRow(subject="alerts", action="take_over", changes=rows, note=note)


def _actors(old: Settings, new: Settings) -> Iterator[PlanRow]:
    for name in dict.fromkeys((*old.actors, *new.actors)):
        before, after = old.actors.get(name), new.actors.get(name)
        if before != after:
            rows = list(changes(_plain(before), _plain(after), f"actors.{name}"))
            yield PlanRow(subject=f"actor {name}", action="take_over", changes=rows)


def _plain(struct: Struct | None) -> object:
    return plain_of(struct) if struct is not None else {}


def changes(before: object, after: object, path: str = "") -> Iterator[ChangeRow]:
    """Every key whose value differs, in the order of the types; a secret is shown as ***, and that it differs."""
    old, new = _flat(before, path), _flat(after, path)
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield ChangeRow(key=key, before=_shown(key, old), after=_shown(key, new))


def _flat(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for key, each in value.items():
            found |= _flat(each, f"{path}.{key}" if path else str(key))
        return found
    return {} if isinstance(value, Mapping) and not path else {path: value}


def _shown(key: str, values: Mapping[str, Any]) -> str:
    if key not in values:
        return "-"
    text = json.dumps(values[key], ensure_ascii=False)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 3]}..."
