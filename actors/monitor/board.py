"""Everything that is measured, side by side, and how well it all is. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from actors.monitor.health import (
    UP,
    WELL,
    Condition,
    Verdict,
    crossing_reasons,
    judge,
    judge_node,
    judge_whole,
    judge_workload,
)
from actors.monitor.history import History
from actors.monitor.life import Life
from actors.monitor.loglines import LogLines
from actors.monitor.service import Service
from actors.monitor.settings import HOST_METRICS, MonitorSettings
from actors.monitor.subject import Subject
from actors.monitor.thresholds import interval_for, limits_of
from actors.settings import METRICS, Workload
from bus.message import Fact
from bus.messages import HealthChanged, HealthReport, LogLinesRead, ProbeMeasured, Scope, ThresholdCrossed

HOST: Final = "host"
WHOLE: Final = "whole"
_PROBES: Final = ("startup", "liveness", "readiness", "work")


class Member:
    """One workload on the board."""

    def __init__(self, workload: Workload, settings: MonitorSettings, now_s: float) -> None:
        self.workload = workload
        self.life = Life(now_s)
        self.service = Service(settings.availability_window)
        self.log = LogLines(settings.log_window)
        history = History(settings.history_points, settings.history_step)
        self.subject = Subject(workload.name, "workload", history, now_s)

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

    @property
    def counts_connections(self) -> bool:
        """Whether the operator set a limit for its connections."""
        return "connections" in self.workload.spec.thresholds

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

    memory_total: bytes of the host, for limits in percent of it. given_up: actor -> its last error. troubles: sentences
    about the measuring itself. node_known: whether the state of the other actors was heard.
    """

    def __init__(self, node: str, settings: MonitorSettings, memory_total: float, now_s: float) -> None:
        self.settings = settings
        self.memory_total = memory_total
        self.given_up: dict[str, str] = {}
        self.node_known = False
        self.troubles: list[str] = []
        self.members: dict[str, Member] = {}
        self.node = self._subject(node, "node", now_s)
        self.host = self._subject(HOST, "host", now_s)
        self.whole = self._subject(WHOLE, "whole", now_s)

    def _subject(self, name: str, scope: Scope, now_s: float) -> Subject:
        return Subject(name, scope, History(self.settings.history_points, self.settings.history_step), now_s)

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
        facts = [
            fact
            for name in self.members.keys() - workloads.keys()
            for fact in self.members.pop(name).subject.restrict({}, now_s)
        ]
        kept = self.members
        self.members = {name: kept.get(name) or Member(one, settings, now_s) for name, one in workloads.items()}
        for subject in self:
            subject.history = subject.history.resized(settings.history_points, settings.history_step)
        for name, member in self.members.items():
            member.workload = workloads[name]
            member.service.window_s, member.log.window_s = settings.availability_window, settings.log_window
        return facts

    def set_limits(self, now_s: float) -> list[Fact]:
        """Put the limits of settings and workloads in force; what was crossed under a limit that is gone is cleared."""
        facts = self.host.restrict(limits_of(self.settings.host_limits, HOST_METRICS, self.memory_total), now_s)
        for member in self.members.values():
            thresholds = {**self.settings.workload_limits, **member.workload.spec.thresholds}
            facts += member.subject.restrict(limits_of(thresholds, METRICS, self.memory_total), now_s)
        return facts

    def quick_s(self, name: str, interval_s: float) -> float | None:
        """Seconds between readings of a workload when a hold time wants them closer than the rest; else None."""
        wanted_s = interval_for(self.members[name].subject.limits, interval_s, self.settings.interval_min)
        return wanted_s if wanted_s < interval_s else None

    def read_workload(self, name: str, values: Mapping[str, float], now_s: float, interval_s: float) -> list[Fact]:
        """Take in what was read of a workload's processes; what life cycle and probes say is added.

        values: empty when there is no process. interval_s: the regular one. A sample that would hold
        nothing but the number of restarts is left out.
        """
        member = self.members[name]
        together = {**values, **member.service_values(now_s)}
        if not values:
            member.subject.gone()
        if together.keys() == {"restarts"}:
            return []
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
        critical = frozenset(name for name, member in self.members.items() if member.workload.spec.critical)
        whole = judge_whole(self.node.verdict, self.host.verdict, verdicts, critical)
        moved.append(self.whole.judged(whole, now_s))
        return [fact for fact in moved if fact is not None]

    def _node_verdict(self) -> Verdict:
        """Before anything is known of the other actors, the level told last stays."""
        verdict = judge_node(self.given_up, self.troubles)
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
