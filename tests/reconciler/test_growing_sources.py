"""Sources that are asked for what is new only, and queries to a real server of PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
import sys

import psycopg
import pytest

from actors.reconciler.batches import Batch, ascending
from actors.reconciler.look import Ask, kept_path, look, new_path
from actors.reconciler.sources.common import Kept, Place, SourceError
from actors.reconciler.sources.s3 import S3
from actors.reconciler.sources.sql import Sql, first_column
from actors.settings import DatasetSettings, Seconds
from actors.settings.datasets import S3Source, Source, SqlSource
from actors.settings.dimensions import Dimension
from tests.postgres import server  # noqa: F401
from tests.reconciler.test_s3_sources import RCLONE, bucket, credentials  # noqa: F401

DAY_S = 86_400.0


@pytest.fixture
def place(tmp_path):
    return Place(root=tmp_path, scratch=tmp_path)


@pytest.fixture
def table(server, tmp_path):  # noqa: F811
    """Runs statements on a table `t` of a server; gives its address."""
    address = server.new_queue()

    def run(*statements):
        with psycopg.connect(address, autocommit=True, client_encoding="utf8") as connection:
            for statement in statements:
                connection.execute(statement)

    run("create table t (n text, s bigint, at timestamptz default now())")
    run.address = address  # type: ignore[attr-defined]
    return run


@pytest.mark.needs("initdb")
class TestPostgres:
    def test_the_rows_come_sorted_as_text_by_code_point_with_their_types(self, table, place):
        table("insert into t values ('b', 1, '2024-01-01 00:00+00'), ('Z', 2, '2024-01-01 01:00+01'), ('é', 3, now())")
        query = "select n as key, s as size, at as time from t where n not like '%x%';"
        found = list(ascending(Sql(SqlSource(database=table.address, query=query), place).batches()))
        assert found[0].keys == ["Z", "b", "é"]
        assert (found[0].sizes, found[0].times_s[:2]) == ([2, 1, 3], [1_704_067_200.0, 1_704_067_200.0])

    def test_many_rows_come_in_pieces(self, table, place):
        table("insert into t select lpad(i::text, 6, '0'), i from generate_series(1, 20000) as i")
        source = Sql(SqlSource(database=table.address, query="select n as key, s as size from t"), place)
        sizes = [len(batch.keys) for batch in source.batches()]
        assert sum(sizes) == 20_000
        assert len(sizes) == 3

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("select n as key from nowhere", 'relation "nowhere" does not exist'),
            ("select n as key, 1 as sise from t", "the query gives sise"),
            ("select n as key, at::timestamp as time from t", "has no zone"),
            ("with gone as (delete from t returning n) select n as key from gone", "WITH clause|read-only"),
        ],
    )
    def test_a_query_that_cannot_be_used_fails_the_look_and_changes_nothing(self, table, place, query, said):
        table("insert into t values ('a', 1)")
        source = Sql(SqlSource(database=table.address, query=query), place)
        with pytest.raises(SourceError, match=said):
            list(source.batches())
        assert first_column(table.address, "select n from t", 5) == ["a"]

    def test_the_first_column_gives_the_values_of_a_dimension(self, table):
        table("insert into t values ('a', 1), ('b', 2)")
        assert first_column(table.address, "select n, s from t order by n", 2) == ["a", "b"]
        with pytest.raises(SourceError, match="more than 1 values"):
            first_column(table.address, "select n from t", 1)

    def test_only_what_is_new_is_asked_for_by_a_column_of_times(self, table, place):
        table("insert into t values ('a', 1, '2024-01-01 00:00+00'), ('c', 1, '2024-01-02 00:00+00')")
        query = "select n as key, s as size, at from t where n like '%' and '{\"a\": 1}'::jsonb ? 'a'"
        settings = SqlSource(database=table.address, query=query, since="at")
        first = Sql(settings, place)
        known = list(first.batches())
        table("update t set s = 9, at = '2024-01-03 00:00+00' where n = 'c'")
        table("insert into t values ('b', 5, '2024-01-04 00:00+00')", "delete from t where n = 'a'")
        later = Sql(settings, place)
        laid = later.laid_over(Kept(mark=first.mark, first_gap="", batches=lambda: iter(known)))
        assert laid is not None
        rows = [row for batch in laid for row in zip(batch.keys, batch.sizes, strict=True)]
        assert rows == [("a", 1), ("b", 5), ("c", 9)]
        assert later.mark > first.mark


def test_a_server_that_is_not_there_or_no_psycopg_fails_the_look_without_saying_the_password(place, monkeypatch):
    source = Sql(SqlSource(database="postgresql://me:secret@127.0.0.1:1/shop", query="select 1 as key"), place)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1/shop: ") as failed:
        list(source.batches())
    assert "secret" not in str(failed.value)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SourceError, match=r"install gyrostat\[postgres\]"):
        list(source.batches())


# --- whole looks and those in between


class Looks:
    """Looks at keys a to f in a table of SQLite, one after the other; each is believed."""

    def __init__(self, root):
        self.root = root
        self.database("create table t (n, s, at)")
        query = "select n as key, s as size, at from t"
        self.settings = DatasetSettings(
            keys="{n}",
            over={"n": Dimension(values=list("abcdef"))},
            have=Source(sql=SqlSource(database="a.db", query=query, since="at", whole_every=Seconds(DAY_S))),
        )
        self.first_gap: str | None = None

    def database(self, *statements):
        with contextlib.closing(sqlite3.connect(self.root / "a.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def at(self, now_s, *, partly=True):
        kept = self.root / "kept"
        said = {"dataset": "t", "datasets": {"t": self.settings}, "root": str(self.root), "folder": str(kept)}
        asked = Ask(**said, scratch=str(kept), now_s=now_s, partly=partly, first_gap=self.first_gap)  # type: ignore[arg-type]
        found = look(asked)
        new_path(kept, "t").replace(kept_path(kept, "t"))
        return sorted(gap.key for gap in found.gaps)


def test_between_whole_looks_what_is_new_is_seen_and_what_was_deleted_is_not(tmp_path):
    looks = Looks(tmp_path)
    looks.database("insert into t values ('a', 1, 1), ('b', 1, 2), ('c', 1, 3)")
    assert looks.at(0.0) == ["d", "e", "f"]
    looks.database("insert into t values ('e', 1, 4)", "delete from t where n = 'a'")
    assert looks.at(60.0) == ["d", "f"]
    looks.database("insert into t values ('d', 1, 4)")
    assert looks.at(120.0) == ["f"]
    assert looks.at(121.0, partly=False) == ["a", "f"]
    looks.database("delete from t where n = 'b'")
    assert looks.at(180.0) == ["a", "f"]
    assert looks.at(122.0 + DAY_S) == ["a", "b", "f"]


def test_a_table_that_was_empty_is_looked_at_as_a_whole(tmp_path):
    looks = Looks(tmp_path)
    assert looks.at(0.0) == list("abcdef")
    looks.database("insert into t values ('a', 1, 1)")
    assert looks.at(60.0) == list("bcdef")


def test_after_another_query_or_a_clock_put_back_a_look_is_whole(tmp_path):
    looks = Looks(tmp_path)
    looks.database("insert into t values ('a', 1, 5), ('b', 1, 6)")
    assert looks.at(1000.0) == ["c", "d", "e", "f"]
    looks.database("delete from t where n = 'a'")
    assert looks.at(900.0) == ["a", "c", "d", "e", "f"]


def test_a_column_that_is_no_name_is_refused():
    with pytest.raises(ValueError, match="since: "):
        SqlSource(database="a.db", query="select 1", since="at; drop table t")


@pytest.mark.needs(RCLONE)
def test_of_a_bucket_only_what_comes_from_the_first_gap_on_is_listed(bucket, place):  # noqa: F811
    folder, settings = bucket
    (folder / "grows").mkdir()
    for name in ("1", "2", "4", "5"):
        (folder / "grows" / name).write_text(name)
    said = S3Source(bucket="prices", endpoint=settings.endpoint, prefix="grows/", ascending=True)
    known = [Batch(["0", "1", "2", "4"], [7, 7, 7, 7], [1.0] * 4, [""] * 4)]

    def sizes(first_gap, **differs):
        source = S3(S3Source(**{**{name: getattr(said, name) for name in said.__struct_fields__}, **differs}), place)
        laid = source.laid_over(Kept(mark="", first_gap=first_gap, batches=lambda: iter(known)))
        return laid and [row for batch in laid for row in zip(batch.keys, batch.sizes, strict=True)]

    assert sizes("3") == [("0", 7), ("1", 7), ("2", 7), ("4", 1), ("5", 1)]
    assert sizes("") == [("0", 7), ("1", 7), ("2", 7), ("4", 7), ("5", 1)]
    assert sizes("0") == [("1", 1), ("2", 1), ("4", 1), ("5", 1)]
    assert sizes(None) is None
    assert sizes("", ascending=False) is None
