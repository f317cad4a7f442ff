"""What is done about the parameter when the Optimizer starts. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec


class Kept(msgspec.Struct, frozen=True):
    """A value that proved itself. configured: what was in force by the config when it was found; both in seconds."""

    value: float
    configured: float


class Step(msgspec.Struct, frozen=True):
    """What to do: undo the experiment found running, apply the kept value, or leave the value that is in force.

    value: seconds to set; for leave the value in force. drop_kept: the kept value is void. configured: what the config
    says, as far as that is known.
    """

    do: Literal["undo", "apply", "leave"]
    value: float
    configured: float
    why: str
    drop_kept: bool = False


def resume(
    in_force: float, running: tuple[float, float] | None, kept: Kept | None, bounds: tuple[float, float]
) -> Step:
    """Decide from what is in force now, and what the table says.

    in_force: seconds, as the Monitor says. running: (baseline, candidate) of an experiment found running.
    bounds: shortest and longest interval allowed here.

    An experiment is undone. A kept value is applied when the config says what it said when the value was found; when
    the config says something else now, a person has chosen, and the kept value is void.
    """
    if running is not None:
        return _of_running(in_force, running, kept)
    if kept is None:
        return Step("leave", in_force, in_force, "nothing was kept")
    if in_force == kept.value:
        return Step("leave", in_force, kept.configured, "the kept value is in force")
    if in_force != kept.configured:
        return Step("leave", in_force, in_force, "another value was chosen since", drop_kept=True)
    if not bounds[0] <= kept.value <= bounds[1]:
        return Step("leave", in_force, in_force, "the kept value is outside the bounds now", drop_kept=True)
    return Step("apply", kept.value, kept.configured, "it was kept after an experiment")


def _of_running(in_force: float, running: tuple[float, float], kept: Kept | None) -> Step:
    baseline, candidate = running
    configured = kept.configured if kept is not None else baseline
    if in_force in (baseline, candidate, configured):
        return Step("undo", baseline, configured, "the Optimizer ended during the experiment")
    return Step("leave", in_force, in_force, "another value was chosen meanwhile", drop_kept=kept is not None)
