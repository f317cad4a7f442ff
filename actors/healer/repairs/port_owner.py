"""Ends the process that holds a workload's port: one left over of its own, or, when allowed, a copy of it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

import msgspec
import psutil

from actors.healer.holders import Holder, account, arguments, end_process, find_listeners, lineage
from actors.healer.issues import PROBE
from actors.healer.ports import ports_in, probed_ports
from actors.healer.remedies import Hopeless, Obstacle, Planned, Unfit
from actors.healer.repair import Acted, RepairFailed, Scene, Then
from actors.settings import Workload
from bus.messages.process_manager import EndStrays

GRACE_MAX_S = 2.0
"""Seconds that a holder has to end by itself, at most."""
_STRAYS = "strays"


class EndPortOwner:
    """Applies when somebody else holds the port that the failure names, or that its probes ask."""

    name = "end_port_owner"

    def look(self, scene: Scene) -> Planned | Obstacle:
        """Whom it would end; Hopeless, with its name, for one that is not ours to end."""
        workload, strays = scene.workload, scene.row.strays
        ports = ports_in(scene.text.splitlines()) or own_ports(workload)
        if not ports and not strays:
            return Unfit("the failure names no port")
        holders = [each for each in find_listeners(ports) if not _descends(each.pid, scene.row.pid)]
        if not holders and not strays:
            return Unfit(f"nobody holds port {', '.join(map(str, ports))}")
        others = [each for each in holders if not set(strays) & {one.pid for one in lineage(each.pid)}]
        for each in others:
            if why := _not_ours(each, scene):
                return Hopeless(why)
        meant = [_head(each, workload) for each in others]
        who = [f"pid {each.pid} ({each.command})" for each in meant]
        left_over = [f"left-over pid {pid}" for pid in strays]
        detail = {str(each.pid): msgspec.json.encode(each).decode() for each in (*meant, *others)}
        if strays:
            detail[_STRAYS] = ",".join(map(str, strays))
        what = f", which holds {holders[0].what}" if holders else ""
        return Planned(says=f"end {', '.join(dict.fromkeys((*left_over, *who)))}{what}", detail=detail)

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """End it; those left over are the ProcessManager's to end."""
        grace_s = min(float(scene.workload.spec.stop.grace), GRACE_MAX_S)
        for key, text in planned.detail.items():
            if key != _STRAYS and not end_process(msgspec.json.decode(text, type=Holder), grace_s):
                raise RepairFailed(f"pid {key} does not end")
        command = EndStrays(name=scene.workload.name, why="it holds its port") if _STRAYS in planned.detail else None
        then: Then = "restart" if scene.issue.kind in PROBE else "start"
        return Acted(says=planned.says.replace("end", "ended", 1), command=command, then=then)

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """What has ended stays so."""
        return Acted(says="nothing to put back", then="nothing")

    def timeout_s(self, workload: Workload) -> float:
        """Grace, and a KILL after it, of a few processes."""
        return 20.0


def own_ports(workload: Workload) -> list[int]:
    """The ports that a workload is said to have."""
    return list(dict.fromkeys([*([workload.port] if workload.port else []), *probed_ports(workload)]))


def is_copy(process: psutil.Process, workload: Workload) -> bool:
    """Whether a process has the very command line of a workload, as its user, where its paths mean the same files."""
    argv, wanted = arguments(process), workload.spec.command
    same = argv[-len(wanted) :] == wanted or (
        argv[1:] == wanted[1:] and os.path.basename(argv[0]) == os.path.basename(wanted[0])  # noqa: PTH119
        if argv
        else False
    )
    if not same or account(process) != _account_of(workload):
        return False
    relative = any(
        not word.startswith("/") and os.path.exists(os.path.join(workload.cwd, word))  # noqa: PTH110, PTH118 - any text
        for word in wanted[1:]
    )
    try:
        return not relative or os.path.samefile(process.cwd(), workload.cwd)  # noqa: PTH121
    except (OSError, psutil.Error):
        return False


def _account_of(workload: Workload) -> int:
    if workload.spec.user is None:
        return os.geteuid()
    try:
        return pwd.getpwnam(workload.spec.user).pw_uid
    except KeyError:
        return -2


def _head(holder: Holder, workload: Workload) -> Holder:
    """The copy of the workload that a holder is, or descends from."""
    for process in lineage(holder.pid):
        if is_copy(process, workload):
            command = " ".join(arguments(process))[:120]
            return Holder(pid=process.pid, born_s=process.create_time(), what=holder.what, command=command)
    return holder


def _not_ours(holder: Holder, scene: Scene) -> str:
    """Why a holder is not to be ended, or empty."""
    family = lineage(holder.pid)
    owner = next((scene.ours[each.pid] for each in family if each.pid in scene.ours), "")
    whose = f" of workload {owner}" if owner else ""
    text = f"{holder.what} is held by pid {holder.pid}{whose} ({holder.command}), which is not ours to end"
    copy = any(is_copy(each, scene.workload) for each in family)
    if owner or not copy or _supervised(family[0]):
        return text
    if scene.workload.spec.repair.port_owner == "never":
        return f"{text}; it is a copy of {scene.workload.name}, which repair.port_owner: same_command lets be ended"
    return ""


def _supervised(process: psutil.Process) -> bool:
    """Whether a node, such as another one on this machine, keeps it."""
    try:
        return "GYROSTAT_TOKEN" in process.environ()
    except psutil.Error:
        return False


def _descends(pid: int, ancestor: int | None) -> bool:
    return ancestor is not None and any(each.pid == ancestor for each in lineage(pid))
