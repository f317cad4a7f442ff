"""Looks for processes that should not be there, and ends them; the looking is slow and done in a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life, row_of
from actors.process_manager.means import Means
from actors.process_manager.strays import Search, Sighting, Sought, end_strays, find
from bus.errors import HandlerFailed
from bus.message import Done
from bus.messages import EndStrays, ProcessTable


class Lookout:
    """Gives the table of workloads, with left-over processes when asked for, and ends such processes.

    grace_s: seconds that a left-over process has to end by itself.
    """

    def __init__(self, means: Means, keeper: Keeper, search: Search, grace_s: float) -> None:
        self._means = means
        self._keeper = keeper
        self._search = search
        self._grace_s = grace_s

    def table(self, *, draining: bool, found: dict[str, Sighting] | None = None) -> ProcessTable:
        """The table. found: what was seen of left-over and hand-started processes."""
        now_s, nothing = self._means.clock(), Sighting(strays=[], by_hand=[])
        rows = [(life, (found or {}).get(name, nothing)) for name, life in self._keeper.lives.items()]
        some = {life.workload.config_name for life in self._keeper.lives.values() if life.declared}
        return ProcessTable(
            processes=[row_of(life, now_s, seen.strays, seen.by_hand) for life, seen in rows],
            draining=draining,
            none=[name for name in self._means.node.declared if name not in some],
        )

    def look(self, request: Any, *, draining: bool) -> None:
        """Answer with the table once the process table was looked through."""
        sought = [self._sought(life) for life in self._keeper.lives.values()]

        def seen(found: dict[str, Sighting] | Exception) -> None:
            if isinstance(found, Exception):
                fail(request, found)
            else:
                request.answer(self.table(draining=draining, found=found))

        self._means.run(partial(find, sought, self._search), seen)

    def end_left_over(self, life: Life, request: Any, was: str) -> None:
        """A workload that is down is to be stopped: end what is left over of it. was: its state before."""

        def over(ended: list[int] | Exception) -> None:
            if isinstance(ended, Exception):
                fail(request, ended)
                return
            left_over = f"; ended left-over {', '.join(map(str, ended))}" if ended else ""
            request.answer(Done(detail=f"was down: {was.replace('_', ' ')}{left_over}"))

        self._end(life, [], over)

    def end(self, life: Life, request: Any, command: EndStrays) -> None:
        """End the left-over processes of a workload, and the hand-started ones that are named."""

        def over(ended: list[int] | Exception) -> None:
            if isinstance(ended, Exception):
                fail(request, ended)
                return
            if ended:
                pids = ",".join(map(str, ended))
                self._means.log.info("process.strays_ended", workload=life.name, pids=pids, why=command.why)
            spared = [pid for pid in command.by_hand if pid not in ended]
            detail = f"ended {', '.join(map(str, ended))}" if ended else "nothing to end"
            request.answer(Done(detail=detail + (f"; left alone {', '.join(map(str, spared))}" if spared else "")))

        self._end(life, command.by_hand, over)

    def _end(self, life: Life, by_hand: list[int], then: Callable[[Any], None]) -> None:
        self._means.run(partial(end_strays, self._sought(life), by_hand, self._search, self._grace_s), then)

    def _sought(self, life: Life) -> Sought:
        alive = life.up or life.ending is not None
        return Sought(
            name=life.name,
            token=life.token,
            pid=life.pid if alive else None,
            argv=life.launch.argv,
            cwd=life.launch.cwd,
            user=life.launch.user,
        )


def fail(request: Any, error: Exception) -> None:
    """Work in a thread raised: a fault of ours. The asker is told, then it goes the way of every such fault."""
    request.answer(HandlerFailed(f"{type(error).__name__}: {error}"))
    raise error
