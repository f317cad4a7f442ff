"""Messages on their way from a reader to whoever wants them: in order, and only while there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from bus.kit import Kit, Message, Wishes
from bus.tracker import Due

TURN_EVENTS: Final = 256
"""Given on before is asked whether the readers keep up."""


class Outlet:
    """Gives messages on. When the readers are behind it pauses: what is due waits in `ready`.

    pause: called then; whoever owns the sockets reads no more until go_on() says True.
    """

    def __init__(self, kit: Kit, wishes: Wishes, pause: Callable[[], None]) -> None:
        self._kit = kit
        self._wishes = wishes
        self._pause = pause
        self._unchecked = 0
        self.ready: deque[Due[Message]] = deque()
        self.paused = False

    def release(self, due: Iterable[Due[Message]]) -> None:
        """As give(), for what may have been held back: wishes may have come meanwhile, so they are looked at now."""
        wanted = self._wishes.wanted
        self.give([(message if wanted(message[0]) else (*message[:2], b""), skip) for message, skip in due])

    def give(self, due: Iterable[Due[Message]]) -> None:
        """Give on, or keep in order for when the readers have room again."""
        if self.paused:
            self.ready.extend(due)
            return
        todo = iter(due)
        for message, skip in todo:
            if not message[2]:
                self._kit.counters["passed"] += message[1].count - skip
                continue
            self._wishes.deliver(message, skip)
            self._unchecked += message[1].count
            if self._unchecked >= TURN_EVENTS:
                self._unchecked = 0
                if self._wishes.behind():
                    self.paused = True
                    self.ready.extend(todo)
                    self._kit.counters["pauses"] += 1
                    self._pause()
                    return

    def go_on(self) -> bool:
        """The readers may have room again: give on what waits; whether all of it went."""
        if not self.paused:
            return False
        self.paused = False
        ready, self.ready = self.ready, deque()
        self.give(ready)
        return not self.paused
