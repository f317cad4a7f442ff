"""What every source of process readings offers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Stat(NamedTuple):
    """One process. Times are seconds, started_s on the clock of its source; memory is the resident set, in bytes."""

    pid: int
    parent: int
    zombie: bool
    own_s: float
    reaped_s: float
    threads: int
    started_s: float
    memory: int


class Table(Protocol):
    """One look at the processes."""

    @property
    def pids(self) -> Collection[int]:
        """The processes that were looked at."""

    @property
    def children(self) -> Mapping[int, Sequence[int]]:
        """Parent -> pids."""

    @property
    def sessions(self) -> Mapping[int, Sequence[int]]:
        """Session -> pids."""

    def read(self, pid: int) -> Stat | None:
        """One process of the look; None when it is gone."""


class Source(Protocol):
    """Where process readings come from."""

    @property
    def tick_s(self) -> float:
        """How fine its times are, in seconds."""

    def now_s(self) -> float:
        """Seconds on the clock of Stat.started_s."""

    def sweep(self, passed: Collection[int] = ()) -> Table:
        """A look at every process of the machine. passed: processes that need not be looked at."""

    def near(self, pids: Iterable[int]) -> Table:
        """A look at these processes and what their main threads have started since; cheaper than a sweep."""

    def descriptors(self, pid: int) -> int | None:
        """Open file descriptors of a process; 0 when it is gone, None when it is not ours to look into."""

    def moved(self, pid: int) -> tuple[int, int] | None:
        """Bytes a process and the children it waited for have read from and written to disks; None when unknown."""

    def proportional(self, pid: int) -> int | None:
        """Bytes of memory of a process, shared pages by their share (PSS); 0 when it is gone, None when unknown."""
