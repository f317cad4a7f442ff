"""Looks into the queue, and forgets what ended long ago. Every method may raise StoreFailed."""

from __future__ import annotations

from typing import Any, Final

from actors.executor import statements as sql
from actors.executor.database import Database
from actors.executor.lanes import Limit, limit_of
from actors.executor.model import PRIORITIES, Filter, Happening, Row
from actors.executor.tables import COLUMNS

_LIVE: Final = ("id", "state", "due", *COLUMNS)
_ENDED: Final = ("seq", "id", "outcome", "ended", "result", *COLUMNS)
_TRIMMED_AT_ONCE: Final = 2000
"""Rows that are forgotten in one transaction, so that nobody waits long for the lock."""


class Reading:
    """Used by one thread at a time, with a database of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, task: int) -> Row | None:
        """A task, ended or not."""
        rows = self._rows("tasks", _LIVE, "id = :id", {"id": task}) or self._rows(
            "ended", _ENDED, "id = :id", {"id": task}
        )
        return rows[0] if rows else None

    def find(self, wanted: Filter) -> list[Row]:
        """Those wanted, of each state in the order in which they are taken; ended ones newest first."""
        values: dict[str, Any] = {"limit": wanted.limit}
        conditions = []
        state = "outcome" if wanted.ended else "state"
        if wanted.states:
            values |= {f"state_{'abcdefgh'[index]}": each for index, each in enumerate(wanted.states)}
            conditions.append(f"{state} IN ({', '.join(f':{name}' for name in values if name != 'limit')})")
        if wanted.kind is not None:
            values["kind"] = wanted.kind
            conditions.append("kind = :kind")
        if wanted.tag is not None:
            values["tag"] = f"% {wanted.tag.replace('%', '')} %"
            conditions.append("tags LIKE :tag")
        where = " AND ".join(conditions) or "1 = 1"
        if wanted.ended:
            return self._rows("ended", _ENDED, f"id > 0 AND {where} ORDER BY seq DESC LIMIT :limit", values)
        order = "ORDER BY state = 'running' DESC, state = 'queued' DESC, rank, id LIMIT :limit"
        return self._rows("tasks", _LIVE, f"{where} {order}", values)

    def children(self, task: int) -> list[int]:
        """The children of a task that have not ended."""
        rows = self._database.rows("SELECT id FROM tasks WHERE parent = :id ORDER BY id", {"id": task})
        return [child for (child,) in rows]

    def history(self, task: int) -> list[Happening]:
        """What was out of the ordinary with a task, oldest first."""
        rows = self._database.rows("SELECT at, what, detail FROM happenings WHERE task = :id ORDER BY at", {"id": task})
        return [Happening(*row) for row in rows]

    def lane(self, kind: str) -> tuple[Limit, int, float]:
        """The limits of a kind, none if it has none, how many of it run, and the time by the queue's clock."""
        values = {"lane": kind}
        rows = self._database.rows(sql.LANE, values)
        [(running, now_s)] = self._database.rows(sql.RUNNING_OF, values)
        return limit_of(rows[0]) if rows else Limit(lane=kind), running, now_s

    def here(self, own: str) -> dict[str, int]:
        """Kind -> tasks that run on a node, of kinds with limits. own: what the names of its workers begin with."""
        return dict(self._database.rows(sql.RUNNING_HERE, {"own": own, "length": len(own)}))

    def counts(self) -> dict[str, int]:
        """Tasks by state, and those that ended by outcome as far as they are kept."""
        rows = self._database.rows("SELECT state, count(*) FROM tasks GROUP BY state")
        rows += self._database.rows("SELECT outcome, count(*) FROM ended WHERE id > 0 GROUP BY outcome")
        return dict(rows)

    def kinds(self) -> list[tuple[str, str, int, float]]:
        """(kind, state, number of tasks, seconds since the oldest was added), of those that have not ended."""
        return self._database.rows(
            "SELECT kind, state, count(*), :now - min(added) FROM tasks GROUP BY kind, state ORDER BY kind, state"
        )

    def rates(self, window_s: float) -> list[tuple[str, str, int, float]]:
        """(kind, outcome, number, mean seconds that one ran), of those that ended in the last window_s seconds."""
        return self._database.rows(
            "SELECT kind, outcome, count(*), avg(run_s) FROM ended WHERE ended > :now - :window"
            " AND id > 0 AND seq > (SELECT coalesce(max(seq), 0) FROM ended) - 100000"
            " GROUP BY kind, outcome ORDER BY kind, outcome",
            {"window": window_s},
        )

    def last_seq(self) -> int:
        """The number of the newest end; 0 when there is none."""
        rows = self._database.rows("SELECT max(seq) FROM ended")
        return rows[0][0] or 0

    def ended_since(self, seq: int, limit: int) -> list[Row]:
        """Ends after a number, in order. With several machines a smaller number may still follow a greater one."""
        return self._rows(
            "ended", _ENDED, "id > 0 AND seq > :seq ORDER BY seq LIMIT :limit", {"seq": seq, "limit": limit}
        )

    def trim(self, keep: int, keep_badly: int) -> int:
        """Forget the oldest ended tasks: done ones beyond the newest keep, others beyond keep_badly; how many."""
        gone = 0
        for outcomes, kept in (("outcome = 'done'", keep), ("outcome <> 'done'", keep_badly)):
            rows = self._database.rows(
                f"SELECT seq FROM ended WHERE {outcomes} ORDER BY seq DESC LIMIT 1 OFFSET :kept", {"kept": kept}
            )
            while rows:
                values = {"seq": rows[0][0], "limit": _TRIMMED_AT_ONCE}
                chosen = f"SELECT id FROM ended WHERE {outcomes} AND seq <= :seq ORDER BY seq LIMIT :limit"
                with self._database.transaction():
                    self._database.changed(f"DELETE FROM happenings WHERE task IN ({chosen})", values)
                    count = self._database.changed(f"DELETE FROM ended WHERE id IN ({chosen})", values)
                gone += count
                if count < _TRIMMED_AT_ONCE:
                    break
        return gone

    def _rows(self, table: str, columns: tuple[str, ...], where: str, values: dict[str, Any]) -> list[Row]:
        found = self._database.rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where}", values)
        return [self._row(dict(zip(columns, row, strict=True))) for row in found]

    def _row(self, row: dict[str, Any]) -> Row:
        state = row.pop("state", None) or row.pop("outcome")
        row.pop("late")
        waits = (
            self._database.rows("SELECT other FROM waits WHERE task = :id ORDER BY other", {"id": row["id"]})
            if state == "blocked"
            else []
        )
        return Row(
            **{
                "due": None,
                **row,
                "state": state,
                "priority": PRIORITIES[row["priority"]],
                "tags": tuple(row["tags"].split()),
                "waits_for": tuple(other for (other,) in waits),
            }
        )
