"""Data sets in the config: what does not fit is told with its line, and dates are what people mean by them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.executor.settings import ExecutorSettings
from actors.reconciler.settings import ReconcilerSettings
from actors.settings import ConfigError, Seconds, check_machine, load
from actors.settings.dates import Step, date_range
from actors.settings.patterns import Hole, parse_pattern

GOOD = """
tasks:
  fetch: {command: [echo, "${day}"], params: {day: {}}}
datasets:
  prices:
    keys: "{day}/{symbol}.csv"
    over:
      day: {dates: {from: 2024-01-01, to: 2024-01-31}}
      symbol: {values: [aapl, 7]}
    have: {files: {root: prices}}
    fill: {task: fetch, params: {day: "{day:%Y%m%d}"}}
"""


def read(tmp_path, text):
    (tmp_path / "gyrostat.yaml").write_text(text)
    return load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={})


def faults(tmp_path, text):
    try:
        settings = read(tmp_path, text)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return [str(fault) for fault in check_machine(settings)]


def test_a_data_set_is_read_with_numbers_as_they_were_written(tmp_path):
    one = read(tmp_path, GOOD).datasets["prices"]
    assert one.over["symbol"].values == ["aapl", "7"]
    assert one.have.kind == "files"
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "{day}/{symbol}",
            "{day}/{symbl}",
            '6: datasets.prices.keys: nothing says what "{symbl}" is; did you mean "symbol"?',
        ),
        ("{day}/{symbol}", "{day}", "9: datasets.prices.over.symbol: is in no hole of keys; allowed: day"),
        ("{day}/{symbol}", "{day}/{symbol:%Y}", '6: datasets.prices.keys: "{symbol:%Y}" has the form of a date'),
        (
            "{day}/{symbol}",
            "{day:Y}/{symbol}",
            '6: datasets.prices.keys: "Y" says nothing of a date; allowed: %Y-%m-%d',
        ),
        (
            "{day}/{symbol}",
            "{day}/{symbol",
            "6: datasets.prices.keys: \"{day}/{symbol.csv\": expected '}' before end of",
        ),
        ("{day}/{symbol}", "{day}/{symbol!r}", '"{symbol}" names nothing'),
        (
            "from: 2024-01-01",
            "from: tomorow",
            '8: datasets.prices.over.day.dates.from: "tomorow" is no date; allowed: 2024-01-31,',
        ),
        ("from: 2024-01-01, ", "", "exactly one of from and last is needed"),
        ("values: [aapl, 7]", "values: []", "9: datasets.prices.over.symbol.values: is empty"),
        ("values: [aapl, 7]", "sql: select 1", "sql and database belong together"),
        (
            "values: [aapl, 7]",
            "dataset: prises",
            '9: datasets.prices.over.symbol.dataset: no data set "prises"; allowed: no other',
        ),
        ("values: [aapl, 7]", "dataset: prices", "a data set cannot be made of itself"),
        ("task: fetch", "task: fetsh", '11: datasets.prices.fill.task: no task "fetsh"; did you mean "fetch"?'),
        (
            '{day: "',
            '{date: "',
            '11: datasets.prices.fill.params.date: the task fetch has no parameter "date"; allowed: day',
        ),
        (
            "{day:%Y%m%d}",
            "{week}",
            '11: datasets.prices.fill.params.day: "{week}" is no hole of keys; allowed: day, symbol, key',
        ),
        ("{day:%Y%m%d}", "{day", "11: datasets.prices.fill.params.day: "),
        ("task: fetch,", "task: fetch, kinds: [unexpected],", '"unexpected" cannot be filled'),
        (
            "files: {root: prices}",
            "files: {root: prices}, sql: {database: a, query: b}",
            "exactly one of files, sql, http,",
        ),
        ("from: 2024-01-01, to: 2024-01-31", "from: 1900-01-01, step: minute", "keys (6"),
        ("    have:", "    like: prices\n    have:", "exactly one of keys and like is needed"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line_and_a_remedy(tmp_path, before, after, said):
    assert before in GOOD
    found = faults(tmp_path, GOOD.replace(before, after, 1))
    assert any(said in fault for fault in found), found


def test_a_billion_keys_are_refused_in_the_config(tmp_path):
    text = GOOD.replace("from: 2024-01-01, to: 2024-01-31", "from: 1900-01-01, to: 2023-12-31, step: minute")
    text = text.replace("[aapl, 7]", "[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]")
    (fault,) = faults(tmp_path, text)
    said = "keys: stands for 1,043,481,600 keys (65,217,600 day x 16 symbol); allowed: at most keys_max, 20,000,000"
    assert fault.endswith(f"gyrostat.yaml:6: datasets.prices.{said}")


def test_a_zone_that_this_machine_does_not_know_is_told(tmp_path):
    text = GOOD.replace("to: 2024-01-31", "to: 2024-01-31, timezone: Europe/Berlim")
    text += '    windows: [{opens: "0 3 * * *", lasts: 1h, timezone: Mars}]\n    cron: "@daily"\n    timezone: Moon\n'
    said = [fault.partition("datasets.prices.")[2] for fault in faults(tmp_path, text)]
    assert [each.partition(";")[0] for each in said] == [
        'over.day.dates.timezone: no time zone "Europe/Berlim" on this machine',
        'windows[0].timezone: no time zone "Mars" on this machine',
        'timezone: no time zone "Moon" on this machine',
    ]


def test_data_sets_in_a_circle_are_told(tmp_path):
    text = "datasets:\n" + "".join(
        f"  {name}: {{like: {other}, have: {{files: {{root: x}}}}}}\n" for name, other in ("ab", "bc", "ca")
    )
    assert all("is made of itself, through other data sets" in fault for fault in faults(tmp_path, text))
    assert len(faults(tmp_path, text)) == 3


def test_a_task_with_a_fault_of_its_own_is_no_fault_of_what_names_it(tmp_path):
    found = faults(tmp_path, GOOD.replace("command: [echo", "comand: [echo"))
    assert not any("no task" in fault for fault in found)


def test_patterns_have_braces_and_forms():
    assert parse_pattern("a{{b}}/{d:%H:%M}-{x}") == ["a{", "b}", "/", Hole("d", "%H:%M"), "-", Hole("x")]


# --- dates

NOW = datetime(2024, 3, 10, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bounds", "step", "first", "last", "count"),
    [
        (("2024-01-01", "yesterday"), "day", "2024-01-01", "2024-03-09", 69),
        (("2024-01-01", "today"), "day", "2024-01-01", "2024-03-10", 70),
        (("2024-03-09", "2024-03-09"), "hour", "2024-03-09", "2024-03-09T23:00", 24),
        (("today", "today"), "hour", "2024-03-10", "2024-03-10T12:00", 13),
        (("2024-03-10T12:00", "2024-03-10T12:05"), "minute", "2024-03-10T12:00", "2024-03-10T12:05", 6),
        (("2023-11-15", "2024-02-01"), "month", "2023-11-01", "2024-02-01", 4),
        (("2020", "today"), "year", None, None, 0),
        (("2020-06-01", "today"), "year", "2020-01-01", "2024-01-01", 5),
        (("2024-02-26", "today"), "week", "2024-02-26", "2024-03-04", 2),
        (("2024-03-09", "2099-01-01"), "day", "2024-03-09", "2024-03-10", 2),
        (("2024-03-11", "today"), "day", None, None, 0),
        ((Seconds(3 * 86_400), "today"), "day", "2024-03-08", "2024-03-10", 3),
        ((Seconds(90 * 86_400), "today"), "month", "2024-01-01", "2024-03-01", 3),
    ],
)
def test_a_range_of_dates_is_what_people_mean_by_it(bounds, step, first, last, count):
    if bounds[0] == "2020":
        with pytest.raises(ValueError, match='"2020" is no date'):
            date_range(bounds, step, NOW)
        return
    found = list(date_range(bounds, step, NOW))
    assert len(found) == count
    if count:
        assert (found[0], found[-1]) == (datetime.fromisoformat(first), datetime.fromisoformat(last))


def test_a_date_is_expected_once_its_data_may_be_there():
    assert list(date_range(("2024-03-10", "today"), "hour", NOW, 3600.0))[-1].hour == 11


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["day", "week", "month", "year"]),
)
def test_the_count_is_that_of_the_dates_and_none_has_yet_to_come(first: datetime, now: datetime, step: Step):
    found = date_range((first.isoformat(), "today"), step, now.replace(tzinfo=UTC))
    listed = list(found)
    assert len(listed) == found.count
    assert listed == sorted(set(listed))
    assert all(date <= now for date in listed)


def test_a_lease_in_another_database_than_the_queue_is_told(tmp_path):
    def said(reconciler, executor):
        (tmp_path / "gyrostat.yaml").write_text(
            f"actors:\n  reconciler: {{{reconciler}}}\n  executor: {{{executor}}}\n"
        )
        kinds: dict[str, type[msgspec.Struct]] = {"reconciler": ReconcilerSettings, "executor": ExecutorSettings}
        try:
            load(tmp_path / "gyrostat.yaml", actor_types=kinds, resolve=None, environ={})
        except ConfigError as error:
            return [str(fault).partition("gyrostat.yaml:")[2] for fault in error.faults]
        return []

    queue = "database: postgresql://me@host/queue"
    assert said("leader: postgresql://me@host/queue", queue) == []
    assert said("leader: lead.lock", queue) == said("leader: lead.lock", "workers: 1") == []
    for executor in (queue, "workers: 1"):
        (fault,) = said("leader: postgresql://me@other/queue", executor)
        assert fault == (
            "2: actors.reconciler.leader: is not the database of the queue, which has to refuse what a node adds that"
            " leads no more; allowed: the same as actors.executor.database"
        )
