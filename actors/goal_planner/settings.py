"""What an operator says about goals. Types only; pure."""

from typing import Annotated

from msgspec import Meta, Struct

from actors.settings import Seconds


class GoalPlannerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a metric is worth a goal, and what it takes to have met it."""

    availability_target: Annotated[float, Meta(gt=0, le=100)] = 99.0
    """Percent of probes answered. Below it a workload gets a reliability goal, unless it declares a threshold
    `availability: below`, whose limit is its target then."""

    latency_target: Seconds = Seconds(1)
    """Seconds to an answer. Above it a workload gets a performance goal, unless it declares a threshold
    `latency: above`, whose limit is its target then."""

    hold: Seconds = Seconds(30)
    """Seconds that every sample has to miss the target before a goal is set, so that a spike is none."""

    window: Seconds = Seconds(60)
    """Seconds over which every sample has to meet the target before the goal is completed."""

    samples_min: Annotated[int, Meta(ge=2)] = 3
    """Samples needed over `hold` or `window`; fewer say too little."""

    deadline: Seconds = Seconds(3600)
    """Seconds after which a goal that is not met has failed. It may be set again, from what is measured then."""

    check_every: Seconds = Seconds(5)
    """Seconds between two looks at deadlines and at goals whose workload is gone."""

    def __post_init__(self) -> None:
        """Refuse spans that nothing could fill.

        Raises: ValueError.
        """
        for key in ("latency_target", "window", "check_every"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")
        if self.deadline <= self.window:
            raise ValueError("deadline: has to be longer than window, or no goal could be met")
