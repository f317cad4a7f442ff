"""Tasks into the queue, one at a time out, and what becomes of them. The same over SQLite and PostgreSQL.

Every method is one transaction, committed when it returns. What a worker says of its task counts only while the task is
still its own (worker and attempt agree), so that one which was taken for dead can change nothing any more. Every method
may raise StoreFailed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from actors.executor import statements as sql
from actors.executor.ageing import offset_s
from actors.executor.database import Database, StoreFailed
from actors.executor.lanes import (
    COMMON,
    FIELDS,
    after_done,
    after_failure,
    filled,
    is_spent,
    limit_of,
    open_lanes,
    opening,
)
from actors.executor.model import (
    ERROR_MAX,
    NOTE_MAX,
    PRIORITIES,
    Added,
    Claim,
    Ending,
    Fence,
    NewTask,
    Outcome,
    Retry,
)
from actors.executor.room import Room, lacks
from actors.leading import FENCE
from actors.settings import format_duration

AGEING_STEP_S = 600.0
"""Seconds of waiting that count as much as one priority, unless the settings say otherwise."""
LEASE_S = 2.0
"""Seconds after its last heartbeat for which a worker on another machine is taken to live."""
NUMBERS_AT_ONCE = 100
"""Numbers that a connection reserves for tasks that are added one by one."""
INSERTS_MAX = 5
"""Tries to add a task whose key was just taken by one that ended meanwhile."""

_HEADS = {False: sql.HEAD, True: sql.HEAD_URGENT}
_encode = msgspec.json.Encoder().encode


class NoSuchTask(ValueError):
    """There is no task of that number, or what is asked of it cannot be."""


class Fenced(NoSuchTask):
    """Who asks did so as the leader, and is not by now."""


class TaskFlow:
    """Used by one thread at a time, with a database of its own. step_s: of ageing. room: of the node that takes."""

    def __init__(self, database: Database, *, step_s: float = AGEING_STEP_S, room: Room | None = None) -> None:
        self.database = database
        self.step_s = step_s
        self._room = room if room is not None and room.needs else None
        self._urgent = {"urgent": urgent_name(room.own if room is not None else "")}
        self._watched: frozenset[str] | None = None
        """Lanes with a breaker or a budget, as of the last claim."""
        self._numbers: list[int] = []
        self._take_first = sql.TAKE_FIRST.format(skip_locked=database.skip_locked)
        self._heads = {urgent: f"{text} {database.skip_locked}" for urgent, text in _HEADS.items()}
        self._lock = sql.LOCK.format(lock=database.lock)
        self._lock_lanes = sql.LOCK_LANES.format(lock=database.lock)
        self._lane = f"{sql.LANE} {database.lock}"

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    # -- in

    def add(self, tasks: Sequence[NewTask], fences: Collection[Fence] = ()) -> list[Added]:
        """Take tasks on, all or none.

        Raises: NoSuchTask when one is to come after a task that is not known, Fenced for a fence that does not hold.
        """
        if not tasks:
            return []
        if len(tasks) == 1 and not tasks[0].after and not fences:
            added = [self._add_one(tasks[0])]
        else:
            numbers = self.database.reserve(len(tasks))
            with self.database.transaction():
                for fence in fences:
                    self._guard(fence)
                added = self._add_many(tasks, numbers)
        self.database.wake()
        return added

    def _guard(self, fence: Fence) -> None:
        """Keep the lease where it is until the transaction ends. Raises: Fenced."""
        if not self.database.shared:
            msg = f"the lease {fence.lease} is in another database than the queue"
            raise Fenced(msg)
        prepare, check = FENCE
        self.database.changed(prepare)
        if not self.database.rows(check, {"lease": fence.lease, "token": fence.token}):
            msg = f"another node leads {fence.lease} by now"
            raise Fenced(msg)

    def _add_one(self, task: NewTask) -> Added:
        values = self._values(task)
        values["id"] = number = self._number()
        for _ in range(INSERTS_MAX):
            if self.database.changed(sql.ADD, values):
                return Added(number)
            rows = self.database.rows(sql.BY_KEY, values)
            if rows:
                return Added(rows[0][0], fresh=False)
        msg = f"the key {task.key!r} is taken and given back all the time"
        raise StoreFailed(msg)

    def _add_many(self, tasks: Sequence[NewTask], numbers: Sequence[int]) -> list[Added]:
        values = [{**self._values(task), "id": number} for task, number in zip(tasks, numbers, strict=True)]
        self.database.many(sql.ADD, values)
        added = []
        for task, number, each in zip(tasks, numbers, values, strict=True):
            rows = self.database.rows(sql.BY_KEY, {"key": task.key}) if task.key is not None else [(number,)]
            if not rows:  # who had the key has just ended
                self.database.changed(sql.ADD, each)
                rows = self.database.rows(sql.BY_KEY, {"key": task.key}) or [(number,)]
            added.append(Added(rows[0][0], fresh=rows[0][0] == number))
            if task.after and added[-1].fresh:
                self._block(number, task.after)
        return added

    def _number(self) -> int:
        """The next of those that were reserved."""
        if not self._numbers:
            self._numbers = list(reversed(self.database.reserve(NUMBERS_AT_ONCE)))
        return self._numbers.pop()

    def _values(self, task: NewTask) -> dict[str, object]:
        return {
            "blocked": int(bool(task.after)),
            "due": task.not_before,
            "offset": offset_s(task.priority, self.step_s),
            "kind": task.kind,
            "priority": PRIORITIES.index(task.priority),
            "params": _encode(task.params).decode(),
            "key": task.key,
            "tags": f" {' '.join(task.tags)} " if task.tags else "",
            "parent": task.parent,
            "deadline": task.deadline,
            "late": task.late,
        }

    def _block(self, task: int, others: Iterable[int]) -> None:
        """Have a new task wait for others; one that waits for a cancelled one is cancelled too."""
        doomed = ""
        for other in others:
            if self.database.rows(self._lock, {"id": other}) and other != task:
                self.database.changed(sql.WAIT_FOR, {"id": task, "other": other})
                continue
            ended = self.database.rows(sql.ENDED_AS, {"id": other})
            if not ended:
                msg = f"no task {other} to come after; of those that ended only the newest are kept"
                raise NoSuchTask(msg)
            if ended[0][0] == "dead":  # it may be retried
                self.database.changed(sql.WAIT_FOR, {"id": task, "other": other})
            elif ended[0][0] != "done":
                doomed = f"comes after task {other}, which is {ended[0][0]}"
        if doomed:
            self._close_waiting(task, "cancelled", doomed)
        else:
            self.database.changed(sql.UNBLOCK, {"id": task})

    # -- out

    def claim(
        self, worker: str, ending: Ending | None = None, *, lease_s: float = LEASE_S
    ) -> tuple[bool, Claim | None]:
        """End the task in hand, if there is one, and take the next, in one commit.

        Gives whether the end counted, and the next task. Raises what a statement of ending.also raises; nothing is
        changed then.
        """
        accepted = True
        with self.database.transaction():
            self._lock_watched()
            if ending is not None:
                accepted = self._end(ending)
            claim = self._take(worker, lease_s)
        return accepted, claim

    def end(self, ending: Ending) -> bool:
        """End a task and take none; False when it was not the worker's any more. Raises as claim does."""
        with self.database.transaction():
            self._lock_watched()
            return self._end(ending)

    def again(self, claim: Claim, error: str, retry: Retry) -> bool:
        """An attempt failed: try again later. False when the task was not the worker's any more."""
        with self.database.transaction():
            self._lock_watched()
            if not self.database.rows(sql.STOP_OF, _mine(claim)):
                return False
            spent = self._settle(claim, good=False)
            delay_s = max(retry.delay_s, retry.longest_s) if spent else retry.delay_s
            values = {**_mine(claim), "delay": delay_s, "error": error[:ERROR_MAX]}
            if not self.database.changed(sql.AGAIN, values):
                return False
            self._happened(claim.id, retry.by, f"attempt {claim.attempt}: {error[:ERROR_MAX]}")
            if spent:
                why = f"too many of its kind fail: the next attempt waits {format_duration(delay_s)}"
                self._happened(claim.id, "budget", why)
        return True

    def give_back(self, claim: Claim) -> bool:
        """Its worker stops: have another go on with the task. False when it was not the worker's any more."""
        given = self.database.changed(sql.GIVE_BACK, _mine(claim))
        self.database.wake()
        return bool(given)

    def give_back_others(self, worker: str, kept: int | None) -> int:
        """Give back what a worker does not know it has, as the answer to its claim was lost; how many.

        kept: the number of the task that it has in hand.
        """
        given = self.database.changed(sql.GIVE_BACK_OTHERS, {"worker": worker, "kept": kept or 0})
        if given:
            self.database.wake()
        return given

    def save(
        self, claim: Claim, *, checkpoint: str | None = None, progress: float | None = None, note: str | None = None
    ) -> bool:
        """Keep how far a task is; None leaves what was. checkpoint: JSON. False when it is no more the worker's."""
        values = {
            **_mine(claim),
            "checkpoint": checkpoint,
            "progress": progress,
            "note": note[:NOTE_MAX] if note is not None else None,
            "kept": int(checkpoint is not None),
        }
        return bool(self.database.changed(sql.SAVE, values))

    def beat(self, claim: Claim, *, lease_s: float = LEASE_S) -> tuple[bool, str | None]:
        """Show that its worker lives. Gives whether the task is still its own, and why it is to stop, if it is."""
        if self.database.shared:
            rows = self.database.rows(sql.BEAT, {**_mine(claim), "lease": lease_s})
        else:
            rows = self.database.rows(sql.STOP_OF, _mine(claim))
        return bool(rows), rows[0][0] if rows else None

    def _take(self, worker: str, lease_s: float) -> Claim | None:
        while True:
            row = self._next(worker, lease_s)
            if row is None:
                return None
            deadline, late, now_s = row[8:]
            if deadline is None or deadline > now_s or late != "drop":
                return Claim(*(*row[:8], worker))
            self._close(sql.END_RUNNING, row[0], "expired", "its deadline passed before it was started")

    def _next(self, worker: str, lease_s: float) -> Any:
        """The row of the task to be run next, already taken, or None."""
        lanes = self.database.rows(sql.LANES, self._urgent)
        if not lanes or lanes[0][-1]:
            return None
        values: dict[str, object] = {"worker": worker, "lease": lease_s}
        urgent = bool(lanes[0][-2])
        if len(lanes) == 1 and not urgent:
            self._watched = frozenset()
            rows = self.database.rows(self._take_first, values)
            return rows[0] if rows else None
        if self.database.lock:  # others may be at it: what the lanes hold has to stand while one is chosen
            self.database.rows(self._lock_lanes)
            lanes = self.database.rows(sql.LANES, self._urgent)
        now_s = lanes[0][len(FIELDS)]
        limits = {row[0]: limit_of(row) for row in lanes}
        self._watched = frozenset(lane for lane, limit in limits.items() if limit.guarded)
        running = dict(self.database.rows(sql.RUNNING))
        heads = [
            (rank, number, lane)
            for lane in self._with_room(open_lanes(limits.values(), running, now_s))
            for number, rank in self.database.rows(self._heads[urgent], {"lane": lane})
        ]
        if not heads:
            return None
        _, number, lane = min(heads)
        if lane != COMMON and limits[lane].per_s is not None:
            self.database.changed(sql.SPEND, {"lane": lane, "tokens": filled(limits[lane], now_s) - 1})
        rows = self.database.rows(sql.TAKE, {**values, "id": number})
        return rows[0] if rows else None

    def _with_room(self, lanes: list[str]) -> list[str]:
        """Those of which one more fits on this node."""
        room = self._room
        if room is None:
            return lanes
        values = {"own": room.own, "length": len(room.own)}
        here = dict(self.database.rows(sql.RUNNING_HERE, values))
        return [lane for lane in lanes if not lacks(lane, room, here)]

    # -- the end

    def _end(self, ending: Ending) -> bool:
        claim = ending.claim
        values = {
            **_mine(claim),
            "outcome": ending.outcome,
            "error": ending.error[:ERROR_MAX],
            "result": ending.result,
        }
        if not self.database.changed(sql.END_MINE, values):
            return False
        for statement in ending.also:
            self.database.foreign(statement.text, statement.values)
        self.database.changed(sql.REMOVE, {"id": claim.id})
        if ending.outcome == "done" or ending.blamed:
            self._settle(claim, good=ending.outcome == "done")
        if ending.error:
            self._happened(claim.id, ending.outcome, f"attempt {claim.attempt}: {ending.error[:ERROR_MAX]}")
        self._release(claim.id, ending.outcome)
        return True

    def _lock_watched(self) -> None:
        """Before anything else is locked, as all that lock lanes do; else two could wait for each other."""
        if self.database.lock and self._watched:
            self.database.rows(self._lock_lanes)

    def _settle(self, claim: Claim, *, good: bool) -> bool:
        """What an attempt came to, for the breaker and the budget of its kind. Tells whether the budget is spent."""
        if self._watched is None:
            self._watched = frozenset(lane for (lane,) in self.database.rows(sql.GUARDED))
        rows = self.database.rows(self._lane, {"lane": claim.kind}) if claim.kind in self._watched else []
        if not rows:
            return False
        before, now_s = limit_of(rows[0]), rows[0][-1]
        after = after_done(before) if good else after_failure(before, now_s)
        if after != before:
            values = {"lane": claim.kind, "failed": after.failed, "opened": after.opened, "credit": after.credit}
            self.database.changed(sql.SETTLE, values)
        if opened := opening(before, after):
            self._happened(claim.id, "breaker", opened)
        return not good and is_spent(before)

    def _close(self, move: str, task: int, outcome: Outcome, why: str) -> bool:
        """End a task that nobody has in hand."""
        if not self.database.changed(move, {"id": task, "outcome": outcome, "error": why, "result": None}):
            return False
        self.database.changed(sql.REMOVE, {"id": task})
        self.database.changed(sql.WAITS_END, {"id": task})
        self._happened(task, outcome, why)
        self._release(task, outcome)
        return True

    def _close_waiting(self, task: int, outcome: Outcome, why: str) -> bool:
        return self._close(sql.END_WAITING, task, outcome, why)

    def _release(self, task: int, outcome: Outcome) -> None:
        """Let go on, or cancel, what was to come after a task. After a dead one they wait on, as it may be retried."""
        if outcome == "dead":
            return
        for (other,) in self.database.rows(sql.BLOCKED_BY, {"id": task}):
            self.database.rows(self._lock, {"id": other})
            if outcome != "done":
                self._close_waiting(other, "cancelled", f"comes after task {task}, which is {outcome}")
                continue
            self.database.changed(sql.WAIT_OVER, {"id": other, "other": task})
            if self.database.changed(sql.UNBLOCK, {"id": other}):
                self.database.wake()

    def _happened(self, task: int, what: str, detail: str) -> None:
        self.database.changed(sql.HAPPENED, {"id": task, "what": what, "detail": detail})


def urgent_name(own: str) -> str:
    """The name under which is kept that a node takes urgent tasks only. own: what its workers' names begin with."""
    return f"urgent.{own}"


def _mine(claim: Claim) -> dict[str, object]:
    return {"id": claim.id, "worker": claim.worker, "attempt": claim.attempt}
