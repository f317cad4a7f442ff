import sqlite3

import pytest
from msgspec.structs import replace

from actors.goal_planner import store as store_file
from actors.goal_planner.goals import Goal
from actors.goal_planner.store import GoalStore


@pytest.fixture
def store(tmp_path):
    opened = GoalStore(tmp_path / "goals.db")
    yield opened
    opened.close()


def goal(metric="availability", subject="web"):
    return Goal(
        number=0,
        subject=subject,
        goal_kind="reliability",
        priority=3,
        state="pending",
        metric=metric,
        direction="at_least",
        target=99.0,
        baseline=80.0,
        window_s=60.0,
        set_at=1.0,
        why="measured",
    )


def test_a_goal_comes_back_as_it_was_kept(store, tmp_path):
    kept = store.add(goal())
    assert kept.name == "goal-1"
    store.close()
    again = GoalStore(tmp_path / "goals.db")
    assert again.open() == [kept]
    again.close()


def test_one_goal_is_open_per_subject_and_metric_and_the_refusal_leaves_nothing(store):
    first = store.add(goal())
    with pytest.raises(sqlite3.IntegrityError):
        store.add(goal())
    store.add(goal("latency"))
    store.add(goal(subject="db"))
    store.update(replace(first, state="failed"), is_open=False)
    assert store.add(goal()).number > first.number
    assert [one.state for one in store.ended()] == ["failed"]


def test_numbers_are_never_used_again(store, monkeypatch):
    monkeypatch.setattr(store_file, "ENDED_KEPT", 2)
    for _ in range(5):
        store.update(replace(store.add(goal()), state="cancelled"), is_open=False)
    assert [one.number for one in store.ended()] == [5, 4]
    assert store.add(goal()).number == 6
