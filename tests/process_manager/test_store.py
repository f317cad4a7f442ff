import sqlite3

import pytest

from actors.process_manager.store import Intent, Store
from actors.settings import Hook


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.close()


def intent(name="web", incarnation=1):
    return Intent(
        name=name,
        incarnation=incarnation,
        restarts=0,
        token="t",
        revision="r",
        argv='["x"]',
        boot="b",
        intent_s=5.0,
        started_wall_s=6.0,
    )


def test_an_intent_is_there_for_the_next_node_before_any_pid(store, tmp_path):
    store.intend(intent())
    other = Store(tmp_path)
    row = other.rows()["web"]
    other.close()
    assert (row.phase, row.pid, row.ticks, row.incarnation, row.token, row.argv) == (
        "intent",
        None,
        None,
        1,
        "t",
        '["x"]',
    )


def test_a_pid_belongs_to_its_intent_only(store):
    store.intend(intent())
    store.spawned("web", 42, 99, 7)
    assert (store.rows()["web"].phase, store.rows()["web"].pid, store.rows()["web"].ticks) == ("up", 42, 99)
    store.ended("web", "ended", 1, None)
    store.intend(intent(incarnation=2))
    row = store.rows()["web"]
    assert (row.phase, row.pid, row.ticks, row.exit_code, row.incarnation) == ("intent", None, None, None, 2)


def test_a_hold_outlives_starts_and_needs_none(store):
    store.hold("web", held=True)
    assert store.rows()["web"].held
    store.intend(intent())
    assert store.rows()["web"].held
    store.hold("web", held=False)
    assert not store.rows()["web"].held


def test_one_write_that_waits_for_the_disk_stands_for_all_holds_before_it(store):
    assert store._db.execute("PRAGMA synchronous").fetchone() == (1,)
    seen: list[str] = []
    store._db.set_trace_callback(seen.append)
    for name in ("web", "db", "queue"):
        store.hold(name, held=True)
    assert not any("synchronous" in one for one in seen)
    assert store.settle() == ""
    levels = [number for number, one in enumerate(seen) if "synchronous" in one]
    assert [seen[number] for number in levels] == ["PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"]
    assert any(one.startswith("INSERT") for one in seen[levels[0] : levels[1]])
    assert store._db.execute("PRAGMA synchronous").fetchone() == (1,)
    seen.clear()
    assert store.settle() == ""
    assert seen == []


def test_what_cannot_be_settled_is_said_and_tried_again(store):
    store.hold("web", held=True)
    store._db.execute("PRAGMA query_only=ON")
    assert "readonly" in store.settle()
    assert "readonly" in store.trouble
    store._db.execute("PRAGMA query_only=OFF")
    seen: list[str] = []
    store._db.set_trace_callback(seen.append)
    assert store.settle() == ""
    assert "PRAGMA synchronous=FULL" in seen


def test_many_intents_and_many_ends_are_one_commit_each(store, tmp_path):
    store.intend_all([intent("web"), intent("db")])
    other = Store(tmp_path)
    assert {row.phase for row in other.rows().values()} == {"intent"}
    store.ended_all([("stopped", 0, None, "web"), ("stopped", None, "TERM", "db")])
    assert [(row.phase, row.exit_code, row.signal) for row in other.rows().values()] == [
        ("stopped", None, "TERM"),
        ("stopped", 0, None),
    ]
    other.close()


def test_many_writes_on_a_full_disk_leave_the_store_usable(store):
    store._db.execute("PRAGMA query_only=ON")
    store.intend_all([intent("web"), intent("db")])
    assert "readonly" in store.trouble
    store._db.execute("PRAGMA query_only=OFF")
    store.intend_all([intent("web")])
    assert store.trouble == ""
    assert [*store.rows()] == ["web"]


def test_the_secret_is_drawn_once_and_for_nobody_else_to_read(store, tmp_path):
    other = Store(tmp_path)
    assert other.secret == store.secret
    assert len(store.secret) == 32
    other.close()
    assert (tmp_path / "process_manager.db").stat().st_mode & 0o077 == 0


def test_settings_are_remembered_whole(store, workload, tmp_path):
    one = workload("web", "exec x", env={"A": "1"}, depends_on={"db": "ready"}, hooks={"fix": Hook(command=["true"])})
    store.remember([one])
    assert store.recall("web") == one
    assert store.recall("db") is None


def test_settings_that_no_longer_read_are_none(store, workload):
    store.remember([workload("web", "x")])
    store._db.execute("UPDATE spec SET workload=?", (b'{"name": 3}',))
    assert store.recall("web") is None


def test_what_is_forgotten_is_gone(store, workload):
    store.intend(intent())
    store.remember([workload("web", "x")])
    store.forget("web")
    assert store.rows() == {}
    assert store.recall("web") is None


def test_a_full_disk_stops_no_restart_but_is_known(store):
    store._db.execute("PRAGMA query_only=ON")
    store.intend(intent())
    assert "readonly" in store.trouble
    with pytest.raises(sqlite3.OperationalError):
        store.hold("web", held=True)
    store._db.execute("PRAGMA query_only=OFF")
    store.intend(intent())
    assert store.trouble == ""


def test_the_log_of_writes_is_worked_in_now_and_then(store, tmp_path):
    assert not store.wants_tidying()
    for number in range(300):
        store.intend(intent(incarnation=number))
    grown = (tmp_path / "process_manager.db-wal").stat().st_size
    assert store.wants_tidying()
    assert not store.wants_tidying()
    store.tidy()
    for number in range(200):
        store.intend(intent(incarnation=number))
    assert (tmp_path / "process_manager.db-wal").stat().st_size == grown
