"""Which remedy is tried first, by what came of earlier attempts. Pure: chance is given.

What worked the last time for the same fingerprint is first. Where the last one failed, each remedy draws from the beta
distribution of its outcomes (Thompson sampling) and the greatest draw is first: a prior that falls with its place in
the plan, worth two attempts, then what came of it. Outcomes for the same class of failure elsewhere shift the prior by
one attempt at most. With no outcomes the plan stays as it is.

Source: W. R. Thompson, Biometrika 25, 1933; Russo et al., A Tutorial on Thompson Sampling, 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

End = Literal["verified", "returned", "failed"]

WORTH: Final = 2.0
"""Attempts that the plan's order is worth."""
LIKE_WORTH: Final = 1.0
"""Attempts that all outcomes elsewhere are worth at most."""
TRIES_MAX: Final = 20.0
"""Attempts that all outcomes are worth at most, so that what became wrong is unlearnt."""
PASSIVE: Final = frozenset(("await_restart", "wait_dependency"))
"""Remedies that only wait."""

LAST_RESORTS: Final = frozenset(("hold", "fallback"))
"""Remedies that always do what they are for, and heal nothing: outcomes move nothing across them."""

_MEAN_FIRST: Final = 0.8
_MEAN_STEP: Final = 0.1
_MEAN_LEAST: Final = 0.3


class Chance(Protocol):
    """Of random.Random, what is needed."""

    def betavariate(self, alpha: float, beta: float) -> float: ...


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one remedy. returned: verified, and the issue came back soon. last_at: Unix seconds of the newest.

    took_s: seconds of all that were verified, together.
    """

    verified: int = 0
    returned: int = 0
    failed: int = 0
    took_s: float = 0.0
    last: End = "failed"
    last_at: float = 0.0

    @property
    def tries(self) -> int:
        """Attempts that were judged."""
        return self.verified + self.returned + self.failed

    def plus(self, end: End, at: float, took_s: float = 0.0) -> Tally:
        """With one more attempt."""
        return Tally(
            verified=self.verified + (end == "verified"),
            returned=self.returned + (end == "returned"),
            failed=self.failed + (end == "failed"),
            took_s=self.took_s + (took_s if end == "verified" else 0.0),
            last=end,
            last_at=at,
        )

    def relapsed(self, at: float) -> Tally:
        """What was verified last came back."""
        if not self.verified:
            return self
        mean_s = self.took_s / self.verified
        return Tally(
            verified=self.verified - 1,
            returned=self.returned + 1,
            failed=self.failed,
            took_s=self.took_s - mean_s,
            last="returned",
            last_at=at,
        )


def together(one: Tally, other: Tally) -> Tally:
    """Both as one."""
    newer = one if one.last_at >= other.last_at else other
    return Tally(
        verified=one.verified + other.verified,
        returned=one.returned + other.returned,
        failed=one.failed + other.failed,
        took_s=one.took_s + other.took_s,
        last=newer.last,
        last_at=newer.last_at,
    )


def arranged(
    remedies: Sequence[str], own: Mapping[str, Tally], like: Mapping[str, Tally], chance: Chance
) -> tuple[str, ...]:
    """The remedies of a plan, the most promising first. One that stands there several times stays together.

    A last resort stays behind all that it stood behind. own: by remedy, for the same fingerprint. like: for the same
    class of failure, of other fingerprints.
    """
    ahead = next((place for place, name in enumerate(remedies) if name in LAST_RESORTS), None)
    if ahead is not None:
        behind = arranged(remedies[ahead + 1 :], own, like, chance)
        return (*arranged(remedies[:ahead], own, like, chance), remedies[ahead], *behind)
    names = tuple(dict.fromkeys(remedies))
    known = {name: own[name] for name in names if name in own and own[name].tries}
    if not known and not any(name in like for name in names):
        return tuple(remedies)
    beliefs = {name: belief(place, own.get(name), like.get(name)) for place, name in enumerate(names)}
    if any(one.last != "verified" for one in known.values()):
        worth = {name: chance.betavariate(*beliefs[name]) for name in names}
    else:
        worth = {name: alpha / (alpha + beta) for name, (alpha, beta) in beliefs.items()}
    if best := leader(known):
        worth[best] = 2.0
    active = [name for name in names if name not in PASSIVE]
    order = _with_passive(names, sorted(active, key=lambda name: -worth[name]), known)
    return tuple(name for name in order for _ in range(remedies.count(name)))


def leader(known: Mapping[str, Tally]) -> str:
    """The remedy that helped at the newest attempt, and lasted; empty when the newest failed."""
    newest = max(known, key=lambda name: known[name].last_at, default="")
    return newest if newest and newest not in PASSIVE | LAST_RESORTS and known[newest].last == "verified" else ""


def belief(place: int, own: Tally | None, like: Tally | None) -> tuple[float, float]:
    """Alpha and beta of what is believed of a remedy. place: in its plan, from 0."""
    mean = max(_MEAN_LEAST, _MEAN_FIRST - _MEAN_STEP * place)
    alpha, beta = WORTH * mean, WORTH * (1.0 - mean)
    for tally, most in ((like, LIKE_WORTH), (own, TRIES_MAX)):
        if tally is not None and tally.tries:
            scale = min(1.0, most / tally.tries)
            alpha += scale * tally.verified
            beta += scale * (tally.returned + tally.failed)
    return alpha, beta


def _with_passive(remedies: Sequence[str], order: list[str], known: Mapping[str, Tally]) -> tuple[str, ...]:
    """What only waits goes behind all that it stood behind in the plan, but for what did not help the last time."""
    for number, name in enumerate(remedies):
        if name in PASSIVE:
            before = [each for each in remedies[:number] if each not in known or known[each].last == "verified"]
            order.insert(1 + max((order.index(each) for each in before), default=-1), name)
    return tuple(order)
