"""The steps of ending a process and its tree: ask, wait, ask otherwise, wait, kill. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from actors.settings.doubling import doubled

LOOK_MAX_S: Final = 0.25
"""Seconds between two looks at a tree that lingers after its main process."""

KILL_AGAIN_S: Final = 1.0
"""Seconds after which KILL is sent once more: a member may have forked between."""


class Ending(Struct, kw_only=True):
    """One stop under way; changed by the shell as it goes. group: the process group id, the pid of the main process.

    sequence: signals, each with the seconds that it has before the next; after the last comes KILL.
    began_s, step_s, killed_s, until_s: monotonic seconds. until_s: the workload has asked for time until then.
    step: how many signals of the sequence were sent. looks: how often the tree was looked at after the main process
    ended. group_gone: the group was seen empty, so that its number may be another's by now. reached: pid, start and
    step of each process that was signalled by itself.
    """

    group: int
    sequence: Sequence[tuple[str, float]]
    began_s: float
    why: str
    step: int = 0
    step_s: float = 0.0
    until_s: float = 0.0
    killed_s: float | None = None
    looks: int = 0
    group_gone: bool = False
    reached: set[tuple[int, int, int]] = field(default_factory=set)

    @property
    def signal(self) -> str:
        """The signal that was sent last."""
        return "KILL" if self.killed_s is not None or not self.step else self.sequence[self.step - 1][0]

    @property
    def killed(self) -> bool:
        """Whether it got KILL though it was to be asked otherwise."""
        return self.killed_s is not None and self.sequence[0][0] != "KILL"


class Ask(Struct, frozen=True):
    """Send the next signal of the sequence to the tree, then CONT."""

    signal: str


class Kill(Struct, frozen=True):
    """Send KILL to the tree."""


class Look(Struct, frozen=True):
    """Look again after so many seconds, or when the main process ends."""

    after_s: float


class Over(Struct, frozen=True):
    """All of it is gone."""


Step = Ask | Kill | Look | Over


def next_step(ending: Ending, *, main_alive: bool, tree_alive: bool, first_look_s: float, now_s: float) -> Step:
    """Give the next step. After Ask and Kill it is asked again at once.

    tree_alive: a process of the tree other than a zombie is there (always true while main_alive).
    """
    if not main_alive and not tree_alive:
        return Over()
    left_s = _left_s(ending, now_s)
    if left_s <= 0:
        name, wait_s = ending.sequence[ending.step] if ending.step < len(ending.sequence) else ("KILL", 0.0)
        if ending.killed_s is None and name != "KILL" and wait_s > 0:
            return Ask(name)
        if ending.killed_s is None or now_s - ending.killed_s >= KILL_AGAIN_S:
            return Kill()
        left_s = ending.killed_s + KILL_AGAIN_S - now_s
    if main_alive:
        return Look(left_s)
    return Look(doubled(first_look_s, ending.looks, min(left_s, LOOK_MAX_S)))


def take(ending: Ending, step: Ask | Kill, now_s: float) -> None:
    """Note that a step is taken."""
    if isinstance(step, Kill):
        ending.killed_s = now_s
    else:
        ending.step, ending.step_s, ending.until_s = ending.step + 1, now_s, 0.0


def _left_s(ending: Ending, now_s: float) -> float:
    """Seconds that the signal sent last has left."""
    if not ending.step or ending.killed_s is not None:
        return 0.0
    return max(ending.step_s + ending.sequence[ending.step - 1][1], ending.until_s) - now_s
