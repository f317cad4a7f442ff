"""What a task costs while others are there: claim and end of no-op tasks beside a hand-written queue on sqlite3.

    .venv/bin/python benchmarks/tasks_backlog.py [--rounds 3] [--tasks 3000]

Each line is a queue in which that lies beside the tasks that are done: nothing, 100,000 that wait, 1,000,000 that are
done and kept, 100,000 critical ones whose time has not come. Both with WAL and synchronous=NORMAL, in one process; the
best of the rounds, in microseconds a task. The hand-written one has no priorities with ageing, limits or history.
"""

import argparse
import contextlib
import sqlite3
import tempfile
import time
from pathlib import Path

from actors.executor.model import Ending, NewTask
from actors.executor.opening import open_store

WAITING, DONE, DELAYED = 100_000, 1_000_000, 100_000
CASES = ("empty", "100,000 waiting", "1,000,000 done", "100,000 delayed")
N = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


class Ours:
    def __init__(self, path, case):
        self.store = open_store(str(path), synchronous="NORMAL")
        if case == 1:
            self.add(WAITING)
        if case == 2:
            self.add(1)
            self.store.end(Ending(claim=self.store.claim("w")[1], outcome="done"))
            rows = self.store.database.rows
            names = [row[1] for row in rows("PRAGMA table_info(ended)") if row[1] not in {"seq", "id"}]
            kept = ", ".join(names)
            copies = f"SELECT 10000000 + i, {kept} FROM n, ended WHERE seq = 1"
            rows(f"{N.format(DONE)} INSERT INTO ended (id, {kept}) {copies}")
        if case == 3:
            late = NewTask(kind="job", priority="critical", not_before=time.time() + 86_400)
            self.store.add([late] * DELAYED)
        self.ending = None

    def add(self, count):
        self.store.add([NewTask(kind="job", params={"no": no}) for no in range(count)])

    def take(self):
        _, claim = self.store.claim("w", self.ending)
        self.ending = Ending(claim=claim, outcome="done")

    def close(self):
        self.store.close()


class Raw:
    CLAIM = (
        "UPDATE task SET state = 'running', worker = 'w', started = ?1 WHERE id = (SELECT id FROM task WHERE"
        " state = 'queued' ORDER BY priority, id LIMIT 1) RETURNING id, kind, args"
    )

    def __init__(self, path, case):
        self.db = sqlite3.connect(path, isolation_level=None)
        for text in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            """CREATE TABLE task (id INTEGER PRIMARY KEY, kind TEXT, args TEXT, priority INT, state TEXT, run_at REAL,
            worker TEXT, started REAL, result TEXT)""",
            "CREATE INDEX ready ON task (priority, id) WHERE state = 'queued'",
        ):
            self.db.execute(text)
        if case:
            count = (WAITING, DONE, DELAYED)[case - 1]
            state, priority = (("queued", 50), ("done", 50), ("scheduled", 0))[case - 1]
            self.db.execute(
                f"{N.format(count)} INSERT INTO task (kind, args, priority, state) SELECT 'job', '[1]', ?, ? FROM n",
                (priority, state),
            )
        self.last = None

    def add(self, count):
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT INTO task (kind, args, priority, state) VALUES ('job', ?, 50, 'queued')",
            ((f"[{no}]",) for no in range(count)),
        )
        self.db.execute("COMMIT")

    def take(self):
        self.db.execute("BEGIN IMMEDIATE")
        if self.last is not None:
            self.db.execute("UPDATE task SET state = 'done' WHERE id = ?", (self.last,))
        [(self.last, _, _)] = self.db.execute(self.CLAIM, (time.time(),)).fetchall()
        self.db.execute("COMMIT")

    def close(self):
        self.db.close()


def cost_us(kind, case, tasks, rounds):
    with (
        tempfile.TemporaryDirectory(prefix="gyrostat-backlog-") as folder,
        contextlib.closing(kind(Path(folder) / "queue.db", case)) as queue,
    ):
        best = float("inf")
        for _ in range(rounds):
            queue.add(tasks)
            began = time.perf_counter()
            for _ in range(tasks):
                queue.take()
            best = min(best, time.perf_counter() - began)
    return best / tasks * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=3000)
    asked = parser.parse_args()
    print("| beside | raw sqlite3, us | of empty | gyrostat, us | of empty |\n|---|---|---|---|---|")
    first = {}
    for case, name in enumerate(CASES):
        found = [cost_us(kind, case, asked.tasks, asked.rounds) for kind in (Raw, Ours)]
        first = first or found
        cells = [
            cell for cost, base in zip(found, first, strict=True) for cell in (f"{cost:.0f}", f"{cost / base:.2f}")
        ]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
