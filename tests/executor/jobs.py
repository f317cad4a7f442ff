"""Functions that the tests have run as tasks, in worker processes. What they did stands in a ledger file."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from actors.executor.functions import Task, task


def note(path: str, *words: object) -> None:
    """One line, whole, whoever else writes."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "w") as file:
        file.write(" ".join(str(word) for word in words) + "\n")


@task("add")
def add(_: Task, a: int, b: int = 1) -> dict[str, int]:
    return {"sum": a + b}


@task("nap")
def nap(one: Task, ledger: str, seconds: float) -> None:
    note(ledger, "start", one.id, os.getpid())
    time.sleep(seconds)
    note(ledger, "end", one.id, os.getpid())


@task("fail")
def fail(one: Task, how: str) -> None:
    if how == "dividing":
        raise ZeroDivisionError("by nothing")
    if how == "exit":
        raise SystemExit(3)
    if how == "once" and one.attempt == 1:
        raise ConnectionResetError("cut off")


@task("die")
def die(one: Task, ledger: str) -> None:
    note(ledger, "start", one.id, os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


@task("steps")
def steps(one: Task, ledger: str, count: int, seconds: float) -> int:
    for at in range(one.last or 0, count):
        note(ledger, "step", at, os.getpid())
        time.sleep(seconds)
        one.checkpoint(at + 1, (at + 1) / count)
    return count


@task("deaf")
def deaf(one: Task, ledger: str) -> None:
    note(ledger, "start", one.id, os.getpid())
    end_s = time.monotonic() + 600
    while time.monotonic() < end_s:
        with contextlib.suppress(BaseException):
            time.sleep(0.1)


@task("write")
def write(one: Task, statement: str, value: int) -> None:
    one.write(statement, value)


@task("unkept")
def unkept(_: Task) -> Any:
    return object()


def lines(ledger: Path, *first: str) -> list[list[str]]:
    """The lines of a ledger that begin so."""
    if not ledger.exists():
        return []
    found = [line.split() for line in ledger.read_text().splitlines()]
    return [words for words in found if words[0] in first]


@task("count")
def count(one: Task, ledger: str, to: int, fail_at: int = -1, seconds: float = 0.0) -> int:
    for at in range(one.last or 0, to):
        note(ledger, "step", at, os.getpid())
        one.checkpoint(at + 1, (at + 1) / to)
        if at == fail_at and one.attempt == 1:
            raise ConnectionResetError("cut off")
        time.sleep(seconds)
    return to


@task("tally")
def tally(one: Task, statement: str, seconds: float = 0.0) -> None:
    """Writes its number once, in the transaction that ends it."""
    one.write(statement, one.id)
    time.sleep(seconds)
