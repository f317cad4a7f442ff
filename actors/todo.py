"""What the main thread is to do next, put there by any thread or by a signal; it sleeps until there is something."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Todo(Generic[T]):
    """A queue with a bell that the kernel can ring.

    A signal may come to another thread, or just before the wait, and its handler runs only when the main thread comes
    back to the interpreter: the bell, a pipe that Python writes to at once, brings it back.
    """

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._rung, self._bell = os.pipe()
        os.set_blocking(self._rung, False)
        os.set_blocking(self._bell, False)
        self._closed = False

    def put(self, item: T) -> None:
        """From any thread, and from a handler of a signal."""
        self._items.append(item)
        if not self._closed:
            with contextlib.suppress(OSError):  # full: it rings already; or closed meanwhile
                os.write(self._bell, b"\0")

    def get(self) -> T:
        """The next one, once there is one."""
        poll = select.poll()
        poll.register(self._rung, select.POLLIN)
        while not self._items:
            poll.poll()
            with contextlib.suppress(BlockingIOError):
                os.read(self._rung, 4096)
        return self._items.popleft()

    @contextlib.contextmanager
    def by_signal(self, handlers: Mapping[int, Callable[[int, Any], None]]) -> Iterator[None]:
        """Have these handlers for signals meanwhile, and be woken by them; in the main thread only."""
        rung = signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, before in former.items():
                signal.signal(number, before)
            signal.set_wakeup_fd(rung)

    def close(self) -> None:
        """Let the pipe go; may be called again."""
        if not self._closed:
            self._closed = True
            os.close(self._rung)
            os.close(self._bell)
