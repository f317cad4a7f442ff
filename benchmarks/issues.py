"""A minute of 10,000 issues: how many are kept, how long it takes, and how much memory.

Run: .venv/bin/python -P benchmarks/issues.py [SECONDS]
"""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from actors.healer.actor import Healer
from actors.healer.settings import HealerSettings
from actors.settings import Seconds
from bus.messages import ThresholdCrossed
from tests.harness import House
from tests.healer.fakes import Script, manager, row, workload

ISSUES = 10_000
WORKLOADS = 100
WITHIN_S = 60.0


def crossing(number: int) -> ThresholdCrossed:
    """One of its own: its workload and metric are no other's."""
    return ThresholdCrossed(
        subject=f"w{number % WORKLOADS}",
        scope="workload",
        metric=f"metric_{number // WORKLOADS}",
        value=2.0,
        limit=1.0,
        direction="above",
        severity="warning",
        held_s=0.0,
        evidence=[f"log line {number} of what was wrong: " + "x" * 100],
    )


def on_disk(path: Path) -> int:
    """Issues that are committed."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM issues").fetchone()[0])


def main() -> int:
    """Raise them evenly over a minute, or faster when asked: issues.py SECONDS."""
    within_s = float(sys.argv[1]) if len(sys.argv) > 1 else WITHIN_S
    with tempfile.TemporaryDirectory() as directory:
        house = House(Path(directory))
        names = [f"w{number}" for number in range(WORKLOADS)]
        house.start(manager(Script(*map(row, names))))
        patient = HealerSettings(second_hold=Seconds(600), retry=Seconds(600))
        house.start(Healer, patient, workloads={name: workload(name) for name in names})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began_s = time.monotonic()
        for number in range(ISSUES):
            house.publish(crossing(number), source="monitor")
            if (ahead_s := within_s * number / ISSUES - (time.monotonic() - began_s)) > 0:
                time.sleep(ahead_s)
        told_s = time.monotonic() - began_s
        end_s = time.monotonic() + 120
        while (kept := on_disk(Path(directory) / "healer.db")) < ISSUES and time.monotonic() < end_s:
            time.sleep(0.1)
        took_s = time.monotonic() - began_s
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        dropped = house.shells["healer"].row().dropped
        print(
            f"{ISSUES} issues told in {told_s:.1f} s, {kept} on disk after {took_s:.1f} s, {dropped} facts dropped, "
            f"{grown_mb:.0f} MB more"
        )
        house.stop()
    return 0 if kept == ISSUES and grown_mb < 100 else 1


if __name__ == "__main__":
    sys.exit(main())
