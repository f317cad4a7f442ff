"""One reading of everything that is due: host, node and process trees, in one pass."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from msgspec import Struct

from actors.monitor.sources.host import HostSource
from actors.monitor.sources.own import OwnSource
from actors.monitor.sources.portable import PortableSource
from actors.monitor.sources.proc import ProcSource
from actors.monitor.sources.table import Source
from actors.monitor.sources.trees import Target, TreeReading, Trees


class SamplingFailed(Exception):
    """The system refused a reading as a whole: out of descriptors, a table that cannot be read. Worth another try."""


class Sample(Struct, frozen=True):
    """What was read. taken_s: monotonic time at its end. trees: by name; a workload that is gone is left out.

    host and own: empty in a quick look at single workloads. cycle_s: seconds the reading took.
    """

    taken_s: float
    trees: dict[str, TreeReading]
    host: dict[str, float]
    own: dict[str, float]
    cycle_s: float


class Sampler:
    """Reads on request. One call at a time, from any thread; made in the thread of its owner, whose cost it tells.

    clock: monotonic seconds. source: where process readings come from; by the system when none is given.
    """

    def __init__(
        self, clock: Callable[[], float], state_dir: Path, *, connections_max: int, source: Source | None = None
    ) -> None:
        self._clock = clock
        self._host = HostSource(state_dir, clock)
        self._own = OwnSource(clock)
        self.trees = Trees(source or system_source(), connections_max=connections_max, cores=os.cpu_count() or 1)

    def sample(self, targets: Sequence[Target], *, everything: bool) -> Sample:
        """Read the targets; with everything also the host and the node itself, by a full sweep.

        Raises SamplingFailed when the system refuses what does not depend on one process.
        """
        try:
            return self._sample(targets, everything=everything)
        except (OSError, psutil.Error) as error:
            raise SamplingFailed(f"{type(error).__name__}: {error}") from error

    def _sample(self, targets: Sequence[Target], *, everything: bool) -> Sample:
        began_s, spent_s = self._clock(), time.thread_time()
        host = self._host.read() if everything else {}
        trees = self.trees.read(targets, everything=everything)
        own = self._own.read() if everything else {}
        taken_s = self._clock()
        self._own.add_reading(time.thread_time() - spent_s)
        return Sample(taken_s, trees, host, own, taken_s - began_s)


def system_source() -> Source:
    """The source of process readings for this system."""
    return ProcSource() if sys.platform == "linux" else PortableSource()
