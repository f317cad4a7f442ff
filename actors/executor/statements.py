"""The SQL of the queue, for both databases. Pure."""

from __future__ import annotations

from typing import Final

from actors.executor.lanes import FIELDS
from actors.executor.tables import COLUMNS, URGENT_MOST

_CARRIED: Final = ", ".join(COLUMNS)
_LANE: Final = "coalesce((SELECT lane FROM lanes WHERE lane = :kind), '')"
_NAMED: Final = "state, lane, rank, due, kind, priority, params, key, tags, parent, added, deadline, late"
_NEW: Final = (
    "CASE WHEN :blocked = 1 THEN 'blocked' WHEN :due > :now THEN 'scheduled' ELSE 'queued' END,"
    f" {_LANE}, CASE WHEN :due > :now THEN :due ELSE :now END + :offset, :due,"
    " :kind, :priority, :params, :key, :tags, :parent, :now, :deadline, :late"
)
_ONCE: Final = "ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING"

ADD: Final = f"INSERT INTO tasks (id, {_NAMED}) VALUES (:id, {_NEW}) {_ONCE}"
BY_KEY: Final = "SELECT id FROM tasks WHERE key = :key"

LANES: Final = (
    f"SELECT {', '.join(FIELDS)}, :now, (SELECT count(*) FROM facts WHERE name = :urgent),"
    " (SELECT count(*) FROM facts WHERE name = 'paused') FROM lanes"
)
LANE: Final = f"SELECT {', '.join(FIELDS)}, :now FROM lanes WHERE lane = :lane"
GUARDED: Final = "SELECT lane FROM lanes WHERE trips IS NOT NULL OR share IS NOT NULL"
SETTLE: Final = "UPDATE lanes SET failed = :failed, opened = :opened, credit = :credit WHERE lane = :lane"
RUNNING: Final = "SELECT lane, count(*) FROM tasks WHERE state = 'running' AND lane <> '' GROUP BY lane"
RUNNING_OF: Final = "SELECT count(*), :now FROM tasks WHERE state = 'running' AND kind = :lane"
RUNNING_HERE: Final = (
    "SELECT lane, count(*) FROM tasks WHERE state = 'running' AND lane <> '' AND substr(worker, 1, :length) = :own"
    " GROUP BY lane"
)
HEAD: Final = "SELECT id, rank FROM tasks WHERE state = 'queued' AND lane = :lane ORDER BY rank, id LIMIT 1"
HEAD_URGENT: Final = HEAD.replace("ORDER BY", f"AND priority <= {URGENT_MOST} ORDER BY")
_TAKE: Final = (
    "UPDATE tasks SET state = 'running', worker = :worker, lease = :now + :lease, attempt = attempt + 1,"
    " started = :now, due = NULL, stop = NULL WHERE id = {which}"
    " RETURNING id, kind, params, attempt, failures, added, run_s, checkpoint, deadline, late, :now"
)
TAKE: Final = _TAKE.format(which=":id")
TAKE_FIRST: Final = _TAKE.format(
    which="(SELECT id FROM tasks WHERE state = 'queued' AND lane = '' ORDER BY rank, id LIMIT 1 {skip_locked})"
)
LOCK_LANES: Final = "SELECT 1 FROM lanes WHERE lane <> '' ORDER BY lane {lock}"
SPEND: Final = "UPDATE lanes SET tokens = :tokens, at = :now WHERE lane = :lane"

_MINE: Final = "id = :id AND worker = :worker AND attempt = :attempt"
_ENDING: Final = ", ".join(
    {"run_s": "run_s + coalesce(:now - started, 0)", "error": "CASE WHEN :error = '' THEN error ELSE :error END"}.get(
        name, name
    )
    for name in COLUMNS
)
_MOVE: Final = (
    f"INSERT INTO ended (id, outcome, ended, {_CARRIED}, result)"
    f" SELECT id, :outcome, :now, {_ENDING}, :result FROM tasks WHERE "
)
END_MINE: Final = _MOVE + _MINE
END_WAITING: Final = _MOVE + "id = :id AND state <> 'running'"
END_RUNNING: Final = _MOVE + "id = :id AND state = 'running'"
REMOVE: Final = "DELETE FROM tasks WHERE id = :id"

AGAIN: Final = (
    "UPDATE tasks SET state = 'scheduled', due = :now + :delay, failures = failures + 1, worker = NULL, lease = NULL,"
    f" run_s = run_s + :now - started, error = :error WHERE {_MINE}"
)
GIVE_BACK: Final = (
    "UPDATE tasks SET state = 'queued', worker = NULL, lease = NULL, run_s = run_s + coalesce(:now - started, 0)"
    f" WHERE {_MINE}"
)
GIVE_BACK_OTHERS: Final = (
    "UPDATE tasks SET state = 'queued', worker = NULL, lease = NULL"
    " WHERE state = 'running' AND worker = :worker AND id <> :kept"
)
SAVE: Final = (
    "UPDATE tasks SET checkpoint = coalesce(:checkpoint, checkpoint), progress = coalesce(:progress, progress),"
    " note = coalesce(:note, note), lost = CASE WHEN :kept = 1 THEN 0 ELSE lost END"
    f" WHERE {_MINE}"
)
STOP_OF: Final = f"SELECT stop FROM tasks WHERE {_MINE}"
BEAT: Final = f"UPDATE tasks SET lease = :now + :lease WHERE {_MINE} RETURNING stop"

BLOCKED_BY: Final = "SELECT task FROM waits WHERE other = :id ORDER BY task"
LOCK: Final = "SELECT id FROM tasks WHERE id = :id {lock}"
WAIT_FOR: Final = "INSERT INTO waits (task, other) VALUES (:id, :other) ON CONFLICT DO NOTHING"
WAIT_OVER: Final = "DELETE FROM waits WHERE task = :id AND other = :other"
WAITS_END: Final = "DELETE FROM waits WHERE task = :id"
UNBLOCK: Final = (
    "UPDATE tasks SET state = CASE WHEN due > :now THEN 'scheduled' ELSE 'queued' END"
    " WHERE id = :id AND state = 'blocked' AND NOT EXISTS (SELECT 1 FROM waits WHERE task = :id)"
)

RIPEN: Final = "UPDATE tasks SET state = 'queued' WHERE state = 'scheduled' AND due <= :now"
NEXT_DUE: Final = "SELECT min(due) - :now FROM tasks WHERE state = 'scheduled'"
LATE: Final = "SELECT id, kind, late FROM tasks WHERE deadline <= :now AND state <> 'running'"
ESCALATE: Final = (
    "UPDATE tasks SET priority = 0, rank = :now + :offset, deadline = NULL WHERE id = :id AND state <> 'running'"
)
FUTURE: Final = (
    "SELECT count(*) FROM tasks WHERE added > :now + 60"
    " OR (state = 'scheduled' AND failures > 0 AND due > :now + :retry_max)"
)
MEND_LANES: Final = (
    "UPDATE lanes SET at = CASE WHEN at > :now THEN :now ELSE at END,"
    " opened = CASE WHEN opened > :now THEN :now ELSE opened END WHERE at > :now + 60 OR opened > :now + 60"
)
MEND_RANKS: Final = "UPDATE tasks SET rank = rank - (added - :now), added = :now WHERE added > :now + 60"
MEND_RETRIES: Final = (
    "UPDATE tasks SET due = :now WHERE state = 'scheduled' AND failures > 0 AND due > :now + :retry_max"
)

HELD: Final = "SELECT id, kind, lost, stop FROM tasks WHERE state = 'running' AND worker = :worker"
REQUEUE: Final = (
    "UPDATE tasks SET state = 'queued', worker = NULL, lease = NULL, lost = lost + 1,"
    " run_s = run_s + coalesce(:now - started, 0) WHERE id = :id"
)
HOLDERS: Final = "SELECT DISTINCT worker FROM tasks WHERE state = 'running'"
EXPIRED: Final = HOLDERS + " AND lease < :now"

HAPPENED: Final = "INSERT INTO happenings (task, at, what, detail) VALUES (:id, :now, :what, :detail)"
ASK_STOP: Final = "UPDATE tasks SET stop = :why WHERE id = :id AND state = 'running'"
CHILDREN: Final = "SELECT id FROM tasks WHERE parent = :id"
_REVIVED: Final = ", ".join(
    {"failures": "0", "lost": "0", "worker": "NULL", "stop": "NULL", "deadline": "NULL", "started": "NULL"}.get(
        name, name
    )
    for name in COLUMNS
)
REVIVE: Final = (
    f"INSERT INTO tasks (id, state, lane, rank, {_CARRIED})"
    f" SELECT id, 'queued', {_LANE}, :now + :offset, {_REVIVED} FROM ended WHERE id = :id AND outcome <> 'done'"
)
ENTOMB: Final = "UPDATE ended SET outcome = 'revived', id = -seq WHERE id = :id"
"""The newest number of an end is never given again, as a reader may have seen it already."""
ENDED_AS: Final = "SELECT outcome, kind, priority, key FROM ended WHERE id = :id"

SET_LANE: Final = (
    "INSERT INTO lanes (lane, concurrency, per_s, burst, tokens, at, trips, open_s, share)"
    " VALUES (:lane, :concurrency, :per_s, :burst, :burst, :now, :trips, :open_s, :share)"
    " ON CONFLICT (lane) DO UPDATE SET concurrency = excluded.concurrency, per_s = excluded.per_s,"
    " burst = excluded.burst, trips = excluded.trips, open_s = excluded.open_s, share = excluded.share,"
    " opened = CASE WHEN excluded.trips IS NULL THEN NULL ELSE lanes.opened END"
)
LANE_NAMES: Final = "SELECT lane FROM lanes WHERE lane <> ''"
DROP_LANE: Final = "DELETE FROM lanes WHERE lane = :lane"
TO_COMMON: Final = "UPDATE tasks SET lane = '' WHERE lane = :lane"
TO_OWN: Final = "UPDATE tasks SET lane = :lane WHERE kind = :lane AND lane <> :lane"
REMEMBER: Final = "INSERT INTO facts VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
RECALL: Final = "SELECT value FROM facts WHERE name = :name"
FORGET: Final = "DELETE FROM facts WHERE name = :name"
