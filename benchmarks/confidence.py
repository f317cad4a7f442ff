"""How well the confidence of the Healer agrees with what came of its remedies: Brier scores over recorded outcomes.

    .venv/bin/python benchmarks/confidence.py [STATE_DIR ...] [--jobs 2]

Reads every attempt that helped or failed, with the chance that was noted just before it began, out of the healer.db of
each state directory. Without any, it runs the fault suite first and reads what that left. The base rate is the
best that can be said without looking at the case: the share that helped. Corrected chances are learnt on the other
nine tenths of the attempts. Lower is better.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from actors.healer.confidence import brier, calibrated

Pair = tuple[float, bool]
FOLDS = 10
BANDS = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01))
QUERY = """
    SELECT c.plain, c.value, a.outcome = 'verified', a.remedy
    FROM confidences c JOIN attempts a USING (issue, attempt)
    WHERE a.outcome IN ('verified', 'failed') ORDER BY a.ended_at
"""


def recorded(folders: Sequence[Path]) -> Iterator[tuple[float, float, bool, str]]:
    """Chance, confidence, whether it helped, and the remedy, of every attempt."""
    for path in sorted(found for folder in folders for found in folder.rglob("healer.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for plain, value, helped, remedy in database.execute(QUERY):
                yield plain, value, bool(helped), remedy


def corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """Chances as corrected by what the other attempts showed."""
    found = []
    for number, (chance, helped) in enumerate(pairs):
        others = [pair for place, pair in enumerate(pairs) if place % FOLDS != number % FOLDS]
        found.append((calibrated(others).of(chance), helped))
    return found


def after_faults(folder: Path, jobs: int) -> None:
    """Run the fault suite so that its directories are left there."""
    command = [sys.executable, "-m", "actors.cli", "faults", "--keep", "--jobs", str(jobs)]
    ended = subprocess.run(command, env={**os.environ, "TMPDIR": str(folder)}, check=False, stdout=subprocess.PIPE)
    print(ended.stdout.decode().splitlines()[-1])


def show(rows: Sequence[tuple[float, float, bool, str]]) -> None:
    """Print the scores."""
    pairs = [(plain, helped) for plain, _, helped, _ in rows]
    if not pairs:
        sys.exit("no attempt with a noted chance was found")
    base = sum(helped for _, helped in pairs) / len(pairs)
    print(f"attempts      {len(pairs)}, of which {base:.0%} helped")
    scores = {
        "base rate": brier((base, helped) for _, helped in pairs),
        "chance": brier(pairs),
        "corrected": brier(corrected(pairs)),
        "confidence": brier((value, helped) for _, value, helped, _ in rows),
    }
    for name, score in scores.items():
        print(f"Brier         {score:.3f}  {name}")
    for low, high in BANDS:
        band = [(value, helped) for _, value, helped, _ in rows if low <= value < high]
        if band:
            share = sum(helped for _, helped in band) / len(band)
            mean = sum(value for value, _ in band) / len(band)
            said = f"said {mean:.2f}, helped {share:.2f}"
            print(f"confidence    {low:.1f} to {min(high, 1.0):.1f}: {len(band):4d} attempts, {said}")


def main() -> None:
    """Read, or run and read, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="STATE_DIR")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if given.folders:
        show(list(recorded(given.folders)))
        return
    with tempfile.TemporaryDirectory(prefix="gyrostat-confidence-") as name:
        after_faults(Path(name), given.jobs)
        show(list(recorded([Path(name)])))


if __name__ == "__main__":
    main()
