"""How the Forecaster does on judged series, beside Prometheus' predict_linear and a gated line, and on a real leak.

Run: .venv/bin/python -m benchmarks.forecast [--seeds 16] [--first 500] [--leak] [--drift 40]

An estimate within an hour is an alarm. A growing series gives half a point when the alarm stands 15 min before its end
(35 % of its growth when that is shorter) and half a point less the mean error of the estimates around then, minus the
share of hours with an alarm before it grew; a sane one the share of its hours without an alarm. The score is the mean
over 13 kinds, in percent. The Forecaster was tuned on maker a; b and c were looked at while it was written.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time
from functools import cache

import psutil

from actors.monitor.drift import Drift, DriftDetector
from actors.monitor.forecast import Forecaster
from benchmarks import forecast_sets, forecast_third
from benchmarks.forecast_peers import GatedLine, PredictLinear
from benchmarks.forecast_sets import GROWING, SANE, Case

HORIZON_S = 3600.0
LEAD_S = 900.0
LEAD_SHARE = 0.35
LEAK = """
import time
began_s, held = time.monotonic(), []
while True:
    held.append(b"x" * 1_000_000)
    time.sleep(max(0, began_s + len(held) - time.monotonic()))
"""


@cache
def case(kind: str, maker: str, seed: int) -> Case:
    return (forecast_third.make if maker == "c" else forecast_sets.make)(kind, maker, seed)


def score(judged: Case, told: list[float | None]) -> float:
    """0 to 1."""
    times = judged.times_s
    hours = max(1, round((times[-1] - times[0]) / 3600))
    alarms = [time_s for time_s, left_s in zip(times, told, strict=True) if left_s is not None and left_s <= HORIZON_S]
    if judged.end_s is None:
        return max(0.0, 1 - len({int((time_s - times[0]) // 3600) for time_s in alarms}) / hours)
    lead_s = min(LEAD_S, LEAD_SHARE * (judged.end_s - judged.onset_s))
    at = max(place for place, time_s in enumerate(times) if time_s <= judged.end_s - lead_s)
    stands = told[at] is not None and told[at] <= HORIZON_S
    errors = [
        1.0 if left_s is None else min(1.0, abs(left_s - (judged.end_s - time_s)) / (judged.end_s - time_s))
        for time_s, left_s in zip(times, told, strict=True)
        if judged.end_s - 2 * lead_s <= time_s <= judged.end_s - lead_s / 2
    ]
    early = {int((time_s - times[0]) // 3600) for time_s in alarms if time_s < judged.onset_s}
    error = statistics.fmean(errors) if errors else 1.0
    return max(0.0, 0.5 * stands + 0.5 * (1 - error) - len(early) / hours)


def judge(make, maker: str, seeds: range) -> tuple[dict[str, float], float]:
    """Percent by kind, and microseconds a reading."""
    found, spent_s, readings = {}, 0.0, 0
    for kind in GROWING + SANE:
        scores = []
        for seed in seeds:
            judged = case(kind, maker, seed)
            one = make(judged.limit)
            began_s = time.thread_time()
            told = [one.update(time_s, value) for time_s, value in zip(judged.times_s, judged.values, strict=True)]
            spent_s += time.thread_time() - began_s
            readings += len(told)
            scores.append(score(judged, told))
        found[kind] = 100 * statistics.fmean(scores)
    return found, spent_s / readings * 1e6


def judged_sets(seeds: range) -> None:
    makers = {
        "predict_linear 30 min": lambda limit: PredictLinear(limit, 1800),
        "predict_linear 2 h": lambda limit: PredictLinear(limit, 7200),
        "gated line": GatedLine,
        "Forecaster": Forecaster,
    }
    print(f"{'':24}{'score':>6}{'us':>6}  " + " ".join(f"{kind[:8]:>8}" for kind in GROWING + SANE))
    for maker in "abc":
        for name, make in makers.items():
            by_kind, us = judge(make, maker, seeds)
            each = " ".join(f"{by_kind[kind]:8.1f}" for kind in GROWING + SANE)
            print(f"{maker} {name:22}{statistics.fmean(by_kind.values()):6.1f}{us:6.1f}  {each}", flush=True)


def leak(limit: float = 200e6) -> None:
    """A process that takes 1 MB more each second, read every 5 s as a node would, until it is over the limit."""
    process = subprocess.Popen([sys.executable, "-c", LEAK])
    try:
        watched, forecaster, first = psutil.Process(process.pid), Forecaster(limit), None
        began_s = time.monotonic()
        while True:
            time.sleep(5)
            now_s, value = time.monotonic() - began_s, watched.memory_info().rss
            left_s = forecaster.update(now_s, value)
            if first is None and left_s is not None:
                first = (now_s, value, left_s)
            if value >= limit:
                break
    finally:
        process.kill()
        process.wait()
    if first is None:
        print(f"a leak of 1 MB/s: over {limit / 1e6:.0f} MB after {now_s:.0f} s, never forecast")
    else:
        said = f"first forecast after {first[0]:.0f} s at {first[1] / 1e6:.0f} MB as {first[2]:.0f} s off"
        print(
            f"a leak of 1 MB/s: over {limit / 1e6:.0f} MB after {now_s:.0f} s; {said}: {now_s - first[0]:.0f} s before"
        )


def stationary(kind: str, rng: random.Random):
    """Endless noise with a spread of about 1."""
    last = 0.0
    phi = {"ar 0.5": 0.5, "ar 0.9": 0.9}.get(kind, 0.0)
    while True:
        if kind == "laplace":
            yield (rng.expovariate(1) - rng.expovariate(1)) / 1.41
        elif kind == "counts":
            yield sum(rng.random() < 0.1 for _ in range(30)) / 1.64
        elif kind == "lognormal":
            yield rng.lognormvariate(0, 1) / 2.16
        else:
            last = phi * last + rng.gauss(0, (1 - phi * phi) ** 0.5)
            yield last


def drifts(days: int) -> None:
    """False alarms on stationary noise, one reading in 10 s, and how soon changes are found (20 seeds each)."""
    for kind in ("gauss", "laplace", "ar 0.5", "ar 0.9", "counts", "lognormal"):
        series, detector, false = stationary(kind, random.Random(kind)), DriftDetector(), 0  # noqa: S311
        for index in range(days * 8640):
            false += isinstance(detector.update(index * 10.0, 50 + next(series)), Drift)
        line = f"drift, {kind:10} {false / days:5.2f} false a day"
        for name, shift, factor in (("level +1 sd", 1.0, 1.0), ("level +0.5 sd", 0.5, 1.0), ("spread x2", 0.0, 2.0)):
            delays = []
            for seed in range(20):
                series, detector = stationary(kind, random.Random(f"{kind}{seed}")), DriftDetector()  # noqa: S311
                for index in range(5000):
                    value = next(series)
                    value = value * factor + shift if index >= 2000 else value
                    if isinstance(detector.update(index * 10.0, value), Drift) and index >= 2000:
                        delays.append(index - 2000)
                        break
            after = f"after {statistics.median(delays):.0f} readings" if delays else ""
            line += f"; {name} {len(delays)}/20 {after}"
        print(line, flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=16)
    options.add_argument("--first", type=int, default=500)
    options.add_argument("--leak", action="store_true", help="three minutes and a half: a real process, in real time")
    options.add_argument("--drift", type=int, default=0, metavar="DAYS", help="of noise, for the DriftDetector")
    given = options.parse_args()
    if given.leak:
        leak()
    elif given.drift:
        drifts(given.drift)
    else:
        judged_sets(range(given.first, given.first + given.seeds))
