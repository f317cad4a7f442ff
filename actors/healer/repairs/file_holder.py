"""Ends the process that the config names when it holds a file that the workload needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from actors.healer.holders import Holder, arguments, end_process, find_users, lineage, who_has_locked
from actors.healer.issues import LIFE
from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene, Then
from actors.healer.repairs.paths import inside
from actors.healer.repairs.port_owner import GRACE_MAX_S
from actors.settings import Workload

_BESIDE: Final = ("", "-wal", "-shm", "-journal", ".lock")
"""Files whose lock keeps others from a file: its own, those of SQLite, and a lock file."""
_SAYS_LOCKED: Final = ("db_locked", "lock")


class EndFileHolder:
    """Applies to a file of `repair.file_holders` that a process holds whose command line has the text given there.

    Of several, those that have it locked are meant. When the failure does not speak of a lock, only such are.
    """

    name = "end_file_holder"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Whom it would end."""
        named = scene.workload.spec.repair.file_holders
        if not named:
            return Unfit("its config names no file_holders")
        meant: dict[int, Holder] = {}
        others = []
        for file, allowed in named.items():
            path = inside(scene.directory, file)
            found = [each for each in find_users(path) if not _ours(each, scene)]
            fit = [each for each in found if _has(each, allowed.command)]
            locking = who_has_locked(path.with_name(path.name + end) for end in _BESIDE)
            loose = fit if scene.failure in _SAYS_LOCKED else []
            meant.update({each.pid: each for each in [one for one in fit if one.pid in locking] or loose})
            others += [f"{file} is held by pid {each.pid} ({each.command})" for each in found if each not in fit]
        if not meant:
            return Unfit("; ".join(others) or f"none that may be ended holds {', '.join(named)}")
        who = ", ".join(f"pid {each.pid} ({each.command}), which holds {each.what}" for each in meant.values())
        detail = {str(pid): msgspec.json.encode(each).decode() for pid, each in meant.items()}
        return Planned(says=f"end {who}", detail=detail)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """End them."""
        grace_s = min(float(scene.workload.spec.stop.grace), GRACE_MAX_S)
        for pid, text in planned.detail.items():
            if not end_process(msgspec.json.decode(text, type=Holder), grace_s):
                raise RepairFailed(f"pid {pid} does not end")
        then: Then = "start" if scene.issue.kind in LIFE else "nothing"
        return Acted(says=planned.says.replace("end", "ended", 1), then=then)

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """What has ended stays so."""
        return Acted(says="nothing to put back", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Grace, and a KILL after it, of a few processes."""
        return 20.0


def _ours(holder: Holder, scene: Scene) -> bool:
    """Whether it is this workload's own process, another workload's, or unseen."""
    kept = {*scene.ours, scene.row.pid}
    return holder.pid in (0, os.getpid()) or any(each.pid in kept for each in lineage(holder.pid))


def _has(holder: Holder, text: str) -> bool:
    family = lineage(holder.pid)
    return bool(family) and text in " ".join(arguments(family[0]))
