"""What a fault is: its programs and their config, how it is done, how is looked at the result, what is expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from actors.faults.stand import Stand

WITHIN_S: Final = 12.0
"""Seconds in which a fault has to be repaired, or told."""

Must = Literal["repair", "tell", "leave"]
"""What is right: the fault is repaired; people are told and nothing is made worse; nothing at all is done."""


class NotWell(Exception):
    """The look finds that the program does not do its work; says what."""


class Done(Struct, frozen=True):
    """A fault that was done. at_s: monotonic seconds just before.

    cause_s: seconds that a cause lasts which nobody but the suite can end; repaired is counted from its end.
    """

    at_s: float
    text: str
    cause_s: float = 0.0


class Fault(Struct, frozen=True, kw_only=True):
    """One fault.

    workloads: their config in YAML; $python and $NAME for each of `ports` are filled in. subjects: those that the fault
    hurts, and that may be restarted. look: past the node; its text, or NotWell or OSError raised. actions: remedies of
    which at least one has to be among those done; all_of: of which every one has to; empty: the node's own restart is
    enough. actions_max: more remedies than that are no repair but trying around. starts_max: of each subject.
    sections: of the config, beside its workloads. says: what the escalation has to name. before: done in place of
    `inject`, before the node starts.
    """

    name: str
    what: str
    workloads: str
    prepare: Callable[[Stand], None]
    look: Callable[[Stand], str]
    inject: Callable[[Stand], Done]
    subjects: tuple[str, ...]
    ports: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    must: Must = "repair"
    says: str = ""
    actions_max: int = 3
    starts_max: int = 8
    within_s: float = WITHIN_S
    watch_s: float = 6.0
    needs: tuple[str, ...] = ()
    disk: str = ""
    sections: str = ""
    before: bool = False
