"""Hears the node's facts as any outside tool does, by bus.Subscriber, and notes when each came in."""

from __future__ import annotations

import threading
import time
from typing import Final

from msgspec import Struct

from bus.errors import BusError
from bus.subscriber import Event, Subscriber

LOOK_S: Final = 0.1


class Heard(Struct, frozen=True):
    """A fact and when it came in. at_s: monotonic seconds."""

    at_s: float
    event: Event

    @property
    def kind(self) -> str:
        """As in `process.exited`."""
        return self.event.type.rpartition(".v")[0]


class Witness:
    """Collects facts in a thread of its own from the node of a state directory. close() ends it."""

    def __init__(self, where: str) -> None:
        """Begin to listen. Raises: NotConnected."""
        self._subscriber = Subscriber(where)
        self._heard: list[Heard] = []
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="witness", daemon=True)
        self._thread.start()

    def since(self, number: int, timeout_s: float = 0.0) -> list[Heard]:
        """What was heard after the first `number` facts; waits for at least one, timeout_s seconds at most."""
        with self._news:
            if len(self._heard) <= number:
                self._news.wait(timeout_s)
            return self._heard[number:]

    @property
    def count(self) -> int:
        """Facts heard so far."""
        return len(self._heard)

    @property
    def lost(self) -> int:
        """Facts that are known to have been missed."""
        return self._subscriber.lost or 0

    def close(self) -> None:
        """Stop listening. May be called again."""
        self._closed.set()
        self._thread.join()
        self._subscriber.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                event = self._subscriber.next(LOOK_S)
            except BusError:
                return
            if event is not None:
                with self._news:
                    self._heard.append(Heard(time.monotonic(), event))
                    self._news.notify_all()
