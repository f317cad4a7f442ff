"""What the answers to a probe mean, one after the other, and when to ask again. Pure."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, structs

from actors.settings import Probe

ProbeName = Literal["startup", "liveness", "readiness", "work"]
PROBE_NAMES: Final[tuple[ProbeName, ...]] = ("startup", "liveness", "readiness", "work")

GROWTH: Final = 1.25
"""Each eager question comes this much later than the one before."""

Turn = Literal["passed", "failed", "recovered"]


class Tally(Struct, frozen=True, kw_only=True):
    """Answers so far. well: None until there is a verdict. good, bad: in a row. failed_s: monotonic, when it failed.

    counted_s: monotonic time of the last bad answer that counted.
    """

    well: bool | None = None
    good: int = 0
    bad: int = 0
    failed_s: float | None = None
    counted_s: float | None = None


def counts(tally: Tally, probe: Probe, *, ok: bool, asked_s: float) -> bool:
    """Tell whether an answer counts. Bad ones that came from asking eagerly count once per `every` only.

    Otherwise a slow start would use up its `failures` in no time. A tenth of `every` is slack for timers.
    """
    return ok or tally.counted_s is None or asked_s - tally.counted_s >= 0.9 * probe.every


def count(tally: Tally, probe: Probe, *, ok: bool, asked_s: float) -> tuple[Tally, Turn | None]:
    """Add an answer that counts; give the verdict if it turned.

    asked_s: monotonic seconds of the question.
    """
    if ok:
        tally = structs.replace(tally, good=tally.good + 1, bad=0, counted_s=None)
        if tally.well or tally.good < probe.successes:
            return tally, None
        turn: Turn = "passed" if tally.well is None else "recovered"
        return structs.replace(tally, well=True), turn
    tally = structs.replace(tally, bad=tally.bad + 1, good=0, counted_s=asked_s)
    if tally.well is False or tally.bad < probe.failures:
        return tally, None
    return structs.replace(tally, well=False, failed_s=asked_s), "failed"


def eager_delay(former_s: float, first_s: float, probe: Probe) -> float:
    """Seconds until the next question to a workload that is not ready yet. former_s: the wait before, 0 at first."""
    return min(probe.every, max(first_s, former_s * GROWTH))


class Checks(Struct, frozen=True, kw_only=True):
    """What the probes, and the workload itself, say of one incarnation.

    None: no verdict yet; True also where nothing is asked. told: that it is ready; False: not in its time. fed: its
    watchdog.
    """

    started: bool | None = True
    alive: bool | None = True
    ready: bool | None = True
    told: bool | None = True
    fed: bool = True


def first_checks(*, startup: bool, readiness: bool) -> Checks:
    """What holds right after a spawn: it is taken to live, and to be ready only when nothing asks."""
    return Checks(started=None if startup else True, ready=None if readiness else True)


Level = Literal["run", "pass", "sicken"]


def level_of(checks: Checks) -> Level | None:
    """Give the event of the life cycle that the checks amount to; None: still starting."""
    if checks.started is False or checks.alive is False or checks.told is False or not checks.fed:
        return "sicken"
    if checks.started is None:
        return None
    return "pass" if checks.ready and checks.told else "run"


def wording(checks: Checks) -> str:
    """Say why a workload is not ready."""
    if checks.started is False:
        return "startup probe fails"
    if checks.told is False:
        return "startup took too long: it has not told that it is ready"
    if checks.alive is False or not checks.fed:
        return "liveness probe fails" if checks.alive is False else "liveness probe fails: its watchdog is not fed"
    if not checks.told and checks.ready:
        return "has not told that it is ready"
    return "not ready yet" if checks.ready is None else "readiness probe fails"
