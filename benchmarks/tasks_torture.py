"""Kills a real node, its workers and its tasks at random, and counts what was lost and what was done twice.

    .venv/bin/python benchmarks/tasks_torture.py [--kills 200] [--seed 1] [--database postgresql://USER@HOST/NAME]

Three kinds of tasks are added all the while, straight into the queue: a function that writes by the transaction that
ends its task (exact), a function and a command that write a line of a file at their end (plain, told). Each line holds
the idempotency key; a service that knows such keys would take the second of two equal lines for the first.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from actors.executor.database import StoreFailed
from actors.executor.model import NewTask
from actors.executor.opening import open_store
from actors.executor.reading import Reading

WORKER = "GYROSTAT_TASK_WORKER"
SHARES = {"worker": 0.7, "task": 0.15, "node": 0.15}
CONFIG = """
actors:
  executor: {{workers: 3, deaths_max: 1000, stop_within: 1s, durability: normal, database: {database}}}
tasks:
  exact: {{module: torture_jobs, retry: {{attempts: 1000, first: 50ms, longest: 100ms}}}}
  plain: {{module: torture_jobs, retry: {{attempts: 1000, first: 50ms, longest: 100ms}}}}
  told:
    command: [sh, -c, 'sleep 0.03; echo "$GYROSTAT_TASK_ID $GYROSTAT_TASK_KEY" >> ledger']
    retry: {{attempts: 1000, first: 50ms, longest: 100ms}}
"""
JOBS = """
import time
from actors.executor.functions import task

@task("exact")
def exact(one, statement: str):
    one.write(statement, one.id)
    time.sleep(0.03)

@task("plain")
def plain(one):
    time.sleep(0.03)
    with open("ledger", "a") as file:
        file.write(f"{one.id} {one.key}\\n")
"""


class Site:
    def __init__(self, folder, database, chance):
        (folder / "gyrostat.yaml").write_text(CONFIG.format(database=database or "null"))
        (folder / "torture_jobs.py").write_text(JOBS)
        self.folder, self.node, self.chance = folder, None, chance
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("GYROSTAT_")}

    def up(self):
        self.node = subprocess.Popen(
            [Path(sys.executable).with_name("gyrostat"), "up"],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "node.log").open("ab"),
            start_new_session=True,
        )

    def workers(self):
        """Those of this site that live, also of nodes that were killed."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(self.folder) and "actors.executor.worker" in process.cmdline():
                    found.append(process)
        return found

    def kill(self, what):
        """Kill one of them; False when there is none."""
        if what == "node":
            self.node.kill()
            self.node.wait()
            self.up()
            return True
        workers = self.workers()
        if what == "task":
            workers = [child for worker in workers for child in children(worker)]
        if not workers:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            self.chance.choice(workers).kill()
            return True
        return False

    def down(self):
        self.node.send_signal(signal.SIGINT)
        try:
            self.node.wait(60)
        except subprocess.TimeoutExpired:
            self.node.kill()
            self.node.wait()
        end_s = time.monotonic() + 30
        while self.workers() and time.monotonic() < end_s:
            time.sleep(0.1)


def children(worker):
    with contextlib.suppress(psutil.Error):
        return worker.children()
    return []


def tortured(site, store, statement, kills, chance):
    """Kill while tasks are added, then wait until nothing waits; gives (numbers by kind, kills by what)."""
    added = {"exact": [], "plain": [], "told": []}
    killed = Counter()
    next_s = time.monotonic() + 1
    reading = Reading(store.database)
    while killed.total() < kills:
        waiting = reading.counts()
        if waiting.get("queued", 0) + waiting.get("scheduled", 0) < 30:
            wanted = [
                NewTask(kind=kind, params={"statement": statement} if kind == "exact" else {})
                for kind in chance.choices(list(added), k=20)
            ]
            for task, one in zip(wanted, store.add(wanted), strict=True):
                added[task.kind].append(one.id)
        if time.monotonic() >= next_s:
            [what] = chance.choices(list(SHARES), list(SHARES.values()))
            if site.kill(what):
                killed[what] += 1
            next_s = time.monotonic() + chance.uniform(0.05, 0.5) + 1.0 * (what == "node")
        time.sleep(0.02)
    end_s = time.monotonic() + 180
    while time.monotonic() < end_s and any(reading.counts().get(state) for state in ("queued", "scheduled", "running")):
        time.sleep(0.2)
    return added, killed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311 - what is killed is no secret
    with tempfile.TemporaryDirectory(prefix="gyrostat-torture-") as name:
        folder = Path(name).resolve()
        site = Site(folder, asked.database, chance)
        (folder / "var").mkdir(mode=0o700)
        store = open_store(asked.database or str(folder / "var" / "tasks.db"), synchronous="NORMAL")
        statement = "INSERT INTO totals VALUES (%s)" if store.database.shared else "INSERT INTO totals VALUES (?)"
        with contextlib.suppress(StoreFailed):
            store.database.changed("DROP TABLE totals")
        store.database.changed("CREATE TABLE totals (task BIGINT)")
        site.up()
        try:
            began_s = time.monotonic()
            added, killed = tortured(site, store, statement, asked.kills, chance)
            took_s = time.monotonic() - began_s
            said(added, killed, took_s, store, folder)
        finally:
            site.down()
            store.close()


def said(added, killed, took_s, store, folder):
    reading = Reading(store.database)
    exact = Counter(task for (task,) in store.database.rows("SELECT task FROM totals"))
    lines = Counter(tuple(line.split()) for line in (folder / "ledger").read_text().splitlines())
    ends = Counter()
    for (task, _), number in lines.items():
        ends[int(task)] += number
    print(f"{killed.total()} kills in {took_s:.0f} s: {dict(killed)}; tasks that have ended or not: {reading.counts()}")
    for kind, numbers in added.items():
        seen = exact if kind == "exact" else ends
        lost = sum(seen[task] == 0 for task in numbers)
        twice = sum(seen[task] > 1 for task in numbers)
        print(f"{kind}: {len(numbers)} added, {lost} lost, {twice} done more than once")
    print(f"idempotency keys of what ran twice that differ: {len(lines) - len({task for task, _ in lines})}")


if __name__ == "__main__":
    main()
