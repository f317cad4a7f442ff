"""Judges the tuner on noisy surfaces, beside simpler rules. usage: tuner.py [SEEDS]

score: 100 x (gain - 3 x harm), a mean over surfaces. gain: the part of what can be gained that the last best() gains;
on a surface with nothing to gain, 1 unless it is worse. harm: how much worse than the default the windows served were,
as a part of its cost, a mean over all windows.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from actors.optimizer.search import Tuner
from benchmarks.tuner_surfaces import SURFACES, Surface, noisy, optimum

WINDOWS = 240


class Keep:
    """Leaves everything as it is."""

    def __init__(self, _space: Any, default: dict[str, Any], _seed: int) -> None:
        self._default = default

    def ask(self) -> dict[str, Any]:
        return self._default

    def tell(self, config: dict[str, Any], value: float) -> None: ...

    def best(self) -> dict[str, Any]:
        return self._default


def play(kind: Any, surface: Surface, seed: int, lowest: float) -> tuple[float, float, bool]:
    """Gain, harm, and whether what it ends with is worse than the default."""
    chance = random.Random(seed)  # noqa: S311 - noise, no secret
    tuner = kind(surface.space, dict(surface.default), seed)
    harm = 0.0
    for window in range(WINDOWS):
        config = tuner.ask()
        harm += max(0.0, surface.cost(config, window) / surface.cost(surface.default, window) - 1)
        tuner.tell(config, noisy(surface, config, window, chance))
    ratio = surface.cost(tuner.best(), WINDOWS) / surface.cost(surface.default, WINDOWS)
    room = 1 - lowest
    gain = (1 - ratio) / room if room > 0.01 else 1 - max(0.0, ratio - 1) * 10
    return max(-1.0, gain), harm / WINDOWS, ratio > 1.005


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{'':12} {'surface':14} gain  harm   worse")
    for kind in (Keep, Tuner):
        total, harms, bad = 0.0, 0.0, 0
        for surface in SURFACES:
            lowest = optimum(surface)
            played = [play(kind, surface, seed, lowest) for seed in range(seeds)]
            gain = sum(one[0] for one in played) / seeds
            harm = sum(one[1] for one in played) / seeds
            worse = sum(one[2] for one in played)
            print(
                f"{kind.__name__:12} {surface.name:14} {gain:5.2f} {harm:6.4f} {worse}/{seeds}  room {1 - lowest:.2f}"
            )
            total, harms, bad = total + gain - 3 * harm, harms + harm, bad + worse
        count = len(SURFACES)
        said = f"score {100 * total / count:.1f}, harm {harms / count:.4f}, bad {bad / count / seeds:.1%}"
        print(f"{kind.__name__:12} {said}")


if __name__ == "__main__":
    main()
