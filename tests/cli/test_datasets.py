"""`gyrostat reconcile plan|run|status|pause|resume|explain`."""

from __future__ import annotations

import json

import pytest

from actors.cli.gap_lines import status_lines
from actors.cli.paint import Paint
from bus.errors import Refused
from bus.messages import (
    DatasetRow,
    DatasetTable,
    ExplainKey,
    KeyStory,
    ListDatasets,
    PauseDatasets,
    ResumeDatasets,
    RunDatasets,
)

CONFIG = """
node: {name: alpha}
tasks:
  fetch: {command: [echo, "${day}"], params: {day: {}}}
datasets:
  prices:
    keys: "{day}/{symbol}.csv"
    over:
      day: {dates: {from: 2024-01-01, to: 2024-01-03}}
      symbol: {values: [aapl, msft]}
    have: {files: {root: prices}}
    checks: {size_min: 3}
    fill: {task: fetch, params: {day: "{day}"}}
    unexpected_after: 0s
"""


def row(**differs):
    said = {
        "name": "prices",
        "state": "gaps",
        "paused": False,
        "looking": False,
        "should": 10_000,
        "have": 9300,
        "counts": {"missing": 700},
        "in_flight": 8,
        "waiting": 2,
        "unfillable": 1,
        "filled": 0,
        "looked_s": 61.0,
        "index": "abc",
        "why": "",
    }
    return DatasetRow(**{**said, **differs})


@pytest.fixture
def prices(tmp_path):
    (tmp_path / "gyrostat.yaml").write_text(CONFIG)
    for name in ("2024-01-01/aapl.csv", "2024-01-02/aapl.csv", "2024-01-03/aapl.csv", "other.csv"):
        path = tmp_path / "prices" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ok\n")
    (tmp_path / "prices/2024-01-02/aapl.csv").write_text("o")
    return tmp_path / "prices"


def test_a_plan_says_what_would_be_done_needs_no_node_and_ends_with_2_when_something_differs(gyrostat, prices):
    code, out, err = gyrostat("reconcile", "plan")
    assert (code, err) == (2, "")
    lines = out.splitlines()
    assert lines[:-1] == [
        "prices: 6 keys expected, 4 there",
        "  + 3 missing: task fetch for each, medium first, 8 at a time",
        "      2024-01-03/msft.csv",
        "      2024-01-02/msft.csv",
        "      2024-01-01/msft.csv",
        "  ~ 1 truncated: task fetch for each, medium first, 8 at a time",
        "      2024-01-02/aapl.csv  1B, less than 3B",
        "  ? 1 unexpected: told only",
        "      other.csv",
    ]
    assert lines[-1].startswith("  index ")
    assert not (prices.parent / "var").exists()


def test_a_plan_without_anything_to_do_ends_with_0(gyrostat, prices):
    for day in (1, 2, 3):
        for symbol in ("aapl", "msft"):
            (prices / f"2024-01-0{day}/{symbol}.csv").write_text("ok\n")
    (prices / "other.csv").unlink()
    assert gyrostat("reconcile", "plan", "prices") == (0, "prices: 6 keys expected, 6 there\n  nothing differs\n", "")


def test_a_plan_of_a_source_that_cannot_be_read_ends_with_1_and_says_why(gyrostat, prices):
    prices.rename(prices.with_name("gone"))
    code, out, err = gyrostat("reconcile", "plan", "--json")
    assert (code, json.loads(out)) == (1, [])
    assert err == f"gyrostat: prices cannot be looked at: {prices} is no directory\n"


def test_a_plan_as_json_has_every_gap(gyrostat, prices):
    (found,) = json.loads(gyrostat("reconcile", "plan", "--json")[1])
    assert found["counts"] == {"missing": 3, "corrupt": 0, "truncated": 1, "stale": 0, "unexpected": 1}
    assert len(found["gaps"]) == 5


def test_names_that_are_none_are_told(gyrostat, prices, tmp_path):
    code, _, err = gyrostat("reconcile", "plan", "prises")
    assert code != 0
    assert 'did you mean "prices"?' in err
    (tmp_path / "gyrostat.yaml").write_text("node: {name: alpha}\n")
    code, _, err = gyrostat("reconcile", "plan")
    assert code == 2
    assert "the config declares no data sets" in err


def test_a_run_is_asked_for_as_it_was_planned(fake, gyrostat):
    fake.answers(RunDatasets, DatasetTable(datasets=[row()]))
    code, out, _ = gyrostat("reconcile", "run", "prices", "--plan", "abc", "--again")
    assert code == 0
    assert out.splitlines()[-1] == "1 data set looked at, 700 gaps; follow with: gyrostat reconcile status"
    assert fake.asked[-1] == RunDatasets(names=["prices"], index="abc", again=True)
    assert gyrostat("reconcile", "run", "--plan", "abc")[0] == 2
    fake.answers(RunDatasets, Refused("prices is not as it was planned: its index is x, not abc"))
    code, _, err = gyrostat("reconcile", "run", "prices", "--plan", "abc")
    assert (code, err) == (1, "gyrostat: prices is not as it was planned: its index is x, not abc\n")


@pytest.mark.parametrize(
    ("word", "kind"), [("status", ListDatasets), ("pause", PauseDatasets), ("resume", ResumeDatasets)]
)
def test_data_sets_are_shown_as_a_table(fake, gyrostat, word, kind):
    fake.answers(kind, DatasetTable(datasets=[row(paused=word == "pause")]))
    code, out, _ = gyrostat("reconcile", word, "prices")
    assert code == 0
    state = "gaps (paused)" if word == "pause" else "gaps"
    shown = ["prices", state, "9,300/10,000", "700 missing", "8 in flight, 2 later", "1", "1m 1s ago"]
    assert out.splitlines()[1].split("  ")[0] == "prices"
    assert [cell.strip() for cell in out.splitlines()[1].split("  ") if cell.strip()] == shown
    assert fake.asked[-1] == kind(names=["prices"])
    assert json.loads(gyrostat("reconcile", word, "--json")[1])["datasets"][0]["have"] == 9300


def test_no_data_sets_are_said(fake, gyrostat):
    fake.answers(ListDatasets, DatasetTable(datasets=[]))
    assert gyrostat("reconcile", "status")[1] == "the config declares no data sets\n"
    assert "never" in status_lines([row(looked_s=None)], Paint())[1]


def test_a_key_is_explained(fake, gyrostat):
    fake.answers(
        ExplainKey, KeyStory(dataset="prices", key="a", lines=["missing; priority medium", "task 3 is to fill it"])
    )
    out = gyrostat("reconcile", "explain", "a", "--dataset", "prices")[1]
    assert out == "prices: a\n  missing; priority medium\n  task 3 is to fill it\n"
    assert fake.asked[-1] == ExplainKey(key="a", dataset="prices")


@pytest.mark.parametrize("word", ["plan", "run", "status", "pause", "resume", "explain"])
def test_every_word_has_help_with_examples(gyrostat, word):
    code, out, _ = gyrostat("reconcile", word, "--help")
    assert code == 0
    assert f"gyrostat reconcile {word}" in out
    assert "Examples:" in out
