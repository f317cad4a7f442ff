"""How long the samples of a metric have been on one side of a target, without a break. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in a row on one side. since_s, last_s: monotonic seconds of the first and the latest of them."""

    met: bool
    since_s: float
    last_s: float
    count: int = 1

    @property
    def length_s(self) -> float:
        """Seconds from the first to the latest sample."""
        return self.last_s - self.since_s


def advance(run: Run | None, *, met: bool, now_s: float, gap_max_s: float) -> Run:
    """The run with one more sample; a new one when it changes sides or when samples were missing.

    gap_max_s: seconds between two samples beyond which nothing is known of the time between them.
    """
    if run is None or run.met != met or now_s - run.last_s > gap_max_s:
        return Run(met=met, since_s=now_s, last_s=now_s)
    return Run(met=met, since_s=run.since_s, last_s=now_s, count=run.count + 1)


def measured_before(run: Run, *, held_s: float, now_s: float) -> Run:
    """The run of misses reaching back held_s seconds, because the Monitor says that it measured so long.

    Its samples are not counted here: the count stays what was heard. A run that meets its target stays as it is.
    """
    if run.met or now_s - held_s >= run.since_s:
        return run
    return msgspec.structs.replace(run, since_s=now_s - held_s)


def proven(run: Run | None, *, met: bool, for_s: float, samples_min: int) -> bool:
    """Whether every sample over for_s seconds was on that side, and there were enough of them."""
    return run is not None and run.met == met and run.length_s >= for_s and run.count >= samples_min


def of_subjects(runs: Mapping[tuple[str, str], Run], subjects: Mapping[str, object]) -> dict[tuple[str, str], Run]:
    """The runs of these subjects only. Keys: (subject, metric)."""
    return {key: run for key, run in runs.items() if key[0] in subjects}
