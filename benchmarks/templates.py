"""Templates of log lines: grouping accuracy on Loghub's sets and on logs made here, lines a second, memory.

Run: .venv/bin/python benchmarks/templates.py [FOLDER]

FOLDER holds loghub.py (the judge) and its sets, which are under a research licence and no part of this project; without
it the made logs alone are scored.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
import tracemalloc
from collections import defaultdict
from pathlib import Path

from actors.healer.templates import TemplateMiner

WORDS = [
    "cache",
    "worker",
    "queue",
    "session",
    "index",
    "shard",
    "node",
    "lease",
    "token",
    "batch",
    "replica",
    "scheduler",
    "job",
    "stream",
    "bucket",
    "ledger",
    "probe",
    "quota",
]
VERBS = [
    "started",
    "stopped",
    "expired",
    "flushed",
    "rejected",
    "accepted",
    "moved",
    "created",
    "dropped",
    "merged",
    "renewed",
    "scanned",
    "synced",
    "opened",
    "closed",
]
LINKS = ["for", "from", "to", "on", "with", "in", "after", "by"]
NAMES = [
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "oscar",
    "peggy",
    "sybil",
    "trent",
    "victor",
    "walter",
]
KINDS = ("int", "ip", "hex", "uuid", "path", "name", "host", "duration", "list", "pair", "float", "quoted")
SEEDS = range(8)
NEW_LINES = 30_000


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789abcdef") for _ in range(count))


def value(chance: random.Random, kind: str) -> str:
    made = {
        "int": lambda: str(chance.randrange(100_000)),
        "ip": lambda: ".".join(str(chance.randrange(256)) for _ in range(4)),
        "hex": lambda: "0x" + digits(chance, 8),
        "uuid": lambda: "-".join(digits(chance, count) for count in (8, 4, 4, 4, 12)),
        "path": lambda: "/" + "/".join(chance.choice(WORDS) for _ in range(chance.randrange(1, 4))) + ".log",
        "name": lambda: chance.choice(NAMES),
        "host": lambda: f"{chance.choice(WORDS)}-{chance.randrange(9)}.{chance.choice(['eu', 'us'])}.acme.net",
        "duration": lambda: f"{chance.randrange(900)}{chance.choice([' ms', ' s', 'ms'])}",
        "list": lambda: "[" + ", ".join(str(chance.randrange(99)) for _ in range(chance.randrange(1, 6))) + "]",
        "pair": lambda: f"size={chance.randrange(999)}",
        "float": lambda: f"{chance.random() * 100:.3f}",
        "quoted": lambda: f'"{chance.choice(NAMES)}{chance.randrange(99)}"',
    }
    return made[kind]()


def made_log(seed: int, templates: int = 60, lines: int = 4_000) -> tuple[list[str], list[int]]:
    """Lines of random templates, frequent ones and rare ones, and which template each is of."""
    chance = random.Random(seed)  # noqa: S311 - made logs
    shapes = []
    for _ in range(templates):
        shape: list[str | tuple[str]] = [chance.choice(WORDS), chance.choice(VERBS)]
        for _ in range(chance.randrange(5)):
            shape += [chance.choice(LINKS), (chance.choice(KINDS),) if chance.random() < 0.7 else chance.choice(WORDS)]
        shapes.append(tuple(shape))
    shapes = list(dict.fromkeys(shapes))
    weights = [1 / (number + 1) for number in range(len(shapes))]
    truth = [chance.choices(range(len(shapes)), weights)[0] for _ in range(lines)]
    texts = [
        " ".join(value(chance, part[0]) if isinstance(part, tuple) else part for part in shapes[number])
        for number in truth
    ]
    return texts, truth


def accuracy(truth: list[int], found: list[str]) -> tuple[float, float]:
    """Share of lines in a group that is exactly a true one, and F1 over groups."""
    true_groups, found_groups = defaultdict(list), defaultdict(list)
    for number, (one, other) in enumerate(zip(truth, found, strict=True)):
        true_groups[one].append(number)
        found_groups[other].append(number)
    right = [group for group in true_groups.values() if found_groups[found[group[0]]] == group]
    precision, recall = len(right) / len(found_groups), len(right) / len(true_groups)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return sum(map(len, right)) / len(truth), f1


def ids_of(lines: list[str]) -> list[str]:
    miner = TemplateMiner()
    ids = [miner.add(line) for line in lines]
    return [miner.final(one) for one in ids]


def by_loghub(folder: Path) -> list[str]:
    """Scores of the judge; gives its lines, for the speed."""
    sys.path.insert(0, str(folder))
    loghub = importlib.import_module("loghub")
    sets = loghub.load()
    for labels in ("gt", "gt2"):
        for name, row in loghub.run(TemplateMiner, sets, labels, 3).items():
            print(f"loghub {labels:4} {name:12} {row}")
    return [line for each in sets.values() for line in each["lines"]]


def main() -> None:
    lines = by_loghub(Path(sys.argv[1])) if len(sys.argv) > 1 else []
    scores = [accuracy(truth, ids_of(texts)) for texts, truth in map(made_log, SEEDS)]
    mean = [sum(each) / len(scores) for each in zip(*scores, strict=True)]
    print(f"made logs, {len(scores)} seeds: GA {mean[0]:.4f} FGA {mean[1]:.4f}")
    lines = (lines or [line for seed in SEEDS for line in made_log(seed)[0]]) * 10
    began_s = time.process_time()
    miner = TemplateMiner()
    for line in lines:
        miner.add(line)
    print(f"steady: {len(lines) / (time.process_time() - began_s):.0f} lines/s, {len(miner)} signatures")
    chance = random.Random(1)  # noqa: S311 - made lines
    tracemalloc.start()
    miner = TemplateMiner()
    for _ in range(NEW_LINES):
        miner.add(" ".join("".join(chance.choice("abcdefghij") for _ in range(6)) for _ in range(10)))
    print(f"all lines new: {len(miner)} signatures, peak {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
