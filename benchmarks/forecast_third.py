"""A third maker, written after the Forecaster was done: small simulations in place of formulas.

A series ends at the first reading at the limit (kind noise too), so the noise counts here.
"""

import math
import random

from benchmarks.forecast_sets import GROWING, Case


def heap(rng, step, leak):
    """Allocations, collected at a mark above what lives; what lives grows."""
    live, junk, mark, rate = rng.uniform(10, 40), 0.0, rng.uniform(3, 15), rng.uniform(0.5, 4) / 60
    while True:
        live += leak * step
        junk += rate * step * rng.uniform(0.3, 1.7)
        if junk > mark:
            junk *= rng.uniform(0, 0.2)
        yield live + junk


def load(rng, period, amplitude, sharp):
    phase = rng.uniform(0, 1)

    def at(t):
        x = math.cos(2 * math.pi * (t / period + phase))
        return amplitude * (math.exp(sharp * x) - math.exp(-sharp)) / (math.exp(sharp) - math.exp(-sharp))

    return at


def path(kind, rng, step):
    """Yields values for ever; gives the onset too."""
    T = math.exp(rng.uniform(math.log(2), math.log(20))) * 3600 * {1: 0.3, 5: 0.7, 10: 1, 30: 2, 60: 3}[step]
    v = rng.uniform(10, 50)
    rate = (100 - v) / T
    s = math.exp(rng.uniform(math.log(0.05), math.log(1.5)))
    onset = 0.0

    def lines():
        nonlocal onset
        t, x = 0.0, v
        if kind == "late":
            onset = rng.uniform(0.3, 0.8) * T
        quick = (100 - v) / min(T, rng.uniform(0.8, 4) * 3600)
        P = T / rng.uniform(2.5, 7)
        season = load(rng, P, rng.uniform(8, 25), rng.uniform(0.1, 2))
        double = T / rng.uniform(2, 5)
        wait = 0.0
        h = heap(rng, step, rate * rng.uniform(0.6, 1))
        wob = 0.0
        while True:
            t += step
            wob += -wob * step / 120 + rng.gauss(0, 0.3) * math.sqrt(step / 120)
            if kind == "linear":
                yield v + rate * t + wob
            elif kind == "late":
                x += quick * step * (t > onset)
                yield x + wob
            elif kind == "gc":
                yield next(h)
            elif kind == "season":
                yield v / 2 + 0.8 * rate * t + season(t)
            elif kind == "exponential":
                yield min(1e6, v / 4 * math.exp(t / double) + wob)
            elif kind == "bursts":  # on and off
                wait -= step
                if wait < 0:
                    wait = rng.expovariate(1 / (T / 60))
                    x += 0 if rng.random() < 0.5 else rate * T / 30 * rng.uniform(0.5, 1.5)
                yield x
            elif kind == "noise":
                yield v / 2 + rate * t
            elif kind == "flat":
                yield v + wob
            elif kind == "wave":
                yield v / 2 + 2.2 * season(t)
            elif kind == "rotation":
                x = x + 3 * rate * step * rng.uniform(0, 2)
                if x > 88 - v / 2:
                    x = v / 4
                yield x
            elif kind == "step":
                if rng.random() < step / (T / 2):
                    x = rng.uniform(10, 88)
                yield x + wob
            elif kind == "warmup":
                x += (85 - x) * step / (T / 25)
                yield x + wob
            else:
                x += rng.gauss(0, 10) * math.sqrt(step / T) - (x - v) * step / T
                yield x

    sigma = rng.uniform(3, 10) if kind == "noise" else s
    return lines(), sigma, T, (lambda: onset)


def make(kind, maker, seed):
    rng = random.Random(f"third {kind} {seed}")
    step = rng.choice((1, 5, 10, 10, 30, 60))
    values, sigma, T, onset = path(kind, rng, step)
    start, times, out, t, end = rng.choice((0.0, 1.8e9, 12345.6)), [], [], 0.0, None
    growing = kind in GROWING
    while t < (3 * T if growing else T):
        x = next(values)
        if not growing and x > 97:
            return make(kind, maker, seed + 10_000)
        y = max(0.0, x + rng.gauss(0, sigma))
        t += step + rng.expovariate(50 / step)
        times.append(start + t)
        out.append(y)
        if growing and y >= 100:
            end = start + t
            break
    if growing and (end is None or t < 2700):
        return make(kind, maker, seed + 10_000)
    return Case(kind, maker, times, out, 100.0, end, start + onset())
