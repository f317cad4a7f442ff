"""The store: what flows through the queue, with what keeps it going and what is done to it by command."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from actors.executor import statements as sql
from actors.executor.ageing import offset_s
from actors.executor.flow import NoSuchTask, TaskFlow, urgent_name
from actors.executor.lanes import FIELDS, Limit, limit_of, opens_in_s
from actors.executor.model import PRIORITIES, Cancelled, Fence, Outcome, Rescued

LOST_MAX = 5
"""Workers that may die over one task, without a checkpoint in between, before it is taken for what kills them."""


class TaskStore(TaskFlow):
    """Used by one thread at a time, with a database of its own. step_s: of ageing."""

    # -- upkeep

    def ripen(self) -> float | None:
        """Queue the tasks whose time has come; gives the seconds until the next one's, or None."""
        rows = self.database.rows(sql.NEXT_DUE)
        if rows and rows[0][0] is not None and rows[0][0] <= 0:
            if self.database.changed(sql.RIPEN):
                self.database.wake()
            rows = self.database.rows(sql.NEXT_DUE)
        return rows[0][0] if rows else None

    def opens_in_s(self) -> float | None:
        """Seconds until a kind that started or failed too often may be started again; None when none waits for that."""
        lanes = self.database.rows(sql.LANES, self._urgent)
        return opens_in_s(map(limit_of, lanes), lanes[0][len(FIELDS)]) if len(lanes) > 1 else None

    def look_at_deadlines(self) -> list[tuple[int, str, str]]:
        """Drop or raise the tasks that are late; gives (task, kind, drop or escalate)."""
        if not self.database.rows(f"{sql.LATE} LIMIT 1"):
            return []
        told = []
        with self.database.transaction():
            for task, kind, late in self.database.rows(sql.LATE):
                if late == "drop":
                    done = self._close_waiting(task, "expired", "its deadline passed before it was started")
                else:
                    values = {"id": task, "offset": offset_s("critical", self.step_s)}
                    done = bool(self.database.changed(sql.ESCALATE, values))
                    self._happened(task, "late", "its deadline passed before it was started: critical from now on")
                if done:
                    told.append((task, kind, late))
        return told

    def mend_clock(self, retry_max_s: float) -> None:
        """After the clock was put back: nothing waits for a time that lies in a future which never was."""
        values = {"retry_max": retry_max_s}
        if self.database.rows(sql.FUTURE, values)[0][0]:
            with self.database.transaction():
                self.database.changed(sql.MEND_RANKS)
                self.database.changed(sql.MEND_RETRIES, values)
        self.database.changed(sql.MEND_LANES)

    # -- rescue

    def holders(self) -> list[str]:
        """The workers that have a task in hand, dead or alive."""
        return [worker for (worker,) in self.database.rows(sql.HOLDERS)]

    def expired_holders(self) -> list[str]:
        """Those whose lease is over."""
        return [worker for (worker,) in self.database.rows(sql.EXPIRED)]

    def rescue(
        self, worker: str, *, lost_max: int = LOST_MAX, still: Callable[[], bool] = lambda: True
    ) -> list[Rescued]:
        """A worker is dead: its task waits again, or ends when it was to be stopped or has cost too many workers.

        still: asked within the transaction whether it is dead still.
        """
        rescued = []
        with self.database.transaction():
            rows = self.database.rows(f"{sql.HELD} {self.database.lock}", {"worker": worker})
            if not rows or not still():
                return []
            for task, kind, lost, stop in rows:
                outcome: Outcome | None = "cancelled" if stop is not None else "dead" if lost + 1 >= lost_max else None
                if outcome is None:
                    self.database.changed(sql.REQUEUE, {"id": task})
                    self._happened(task, "rescued", f"its worker {worker} died")
                else:
                    why = stop if stop is not None else f"its worker died {lost + 1} times, the last was {worker}"
                    self._close(sql.END_RUNNING, task, outcome, why)
                rescued.append(Rescued(task, kind, worker, outcome))
        self.database.wake()
        return rescued

    # -- by command

    def cancel(self, task: int, why: str, fence: Fence | None = None) -> Cancelled:
        """Cancel a task and its children: those that wait end now, those that run are told to. Nothing: it ended."""
        ended: list[int] = []
        stopping: list[int] = []
        with self.database.transaction():
            if fence is not None:
                self._guard(fence)
            todo, seen = [task], {task}
            while todo:
                one = todo.pop()
                if self._close_waiting(one, "cancelled", why):
                    ended.append(one)
                elif self.database.changed(sql.ASK_STOP, {"id": one, "why": why}):
                    stopping.append(one)
                children = [child for (child,) in self.database.rows(sql.CHILDREN, {"id": one}) if child not in seen]
                seen.update(children)
                todo += children
        return Cancelled(tuple(ended), tuple(stopping))

    def revive(self, task: int) -> None:
        """Have a task that ended without being done run again, with its checkpoint. Raises: NoSuchTask."""
        with self.database.transaction():
            rows = self.database.rows(sql.ENDED_AS, {"id": task})
            if not rows or rows[0][0] == "done":
                msg = f"task {task} is done" if rows else f"no ended task {task}"
                raise NoSuchTask(msg)
            _, kind, priority, key = rows[0]
            taken = self.database.rows(sql.BY_KEY, {"key": key}) if key is not None else []
            if taken:
                msg = f"task {taken[0][0]} has the key of task {task} by now"
                raise NoSuchTask(msg)
            offset = offset_s(PRIORITIES[priority], self.step_s)
            self.database.changed(sql.REVIVE, {"id": task, "kind": kind, "offset": offset})
            self.database.changed(sql.ENTOMB, {"id": task})
            self._happened(task, "retried", "by command")
        self.database.wake()

    def set_limits(self, limits: Iterable[Limit]) -> None:
        """Give the kinds that have a limit a lane of their own, with what waits of them, and close the other lanes."""
        wanted = {limit.lane: limit for limit in limits}
        with self.database.transaction():
            for (lane,) in self.database.rows(sql.LANE_NAMES):
                if lane not in wanted:
                    self.database.changed(sql.DROP_LANE, {"lane": lane})
                    self.database.changed(sql.TO_COMMON, {"lane": lane})
            for lane, limit in wanted.items():
                self.database.changed(sql.SET_LANE, msgspec.structs.asdict(limit))
                self.database.changed(sql.TO_OWN, {"lane": lane})
        self.database.wake()

    def remember(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        self.database.changed(sql.REMEMBER, {"name": name, "value": value})

    def recall(self, name: str) -> str | None:
        """The value kept under a name, if there is one."""
        rows = self.database.rows(sql.RECALL, {"name": name})
        return rows[0][0] if rows else None

    def forget(self, name: str) -> None:
        """Keep no value under a name any more."""
        self.database.changed(sql.FORGET, {"name": name})

    def take_urgent_only(self, own: str, incident: str) -> None:
        """Have the workers of a node take critical and high tasks only, for an emergency; empty: all again."""
        if incident:
            self.remember(urgent_name(own), incident)
        else:
            self.forget(urgent_name(own))
        self.database.wake()

    def pause(self, why: str | None) -> None:
        """Have no worker take a task any more, for the reason given; None: go on."""
        if why is None:
            self.forget("paused")
        else:
            self.remember("paused", why)
        self.database.wake()
