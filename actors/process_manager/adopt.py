"""Finds again, in the process table, what a node before this one left running. I/O."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct

from actors.process_manager.exits import Exit, exit_of, reap
from actors.process_manager.processes import TICKS_PER_S, Processes, Stat
from actors.process_manager.records import Records
from actors.process_manager.store import Row
from actors.process_manager.tokens import INCARNATION, NODE, TOKEN, WORKLOAD, Issuer, is_ours

FORK_TO_EXEC_S: Final = 5.0
"""Seconds after an intent in which the process of a spawn can have come into being."""

_LOOK_S: Final = 0.01


class Alive(Struct, frozen=True):
    """It runs. child: of this very process, whose behaviour was made anew."""

    stat: Stat
    child: bool
    incarnation: int
    token: str


class Gone(Struct, frozen=True):
    """It ended. existed: whether it is known that there was a process at all. wall_s: when, if a guard saw it."""

    exit: Exit
    existed: bool
    wall_s: float | None = None


Fate = Alive | Gone


def find_fates(
    rows: Mapping[str, Row],
    table: Processes,
    boot: str,
    issuer: Issuer,
    wait_s: float,
    *,
    records: Records | None = None,
) -> dict[str, Fate]:
    """Tell what became of each workload's last process; those that were down already have no fate.

    A pid with the same start time on the same boot is the same process. Its token is not asked for then: servers that
    write their title over their environment have lost it. Everything else is searched for by token: a spawn whose
    pid did not get into its row, or, when the disk was full, a later one that has no row at all.
    wait_s: at most so long is waited for a process between fork and exec, which has no token yet. records: what
    guards saw of those that ended.
    """
    fates: dict[str, Fate] = {}
    for name, row in rows.items():
        if row.phase == "intent" or (row.phase == "up" and row.boot != boot):
            fates[name] = Gone(Exit(), existed=row.phase == "up")
        elif row.phase == "up" and row.pid is not None:
            fates[name] = _fate(row, row.pid, table, records)
    lost = {name: row for name, row in rows.items() if not isinstance(fates.get(name), Alive)}
    unclear = [row for row in lost.values() if row.phase == "intent" and row.boot == boot]
    heirs = _heirs(table) | (records.guards() if records is not None else set())
    return fates | (_search(lost, unclear, table, issuer, wait_s=wait_s, heirs=heirs) if lost else {})


def _fate(row: Row, pid: int, table: Processes, records: Records | None) -> Fate:
    stat = table.stat(pid)
    if stat is None or (row.ticks is not None and stat.ticks != row.ticks):
        noted = records.find(pid, row.ticks) if records is not None else None
        return Gone(noted.exit, existed=True, wall_s=noted.wall_s) if noted else Gone(Exit(), existed=True)
    child = stat.parent == os.getpid()
    if not stat.zombie:
        return Alive(stat, child, row.incarnation, row.token)
    return Gone((reap(pid) if child else None) or exit_of(stat.status), existed=True)


def _search(
    rows: dict[str, Row], unclear: list[Row], table: Processes, issuer: Issuer, *, wait_s: float, heirs: set[int]
) -> dict[str, Fate]:
    own_program = table.program(os.getpid())
    pause = threading.Event()
    found: dict[str, Fate] = {}
    for _ in range(max(1, int(wait_s / _LOOK_S))):
        stats = [stat for pid in table.pids() if (stat := table.stat(pid)) is not None and not stat.zombie]
        found = _mains(rows, stats, table, issuer)
        left = [row for row in unclear if row.name not in found]
        children = [stat for stat in stats if stat.parent in heirs]
        if not any(_may_become(stat, left, own_program, table) for stat in children):
            break
        pause.wait(_LOOK_S)
    return found


def _mains(rows: dict[str, Row], stats: list[Stat], table: Processes, issuer: Issuer) -> dict[str, Fate]:
    """Give the newest incarnation of each workload that is not known to have ended; of that, who started first.

    A main process leads a session; a later leader with the same token is its offspring.
    """
    found: dict[str, Alive] = {}
    for stat in sorted(stats, key=lambda one: one.ticks):
        environ = table.environ(stat.pid) if stat.session == stat.pid else {}
        name, token, number = environ.get(WORKLOAD, ""), environ.get(TOKEN, ""), environ.get(INCARNATION, "")
        row = rows.get(name)
        if row is None or environ.get(NODE) != issuer.node or not is_ours(issuer.secret, token, name, number):
            continue
        incarnation = int(number)
        known = found[name].incarnation if name in found else row.incarnation - (row.phase == "intent")
        if incarnation > known:
            found[name] = Alive(stat, stat.parent == os.getpid(), incarnation, token)
    return dict(found)


def _heirs(table: Processes) -> set[int]:
    """Who may be the parent of what a dead node left: init or a subreaper above us, or this very process."""
    heirs, pid = {1, os.getpid()}, os.getpid()
    while (stat := table.stat(pid)) is not None and stat.parent not in heirs:
        pid = stat.parent
        heirs.add(pid)
    return heirs


def _may_become(stat: Stat, rows: Collection[Row], own_program: str | None, table: Processes) -> bool:
    """Tell whether a process looks as one of ours does from fork to the end of exec, begun at the intent.

    At first it is our program with our environment; then for some microseconds another with none.
    """
    started_s = stat.ticks / TICKS_PER_S
    began = any(row.intent_s - 1.0 <= started_s <= row.intent_s + FORK_TO_EXEC_S for row in rows)
    if stat.pid == os.getpid() or not began:
        return False
    environ = table.environ(stat.pid)
    return not environ or (TOKEN not in environ and table.program(stat.pid) == own_program)
