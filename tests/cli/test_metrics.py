import csv
import io
import json

import pytest

from actors.cli.metrics_lines import MARKS, PLAIN_MARKS, curve, marks_for, trend_of, width_for
from bus.errors import Refused
from bus.messages import GetMetrics, HistoryRow, ListSeries, MetricsHistory, SeriesList, SeriesRow

NOW = 1_700_000_000.0
SERIES = SeriesList(
    rows=[
        SeriesRow(subject="alpha", scope="node", metrics=["cpu", "cycle_s"]),
        SeriesRow(subject="host", scope="host", metrics=["cpu", "load1", "memory"]),
        SeriesRow(subject="web", scope="workload", metrics=["cpu", "memory", "uptime"], since=NOW - 7200),
        SeriesRow(subject="pair-1", scope="workload", metrics=["memory"]),
        SeriesRow(subject="pair-2", scope="workload", metrics=["memory"]),
        SeriesRow(subject="old", scope="workload", metrics=["memory"], gone=NOW - 60),
    ]
)


def row(means, *, subject="web", metric="memory", step_s=60.0, begin=NOW - 3600, **given):
    times = [begin + number * (step_s or 10.0) for number in range(len(means))]
    values = [float(value) for value in means]
    known = {"lowest": min(values), "mean": sum(values) / len(values), "highest": max(values), "last": values[-1]}
    return HistoryRow(
        subject=subject,
        scope="workload",
        metric=metric,
        step_s=step_s,
        times=times,
        counts=[6] * len(values),
        lows=values,
        means=values,
        highs=values,
        **(known | given),
    )


def answer(command):
    rows = [
        row([1e6, 2e6, 3e6], subject=subject, metric=metric, unit="bytes", trend="degrading", slope_per_s=100.0)
        for subject in command.subjects
        for metric in command.metrics
    ]
    return MetricsHistory(since=NOW - command.since_s, until=NOW, rows=rows)


@pytest.fixture
def node(fake):
    fake.answers(ListSeries, SERIES)
    fake.answers(GetMetrics, answer)
    return fake


def asked(node):
    return [one for one in node.asked if isinstance(one, GetMetrics)]


def test_without_a_name_cpu_and_memory_of_everything_that_is_there(node, gyrostat):
    code, out, err = gyrostat("metrics")
    assert (code, err) == (0, "")
    head, titles, *lines = out.splitlines()
    assert head.startswith("the last 1h, to 2023-11-1")
    assert titles.split() == ["SUBJECT", "CPU", "OVER", "TIME", "LAST", "MEMORY", "OVER", "TIME", "LAST"]
    assert [line.split()[0] for line in lines] == ["alpha", "host", "web", "pair-1", "pair-2"]
    assert "3.0 MB" in lines[0]
    assert {one.since_s for one in asked(node)} == {3600.0}


def test_a_name_gives_all_its_series(node, gyrostat):
    code, out, _ = gyrostat("metrics", "web", "--since", "2h")
    assert code == 0
    assert asked(node)[0].subjects == ["web"]
    assert asked(node)[0].metrics == ["cpu", "memory", "uptime"]
    assert asked(node)[0].since_s == 7200.0
    head, titles, first, *rest = out.splitlines()
    assert head.startswith("the last 2h, ")
    assert titles.split()[0] == "METRIC"
    assert first.split()[0] == "cpu"
    assert first.split()[2:] == ["1.0", "MB", "2.0", "MB", "3.0", "MB", "3.0", "MB", "degrading", "+360", "kB/h"]
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("args", "subjects"),
    [
        (("pair", "memory"), ["pair-1", "pair-2"]),
        (("old",), ["old"]),
        (("host", "load1"), ["host"]),
        (("node", "cycle_s"), ["alpha"]),
    ],
)
def test_a_name_is_that_of_a_workload_of_its_instances_or_what_it_is(node, gyrostat, args, subjects):
    code, out, _ = gyrostat("metrics", *args)
    assert code == 0
    assert asked(node)[0].subjects == subjects
    assert len(out.splitlines()) == 2 + len(subjects)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("wbe",), 'nothing called "wbe" is measured; did you mean "web"?'),
        (("web", "memroy"), 'web has no series "memroy"; did you mean "memory"?'),
        (("web", "--since", "soon"), "is not a duration"),
        (("web", "--since", "0s"), "has to be more than 0s"),
        (("web", "--csv", "--json"), "exclude one another"),
    ],
)
def test_what_cannot_be_meant_is_one_line(node, gyrostat, args, why):
    code, out, err = gyrostat("metrics", *args)
    assert (code, out) == (2, "")
    assert why in err
    assert len(err.splitlines()) == 1


def test_json_and_csv_have_every_point(node, gyrostat):
    found = json.loads(gyrostat("metrics", "web", "memory", "--json")[1])
    assert found["rows"][0]["means"] == [1e6, 2e6, 3e6]
    assert asked(node)[-1].points > 1000
    code, out, _ = gyrostat("metrics", "web", "--csv")
    assert code == 0
    lines = list(csv.DictReader(io.StringIO(out)))
    assert len(lines) == 9
    assert lines[0] == {
        "time": "2023-11-14T21:13:20.000Z",
        "subject": "web",
        "metric": "cpu",
        "seconds": "60",
        "count": "6",
        "min": "1000000.0",
        "mean": "1000000.0",
        "max": "1000000.0",
    }


def test_many_series_are_asked_for_in_several_questions(fake, gyrostat):
    names = [f"w{number}" for number in range(1200)]
    rows = [SeriesRow(subject=name, scope="workload", metrics=["cpu", "memory"]) for name in names]
    fake.answers(ListSeries, SeriesList(rows=rows))
    fake.answers(GetMetrics, answer)
    code, out, _ = gyrostat("metrics")
    assert code == 0
    assert len(out.splitlines()) == 2 + len(names)
    questions = asked(fake)
    assert len(questions) > 1
    assert [name for one in questions for name in one.subjects] == names
    assert all(len(one.subjects) * len(one.metrics) * one.points <= 20_000 for one in questions)


def test_nothing_yet_and_what_is_missing_are_said(fake, gyrostat):
    fake.answers(ListSeries, SERIES)
    fake.answers(GetMetrics, MetricsHistory(since=NOW - 600, until=NOW, rows=[], note="history.db cannot be opened"))
    assert gyrostat("metrics", "web", "--since", "10m")[1].splitlines() == [
        "no readings in the last 10m",
        "what is older is missing: history.db cannot be opened",
    ]
    fake.answers(ListSeries, SeriesList(rows=[]))
    assert gyrostat("metrics")[1] == "nothing was measured yet\n"
    fake.answers(ListSeries, SERIES)
    fake.answers(GetMetrics, Refused("too much"))
    assert gyrostat("metrics")[0] == 1


def drawn(one, width=6, since=NOW - 3600, until=NOW):
    return curve(one, MetricsHistory(since=since, until=until, rows=[one]), width, "0123456789")


def test_a_curve_goes_from_the_lowest_to_the_highest_and_is_blank_where_nothing_was_read():
    assert drawn(row(range(60), step_s=60.0)) == "024689"
    assert drawn(row([5.0] * 60, step_s=60.0)) == "000000"
    assert drawn(row([1.0, 2.0], step_s=600.0, begin=NOW - 1200)) == "    09"
    assert drawn(row([1.0, 9.0], step_s=1800.0)) == "000999", "a point reaches as far as it stands for"
    assert drawn(row([1.0, 2.0, 1.0], step_s=0.0, begin=NOW - 3600)) == "0     "
    assert drawn(row([7.0], step_s=0.0, begin=NOW)) == "     0"


def test_single_readings_are_joined_until_they_are_further_apart_than_usual():
    one = row([1.0, 1.0, 1.0, 9.0], step_s=0.0, begin=0.0)
    one = HistoryRow(
        **{name: getattr(one, name) for name in one.__struct_fields__} | {"times": [0.0, 10.0, 20.0, 90.0]}
    )
    assert drawn(one, 20, 0.0, 100.0) == "000000000         99"


def test_a_terminal_without_blocks_gets_plain_marks():
    assert marks_for("utf-8") == MARKS
    assert marks_for("ascii") == marks_for("latin-1") == marks_for("rubbish") == PLAIN_MARKS
    assert len(MARKS) == len(PLAIN_MARKS)


def test_a_curve_is_as_wide_as_the_terminal_leaves_room(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert width_for(1) == 16
    monkeypatch.setenv("COLUMNS", "125")
    assert width_for(1) == 50
    assert width_for(2) == 25
    monkeypatch.setenv("COLUMNS", "400")
    assert width_for(1) == 60


def test_a_trend_says_how_much_an_hour():
    assert trend_of(row([1.0])) == "-"
    assert trend_of(row([1.0], trend="stable", slope_per_s=0.0)) == "stable"
    assert trend_of(row([1.0], trend="improving", slope_per_s=-1000.0)) == "improving -3.6 MB/h"
