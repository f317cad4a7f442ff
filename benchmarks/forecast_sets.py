"""Series for judging forecasts: growing ones that end at a limit, and sane ones. Two unlike makers of each kind.

The Forecaster was tuned on maker "a"; "b" has other shapes, noises and time scales. Everything follows from the seed.
"""

import math
import random
from collections.abc import Callable
from typing import NamedTuple

GROWING = ("linear", "late", "gc", "season", "exponential", "bursts", "noise")
SANE = ("flat", "wave", "rotation", "step", "warmup", "walk")


class Case(NamedTuple):
    kind: str
    maker: str
    times_s: list[float]
    values: list[float]
    limit: float
    end_s: float | None  # when the signal without its noise reaches the limit
    onset_s: float  # growing before it is none


Signal = Callable[[float], float]


def white(rng, sigma):
    return lambda: rng.gauss(0, sigma)


def ar1(rng, sigma, rho):
    state = [0.0]
    scale = sigma * math.sqrt(1 - rho * rho)

    def draw():
        state[0] = rho * state[0] + rng.gauss(0, scale)
        return state[0]

    return draw


def laplace(rng, sigma):
    return lambda: (rng.expovariate(1) - rng.expovariate(1)) * sigma / math.sqrt(2)


def spiky(rng, sigma):
    return lambda: rng.gauss(0, sigma) + (rng.random() < 0.01) * rng.uniform(-6, 6) * sigma


def noise_of(rng, maker, sigma):
    if maker == "a":
        return white(rng, sigma) if rng.random() < 0.7 else ar1(rng, sigma, 0.6)
    return rng.choice((laplace, spiky, lambda r, s: ar1(r, s, 0.8), white))(rng, sigma)


def interval_of(rng):
    return rng.choice((1.0, 10.0, 10.0, 10.0, 60.0))


def hours_of(rng, step_s, lo, hi):
    """Fast sampling has shorter series, slow sampling longer."""
    factor = {1.0: 0.5, 10.0: 1.0, 60.0: 3.0}[step_s]
    return math.exp(rng.uniform(math.log(lo), math.log(hi))) * factor


def tooth(phase, fall):
    return phase / (1 - fall) if phase < 1 - fall else (1 - phase) / fall


def teeth(rng, total_s, mean_s, jitter, fall):
    """A sawtooth 0..1 of irregular teeth, as a function of time."""
    edges = [-rng.uniform(0, mean_s)]
    while edges[-1] < total_s * 1.5:
        edges.append(edges[-1] + mean_s * math.exp(rng.gauss(0, jitter)))
    heights = [math.exp(rng.gauss(0, jitter / 2)) for _ in edges]
    at = [0]

    def wave(t):
        while edges[at[0] + 1] <= t and at[0] + 2 < len(edges):
            at[0] += 1
        i = at[0]
        return heights[i] * tooth((t - edges[i]) / (edges[i + 1] - edges[i]), fall)

    return wave


def profile(rng, period_s):
    """A season that is no sine: some harmonics, scaled to -1..1."""
    parts = [(k, rng.gauss(0, 1 / k), rng.uniform(0, 2 * math.pi)) for k in (1, 2, 3)]
    parts[0] = (1, 1.0, parts[0][2])

    def raw(t):
        return sum(a * math.sin(2 * math.pi * k * t / period_s + p) for k, a, p in parts)

    top = max(abs(raw(period_s * i / 64)) for i in range(64))
    return lambda t: raw(t) / top


# --- growing: each gives signal(t), noise, hours at most, onset; the limit is 100 before scaling


def grow(kind, maker, rng, step_s):
    hours = hours_of(rng, step_s, 2.0, 14.0)
    T = hours * 3600
    v0 = rng.uniform(5, 55)
    sigma = math.exp(rng.uniform(math.log(0.1), math.log(2.0)))
    onset = 0.0
    a = maker == "a"
    if kind == "linear":
        s = lambda t: v0 + (100 - v0) * t / T
        if not a:
            k = rng.uniform(-0.25, 0.25)  # slightly bent
            s = lambda t: v0 + (100 - v0) * ((1 + k) * t / T - k * (t / T) ** 2)
    elif kind == "late":
        left = min(T * 0.7, rng.uniform(0.75, 3.0) * 3600)
        onset = T - left
        if a:
            s = lambda t: v0 + (100 - v0) * max(0.0, t - onset) / left
        else:  # on a small wave, with a warm-up first
            P, A, w = rng.uniform(0.3, 2) * 3600, rng.uniform(0, 4), rng.uniform(0.02, 0.1) * T
            s = lambda t: (
                v0 * (1 - 0.7 * math.exp(-t / w))
                + A * math.sin(2 * math.pi * t / P) * (t < onset)
                + (100 - v0) * max(0.0, t - onset) / left
            )
    elif kind == "gc":
        A = rng.uniform(3, 20)
        wave = teeth(
            rng,
            T,
            rng.uniform(2, 25) * 60 * (1 if a else rng.uniform(0.5, 2)) * (step_s / 10) ** 0.3,
            0.02 if a else 0.3,
            rng.choice((0.03, 0.1)) if a else 0.05,
        )
        s = lambda t: v0 + (100 - v0 - A) * t / T + A * wave(t)
        if not a and rng.random() < 0.5:  # the teeth grow with the floor
            s = lambda t: v0 + (100 - v0) * t / T * 0.85 + wave(t) * (3 + A * t / T)
    elif kind == "season":
        n = rng.uniform(2.2, 8)
        P, A, p = T / n, rng.uniform(4, 18), rng.uniform(0, 2 * math.pi)
        if not a and rng.random() < 0.5:  # days
            P = 86400.0
            T = n * P
        v0 = rng.uniform(20, 50)
        wave = (lambda t: math.sin(2 * math.pi * t / P + p)) if a else profile(rng, P)
        s = lambda t: v0 + (100 - v0 - A) * t / T + A * wave(t)
    elif kind == "exponential":
        v0 = rng.uniform(3, 25) if a else rng.uniform(1, 15)
        base = 0 if a else rng.uniform(0, 40)
        s = lambda t: base + v0 * ((100 - base) / v0) ** (t / T)
    elif kind == "bursts":
        n = int(math.exp(rng.uniform(math.log(25), math.log(250))))
        at = sorted(rng.uniform(0, T) for _ in range(n)) if a else []
        if not a:
            t = 0.0
            while t < T:
                t += rng.gammavariate(3, T / n / 3)
                at.append(t)
        sizes = [rng.expovariate(1) if a else rng.paretovariate(2.5) for _ in at]
        scale = (100 - v0) / sum(sizes)
        ramp = 1.0 if a else rng.uniform(10, 200)
        steps = list(zip(at, sizes, strict=True))
        s = lambda t: v0 + scale * sum(z * min(1.0, (t - u) / ramp) for u, z in steps if u <= t)
    else:
        sigma = rng.uniform(4, 14)
        s = lambda t: v0 + (100 - v0) * t / T
        if not a:
            s = lambda t: v0 + (100 - v0) * (t / T) ** rng_power
            rng_power = rng.uniform(0.9, 1.3)
    return s, noise_of(rng, maker, sigma), T * 1.3, onset


# --- sane


def stay(kind, maker, rng, step_s):
    T = hours_of(rng, step_s, 6.0, 24.0) * 3600
    level = rng.uniform(15, 85)
    sigma = math.exp(rng.uniform(math.log(0.1), math.log(4.0)))
    a = maker == "a"
    if kind == "flat":
        s = lambda t: level
        if not a and rng.random() < 0.5:  # a very slow drift that never gets anywhere
            d = rng.uniform(-5, 5)
            s = lambda t: level + d * t / T
    elif kind == "wave":
        P = math.exp(rng.uniform(math.log(0.5), math.log(T / 3600 / 1.5))) * 3600
        A, p = rng.uniform(8, 40), rng.uniform(0, 2 * math.pi)
        mid = rng.uniform(A, 93 - A)
        wave = (lambda t: math.sin(2 * math.pi * t / P + p)) if a else profile(rng, P)
        s = lambda t: mid + A * wave(t)
        sigma = min(sigma, 2.0)
    elif kind == "rotation":
        low, high = rng.uniform(0, 20), rng.uniform(45, 92)
        P = math.exp(rng.uniform(math.log(0.3), math.log(T / 3600 / 2))) * 3600
        wave = teeth(rng, T, P, 0.0 if a else 0.12, 0.005)
        top = 1.0 if a else 1.25
        s = lambda t: low + (high - low) * min(top, wave(t)) / top
        sigma = min(sigma, 1.0)
    elif kind == "step":
        n = 1 if a else rng.randint(1, 4)
        at = sorted(rng.uniform(0.05, 0.95) * T for _ in range(n))
        levels = [rng.uniform(10, 40)] + [rng.uniform(30, 88) for _ in range(n)]
        ramp = 1.0 if a else rng.uniform(1, 240)

        def s(t):
            x = levels[0]
            for i, u in enumerate(at):
                if t >= u:
                    x += (levels[i + 1] - levels[i]) * min(1.0, (t - u) / ramp)
            return x

        sigma = min(sigma, 2.5)
    elif kind == "warmup":
        low, high = rng.uniform(0, 30), rng.uniform(50, 90)
        tau = rng.uniform(0.05, 1.5) * 3600 * (step_s / 10) ** 0.3
        s = lambda t: high - (high - low) * math.exp(-t / tau)
        if not a:
            form = rng.randrange(3)
            if form == 1:
                s = lambda t: low + (high - low) / (1 + math.exp(-(t - 4 * tau) / tau))
            elif form == 2:
                s = lambda t: low + (high - low) * t / (t + tau)
        sigma = min(sigma, 2.0)
    else:
        spread = rng.uniform(4, 15)  # standard deviation over the whole length
        while True:
            n = int(T / step_s) + 2
            back = 0.0 if a else rng.uniform(0, 4) * step_s / T
            unit = spread / math.sqrt(n)
            x, path = rng.uniform(30, 65), []
            mid = x
            for _ in range(n):
                x += (
                    rng.gauss(0, unit) - back * (x - mid)
                    if a
                    else unit * (rng.expovariate(1) - rng.expovariate(1)) / 1.41 - back * (x - mid)
                )
                path.append(x)
            if max(path) < 90 and min(path) > 0:
                break
        s = lambda t: path[min(n - 1, int(t / step_s))]
        sigma = 0.0 if rng.random() < 0.5 else 0.3
    return s, noise_of(rng, maker, sigma), T, 0.0


def make(kind: str, maker: str, seed: int) -> Case:
    rng = random.Random(f"{kind} {maker} {seed}")
    step_s = interval_of(rng)
    growing = kind in GROWING
    s, noise, T, onset = (grow if growing else stay)(kind, maker, rng, step_s)
    start = rng.choice((0.0, rng.uniform(0, 1e6), 1.7e9 + rng.uniform(0, 1e7)))
    scale = rng.choice((1.0, 0.01, 1e7))
    times, values, end, t = [], [], None, 0.0
    shaky = 0.0 if maker == "a" else 0.05
    while t < T:
        x = s(t)
        times.append(start + t)
        values.append(scale * max(0.0, x + noise()))
        if growing and x >= 99.9999:
            end = start + t
            break
        t += step_s * (1 + (rng.uniform(-shaky, shaky) if shaky else 0))
    if growing and end is None:
        return make(kind, maker, seed + 10_000)
    return Case(kind, maker, times, values, 100 * scale, end, start + onset)
