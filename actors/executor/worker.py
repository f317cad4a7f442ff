"""A worker: a process of its own that takes one task at a time, until its node ends or tells it to stop.

Started as `python -m actors.executor.worker`, with its order as the first line of its input; the end of the input means
stop. Whatever kills it, the lock on its name is let go by the kernel, and a live one has its task run again.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from actors.executor.calls import Came, call
from actors.executor.commands import Exit, Runner, Said, reserve_descriptor
from actors.executor.database import StatementFailed, StoreFailed
from actors.executor.engines import EngineFailed, Engines
from actors.executor.functions import Interrupted, Task
from actors.executor.heart import Heart
from actors.executor.locks import WorkerLock
from actors.executor.model import Claim, Ending, Retry
from actors.executor.opening import open_store
from actors.executor.order import Order, decode
from actors.executor.params import BadParameters, argv, checked
from actors.executor.remote import Job, came_of
from actors.executor.rescue import Rescuer
from actors.executor.retry import Never, after_failure, rule_for
from actors.executor.store import TaskStore
from actors.executor.watch import End
from actors.settings import TaskKind

IDLE_S: Final = 0.5
"""Seconds between two looks of an idle worker, should a wake-up be lost."""
RIPEN_S: Final = 0.05
STORE_PAUSE_S: Final = 0.5
"""Seconds between two tries to reach a queue that does not answer."""
SHOW_S: Final = 0.2
"""Seconds between two progresses that are kept; each is a commit."""
LIMITS: Final = ("timeout", "silent")
"""Errors that are limits of the kind."""
UNKNOWN: Final = TaskKind(module="-")


class Failure(Exception):
    """A task failed. names: of the error, the most particular first. never: trying again changes nothing."""

    def __init__(self, names: tuple[str, ...], text: str, *, never: bool = False) -> None:
        super().__init__(text)
        self.names = names
        self.text = text
        self.never = never


class Worker:
    """One process."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lock = WorkerLock(Path(order.locks), order.name)
        self._store = self._open()
        rescuer_store = self._open()
        rescuer = Rescuer(rescuer_store, Path(order.locks), order.node, lost_max=order.lost_max)
        self._heart = Heart(rescuer_store, rescuer, report, lease_s=order.lease_s, stop_within_s=order.stop_within_s)
        self._heart.give_up = self._give_up
        self._engines = Engines()
        self._told = _open_pipe(order.told)
        self._shown_s = 0.0
        self._ripened_s = 0.0
        self._pause = threading.Event()
        self._unsure = False
        """Whether a claim may have been committed though its answer was lost."""

    def run(self) -> None:
        """Take tasks until the input ends."""
        self._heart.start()
        threading.Thread(target=self._await_end, name="input", daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: self._heart.drain())
        ending: Ending | None = None
        while not self._heart.draining or ending is not None:
            claim, ending = self._step(ending)
            if claim is not None:
                ending = self._work(claim)
            elif ending is None and not self._heart.draining:
                self._idle()
        self._heart.stop()
        self._engines.close()
        self._store.close()
        self._lock.release()

    def _step(self, ending: Ending | None) -> tuple[Claim | None, Ending | None]:
        """End one task and take the next. Gives what was taken, and an end that could not be kept and has to be."""
        try:
            if self._heart.draining and ending is not None:
                self._store.end(ending)
                claim = None
            else:
                if self._unsure:
                    self._store.give_back_others(self._order.name, ending.claim.id if ending is not None else None)
                    self._unsure = False
                self._ripen_now_and_then()
                _, claim = self._store.claim(self._order.name, ending, lease_s=self._order.lease_s)
        except StatementFailed as error:
            if ending is None:
                raise
            return None, self._after(ending.claim, Failure(("StatementFailed", "Exception"), str(error)))
        except StoreFailed as error:
            if not error.again:
                raise
            report(f"the queue does not answer: {error}")
            self._unsure = True
            self._pause.wait(STORE_PAUSE_S)
            return None, ending
        if ending is not None:
            self._tell()
        return claim, None

    def _ripen_now_and_then(self) -> None:
        now_s = time.monotonic()
        if now_s - self._ripened_s >= RIPEN_S:
            self._ripened_s = now_s
            self._store.ripen()

    def _idle(self) -> None:
        try:
            known = [each for each in (self._store.ripen(), self._store.opens_in_s()) if each is not None]
            self._store.database.wait(min([IDLE_S, *(max(0.0, each) for each in known)]))
        except StoreFailed:
            self._pause.wait(STORE_PAUSE_S)

    # -- one task

    def _work(self, claim: Claim) -> Ending | None:
        """Run it; its end, unless that is kept already."""
        kind = self._order.kinds.get(claim.kind)
        self._heart.hold(claim, kind or UNKNOWN)
        try:
            ending = self._run(claim, kind)
        except Failure as failure:
            end = self._heart.let_go()
            return self._ended(claim, end) if end is not None else self._after(claim, failure)
        self._heart.let_go()
        return ending

    def _run(self, claim: Claim, kind: TaskKind | None) -> Ending:
        """Raises: Failure, also when it had to end."""
        if kind is None:
            known = ", ".join(self._order.kinds) or "none"
            # Tried again: after a reload, or on another node, there may be one that knows it.
            raise Failure(("UnknownKind",), f"no kind of task {claim.kind!r}; there are: {known}")
        try:
            params = checked(kind, msgspec.json.decode(claim.params))
            if kind.command is not None:
                return self._run_command(claim, kind, kind.command, params)
            return self._run_function(claim, kind, params)
        except BadParameters as error:
            raise Failure(("BadParameters",), str(error), never=True) from None

    def _run_function(self, claim: Claim, kind: TaskKind, params: Mapping[str, Any]) -> Ending:
        """Raises: Failure."""
        if kind.engine is not None and kind.module is not None:
            came = self._run_elsewhere(claim, kind.engine, kind.module, params)
        else:
            came = call(claim.kind, Task(claim, _Keeper(self, claim)), params, self._heart.interrupting(Interrupted))
        if came.names:
            raise Failure(came.names, came.error, never=came.never)
        return Ending(claim=claim, outcome="done", result=came.result, also=came.also)

    def _run_elsewhere(self, claim: Claim, engine: str, module: str, params: Mapping[str, Any]) -> Came:
        """Raises: Failure."""
        job = Job(module=module, root=self._order.root, claim=claim, params=dict(params))
        try:
            data = self._engines.run(engine, msgspec.msgpack.encode(job), self._heart.look)
            came = came_of(data) if data is not None else Came(names=("Cancelled",))
        except (EngineFailed, msgspec.MsgspecError) as error:
            raise Failure(("EngineFailed",), str(error)) from None
        if came.names and came.checkpoint not in {None, claim.checkpoint}:
            self._persist(lambda store: store.save(claim, checkpoint=came.checkpoint))
        return came

    def _run_command(self, claim: Claim, kind: TaskKind, command: list[str], params: Mapping[str, Any]) -> Ending:
        env = {
            **os.environ,
            **kind.env,
            "GYROSTAT_TASK_ID": str(claim.id),
            "GYROSTAT_TASK_KIND": claim.kind,
            "GYROSTAT_TASK_KEY": claim.idempotency_key,
            "GYROSTAT_TASK_ATTEMPT": str(claim.attempt),
            "GYROSTAT_TASK_CHECKPOINT": claim.checkpoint or "",
        }
        runner = Runner(lambda said: self._hear(claim, said), self._heart.look, grace_s=kind.grace)
        output = Path(self._order.output) / f"{claim.id}.log"
        cwd = Path(self._order.root) / kind.cwd
        try:
            ended = runner.run(argv(command, params), cwd=cwd, env=env, output=output)
        except (OSError, ValueError) as error:
            raise Failure(("OSError",), f"cannot be started: {error}") from None
        if ended.code != 0 or self._heart.ended() is not None:
            raise Failure(_names_of(ended), _told_of(ended))
        return Ending(claim=claim, outcome="done", result=ended.result)

    def _hear(self, claim: Claim, said: Said) -> None:
        self._heart.sign()
        if said.checkpoint is not None or said.progress is not None:
            with contextlib.suppress(Interrupted):
                self.keep(claim, checkpoint=said.checkpoint, progress=said.progress, note=said.note)

    def keep(self, claim: Claim, *, checkpoint: str | None, progress: float | None, note: str | None) -> None:
        """Keep how far a task is. Raises: Interrupted when it has to end; StoreFailed for a checkpoint only."""
        self._heart.sign()
        if self._heart.look() is not None:
            raise Interrupted
        now_s = time.monotonic()
        if checkpoint is None and now_s - self._shown_s < SHOW_S and progress != 1.0:
            return
        self._shown_s = now_s
        try:
            owned = self._store.save(claim, checkpoint=checkpoint, progress=progress, note=note)
        except StoreFailed:
            if checkpoint is not None:
                raise
            return
        if not owned:
            raise Interrupted

    # -- what becomes of it

    def _after(self, claim: Claim, failure: Failure) -> Ending | None:
        """It failed: again later, or for good."""
        kind = self._order.kinds.get(claim.kind, UNKNOWN)
        run_s = claim.run_s  # what this attempt took is added by the store
        then = (
            Never("")
            if failure.never
            else after_failure(kind, failure.names, claim.failures + 1, run_s, random.random())  # noqa: S311, TID251
        )
        if isinstance(then, Never):
            text = f"{failure.text}; {then.why}" if then.why else failure.text
            return Ending(claim=claim, outcome="dead", error=text, blamed=not failure.never)
        longest_s = rule_for(kind, failure.names)[0].longest
        by = failure.names[0] if failure.names[0] in LIMITS else "failed"
        retry = Retry(delay_s=then.delay_s, longest_s=longest_s, by=by)
        self._persist(lambda store: store.again(claim, failure.text, retry))
        return None

    def _ended(self, claim: Claim, end: End) -> Ending | None:
        """It had to end, and did."""
        if end.reason == "lost":
            return None
        if end.reason == "cancelled":
            return Ending(claim=claim, outcome="cancelled", error=end.why)
        if end.reason == "stopping":
            self._persist(lambda store: store.give_back(claim))
            return None
        return self._after(claim, Failure((end.reason,), end.why))

    def _persist(self, change: Callable[[TaskStore], bool]) -> None:
        """Have the store do it, however long that takes, unless the worker stops: then it is rescued afterwards."""
        while True:
            try:
                change(self._store)
            except StoreFailed as error:
                if not error.again:
                    raise
                report(f"the queue does not answer: {error}")
                if self._heart.draining:
                    return
                self._pause.wait(STORE_PAUSE_S)
            else:
                return

    def _give_up(self, claim: Claim, end: End) -> NoReturn:
        """In the heart's thread: a function goes on though it has to end, so the process ends."""
        report(f"task {claim.id} ({claim.kind}) does not end: {end.why}; its worker ends with it")
        self._store = self._open()
        ending = self._ended(claim, end)
        if ending is not None:
            self._store.end(ending)
            self._tell()
        os._exit(1)

    def _tell(self) -> None:
        if self._told is not None:
            with contextlib.suppress(OSError):
                os.write(self._told, b"e")

    def _open(self) -> TaskStore:
        order = self._order
        return open_store(order.address, synchronous=order.synchronous, step_s=order.step_s, room=order.room)

    def _await_end(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        self._heart.drain()


class _Keeper:
    """The worker, as a task knows it."""

    def __init__(self, worker: Worker, claim: Claim) -> None:
        self._worker = worker
        self._claim = claim

    def save(self, *, checkpoint: str | None, progress: float | None, note: str | None) -> None:
        self._worker.keep(self._claim, checkpoint=checkpoint, progress=progress, note=note)


def _names_of(ended: Exit) -> tuple[str, ...]:
    if ended.code >= 0:
        return f"exit:{ended.code}", "exit"
    return f"signal:{_signal_name(-ended.code)}", "signal"


def _told_of(ended: Exit) -> str:
    how = f"exit code {ended.code}" if ended.code >= 0 else f"ended by SIG{_signal_name(-ended.code)}"
    return f"{how}: {ended.tail}" if ended.tail else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _open_pipe(path: str | None) -> int | None:
    if path is None:
        return None
    with contextlib.suppress(OSError):
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    return None


_said: list[str] = []
"""The last line."""


def report(line: str) -> None:
    """Say something for the node's log; the same thing once."""
    if _said != [line]:
        _said[:] = [line]
        sys.stderr.write(f"{' '.join(line.split())}\n")
        sys.stderr.flush()


def main() -> None:
    """Take the order and begin."""
    reserve_descriptor()
    order = decode(sys.stdin.buffer.readline())
    sys.path.append(order.root)
    os.chdir(order.root)
    here = (kind.module for kind in order.kinds.values() if kind.module is not None and kind.engine is None)
    for module in dict.fromkeys(here):
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - whatever the operator's module raises
            report(f"cannot import {module!r}: {type(error).__name__}: {error}")
    try:
        Worker(order).run()
    except StoreFailed as error:
        report(f"the queue cannot be used: {error}")
        os._exit(1)  # not to wait for a thread that is still at it


if __name__ == "__main__":
    main()
