"""The tables of the queue, for both databases. Pure.

`tasks` holds what has not ended, `ended` the rest, so that a million done ones cost the next claim nothing. A task
whose time has not come is `scheduled`, and in no index that a claim reads.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 2
"""Of the tables; a store with a higher one is of a later release and is not touched."""

_COMMON: Final = """
    kind TEXT NOT NULL,
    priority BIGINT NOT NULL,
    params TEXT NOT NULL,
    key TEXT,
    tags TEXT NOT NULL,
    parent BIGINT,
    added DOUBLE PRECISION NOT NULL,
    deadline DOUBLE PRECISION,
    late TEXT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0,
    started DOUBLE PRECISION,
    run_s DOUBLE PRECISION NOT NULL DEFAULT 0,
    worker TEXT,
    stop TEXT,
    checkpoint TEXT,
    progress DOUBLE PRECISION,
    note TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',"""

URGENT_MOST: Final = 1
"""The last of the priorities that are taken in an emergency: critical and high."""

COLUMNS: Final = tuple(line.split()[0] for line in _COMMON.strip().splitlines())
"""What a task takes along when it ends."""

GUARDS: Final = tuple(
    f"ALTER TABLE lanes ADD COLUMN {column}"
    for column in (
        "trips BIGINT",
        "open_s DOUBLE PRECISION NOT NULL DEFAULT 0",
        "failed BIGINT NOT NULL DEFAULT 0",
        "opened DOUBLE PRECISION",
        "share DOUBLE PRECISION",
        "credit DOUBLE PRECISION NOT NULL DEFAULT 10",
    )
)
"""Breaker and budget of a lane; version 1 had none."""

SCHEMA: Final = (
    f"""CREATE TABLE IF NOT EXISTS tasks (
    id {{number}},
    state TEXT NOT NULL,
    lane TEXT NOT NULL,
    rank DOUBLE PRECISION NOT NULL,
    due DOUBLE PRECISION,
    lease DOUBLE PRECISION,{_COMMON}
    CHECK (state IN ('queued', 'scheduled', 'blocked', 'running')))""",
    "CREATE INDEX IF NOT EXISTS tasks_ready ON tasks (lane, rank, id) WHERE state = 'queued'",
    "CREATE INDEX IF NOT EXISTS tasks_scheduled ON tasks (due) WHERE state = 'scheduled'",
    "CREATE INDEX IF NOT EXISTS tasks_running ON tasks (worker, lane) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS tasks_late ON tasks (deadline) WHERE deadline IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS tasks_children ON tasks (parent) WHERE parent IS NOT NULL",
    "CREATE UNIQUE INDEX IF NOT EXISTS tasks_key ON tasks (key) WHERE key IS NOT NULL",
    f"""CREATE TABLE IF NOT EXISTS ended (
    seq {{number}},
    id BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    ended DOUBLE PRECISION NOT NULL,{_COMMON}
    result TEXT)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS ended_id ON ended (id)",
    "CREATE INDEX IF NOT EXISTS ended_badly ON ended (outcome, seq) WHERE outcome NOT IN ('done', 'revived')",
    "CREATE TABLE IF NOT EXISTS waits (task BIGINT NOT NULL, other BIGINT NOT NULL, PRIMARY KEY (task, other))",
    "CREATE INDEX IF NOT EXISTS waits_other ON waits (other)",
    """CREATE TABLE IF NOT EXISTS happenings (
    task BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS happenings_task ON happenings (task, at)",
    """CREATE TABLE IF NOT EXISTS lanes (
    lane TEXT PRIMARY KEY, concurrency BIGINT, per_s DOUBLE PRECISION, burst DOUBLE PRECISION NOT NULL,
    tokens DOUBLE PRECISION NOT NULL, at DOUBLE PRECISION NOT NULL)""",
    *GUARDS,
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "INSERT INTO lanes (lane, burst, tokens, at) VALUES ('', 1, 1, 0) ON CONFLICT DO NOTHING",
    f"INSERT INTO facts VALUES ('version', '{VERSION}'), ('last', '0') ON CONFLICT DO NOTHING",
)
"""Of an empty database. {number}: how the database writes a number that it can give itself."""

UPGRADES: Final[dict[int, tuple[str, ...]]] = {1: (*GUARDS, "UPDATE facts SET value = '2' WHERE name = 'version'")}
"""Version -> what makes the next one of it."""


def preparation(version: int | None) -> list[str]:
    """What makes the tables those of this release. version: of those that are there; None when there are none."""
    if version is None:
        return list(SCHEMA)
    return [statement for number in range(version, VERSION) for statement in UPGRADES[number]]
