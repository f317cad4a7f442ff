"""What an operator says about optimizing. Types only; pure."""

from typing import Annotated

from msgspec import Meta, Struct

from actors.settings import Seconds, Share


class OptimizerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the sampling interval may be moved, and what it may cost."""

    every: Seconds = Seconds(300)
    """Seconds between two cycles of measuring and trying; so seldom that the system is undisturbed most of the time."""

    window: Seconds = Seconds(60)
    """Seconds that the baseline, and then the candidate, is measured. Longer when samples_min needs it, at most three
    times as long."""

    samples_min: Annotated[int, Meta(ge=3)] = 5
    """Samples that a measurement needs; with fewer the median still moves with each of them."""

    interval_min: Seconds = Seconds(1)
    """Seconds. The shortest sampling interval that is tried; the Monitor's own bounds hold besides."""

    interval_max: Seconds = Seconds(30)
    """Seconds. The longest sampling interval that is tried: how late a fault may be seen for the sake of CPU."""

    cpu_limit: Annotated[float, Meta(gt=0, le=100)] = 1.0
    """Percent of one core that the node may take by itself, idle: its budget."""

    host_cpu_busy: Annotated[float, Meta(gt=0, le=100)] = 90.0
    """Percent of all cores above which the host is short of CPU, and the interval is stretched to leave it more; 100:
    never."""

    factor: Annotated[float, Meta(gt=1, le=10)] = 2.0
    """By what the interval is divided or multiplied for a candidate. Shorter is tried only when the cost leaves room
    for this factor."""

    effect_min: Share = Share(0.1)
    """Part of the cost that a longer interval has to save at least; less is flat, and flat is no reason to change."""

    again_after: Seconds = Seconds(3600)
    """Seconds before a candidate that was measured and undone is tried again from the same baseline."""

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing, and cycles that overlap.

        Raises: ValueError.
        """
        if self.interval_min <= 0:
            raise ValueError("interval_min: has to be more than 0s")
        if self.interval_max < self.interval_min:
            raise ValueError("interval_max: has to be at least interval_min")
        if self.window <= 0:
            raise ValueError("window: has to be more than 0s")
        if self.every < 2 * self.window:
            raise ValueError("every: has to be at least twice window, for the baseline and the candidate")
