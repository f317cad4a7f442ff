"""Everything that is measured, side by side, and how well it all is. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from actors.monitor.detectors import Detecting
from actors.monitor.health import (
    UP,
    WELL,
    Condition,
    Reason,
    Verdict,
    crossing_reasons,
    judge,
    judge_node,
    judge_whole,
    judge_workload,
    node_reasons,
    whole_reasons,
    workload_reasons,
)
from actors.monitor.history import History
from actors.monitor.life import Life
from actors.monitor.loglines import LogLines
from actors.monitor.service import Service
from actors.monitor.settings import DEAR, HOST_METRICS, Dear, MonitorSettings
from actors.monitor.subject import Subject
from actors.monitor.thresholds import interval_for, limits_of
from actors.settings import METRICS, Workload
from actors.settings.metrics import declared_units
from bus.message import Fact
from bus.messages import HealthChanged, HealthReport, LogLinesRead, ProbeMeasured, Scope, ThresholdCrossed

HOST: Final = "host"
WHOLE: Final = "whole"
_PROBES: Final = ("startup", "liveness", "readiness", "work")


def dear_of(workload: Workload) -> frozenset[Dear]:
    """What is dear to read, and has a limit of its own."""
    return frozenset(kind for metric, kind in DEAR.items() if metric in workload.spec.thresholds)


class Member:
    """One workload on the board. dear: what is read of it every time, as the operator set a limit for it."""

    def __init__(
        self, workload: Workload, settings: MonitorSettings, now_s: float, detecting: Detecting | None = None
    ) -> None:
        self.workload = workload
        self.dear = dear_of(workload)
        self.life = Life(now_s)
        self.service = Service(settings.availability_window)
        self.log = LogLines(settings.log_window)
        history = History(settings.history_points, settings.history_step)
        self.subject = Subject(workload.name, "workload", history, now_s, detecting)

    @property
    def untroubled(self) -> bool:
        """Whether it is ready and nothing else has a say, so that there is nothing to weigh."""
        if self.life.state != "ready" or self.subject.crossed_value or self.service.troubled:
            return False
        return not self.workload.spec.depends_on

    @property
    def allowed_failures(self) -> dict[str, int]:
        """Probe -> failures in a row after which it counts as failing."""
        probes = self.workload.spec.probes
        asked = ((name, getattr(probes, name)) for name in _PROBES)
        return {name: probe.failures for name, probe in asked if probe is not None}

    def reborn(self, now_s: float) -> None:
        """A new process of it was seen."""
        self.subject.reborn(now_s)
        self.service.reborn()
        self.log.reborn(now_s)

    def service_values(self, now_s: float) -> dict[str, float]:
        """What life cycle, probes and log say: restarts, and the rest when it is known."""
        values = {"restarts": float(self.life.restarts), **self.log.values(now_s)}
        self.service.stand(self.life.standing, now_s)
        latency_s = self.service.take_latency()
        if latency_s is not None:
            values["latency"] = latency_s
        if self.life.standing != "unseen":
            availability = self.service.availability(now_s)
            if availability is not None:
                values["availability"] = availability
        return values


def with_lines(fact: Fact, newest: Iterable[str]) -> Fact:
    """The fact that too many lines are error lines, with these lines as evidence, each once; any other as it is."""
    if isinstance(fact, ThresholdCrossed) and fact.metric == "error_rate":
        return msgspec.structs.replace(fact, evidence=list(dict.fromkeys(newest)))
    return fact


class Board:
    """The subjects of one node. Its methods give the facts that follow; times are monotonic seconds.

    memory_total: bytes of the host, for limits in percent of it. given_up: actor -> its last error. troubles: what
    measures -> a sentence about what hinders it. node_known: whether the state of the other actors was heard.
    """

    def __init__(self, node: str, settings: MonitorSettings, memory_total: float, now_s: float) -> None:
        self.settings = settings
        self.memory_total = memory_total
        self.given_up: dict[str, str] = {}
        self.node_known = False
        self.troubles: dict[str, str] = {}
        self.members: dict[str, Member] = {}
        self.detecting = Detecting(measured=METRICS.keys() | HOST_METRICS.keys())
        self.node = self._subject(node, "node", now_s)
        self.host = self._subject(HOST, "host", now_s)
        self.whole = self._subject(WHOLE, "whole", now_s)

    def _subject(self, name: str, scope: Scope, now_s: float) -> Subject:
        history = History(self.settings.history_points, self.settings.history_step)
        return Subject(name, scope, history, now_s, self.detecting)

    def __iter__(self) -> Iterator[Subject]:
        yield from (self.whole, self.node, self.host)
        yield from (member.subject for member in self.members.values())

    def find(self, name: str) -> Subject | None:
        """A subject by name; a workload wins over the host, the node and the whole."""
        return next((subject for subject in reversed(list(self)) if subject.name == name), None)

    # -- what is measured

    def refit(self, workloads: Mapping[str, Workload], settings: MonitorSettings, now_s: float) -> list[Fact]:
        """Take over new workloads and settings; those that stay keep their past."""
        self.settings = settings
        self.detecting.refit(settings.detectors_max, settings.history_step, settings.forecast_lead)
        facts = [
            fact
            for name in self.members.keys() - workloads.keys()
            for fact in self.members.pop(name).subject.removed(now_s)
        ]
        kept, shared = self.members, self.detecting
        self.members = {name: kept.get(name) or Member(one, settings, now_s, shared) for name, one in workloads.items()}
        for subject in self:
            subject.history = subject.history.resized(settings.history_points, settings.history_step)
        for name, member in self.members.items():
            member.workload, member.dear = workloads[name], dear_of(workloads[name])
            member.service.window_s, member.log.window_s = settings.availability_window, settings.log_window
        return facts

    def set_limits(self, now_s: float) -> list[Fact]:
        """Put the limits of settings and workloads in force; what was crossed under a limit that is gone is cleared."""
        of_host = {**HOST_METRICS, **declared_units(self.settings.metrics)}
        facts = self.host.restrict(limits_of(self.settings.host_limits, of_host, self.memory_total), now_s)
        facts += self.host.declare(self.settings.metrics, self.settings.drift)
        common = limits_of(self.settings.workload_limits, METRICS, self.memory_total)
        for member in self.members.values():
            spec = member.workload.spec
            own = limits_of(spec.thresholds, {**METRICS, **declared_units(spec.metrics)}, self.memory_total)
            facts += member.subject.restrict({**common, **own} if own else common, now_s)
            facts += member.subject.declare(spec.metrics, spec.drift)
        return facts

    def quick_s(self, name: str, interval_s: float) -> float | None:
        """Seconds between readings of a workload when a hold time wants them closer than the rest; else None."""
        subject = self.members[name].subject
        if subject.hold_s_min >= 2 * interval_s:
            return None
        wanted_s = interval_for(subject.limits, interval_s, self.settings.interval_min)
        return wanted_s if wanted_s < interval_s else None

    def read_workload(self, name: str, values: Mapping[str, float], now_s: float, interval_s: float) -> list[Fact]:
        """Take in what was read of a workload's processes; what life cycle and probes say is added.

        values: empty when there is no process. interval_s: the regular one. A sample that would hold
        nothing but the number of restarts is left out.
        """
        member = self.members[name]
        together = {**values, **member.service_values(now_s)}
        if not values:
            member.subject.gone(now_s)
        if together.keys() == {"restarts"}:
            return member.subject.owed()
        facts = member.subject.read(together, now_s, self.quick_s(name, interval_s) or interval_s)
        return [with_lines(fact, member.log.newest) for fact in facts]

    def probed(self, fact: ProbeMeasured, now_s: float) -> bool:
        """One run of a probe; gives whether other probes of the workload fail now."""
        member = self.members.get(fact.subject)
        if member is None:
            return False
        before = member.service.failing(member.allowed_failures).keys()
        member.service.probed(fact.probe, ok=fact.ok, latency_s=fact.latency_s, detail=fact.detail, now_s=now_s)
        return member.service.failing(member.allowed_failures).keys() != before

    def logged(self, fact: LogLinesRead, now_s: float) -> None:
        """Lines were added to the log of a workload."""
        member = self.members.get(fact.subject)
        if member is not None:
            member.log.read(fact, now_s)

    # -- how well it is

    def judge(self, now_s: float) -> list[HealthChanged]:
        """Look at everything anew; gives the levels that moved, the whole last."""
        moved = [
            self.host.judged(judge(crossing_reasons(self.host.crossings(now_s))), now_s),
            self.node.judged(self._node_verdict(), now_s),
        ]
        verdicts: dict[str, tuple[Verdict, str]] = {}
        for name, member in self.members.items():
            verdict = self._verdict(member, now_s)
            moved.append(member.subject.judged(verdict, now_s))
            verdicts[name] = (verdict, member.life.state)
        whole = judge_whole(self.node.verdict, self.host.verdict, verdicts, self._critical)
        moved.append(self.whole.judged(whole, now_s))
        return [fact for fact in moved if fact is not None]

    def reasons(self, subject: Subject, now_s: float) -> list[Reason]:
        """What speaks for the level of a subject, as it is now."""
        if subject is self.whole:
            verdicts = {name: (one.subject.verdict, one.life.state) for name, one in self.members.items()}
            return whole_reasons(self.node.verdict, self.host.verdict, verdicts, self._critical)
        if subject is self.node:
            return node_reasons(self.given_up, self.troubles.values())
        if subject is self.host:
            return crossing_reasons(self.host.crossings(now_s))
        return workload_reasons(self._condition(self.members[subject.name], now_s))

    @property
    def _critical(self) -> frozenset[str]:
        return frozenset(name for name, member in self.members.items() if member.workload.spec.critical)

    def _node_verdict(self) -> Verdict:
        """Before anything is known of the other actors, the level told last stays."""
        verdict = judge_node(self.given_up, self.troubles.values())
        return verdict if self.node_known or verdict.why else Verdict(self.node.verdict.level, [])

    def _verdict(self, member: Member, now_s: float) -> Verdict:
        """Before anything is known of a workload, the level told last stays for a while."""
        if member.untroubled:
            return WELL
        verdict = judge_workload(self._condition(member, now_s))
        if member.life.state == "unknown" and verdict.level == "healthy":
            return Verdict(member.subject.verdict.level, verdict.why)
        return verdict

    def _condition(self, member: Member, now_s: float) -> Condition:
        life = member.life
        return Condition(
            state=life.state,
            in_state_s=max(0.0, now_s - life.since_s),
            grace_s=self.settings.starting_grace,
            held=life.held,
            idle=life.idle,
            expected_end=life.expected_end,
            note=life.why,
            failing=member.service.failing(member.allowed_failures),
            failing_s=member.service.failing_s(now_s),
            missing=self._missing(member.workload),
            crossings=member.subject.crossings(now_s),
        )

    def _missing(self, workload: Workload) -> dict[str, str]:
        """Dependencies that are not what the workload needs -> their state; one nothing is known of is not counted."""
        missing: dict[str, str] = {}
        for name, need in workload.spec.depends_on.items():
            state = self.members[name].life.state if name in self.members else "unknown"
            enough = UP if need == "started" else frozenset({"ready"})
            if state != "unknown" and state not in enough:
                missing[name] = state
        return missing

    def report(self, now_s: float, interval_s: float) -> HealthReport:
        """The health of everything, with reasons and latest values."""
        stale_s = max(3 * interval_s, self.settings.availability_window)
        return HealthReport(
            whole=self.whole.row(now_s, math.inf),
            node=self.node.row(now_s, stale_s),
            host=self.host.row(now_s, stale_s),
            workloads=[member.subject.row(now_s, stale_s) for member in self.members.values()],
            sampling_interval_s=interval_s,
        )
