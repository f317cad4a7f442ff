"""What is different between the desired workloads and the observed ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from actors.settings import Workload, revision
from bus.messages import DriftKind, ProcessRow, ProcessState, ProcessTable

UP: frozenset[ProcessState] = frozenset({"starting", "adopted", "running", "ready", "unhealthy"})
"""There is a process, or one is being spawned."""
UNDER_WAY: frozenset[ProcessState] = frozenset({"waiting", "backing_off", "stopping"})
"""Neither up nor at rest: the ProcessManager is at it, or waits before it goes on."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference as one look shows it.

    subject: the workload. desired, observed: for people. pids: of a stray or hand-started copy, ascending.
    settling: nothing is to be done now, as something is under way; it opens no drift and closes none. kept: it is told,
    and nothing is done, as that was tried and put back.
    """

    subject: str
    kind: DriftKind
    desired: str
    observed: str
    pids: tuple[int, ...] = ()
    settling: bool = False
    kept: bool = False


def compare(desired: Mapping[str, Workload], rows: Iterable[ProcessRow]) -> list[Difference]:
    """Every difference, in the order of the config, then of the rows that are not in it.

    No difference: what a person holds, what ended by itself as its policy says (`exited`), what is left to the Healer
    (`crash_loop`), what is not started with the node (`autostart: false`), what is waiting or backing off.
    """
    observed = {row.name: row for row in rows}
    found: list[Difference] = []
    for name, workload in desired.items():
        found.extend(_of_declared(name, workload, observed.get(name)))
    for name, row in observed.items():
        if name not in desired and not row.declared:
            found.extend(_of_undeclared(row))
    return found


def at_rest(table: ProcessTable) -> list[ProcessRow]:
    """The rows; of a node that is drained all are down on purpose, as if a person held each."""
    if not table.draining:
        return table.processes
    return [msgspec.structs.replace(row, held=True) for row in table.processes]


def _of_declared(name: str, workload: Workload, row: ProcessRow | None) -> Iterator[Difference]:
    if row is None:
        if workload.spec.autostart:
            yield Difference(subject=name, kind="vanished", desired="runs", observed="not known to the ProcessManager")
        return
    if not row.declared and row.state in UP | UNDER_WAY:
        return  # the ProcessManager has not taken over the config yet that names it again
    if row.held:
        yield from _strays(row)
        return
    if workload.spec.autostart and row.state == "stopped":
        yield Difference(subject=name, kind="vanished", desired="runs", observed=_words(row))
    elif workload.spec.autostart and row.state in UNDER_WAY:
        yield Difference(subject=name, kind="vanished", desired="runs", observed=_words(row), settling=True)
    yield from _revision(workload, row)
    yield from _strays(row)
    if row.by_hand and (workload.spec.autostart or row.wanted):
        yield Difference(
            subject=name,
            kind="by_hand",
            desired="one, run by the node",
            observed=f"started by hand as well: {_pids(row.by_hand)}",
            pids=tuple(sorted(row.by_hand)),
        )


def _revision(workload: Workload, row: ProcessRow) -> Iterator[Difference]:
    wanted = revision(workload.spec)
    if workload.spec.schedule is not None:
        return  # its next run takes the config as it is then; the present one does its work to the end
    if row.revision in (None, wanted) or row.state not in UP | UNDER_WAY:
        return
    kept = row.refused == wanted
    runs = (
        f"its former revision {row.revision}, as the new one did not get ready" if kept else f"revision {row.revision}"
    )
    yield Difference(
        subject=row.name,
        kind="wrong_revision",
        desired=f"revision {wanted}",
        observed=f"{row.state} with {runs}",
        settling=row.state in UNDER_WAY,
        kept=kept,
    )


def _strays(row: ProcessRow) -> Iterator[Difference]:
    if row.strays:
        yield Difference(
            subject=row.name,
            kind="stray",
            desired="no left-over process",
            observed=f"left over: {_pids(row.strays)}",
            pids=tuple(sorted(row.strays)),
        )


def _of_undeclared(row: ProcessRow) -> Iterator[Difference]:
    if row.state in UP or row.state in UNDER_WAY:
        yield Difference(
            subject=row.name,
            kind="undeclared",
            desired="fewer instances" if row.scaled_away else "not in the config",
            observed=_words(row),
            settling=row.state == "stopping",
        )
    yield from _strays(row)


def _words(row: ProcessRow) -> str:
    return f"{row.state} (pid {row.pid})" if row.pid is not None else row.state


def _pids(pids: Iterable[int]) -> str:
    return "pid " + ", ".join(str(pid) for pid in sorted(pids))
