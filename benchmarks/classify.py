"""How often the class of a failure is right, by set, and what classifying costs.

Run: .venv/bin/python benchmarks/classify.py

The sets are tests/healer/failures/*.json: class, language, what was printed, exit code. real_*: programs that were run
and failed; made_*: texts written after the messages of libraries and services. The rules were widened after each set
was first scored, so that these figures are those of a training set; FIRST holds the share that was right before.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from actors.healer.classify import classify

SETS = Path(__file__).parent.parent / "tests" / "healer" / "failures"
FIRST = {"real_a": 0.952, "made_b": 0.976, "made_c": 0.900, "made_d": 0.854, "real_e": 0.928, "made_f": 0.927} | {
    "made_g": 0.910,
    "made_h": 0.883,
}
HOSTILE = {
    "one long word": "a" * 200_000,
    "words of locks": "error failed to lock " * 9_000,
    "lines of errors": "ERROR x missing y. at z: q\n" * 8_000,
    "colons": "a: " * 60_000,
    "path": "/a" * 90_000,
    "quotes": "'\"`a" * 40_000,
    "blanks": " " * 190_000 + "x",
    "headers": "Traceback (most recent call last):\n" * 5_000,
}


def main() -> None:
    total = right = 0
    print(f"{'set':8} {'right':>10} {'now':>7} {'first':>7} {'us each':>8}  wrong by language")
    for path in sorted(SETS.glob("*.json")):
        cases = json.loads(path.read_text("utf-8"))
        began_s = time.process_time()
        found = [classify(text, code) for _, _, text, code in cases]
        each_us = (time.process_time() - began_s) / len(cases) * 1e6
        good = [kind == case[0] for kind, case in zip(found, cases, strict=True)]
        wrong = dict(Counter(case[1] for case, ok in zip(cases, good, strict=True) if not ok))
        share = sum(good) / len(good)
        first = FIRST[path.stem]
        print(f"{path.stem:8} {sum(good):>5}/{len(good):<4} {share:>7.3f} {first:>7.3f} {each_us:>8.0f}  {wrong}")
        total, right = total + len(good), right + sum(good)
    print(f"{'all':8} {right:>5}/{total:<4} {right / total:>7.3f}")
    for name, text in HOSTILE.items():
        began_s = time.process_time()
        classify(text, 1)
        print(f"{name:16} {time.process_time() - began_s:.2f} s for {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
