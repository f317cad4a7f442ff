import threading
from typing import Any

import hypothesis
import msgspec
import pytest

from actors.clock import ManualClock
from actors.optimizer.actor import Optimizer
from actors.optimizer.settings import OptimizerSettings
from bus.errors import CommandError, Refused
from bus.hub import Request
from bus.messages import (
    GetHealth,
    HealthLevel,
    HealthReport,
    HealthRow,
    IssueList,
    IssueRow,
    ListExperiments,
    ListIssues,
    MetricsSampled,
    SamplingInterval,
    SetSamplingInterval,
)
from tests.harness import House

# A busy machine is no reason for a property to fail.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


class ScriptedMonitor:
    """Answers as the Monitor does. interval_s: as asked for. lost: settings that are answered and forgotten.

    pace: by what it multiplies the interval. emergency: the incident of one that freezes experiments.
    """

    def __init__(self, house: House, interval_s: float) -> None:
        self.house = house
        self.interval_s = interval_s
        self.whole: HealthLevel = "healthy"
        self.pace = 1.0
        self.emergency = ""
        self.asked: list[tuple[float, str]] = []
        self.refusals: dict[str, CommandError] = {}
        self.lost = 0
        self.bounds = (0.5, 60.0)
        self.lock = threading.Lock()
        house.bus.serve("monitor", {kind.verb: kind for kind in (GetHealth, SetSamplingInterval)}, self.deliver)

    def deliver(self, request: Request) -> None:
        command = request.envelope.data
        assert msgspec.msgpack.encode(command), "every command can go on the wire"
        with self.lock:
            refusal = self.refusals.get(command.verb)
            if isinstance(command, GetHealth):
                request.answer(refusal or self.report())
                return
            self.asked.append((command.interval_s, command.why))
            before_s = self.interval_s
            if refusal is None and not self.bounds[0] <= command.interval_s <= self.bounds[1]:
                refusal = Refused("out of bounds")
            if refusal is None and self.lost:
                self.lost -= 1
            elif refusal is None:
                self.interval_s = command.interval_s
        request.answer(refusal or SamplingInterval(interval_s=command.interval_s, before_s=before_s))

    def report(self) -> HealthReport:
        def row(subject: str, scope: Any, level: HealthLevel = "healthy") -> HealthRow:
            return HealthRow(subject=subject, scope=scope, level=level, since_s=0.0)

        return HealthReport(
            whole=row("whole", "whole", self.whole),
            node=row("alpha", "node"),
            host=row("host", "host"),
            workloads=[],
            sampling_interval_s=self.interval_s,
            emergency=self.emergency,
            frozen=bool(self.emergency),
        )

    @property
    def set_to(self) -> list[float]:
        return [interval_s for interval_s, _ in self.asked]


class ScriptedHealer:
    """Answers which issues there are."""

    def __init__(self, house: House) -> None:
        self.rows: list[IssueRow] = []
        self.parked: list[Request] | None = None
        house.bus.serve("healer", {ListIssues.verb: ListIssues}, self.deliver)

    def deliver(self, request: Request) -> None:
        if self.parked is not None:
            self.parked.append(request)
        else:
            request.answer(IssueList(issues=list(self.rows)))


class Stage:
    """An Optimizer on a clock moved by hand, with a scripted Monitor whose cost follows `cost(interval)`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.monitor: ScriptedMonitor
        self.healer = ScriptedHealer(house)
        self.cost = lambda interval_s: 1.0 / interval_s
        self.host_cpu = 10.0
        self.silent = False
        self._next_s = 0.0

    def begin(self, interval_s: float = 5.0, **settings: Any) -> ScriptedMonitor:
        """Defaults: a cycle every 5 min with windows of 1 min; the cost is 1 % times a second per interval."""
        if not hasattr(self, "monitor"):
            self.monitor = ScriptedMonitor(self.house, interval_s)
        self.house.start(Optimizer, OptimizerSettings(**settings))
        self.settle()
        self._next_s = self.house.clock()
        return self.monitor

    def settle(self, turns: int = 8) -> Any:
        """Let the actor handle what waits, and what that asks for: each question is one turn of its inbox."""
        for _ in range(turns):
            reply = self.house.ask(ListExperiments())
        return reply

    def sample(self) -> None:
        interval_s, pace = self.monitor.interval_s, self.monitor.pace
        for scope, cpu in (("host", self.host_cpu), ("node", self.cost(interval_s))):
            self.house.publish(
                MetricsSampled(
                    subject="alpha" if scope == "node" else "host",
                    scope=scope,  # type: ignore[arg-type]
                    values={"cpu": cpu} | ({"asked_interval_s": interval_s, "pace": pace} if scope == "node" else {}),
                    interval_s=interval_s * pace,
                )
            )

    def wait(self, seconds: float) -> None:
        """Move on in half seconds; the Monitor samples when its interval is over."""
        for _ in range(round(seconds / 0.5)):
            self.house.advance(0.5)
            if self.house.clock() >= self._next_s:
                if not self.silent:
                    self.sample()
                self._next_s = self.house.clock() + self.monitor.interval_s * self.monitor.pace
            self.settle(turns=2)
        self.settle()

    def rows(self) -> list[Any]:
        return list(self.settle().experiments)

    def die(self) -> None:
        self.house.die("optimizer")


@pytest.fixture
def stage(tmp_path):
    house = House(tmp_path, clock=ManualClock())
    yield Stage(house)
    house.stop_and_encode()
