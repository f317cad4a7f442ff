import msgspec
import pytest

from actors.healer.issues import Cause, next_id
from actors.healer.store import Store
from tests.healer.test_issues import issue


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "healer.db")
    yield opened
    opened.close()


def save(store, *issues):
    with store.transaction():
        for each in issues:
            store.save(each)


FULL = issue(
    "memory",
    cause=Cause(metric="memory", limit=5.0, direction="below", held_s=2.0),
    state="escalated",
    severity="critical",
    count=9,
    evidence=("a", "b"),
    step=1,
    attempts=3,
    rounds=2,
    told=True,
    tried=("restart", "hook:x"),
    retry_at=7.5,
)


def test_an_issue_is_read_back_as_it_was_written(store, tmp_path):
    save(store, FULL)
    store.close()
    again = Store(tmp_path / "healer.db")
    assert again.open_issues() == [FULL]
    assert again.last_id() == "i1"
    again.close()


def test_a_later_form_takes_the_place_of_the_former(store):
    later = msgspec.structs.replace(FULL, state="resolved", evidence=("c",), time_to_repair_s=1.5)
    save(store, FULL, later)
    assert store.newest(-1) == [later]
    assert store.open_issues() == []


def test_what_was_not_committed_together_is_not_there(store):
    def half() -> None:
        with store.transaction():
            store.save(FULL)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert store.open_issues() == []
    save(store, FULL)
    assert store.open_issues() == [FULL]


def test_history_and_attempts_are_kept_in_order(store):
    with store.transaction():
        store.save(FULL)
        store.note("i1", 1.0, [("raised", "a"), ("remedy", "restart")])
        store.begin_attempt(FULL, "restart", 1.0)
        store.note("i1", 2.0, [("failed", "b")])
        store.end_attempt("i1", 3, "failed", 2.0)
    assert [(row.time, row.step) for row in store.history("i1")] == [(1.0, "raised"), (1.0, "remedy"), (2.0, "failed")]
    (attempt,) = store.attempts_since(0.0)
    assert (attempt.remedy, attempt.outcome, attempt.started_at, attempt.ended_at) == ("restart", "failed", 1.0, 2.0)
    assert store.attempts_since(1.5) == []


def test_issues_are_found_by_the_beginning_of_their_id(store):
    ids = ["iab1", "iab2", "ib%", "ic_"]
    save(store, *(issue(issue=each) for each in ids))
    assert [each.issue for each in store.beginning_with("iab")] == ["iab2", "iab1"]
    assert [each.issue for each in store.beginning_with("ib%")] == ["ib%"]
    assert store.beginning_with("i%") == []
    assert [each.issue for each in store.newest(2)] == ["ic_", "ib%"]


def test_old_resolved_issues_go_with_all_that_belongs_to_them_and_open_ones_stay(store):
    with store.transaction():
        for name, state, seen in (("i1", "resolved", 10.0), ("i2", "resolved", 99.0), ("i3", "open", 10.0)):
            old = issue(issue=name, state=state, last_seen=seen)
            store.save(old)
            store.note(name, seen, [("raised", "x")])
            store.begin_attempt(old, "restart", seen)
        assert store.forget(50.0) == 1
    assert [each.issue for each in store.newest(-1)] == ["i3", "i2"]
    assert store.history("i1") == []
    assert len(store.attempts_since(0.0)) == 2


def test_ids_go_on_after_those_in_the_store(store):
    save(store, issue(issue=next_id("", 2_000_000_000.0)))
    assert next_id(store.last_id(), 1.0) > store.last_id()
