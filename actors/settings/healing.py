"""How far healing may go by itself. Types only; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from actors.settings.markers import Environment
from actors.settings.repair import FailureClass, Tunable, check_paths
from actors.settings.units import Seconds, Share

Phase = Literal["observe", "advise", "act", "autonomous"]
"""observe: issues are told, nothing is done. advise: every remedy is asked for first. act: it is done when the
confidence in it is high enough for what it could spoil, else asked for. autonomous: it is done."""

PHASES: Final[tuple[Phase, ...]] = ("observe", "advise", "act", "autonomous")
"""From the least to the most that is done by itself."""


class DegradeStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step down: the workload goes on with less. At least one of env, files and tunables."""

    step: str
    """What it goes without, for people; unlike that of the other steps."""

    against: list[FailureClass] = []
    """Classes of failure that it is taken against. Empty: any."""

    env: Environment = msgspec.field(default_factory=dict)
    """Variables that it is started with instead."""

    files: dict[str, str] = msgspec.field(default_factory=dict)
    """File -> copy that takes its place meanwhile, both relative to the workload's directory."""

    tunables: dict[str, float] = msgspec.field(default_factory=dict)
    """Name of one of its tunables -> number, within its bounds."""

    quality_loss: Share
    """Share of what it does that is lost by this step."""

    until: str | None = None
    """HOST:PORT that accepts connections when the cause is gone. None: it is tried after a while."""

    def __post_init__(self) -> None:
        """Refuse a step that changes nothing, paths that reach outside by `..`, and what is no address.

        Raises: ValueError.
        """
        if not self.step.strip():
            raise ValueError("step: is empty; allowed: what it goes without, in a few words")
        if not (self.env or self.files or self.tunables):
            raise ValueError("changes nothing; allowed: env, files, tunables")
        check_paths("files", [*self.files, *self.files.values()])
        host, _, port = (self.until or "localhost:1").rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
            raise ValueError(f'until: "{self.until}" is no address; allowed: HOST:PORT')


class Fallback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which workload stands in for this one when nothing else helps, and when this one is tried again."""

    workload: str
    """The one that stands in. It is started when it does not run yet (`autostart: false`), and stopped again then."""

    ready_within: Seconds = Seconds(60)
    """Seconds that it has to be ready in; before that nothing is done to the one that it stands in for."""

    back_after: Seconds = Seconds(60)
    """Seconds from the change until the first is tried again beside it; doubles each time that did not last."""

    back_after_max: Seconds = Seconds(3600)
    """Seconds. The longest such wait."""

    well_for: Seconds = Seconds(10)
    """Seconds for which the first has to be ready, with no open issue, before the other is stopped."""

    def __post_init__(self) -> None:
        """Refuse no time at all, and waits that shrink.

        Raises: ValueError.
        """
        if self.ready_within <= 0:
            raise ValueError("ready_within: has to be more than 0s")
        if self.back_after_max < self.back_after:
            raise ValueError("back_after_max: has to be at least back_after")


def check_degrade(steps: list[DegradeStep], tunables: Mapping[str, Tunable]) -> None:
    """Refuse steps of the same name, unknown tunables, and numbers beyond their bounds.

    Raises: ValueError.
    """
    names = [each.step for each in steps]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'degrade: "{name}" stands there twice; allowed: another name for each step')
    for each in steps:
        for name, number in each.tunables.items():
            known = tunables.get(name)
            if known is None:
                raise ValueError(f'degrade: "{each.step}" names no tunable of it: {name}; allowed: one of its tunables')
            if not known.min <= number <= known.max:
                raise ValueError(
                    f"degrade: {name} {number:g} is beyond its bounds; allowed: {known.min:g} to {known.max:g}"
                )
