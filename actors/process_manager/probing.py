"""When each workload is asked, and what its answers amount to; the asking itself is done by what is given. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Struct, structs

from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.tally import (
    PROBE_NAMES,
    ProbeName,
    Tally,
    Turn,
    count,
    counts,
    eager_delay,
    first_checks,
)
from actors.settings import Probe
from bus.messages import ProbeFailed, ProbeMeasured, ProbeRecovered


class Answered(Protocol):
    """One answer: see probes.Answer."""

    @property
    def ok(self) -> bool:
        """Whether it was a good one."""

    @property
    def latency_s(self) -> float:
        """Seconds it took."""

    @property
    def detail(self) -> str:
        """In words."""


class Teller(Protocol):
    """What is told by the workload itself: see telling.Telling."""

    def begin(self, life: Life) -> None:
        """A new incarnation is up."""

    def end(self, life: Life) -> None:
        """It is down or being stopped."""


Question = Callable[[Probe, Life, Callable[[Answered], None]], None]
"""Puts a probe's question to a workload in some thread; calls back there."""


class Round(Struct, kw_only=True):
    """One probe of one incarnation. asked_s: monotonic, its last question. wait_s: from that to the next."""

    kind: ProbeName
    probe: Probe
    tally: Tally = Tally()
    asked_s: float = 0.0
    wait_s: float = 0.0
    over: bool = False


class Probing:
    """Asks the probes of every workload that is up. changed(life) is called when life.checks has changed."""

    def __init__(self, means: Means, question: Question, eager_s: float, changed: Callable[[Life], None]) -> None:
        self._means = means
        self._question = question
        self._eager_s = eager_s
        self._changed = changed
        self.telling: Teller | None = None
        """What the workloads tell of themselves; begins and ends with the questions to them."""
        self._rounds: dict[str, list[Round]] = {}

    def begin(self, life: Life) -> None:
        """A new incarnation is up: ask its startup probe, and the others once that passes."""
        self.end(life)
        probes = life.workload.spec.probes
        life.checks = first_checks(startup=probes.startup is not None, readiness=probes.readiness is not None)
        if self.telling is not None:
            self.telling.begin(life)
        self._open(life, ("startup",) if probes.startup is not None else PROBE_NAMES[1:])

    def renew(self, life: Life) -> None:
        """The probes of a running incarnation were changed: ask the new ones; what was well is so until they say no."""
        self._close(life)
        probes = life.workload.spec.probes
        ready = True if probes.readiness is None or life.checks.ready else None
        life.checks = structs.replace(life.checks, started=True, alive=True, ready=ready)
        self._open(life, PROBE_NAMES[1:])

    def end(self, life: Life) -> None:
        """It is down or being stopped: no more questions, and late answers count for nothing."""
        self._close(life)
        if self.telling is not None:
            self.telling.end(life)

    def _close(self, life: Life) -> None:
        for one in self._rounds.pop(life.name, ()):
            one.over = True

    def _open(self, life: Life, kinds: tuple[ProbeName, ...]) -> None:
        since_s = self._means.clock() - life.started_s
        for kind in kinds:
            probe: Probe | None = getattr(life.workload.spec.probes, kind)
            if probe is not None:
                one = Round(kind=kind, probe=probe)
                self._rounds.setdefault(life.name, []).append(one)
                self._means.after(max(0.0, probe.initial_delay - since_s), self._ask, life, one)

    def _ask(self, life: Life, one: Round) -> None:
        if not one.over:
            one.asked_s = self._means.clock()
            self._question(one.probe, life, partial(self._means.post, self._answered, life, one))

    def _answered(self, life: Life, one: Round, answer: Answered) -> None:
        if one.over:
            return
        if counts(one.tally, one.probe, ok=answer.ok, asked_s=one.asked_s):
            former = one.tally
            one.tally, turn = count(former, one.probe, ok=answer.ok, asked_s=one.asked_s)
            self._measured(life, one, answer)
            if turn is not None:
                self._turned(life, one, former, turn, answer)
        if not one.over:
            self._means.after(self._pause_s(one), self._ask, life, one)

    def _pause_s(self, one: Round) -> float:
        if one.kind in ("startup", "readiness") and one.tally.well is not True:
            one.wait_s = eager_delay(one.wait_s, self._eager_s, one.probe)
        else:
            one.wait_s = one.probe.every
        return max(0.0, one.wait_s - (self._means.clock() - one.asked_s))

    def _measured(self, life: Life, one: Round, answer: Answered) -> None:
        self._means.publish(
            ProbeMeasured(
                subject=life.name, probe=one.kind, ok=answer.ok, latency_s=answer.latency_s, detail=answer.detail
            )
        )

    def _turned(self, life: Life, one: Round, former: Tally, turn: Turn, answer: Answered) -> None:
        if turn == "failed":
            self._means.publish(
                ProbeFailed(subject=life.name, probe=one.kind, failures=one.tally.bad, detail=answer.detail)
            )
        elif turn == "recovered":
            after_s = self._means.clock() - (former.failed_s or one.asked_s)
            self._means.publish(ProbeRecovered(subject=life.name, probe=one.kind, after_s=after_s))
        well = turn != "failed"
        if one.kind == "startup":
            life.checks = structs.replace(life.checks, started=well)
            if well:
                one.over = True
                self._open(life, PROBE_NAMES[1:])
        elif one.kind == "liveness":
            life.checks = structs.replace(life.checks, alive=well)
        elif one.kind == "readiness":
            life.checks = structs.replace(life.checks, ready=well)
        self._changed(life)
