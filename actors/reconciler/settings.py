"""What an operator says about reconciling. Types only; pure."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from actors.settings import Seconds
from actors.settings.metrics import POSTGRES

LEADER_ALLOWED: Final = "postgresql://USER@HOST/NAME, a file, or null"


def is_path(text: str) -> bool:
    """Whether it can name a file."""
    return bool(text) and "\0" not in text and "://" not in text


class Intervals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds between two looks at a data set, by the priority of the first of its gaps, or else of its tasks."""

    critical: Seconds = Seconds(300)
    """Seconds. What is critical is worth a look that finds nothing."""

    high: Seconds = Seconds(900)
    """Seconds."""

    medium: Seconds = Seconds(3600)
    """Seconds. Ends of tasks are looked at at once; this finds what nobody told of."""

    low: Seconds = Seconds(21_600)
    """Seconds."""

    deferred: Seconds = Seconds(86_400)
    """Seconds."""

    def __post_init__(self) -> None:
        """Refuse what would look without a pause.

        Raises: ValueError.
        """
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: has to be at least 1s")


class ReconcilerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often desired and observed are compared, and what is done about a difference."""

    interval: Seconds = Seconds(60)
    """Seconds between two looks when nothing happens. Facts may be lost, so this one finds whatever was missed."""

    first_after: Seconds = Seconds(2)
    """Seconds from the start to the first look; by then the ProcessManager has adopted or started what it knows."""

    hint_delay: Seconds = Seconds(0.5)
    """Seconds from a process's exit to the look because of it. Hints that come meanwhile share that look, and a
    restart that the ProcessManager makes by itself is over by then."""

    reload_delay: Seconds = Seconds(0.1)
    """Seconds from a new config to the look because of it: enough for every actor to have taken the config over."""

    confirm_after: Seconds = Seconds(1)
    """Seconds that a left-over child has to be seen, in two looks at least; children that are just ending are none."""

    by_hand: Literal["end", "report"] = "end"
    """What is done about a hand-started copy of a workload. end: the config says exactly one runs, and a second copy
    doubles its work (orders sent twice, one database file with two writers). report: it is told and left alone."""

    by_hand_after: Seconds = Seconds(30)
    """Seconds that a hand-started copy is left before it is ended: time for a person who tries something to be done,
    or to stop the workload by command, after which the copy is left alone."""

    ready_within: Seconds = Seconds(30)
    """Seconds that a restarted workload may take to be ready before the next of its dependency chain is restarted all
    the same, so that one that never gets ready does not keep the others on an old config."""

    backoff_first: Seconds = Seconds(1)
    """Seconds before an action on the same workload is repeated when its drift is still there; doubles each time."""

    backoff_max: Seconds = Seconds(300)
    """Seconds. The longest such wait."""

    answer_within: Seconds = Seconds(60)
    """Seconds that the ProcessManager may take to carry out an action, beyond the workload's own stop grace."""

    every: Intervals = Intervals()
    """Seconds between two looks at a data set that does not say it itself, by priority."""

    host_cpu_max: Annotated[float, Meta(gt=0, le=100)] = 90.0
    """Percent of all cores in use, above which no tasks are added for data sets: the workloads go first."""

    host_memory_max: Annotated[float, Meta(gt=0, le=100)] = 90.0
    """Percent of memory in use, above which no tasks are added for data sets."""

    leader: str | None = None
    """Where several nodes with the same data sets agree on the one that looks at them: postgresql://USER@HOST/NAME,
    the database of their queue (a lease of 5 s), or a file that they share on one machine (a lock), relative to the
    config file. null: this node looks at its data sets, whatever others do."""

    def __post_init__(self) -> None:
        """Refuse what would look without a pause, waits that shrink, and what nobody can agree by.

        Raises: ValueError.
        """
        if self.interval < 1:
            raise ValueError("interval: has to be at least 1s")
        if self.backoff_first <= 0:
            raise ValueError("backoff_first: has to be more than 0s")
        if self.backoff_max < self.backoff_first:
            raise ValueError("backoff_max: has to be at least backoff_first")
        if self.answer_within <= 0:
            raise ValueError("answer_within: has to be more than 0s")
        if self.leader is not None and not (self.leader.startswith(POSTGRES) or is_path(self.leader)):
            raise ValueError(f'leader: "{self.leader}" is not known; allowed: {LEADER_ALLOWED}')
