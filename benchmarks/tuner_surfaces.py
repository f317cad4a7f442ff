"""Eight noisy surfaces that a service's settings may have, for the tuner to be judged on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Config = Mapping[str, Any]


class Surface(NamedTuple):
    """cost(config, window): without noise. noise: standard deviation of the logarithm. tail: part that is disturbed."""

    name: str
    space: dict[str, tuple[Any, ...]]
    default: dict[str, Any]
    cost: Callable[[Config, int], float]
    noise: float
    tail: float = 0.0


def _log2(value: float, best: float) -> float:
    return math.log2(value / best)


def _workers(config: Config, _: int) -> float:
    """Queueing falls with workers until memory is gone: a cliff."""
    workers, batch = config["workers"], config["batch"]
    used = workers * (0.5 + batch / 64)
    wait = 100 / workers + 20 + 0.6 * abs(batch - 24)
    return wait * (4.0 if used > 14 else 1.0)


def _pool_and_batch(config: Config, _: int) -> float:
    """A ridge: what matters is the product; either alone makes it worse."""
    product, skew = config["pool"] * config["batch"], config["pool"] / config["batch"]
    return 50 * (1 + 0.25 * _log2(product, 512) ** 2 * 0.25 + 0.9 * _log2(skew, 0.5) ** 2 * 0.3)


def _daily(config: Config, window: int) -> float:
    """The load swings by a half while the settings matter by less."""
    load = 1.0 + 0.5 * math.sin(window / 19) + 0.002 * window
    return 80 * load * (1 + 0.12 * _log2(config["cache"], 1024) ** 2 / 4 + 0.3 * (config["timeout"] - 2.0) ** 2 / 4)


def _flat(_: Config, window: int) -> float:
    return 30 * (1 + 0.1 * math.sin(window / 30))


def _best_already(config: Config, _: int) -> float:
    off = (config["a"] - 0.5) ** 2 + (config["b"] - 0.5) ** 2 + (config["c"] - 20) ** 2 / 900
    return 40 * (1 + 3 * off)


def _choice(config: Config, _: int) -> float:
    """Of four codecs one is far worse and one better; the level matters by codec."""
    factor = {"none": 1.0, "gzip": 1.8, "lz4": 0.8, "zstd": 0.85}[config["codec"]]
    level = 1 + (0.02 if config["codec"] != "zstd" else 0.05) * abs(
        config["level"] - (1 if config["codec"] != "zstd" else 4)
    )
    return 60 * factor * level * (1 + 0.1 * abs(config["threads"] - 6) / 6)


def _cache(config: Config, _: int) -> float:
    """Misses fall with the cache, and collecting it costs more and more."""
    size = config["mb"]
    return 20 + 100 / (1 + size / 48) + size / 24 + 4 * abs(math.log2(config["ttl"] / 60))


def _many(config: Config, _: int) -> float:
    """Five settings, a bowl whose middle is elsewhere, and noise."""
    middle = {"p": 0.7, "q": 0.3, "r": 0.65, "s": 0.45, "t": 0.8}
    return 25 * (
        1
        + sum(1.1 * (config[name] - at) ** 2 for name, at in middle.items())
        + 0.5 * (config["p"] - 0.7) * (config["r"] - 0.65)
    )


_UNIT = ("float", 0.0, 1.0, False)
_CODECS = ("cat", ["none", "gzip", "lz4", "zstd"])


def _int(low: int, high: int) -> tuple[Any, ...]:
    return ("int", low, high, True)


SURFACES = [
    Surface("cliff", {"workers": _int(1, 32), "batch": _int(1, 64)}, {"workers": 4, "batch": 8}, _workers, 0.06),
    Surface("ridge", {"pool": _int(2, 128), "batch": _int(4, 256)}, {"pool": 4, "batch": 16}, _pool_and_batch, 0.06),
    Surface(
        "drift",
        {"cache": _int(64, 8192), "timeout": ("float", 0.5, 8.0, False)},
        {"cache": 128, "timeout": 4.0},
        _daily,
        0.05,
    ),
    Surface("flat", {"x": _UNIT, "y": _int(1, 100), "z": ("cat", "ab")}, {"x": 0.5, "y": 10, "z": "a"}, _flat, 0.08),
    Surface(
        "best_already",
        {"a": _UNIT, "b": _UNIT, "c": ("int", 1, 64, False)},
        {"a": 0.5, "b": 0.5, "c": 20},
        _best_already,
        0.06,
    ),
    Surface(
        "choice",
        {"codec": _CODECS, "level": ("int", 1, 9, False), "threads": _int(1, 16)},
        {"codec": "none", "level": 3, "threads": 3},
        _choice,
        0.06,
    ),
    Surface("cache", {"mb": _int(8, 2048), "ttl": _int(5, 3600)}, {"mb": 32, "ttl": 300}, _cache, 0.05, 0.03),
    Surface("many", dict.fromkeys("pqrst", _UNIT), dict.fromkeys("pqrst", 0.5), _many, 0.10, 0.02),
]


def noisy(surface: Surface, config: Config, window: int, chance: random.Random) -> float:
    """What a window costs as it is measured."""
    disturbed = 1.6 if chance.random() < surface.tail else 1.0
    return surface.cost(config, window) * math.exp(chance.gauss(0, surface.noise)) * disturbed


def optimum(surface: Surface, tries: int = 4000) -> float:
    """The lowest cost there is, found with no noise, as part of the default's."""
    chance = random.Random(1)  # noqa: S311 - places to look at, no secret
    best = dict(surface.default)
    cost = surface.cost(best, 0)
    for number in range(tries):
        config = dict(best) if number % 4 else {}
        for name, kind in surface.space.items():
            if name not in config or chance.random() < 0.4:
                config[name] = _any(kind, chance, config.get(name), 0.3 if number < tries / 2 else 0.05)
        found = surface.cost(config, 0)
        if found < cost:
            best, cost = config, found
    return cost / surface.cost(surface.default, 0)


def _any(kind: tuple[Any, ...], chance: random.Random, near: Any, width: float) -> Any:
    if kind[0] == "cat":
        return chance.choice(kind[1])
    _, low, high, log = kind
    low_, high_ = (math.log(low), math.log(high)) if log else (low, high)
    at = chance.uniform(low_, high_)
    if near is not None:
        at = min(high_, max(low_, (math.log(near) if log else near) + chance.gauss(0, width * (high_ - low_))))
    value = math.exp(at) if log else at
    return min(high, max(low, round(value))) if kind[0] == "int" else min(high, max(low, value))
