"""Queries to real databases: files of SQLite, and a server of PostgreSQL that the test starts."""

import contextlib
import os
import signal
import sqlite3
from decimal import Decimal

import pytest

from actors.monitor.sources.reader import NotRead
from actors.monitor.sources.sql import PostgresSource, SqliteSource, number
from tests.postgres import server  # noqa: F401

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "a b?.db"
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("create table orders (id integer)")
        made.execute("insert into orders values (41)")
        made.commit()
    return path


def ask(path, query, within_s=10.0):
    return SqliteSource("orders", query, within_s, path).read()["orders"]


def test_the_first_column_of_the_first_row_counts(base):
    assert ask(base, "select id + 1, 'x' from orders union all select 5, 'y'") == 42
    assert ask(base, "select sum(id) / 2.0 from orders") == 20.5
    assert ask(base, "pragma page_count") >= 2


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select id from orders where id > 99", "gave no row"),
        ("select null", "gave NULL"),
        ("select 'many'", "gave no number: 'many'"),
        ("select * from absent", "no such table: absent"),
        ("selekt", "syntax error"),
        ("select 1; select 2", "one statement at a time"),
        ("delete from orders", "not authorized"),
        ("pragma journal_mode = wal", "not authorized"),
        ("attach 'HERE/other.db' as other", "not authorized"),
    ],
)
def test_what_gives_no_number_is_said_and_nothing_is_changed(base, query, why):
    with pytest.raises(NotRead, match=why) as refused:
        ask(base, query.replace("HERE", str(base.parent)))
    assert not refused.value.late
    assert ask(base, "select count(*) from orders") == 1
    assert [path.name for path in base.parent.iterdir()] == [base.name]


def test_a_query_without_an_end_is_late(base):
    with pytest.raises(NotRead, match=r"took longer than 0\.2 s") as refused:
        ask(base, ENDLESS, 0.2)
    assert refused.value.late


def test_a_file_that_somebody_locks_is_late_and_one_in_wal_is_read_meanwhile(base):
    with contextlib.closing(sqlite3.connect(base, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(NotRead, match="locked") as refused:
            ask(base, "select count(*) from orders", 0.2)
        assert refused.value.late
        writer.execute("commit")
        writer.execute("pragma journal_mode = wal")
        writer.execute("begin immediate")
        writer.execute("insert into orders values (1)")
        assert ask(base, "select count(*) from orders") == 1
        writer.execute("commit")
        assert ask(base, "select count(*) from orders") == 2


def test_what_is_no_database_is_said_and_no_file_is_made(tmp_path):
    (tmp_path / "text.db").write_text("no database at all, but long enough to look like one" * 40)
    with pytest.raises(NotRead, match="not a database"):
        ask(tmp_path / "text.db", "select count(*) from sqlite_master")
    with pytest.raises(NotRead, match="no file"):
        ask(tmp_path / "none.db", "select 1")
    assert not (tmp_path / "none.db").exists()


def test_numbers_of_any_kind_are_numbers_and_truth_is_none():
    assert [number((value,)) for value in (1, 1.5, Decimal("2.5"))] == [1, 1.5, 2.5]
    for row in (None, (), (None,), (True,), ("1",), (b"1",)):
        with pytest.raises(NotRead):
            number(row)


# -- PostgreSQL


@pytest.fixture
def postgres(server):  # noqa: F811
    """Makes a source."""
    made = []

    def make(query, within_s=10.0):
        made.append(PostgresSource("orders", query, within_s, server.address))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.mark.needs("initdb")
class TestPostgres:
    def test_it_is_asked_again_over_the_same_connection(self, postgres):
        source = postgres("select pg_backend_pid()")
        assert source.read() == source.read()
        assert postgres("select sum(n) / 4.0 from generate_series(1, 3) n").read() == {"orders": 1.5}

    def test_nothing_can_be_changed(self, postgres):
        with pytest.raises(NotRead, match="read-only transaction"):
            postgres("create table orders (id int)").read()

    @pytest.mark.parametrize(
        ("query", "why"),
        [("select 1 where false", "gave no row"), ("selekt", "syntax error"), ("select 'x'", "no num")],
    )
    def test_what_gives_no_number_is_said(self, postgres, query, why):
        with pytest.raises(NotRead, match=why):
            postgres(query).read()

    def test_a_slow_query_is_ended_by_the_server(self, postgres):
        with pytest.raises(NotRead, match=r"took longer than 0\.3 s: canceling statement") as refused:
            postgres("select pg_sleep(600)", 0.3).read()
        assert refused.value.late

    def test_a_server_that_stands_still_is_cut_off_and_asked_anew_when_it_goes_on(self, postgres):
        source = postgres("select pg_backend_pid()", 0.5)
        backend = int(source.read()["orders"])
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(NotRead, match=r"took longer than 0\.5 s") as refused:
                source.read()
            assert refused.value.late
        finally:
            os.kill(backend, signal.SIGCONT)
        assert int(source.read()["orders"]) != backend

    def test_nobody_there_is_said(self):
        with pytest.raises(NotRead, match="refused"):
            PostgresSource("orders", "select 1", 5.0, "postgresql://nobody@127.0.0.1:1/none").read()
