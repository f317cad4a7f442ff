"""The steps of ending a process and its group: ask, wait for the grace, kill. Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

LOOK_MAX_S: Final = 0.25
"""Seconds between two looks at a group that lingers after its main process."""

KILL_AGAIN_S: Final = 1.0
"""Seconds after which KILL is sent once more: a member may have forked between."""


class Ending(Struct, kw_only=True):
    """One stop under way; changed by the shell as it goes. group: the process group id, the pid of the main process.

    began_s, killed_s: monotonic seconds. looks: how often the group was looked at after the main process ended.
    """

    group: int
    signal: str
    grace_s: float
    began_s: float
    why: str
    asked: bool = False
    asked_members: bool = False
    killed_s: float | None = None
    looks: int = 0


class Ask(Struct, frozen=True):
    """Send the stop signal to the group, then CONT."""


class Kill(Struct, frozen=True):
    """Send KILL to the group."""


class Look(Struct, frozen=True):
    """Look again after so many seconds, or when the main process ends."""

    after_s: float


class Over(Struct, frozen=True):
    """All of it is gone."""


Step = Ask | Kill | Look | Over


def next_step(ending: Ending, *, main_alive: bool, group_alive: bool, first_look_s: float, now_s: float) -> Step:
    """Give the next step. After Ask and Kill it is asked again at once.

    group_alive: a process of the group other than a zombie is there (always true while main_alive).
    """
    if not main_alive and not group_alive:
        return Over()
    left_s = ending.began_s + ending.grace_s - now_s
    if left_s <= 0 or ending.signal == "KILL":
        if ending.killed_s is None or now_s - ending.killed_s >= KILL_AGAIN_S:
            return Kill()
        left_s = ending.killed_s + KILL_AGAIN_S - now_s
    elif not ending.asked or (not main_alive and not ending.asked_members):
        return Ask()
    if main_alive:
        return Look(left_s)
    return Look(min(left_s, LOOK_MAX_S, first_look_s * 2.0 ** min(ending.looks, 16)))
