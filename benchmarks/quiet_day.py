"""How many false issues recorded normal metrics give: a recorded host, and the normal days of the Numenta corpus.

Run: .venv/bin/python -m benchmarks.quiet_day [HOST.jsonl] [FOLDER with nab_part.json.gz]

The host: one JSON object a line, t (Unix seconds), cpu, load1, memory, disk, swap; read as a Monitor with its default
settings would. A crossing is no false issue when the readings were over the limit for the whole hold time, which is
looked up again here; a forecast is false when its limit was not reached within twice the time it said. Drift is
watched for what is asked for only; here for nothing, as by default. Anomalies are evidence and no issues.
The corpus: the series of realAWSCloudwatch outside their anomaly windows, each with the limit that its own largest
value plus a tenth of its range would be, so that any forecast is false.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from itertools import accumulate
from pathlib import Path

import psutil

from actors.monitor.anomaly import ALARM, AnomalyDetector
from actors.monitor.board import Board
from actors.monitor.outlook import Outlook
from actors.monitor.settings import MonitorSettings
from actors.monitor.thresholds import Limit
from bus.messages import AnomalyDetected, ForecastRaised, ThresholdCrossed

HOST = Path("/root/gyrostat-later/host.jsonl")
CORPUS = Path(__file__).resolve().parents[2] / "shared/bench/anomaly/nab_part.json.gz"
METRICS = ("cpu", "load1", "memory", "disk", "swap")


def host(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.endswith("}")]
    board = Board("recorded", MonitorSettings(), psutil.virtual_memory().total, rows[0]["t"])
    board.refit({}, MonitorSettings(), rows[0]["t"])
    board.set_limits(rows[0]["t"])
    told = [
        (row["t"], fact)
        for row in rows
        for fact in board.host.read({metric: row[metric] for metric in METRICS if metric in row}, row["t"], 10.0)
    ]
    hours = (rows[-1]["t"] - rows[0]["t"]) / 3600
    true = Counter[str]()
    false: list[str] = []
    for at_s, fact in told:
        if isinstance(fact, ThresholdCrossed):
            hold_s = board.host.limits[fact.metric].hold_s
            within = [row[fact.metric] for row in rows if at_s - hold_s - 0.5 <= row["t"] <= at_s]
            if min(within) > fact.limit:
                true[f"{fact.metric} over its limit"] += 1
            else:
                false.append(f"{fact.metric} crossed at {at_s:.0f}")
        elif isinstance(fact, ForecastRaised):
            until_s = at_s + 2 * fact.in_s
            reached = any(row[fact.metric] >= fact.limit for row in rows if at_s <= row["t"] <= until_s)
            if reached:
                true[f"{fact.metric} forecast"] += 1
            elif rows[-1]["t"] >= until_s:
                false.append(f"{fact.metric} forecast at {at_s:.0f} to be over in {fact.in_s:.0f} s")
    strange = Counter(fact.metric for _, fact in told if isinstance(fact, AnomalyDetected))
    print(f"host, {len(rows)} readings over {hours:.1f} h: {len(false)} false issues {false or ''}")
    print(f"  true ones: {dict(true) or 'none'}; anomalies (evidence only): {dict(strange) or 'none'}")


def normal_days(path: Path) -> None:
    """Series, days outside of windows, anomaly alarms and false forecasts there."""
    with gzip.open(path) as file:
        files = json.load(file)["files"]
    days = alarms = forecasts = 0.0
    for name, one in files.items():
        if not name.startswith("realAWSCloudwatch"):
            continue
        times, values = list(accumulate(one["dt"], initial=one["t0"])), one["v"]
        inside = {place for first, last in one["w"] for place in range(first, last + 1)}
        top = max(values) + 0.1 * (max(values) - min(values))
        detector = AnomalyDetector()
        outlook = Outlook(Limit(metric="memory", direction="above", value=top, clear=top), 3600.0)
        stands = False
        for place, (at_s, value) in enumerate(zip(times, values, strict=True)):
            strange = detector.update(at_s, value) >= ALARM
            outlook.read(value, at_s)
            raised, stands = outlook.is_near and not stands, outlook.is_near
            if place not in inside and at_s - times[0] >= 3 * 86_400:
                alarms += strange
                forecasts += raised
        outside = [at_s for place, at_s in enumerate(times) if place not in inside and at_s - times[0] >= 3 * 86_400]
        days += len(outside) * 300 / 86_400
    print(
        f"realAWSCloudwatch outside its windows, after day 3, {days:.0f} days:"
        f" {forecasts / days:.2f} false forecasts a day"
    )
    print(f"  anomalies (evidence only): {alarms / days:.2f} a day")


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    recorded = next((each for each in given if each.suffix == ".jsonl"), HOST)
    folder = next((each / "nab_part.json.gz" for each in given if each.is_dir()), CORPUS)
    for each, measure in ((recorded, host), (folder, normal_days)):
        if each.exists():
            measure(each)
        else:
            print(f"{each} is not there")
