"""Sources, on real directories, databases, servers and programs: every row, or a failure as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from actors.reconciler.batches import Batch, ascending
from actors.reconciler.sources import files as files_module
from actors.reconciler.sources.command import Command
from actors.reconciler.sources.common import Place, SourceError
from actors.reconciler.sources.files import Files
from actors.reconciler.sources.http import Http
from actors.reconciler.sources.plugin import Plugin
from actors.reconciler.sources.sql import Sql, first_column
from actors.settings.datasets import Checks, CommandSource, FilesSource, HttpSource, PluginSource, SqlSource


@pytest.fixture
def place(tmp_path):
    return Place(root=tmp_path, scratch=tmp_path)


def rows(source):
    return [
        (key, *rest) for batch in source.batches() for key, *rest in zip(*[c for c in batch.columns if c], strict=True)
    ]


def keys(source):
    return [key for batch in source.batches() for key in batch.keys]


# --- files


def files(place, former=(), checks=None, **said):
    return Files(FilesSource(**{"root": "data", **said}), checks or Checks(), place, iter(former))


def put(place, name, text="x"):
    path = place.root / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_files_come_in_the_order_of_their_keys_whatever_the_directories_are_called(place, monkeypatch):
    monkeypatch.setattr(files_module, "BATCH_ROWS", 3)
    names = ["a/b", "a.txt", "a-b/c", "a/b.c/d", "z", "é/ü", "B/1", "a0", "ab/x"]
    for name in names:
        put(place, name, name)
    found = list(ascending(files(place).batches()))
    assert [key for batch in found for key in batch.keys] == sorted(names)
    assert found[0].sizes[0] == len(found[0].keys[0])
    assert abs(found[0].times_s[0] - time.time()) < 3600


def test_what_is_being_written_is_passed_over(place):
    for name in ("a.csv", "b.csv.tmp", "c.csv.part", ".d.csv", ".git/e.csv", "f.txt"):
        put(place, name)
    assert keys(files(place)) == ["a.csv", "f.txt"]
    assert keys(files(place, suffix=".csv", ignore=[])) == [".d.csv", ".git/e.csv", "a.csv"]


def test_links_to_files_count_and_those_to_nothing_or_in_a_circle_do_not(place):
    put(place, "a")
    (place.root / "data/link").symlink_to("a")
    (place.root / "data/nothing").symlink_to("gone")
    (place.root / "data/circle").symlink_to(".")
    assert keys(files(place)) == ["a", "link"]


def test_a_name_that_is_no_text_is_told_all_the_same(place):
    put(place, "a")
    put(place, os.fsdecode(b"b\xff"))
    assert keys(files(place)) == ["a", "b\\xff"]


def test_a_directory_that_is_not_there_or_closed_fails_the_look(place, monkeypatch):
    with pytest.raises(SourceError, match="data is no directory"):
        keys(files(place))
    with pytest.raises(SourceError, match="data is no directory"):
        files(place).spot(["a"])
    put(place, "a/b")
    scan = os.scandir

    def closed(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(SourceError, match="data/a cannot be read: Permission denied"):
        keys(files(place))


def test_only_what_is_new_or_changed_is_read_again(place, monkeypatch):
    for name in ("a", "b", "c"):
        put(place, name, name)
    first = list(files(place, checksum="md5").batches())
    assert first[0].sums[0] == "0cc175b9c0f1b6a831c399e269772661"
    read: list[str] = []
    real = files_module._checksum

    def noted(path, kind):
        read.append(path.name)
        return real(path, kind)

    monkeypatch.setattr(files_module, "_checksum", noted)
    put(place, "b", "bb")
    put(place, "d", "d")
    second = list(files(place, former=first, checksum="md5").batches())
    assert read == ["b", "d"]
    assert second[0].sums[0] == first[0].sums[0]
    assert second[0].sums[1] != first[0].sums[1]


@pytest.mark.parametrize(
    ("name", "text", "fault", "records"),
    [
        ("a.csv", "date,price\n1,2\n3,4\n", "", 2),
        ("a.csv", "date,prise\n1,2\n", "corrupt:no column price", 0),
        ("a.csv", "date,price\n1,2\n3", "truncated:the last line is not whole", 1),
        ("a.csv", "date,price\n1,2\n3\n", "truncated:the last line is not whole", 1),
        ("a.csv", "", "corrupt:no column date, price", 0),
        ("a.json", '[{"date": 1, "price": 2}, {"date": 1, "price": 2}]', "", 2),
        ("a.json", '{"date": 1, "price": 2}', "", 1),
        ("a.json", '[{"date": 1}]', "corrupt:no price", 1),
        ("a.json", '[{"date": 1, "pr', "truncated:no JSON: input data was truncated", 0),
        ("a.json", "[1, 2]", "corrupt:no date, price", 2),
        ("a.json", "<html>", "corrupt:no JSON: json is malformed: invalid character (byte 0)", 0),
    ],
)
def test_what_is_in_a_file_is_looked_at(place, name, text, fault, records):
    put(place, name, text)
    source = files(place, checks=Checks(columns=["date", "price"]))
    (batch,) = source.batches()
    assert (batch.faults, batch.records) == ([fault], [records])
    spotted = source.spot([name, "gone/x"])
    assert spotted is not None
    assert spotted["gone/x"] is None
    assert (spotted[name] or ())[4:] == (records, fault)


# --- SQL


def database(place, *statements):
    with contextlib.closing(sqlite3.connect(place.root / "a.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def sql(place, query):
    return Sql(SqlSource(database="a.db", query=query), place)


def test_the_rows_of_a_query_come_sorted_as_text_with_the_columns_that_it_names(place):
    database(
        place, "create table t (n, s, at)", "insert into t values (10, 1, 5.5), (9, 2, 6), ('é', 3, 7), ('Z', 4, 8)"
    )
    found = list(ascending(sql(place, "select n as key, s as size, at as time from t;").batches()))
    assert found == [Batch(["10", "9", "Z", "é"], [1, 2, 4, 3], [5.5, 6.0, 8.0, 7.0])]
    assert sql(place, "select 1").spot(["a"]) is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select n as key from nowhere", "no such table: nowhere"),
        ("select n as key, 1 as sise from t", "the query gives sise; allowed: key, size, time, sum, records"),
        ("select n as name from t", "no such column: key|the query gives name"),
        ("select null as key from t", "None is no key"),
        ("select n as key, 'x' as size from t", "a value of the wrong kind"),
        ("delete from t", "syntax error"),
    ],
)
def test_a_query_that_cannot_be_used_fails_the_look(place, query, said):
    database(place, "create table t (n)", "insert into t values ('a')")
    with pytest.raises(SourceError, match=said):
        keys(sql(place, query))


def test_a_database_that_is_not_there_is_not_made(place):
    with pytest.raises(SourceError, match="unable to open database file"):
        keys(sql(place, "select 1 as key"))
    assert not (place.root / "a.db").exists()


def test_the_values_of_a_dimension_are_the_first_column_and_bounded(place):
    database(place, "create table t (n, m)", "insert into t values ('a', 1), ('b', 2)")
    path = str(place.root / "a.db")
    assert first_column(path, "select n, m from t", 2) == ["a", "b"]
    with pytest.raises(SourceError, match="more than 1 values"):
        first_column(path, "select n from t", 1)
    with pytest.raises(SourceError, match="NULL"):
        first_column(path, "select null", 1)
    with pytest.raises(SourceError, match="readonly"):
        first_column(path, "delete from t returning n", 1)


# --- HTTP


@pytest.fixture
def server():
    """A real server; pages: path -> bytes or (status, bytes, promised length)."""
    pages: dict[str, bytes | tuple[int, bytes, int]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.path, (404, b"", 0))
            status, body, promised = page if isinstance(page, tuple) else (200, page, len(page))
            self.send_response(status)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{served.server_address[1]}", pages
    served.shutdown()
    served.server_close()
    thread.join()


def listing(url, **said):
    return Http(HttpSource(url=url, **said))


def test_a_listing_is_read_page_by_page(server):
    url, pages = server
    at = "2024-01-02T00:00:00Z"
    pages["/1"] = json.dumps({"data": {"files": [{"n": "b", "s": 1, "t": at, "c": "x"}]}, "more": "/2"}).encode()
    pages["/2"] = json.dumps({"data": {"files": [{"n": "a", "s": 2, "t": 7, "c": None}]}, "more": None}).encode()
    source = listing(f"{url}/1", items="data.files", key="n", size="s", time="t", sum="c", next="more")
    assert rows(source) == [("b", 1, 1704153600.0, "x"), ("a", 2, 7.0, "")]


def test_a_listing_may_be_bare_names_or_empty(server):
    url, pages = server
    pages["/"] = b'["a", "b"]'
    assert keys(listing(f"{url}/")) == ["a", "b"]
    pages["/"] = b"[]"
    assert keys(listing(f"{url}/")) == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ((500, b"[]", 2), "status 500"),
        ((200, b'["a", "b"', 60), "IncompleteRead|cut off after 9 of 60 bytes"),
        (b'["a", ', "no JSON"),
        (b'{"error": "later"}', "no list at the top"),
        (b'[{"name": "a"}]', "an entry has no field 'key'"),
        (b'[{"key": "a"}, 3]', "an entry has no field 'key'"),
    ],
)
def test_a_listing_that_is_not_whole_fails_the_look(server, page, said):
    url, pages = server
    pages["/"] = page
    with pytest.raises(SourceError, match=said):
        keys(listing(f"{url}/"))


def test_pages_in_a_circle_nobody_there_and_other_schemes_fail_the_look(server, tmp_path):
    url, pages = server
    pages["/"] = b'{"items": [], "next": "/"}'
    with pytest.raises(SourceError, match="go in a circle"):
        keys(listing(f"{url}/", items="items", next="next"))
    with pytest.raises(SourceError, match="refused"):
        keys(listing("http://127.0.0.1:1/"))
    with pytest.raises(SourceError, match="neither http nor https"):
        keys(listing(f"file://{tmp_path}"))


# --- commands and functions


def command(place, code):
    return Command(CommandSource(command=[sys.executable, "-c", code]), place)


def test_the_lines_of_a_program_are_rows(place):
    assert rows(command(place, "print('b\\t3\\t7.5\\tx\\na\\t4\\t8\\ty')")) == [("b", 3, 7.5, "x"), ("a", 4, 8.0, "y")]
    assert keys(command(place, "print('b\\n\\na')")) == ["b", "a"]
    assert keys(command(place, "pass")) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; print('a'); sys.exit('no more')", "ended with code 1: no more"),
        ("print('a\\t1\\nb')", "the line of 'b' has 1 columns, the first one 2"),
        ("print('a\\tx')", "wrong kind"),
        ("print('\\t'.join('abcdef'))", "a line has 6 columns"),
        ("import os, signal; print('a', flush=True); os.kill(os.getpid(), signal.SIGKILL)", "ended with code -9"),
    ],
)
def test_a_program_that_fails_or_says_something_else_fails_the_look(place, code, said):
    with pytest.raises(SourceError, match=said):
        keys(command(place, code))
    with pytest.raises(SourceError, match="cannot be started"):
        keys(Command(CommandSource(command=["no-such-program"]), place))


def test_a_function_of_the_operator_gives_rows_or_keys(place):
    (place.root / "mine_of_test.py").write_text(
        "def listed(what):\n    yield (what, 5)\n    yield ('b', 6)\n"
        "def named():\n    return ['x', 'y']\n"
        "def broken():\n    yield 'a'\n    raise RuntimeError('gone')\n"
        "def uneven():\n    return [('a', 1), ('b',)]\n"
    )

    def plugin(name, **options):
        return Plugin(PluginSource(use=f"mine_of_test:{name}", options=options), place)

    assert rows(plugin("listed", what="a")) == [("a", 5), ("b", 6)]
    assert keys(plugin("named")) == ["x", "y"]
    for name, said in (("broken", "RuntimeError: gone"), ("uneven", "has 1 values"), ("nothing", "AttributeError")):
        with pytest.raises(SourceError, match=said):
            keys(plugin(name))
    sys.path.remove(str(place.root))
    del sys.modules["mine_of_test"]
