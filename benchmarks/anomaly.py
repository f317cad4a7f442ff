"""What the AnomalyDetector scores on a part of the Numenta Anomaly Benchmark, and how often it alarms on steady series.

Run: .venv/bin/python -m benchmarks.anomaly [FOLDER with nab.py and nab_part.json.gz]

The scorer and the corpus are not in this tree. The detector's constants were chosen with all files of this part in
view: the figure is one of training. A z-score stands beside it, at its best threshold.
"""

from __future__ import annotations

import importlib
import math
import random
import sys
import time
import tracemalloc
from pathlib import Path

from actors.monitor.anomaly import ALARM, AnomalyDetector

FOLDER = Path(__file__).resolve().parents[2] / "shared/bench/anomaly"
DAY_S = 86_400.0


class ZScore:
    """Distance from the mean of all before, in standard deviations."""

    def __init__(self):
        self.count, self.mean, self.square = 0, 0.0, 0.0

    def update(self, _time_s, value):
        away, sd = value - self.mean, math.sqrt(self.square / self.count) if self.count else 0.0
        self.count += 1
        self.mean += away / self.count
        self.square += away * (value - self.mean)
        return 1 - math.exp(-abs(away) / sd / 5) if sd else 0.0


def corpus(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    nab = importlib.import_module("nab")
    part = nab.Corpus(folder / "nab_part.json.gz")
    for name, make in (("AnomalyDetector", AnomalyDetector), ("z-score", ZScore)):
        scores, us = nab.run(make, part.data)
        said = nab.report(part, scores, us, ALARM)
        print(
            f"{name:16} {said['standard@0.5']:6.2f} at the fixed 0.5, {said['standard']:6.2f} at its best threshold;"
            f" {said['windows_hit@fixed']} of {part.nwin} windows hit, {said['fp_points@fixed']} false alarms,"
            f" {us:.1f} us a reading"
        )


def steady(kind: str, rng: random.Random, step_s: float, days: int):
    """Readings of one kind; time of the day in seconds, value."""
    grown = 0.0
    for index in range(int(days * DAY_S / step_s)):
        time_s = index * step_s
        day = math.sin(2 * math.pi * time_s / DAY_S)
        grown += step_s / 3600
        values = {
            "flat": lambda: 45.0,
            "gauss": lambda: rng.gauss(50, 5),
            "daily": lambda day=day: 50 + 20 * day + rng.gauss(0, 3),
            "lognormal": lambda: rng.lognormvariate(0, 0.8),
            "counts": lambda: float(round(rng.gauss(3, 1))),
            "sawtooth": lambda time_s=time_s: 100 + 50 * (time_s % 5400) / 5400 + rng.gauss(0, 2),
            "pareto": lambda: rng.paretovariate(2.5),
            "growing": lambda grown=grown: 100 + grown + rng.gauss(0, 1),
        }
        yield time_s, values[kind]()


def alarms_a_day() -> None:
    for step_s, days in ((10.0, 6), (60.0, 14), (300.0, 21)):
        found = []
        for kind in ("flat", "gauss", "daily", "lognormal", "counts", "sawtooth", "pareto", "growing"):
            detector = AnomalyDetector()
            at_s = [
                time_s
                for time_s, value in steady(kind, random.Random(kind), step_s, days)  # noqa: S311
                if detector.update(time_s, value) >= ALARM
            ]
            found.append(f"{kind} {sum(time_s >= 3 * DAY_S for time_s in at_s) / (days - 3):.2f}")
        print(f"alarms a day after day 3, a reading in {step_s:3.0f} s: {', '.join(found)}", flush=True)


def memory() -> None:
    rng = random.Random(1)  # noqa: S311
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    detector = AnomalyDetector()
    for index in range(20_000):
        detector.update(index * 300.0, rng.lognormvariate(0, 2))
    took = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    values = [rng.lognormvariate(0, 2) for _ in range(50_000)]
    began_s = time.thread_time()
    for index, value in enumerate(values):
        detector.update(index * 300.0, value)
    us = (time.thread_time() - began_s) / len(values) * 1e6
    print(
        f"a full detector: {took / 1e3:.1f} kB in memory, {len(detector.save()) / 1e3:.1f} kB saved,"
        f" {us:.1f} us a reading"
    )


if __name__ == "__main__":
    memory()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if (folder / "nab.py").exists():
        corpus(folder)
    else:
        print(f"no corpus: {folder}/nab.py is not there")
    alarms_a_day()
