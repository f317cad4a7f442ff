"""Whether a measured candidate stays. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.optimizer.samples import median, noise
from actors.optimizer.settings import OptimizerSettings


class Verdict(msgspec.Struct, frozen=True):
    """Keep the candidate, or put the baseline back; and why."""

    keep: bool
    why: str


def decide(
    baseline_s: float, candidate_s: float, before: Sequence[float], after: Sequence[float], settings: OptimizerSettings
) -> Verdict:
    """Compare the costs under the two intervals.

    before, after: the node's own CPU in percent of one core, one value a sample.

    The rule: medians are compared, as single samples are disturbed by whatever else runs. A shorter interval stays when
    its median cost is within the limit. A longer one stays when the median cost fell by more than effect_min of what
    it was, and by more than the noise: the larger median absolute deviation of the two. That is so too when it is still
    above the limit: less is nearer to it than the baseline was. Too few samples, or flat: the baseline is put back.
    """
    fewest = min(len(before), len(after))
    if fewest < settings.samples_min:
        return Verdict(keep=False, why=f"only {fewest} samples, {settings.samples_min} are needed")
    cost_before, cost_after = median(before), median(after)
    if candidate_s < baseline_s:
        within = cost_after <= settings.cpu_limit
        word = "is within" if within else "is above"
        return Verdict(keep=within, why=f"own CPU {cost_after:.2f} % {word} {settings.cpu_limit:g} %")
    saved, by_chance = cost_before - cost_after, noise(before, after)
    needed = max(settings.effect_min * cost_before, by_chance)
    why = f"own CPU went from {cost_before:.2f} % to {cost_after:.2f} %; a change of {needed:.2f} % or less is none"
    return Verdict(keep=saved > needed, why=why)
