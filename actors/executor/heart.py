"""The worker's second thread: shows that it lives, sees that its task has to end, and looks after others."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

from actors.executor.database import StoreFailed
from actors.executor.model import Claim
from actors.executor.rescue import Rescuer
from actors.executor.store import TaskStore
from actors.executor.watch import End, Running, has_to_end
from actors.settings import TaskKind

BEAT_S = 0.2
"""Seconds between two beats; the shortest time after which a cancel or a dead worker is seen."""
EXTRA_S = 1.0
"""Seconds beyond its grace that a function has to end before its worker ends with it."""

Report = Callable[[str], None]


class Heart:
    """Beats in a thread of its own, over a connection of its own, from start() to stop().

    give_up: called in this thread when a function did not end though it had to; tells the store what became of it.
    """

    def __init__(
        self, store: TaskStore, rescuer: Rescuer, report: Report, *, lease_s: float, stop_within_s: float
    ) -> None:
        self.give_up: Callable[[Claim, End], None] = lambda *_: None
        self._store = store
        self._rescuer = rescuer
        self._report = report
        self._lease_s = lease_s
        self._stop_within_s = stop_within_s
        self._held: tuple[Claim, Running] | None = None
        self._end: End | None = None
        self._interrupt_by_s: float | None = None
        self._in_function = False
        self._interruptible = False
        """Not any more once it was interrupted: it is told once."""
        self._raising: type[BaseException] = BaseException
        self._drain_s: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """From the main thread."""
        signal.signal(signal.SIGUSR1, self._interrupt)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and let go of its store."""
        self._over.set()
        self._thread.join()
        self._store.close()

    def drain(self) -> None:
        """The worker stops: what is in hand may go on for a while."""
        if self._drain_s is None:
            self._drain_s = time.monotonic()

    @property
    def draining(self) -> bool:
        """Whether no further task is to be taken."""
        return self._drain_s is not None

    # -- the task in hand, from the main thread

    def hold(self, claim: Claim, kind: TaskKind) -> None:
        """A task begins."""
        now_s = time.monotonic()
        self._end = self._interrupt_by_s = None
        self._held = claim, Running(kind=kind, started_s=now_s, sign_s=now_s)

    def let_go(self) -> End | None:
        """The task has ended; why it had to, if it had."""
        self.let_go_of_function()
        self._held = None
        return self._end

    def let_go_of_function(self) -> None:
        """The function has ended; nothing is raised out of what follows."""
        self._interruptible = self._in_function = False

    def sign(self) -> None:
        """The task has shown a sign of life."""
        if self._held is not None:
            self._held[1].sign_s = time.monotonic()

    @contextlib.contextmanager
    def interrupting(self, raising: type[BaseException]) -> Iterator[None]:
        """The main thread runs a function, out of which `raising` is raised when it has to end."""
        self._raising = raising
        self._interruptible = self._in_function = True
        try:
            yield
        finally:
            self.let_go_of_function()

    def ended(self) -> End | None:
        """Why the task in hand has to end, if it has."""
        return self._end

    def look(self) -> End | None:
        """The same by the clock, without waiting for the next beat."""
        held = self._held
        if self._end is None and held is not None:
            held[1].drain_s = self._drain_s
            self._end = has_to_end(held[1], self._stop_within_s, time.monotonic())
        return self._end

    # -- the thread

    def _run(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._beat()
                self._store.ripen()
                for one in self._rescuer.look():
                    self._report(f"task {one.id} of the dead worker {one.worker}: {one.outcome or 'runs again'}")
            except StoreFailed as error:
                self._report(f"the queue does not answer: {error}")

    def _beat(self) -> None:
        held = self._held
        if held is None:
            return
        claim, running = held
        try:
            running.owned, running.stop = self._store.beat(claim, lease_s=self._lease_s)
        finally:
            if self._held is held:
                self._see_to_the_end(claim, running)

    def _see_to_the_end(self, claim: Claim, running: Running) -> None:
        end = self.look()
        if end is None or not self._in_function:
            return
        now_s = time.monotonic()
        if self._interrupt_by_s is None:
            self._interrupt_by_s = now_s + running.kind.grace + EXTRA_S
            os.kill(os.getpid(), signal.SIGUSR1)
        elif now_s >= self._interrupt_by_s:
            self.give_up(claim, end)

    def _interrupt(self, *_: object) -> None:
        """In the main thread, between two steps of the function."""
        if self._interruptible and self._end is not None:
            self._interruptible = False
            raise self._raising
