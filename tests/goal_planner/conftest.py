from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from actors.clock import ManualClock
from actors.goal_planner.actor import GoalPlanner
from actors.goal_planner.settings import GoalPlannerSettings
from actors.settings import Workload, WorkloadSettings
from bus.messages import ListGoals, MetricsSampled
from tests.harness import House

# A busy machine is no reason for a property to fail.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


def make_workload(name: str = "web", **spec: Any) -> Workload:
    said = WorkloadSettings(command=["serve", name], **spec)
    return Workload(name=name, config_name=name, mode="live", spec=said, cwd=Path("/"), env={})


class Stage:
    """A GoalPlanner on a clock moved by hand; samples come as a Monitor would send them."""

    def __init__(self, house: House) -> None:
        self.house = house

    def begin(self, *workloads: Workload, **settings: Any) -> None:
        desired = {workload.name: workload for workload in workloads or (make_workload(),)}
        self.house.start(GoalPlanner, GoalPlannerSettings(**settings), workloads=desired)

    def sample(self, subject: str = "web", interval_s: float = 5.0, **values: float) -> None:
        self.house.publish(MetricsSampled(subject=subject, scope="workload", values=values, interval_s=interval_s))
        self.goals()

    def samples(self, seconds: float, subject: str = "web", every_s: float = 5.0, **values: float) -> None:
        """One sample each interval, the first one now; the clock ends `seconds` later, with the last sample."""
        self.sample(subject, every_s, **values)
        for _ in range(round(seconds / every_s)):
            self.wait(every_s)
            self.sample(subject, every_s, **values)

    def wait(self, seconds: float) -> None:
        self.house.advance(seconds)
        self.goals()

    def goals(self, *, open_only: bool = True) -> Any:
        return self.house.ask(ListGoals(open_only=open_only)).goals

    def die(self) -> None:
        self.house.die("goal_planner")


@pytest.fixture
def stage(tmp_path):
    house = House(tmp_path, clock=ManualClock())
    yield Stage(house)
    house.stop_and_encode()


@pytest.fixture
def workload() -> Callable[..., Workload]:
    return make_workload
