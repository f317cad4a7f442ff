from typing import get_args

import pytest

from actors.reconciler.diff import UNDER_WAY, UP, compare
from actors.settings import Threshold, revision
from bus.messages import ProcessState

STATES = get_args(ProcessState)


def kinds(found):
    return [(one.subject, one.kind, one.settling) for one in found]


def test_what_runs_as_it_should_is_no_difference(workload, row):
    web = workload("web")
    assert compare({"web": web}, [row(web)]) == []


@pytest.mark.parametrize("state", STATES)
def test_only_a_stopped_workload_has_vanished(state, workload, row):
    web = workload("web")
    found = kinds(compare({"web": web}, [row(web, state=state, pid=None)]))
    expected = {"stopped": [("web", "vanished", False)]} | {each: [("web", "vanished", True)] for each in UNDER_WAY}
    assert found == expected.get(state, [])


@pytest.mark.parametrize("state", STATES)
def test_what_a_person_holds_is_no_difference_in_any_state(state, workload, row):
    web = workload("web")
    assert compare({"web": web}, [row(web, state=state, held=True, revision="old", by_hand=[7])]) == []


@pytest.mark.parametrize("state", STATES)
def test_what_is_not_started_with_the_node_may_be_down(state, workload, row):
    web = workload("web", autostart=False)
    assert compare({"web": web}, [row(web, state=state)]) == []


def test_a_workload_that_the_process_manager_does_not_know_has_vanished(workload):
    assert kinds(compare({"web": workload("web")}, [])) == [("web", "vanished", False)]
    assert compare({"web": workload("web", autostart=False)}, []) == []


@pytest.mark.parametrize("state", STATES)
def test_an_old_revision_counts_while_it_is_up_and_settles_while_it_is_on_its_way(state, workload, row):
    web = workload("web")
    found = [one for one in compare({"web": web}, [row(web, state=state, revision="old")]) if one.kind != "vanished"]
    if state in UP:
        assert kinds(found) == [("web", "wrong_revision", False)]
    elif state in UNDER_WAY:
        assert kinds(found) == [("web", "wrong_revision", True)]
    else:
        assert found == []


def test_an_old_revision_that_is_kept_to_is_told_as_that(workload, row):
    web = workload("web")
    (one,) = compare({"web": web}, [row(web, state="ready", revision="old", refused=revision(web.spec))])
    assert one.kept
    assert one.observed == "ready with its former revision old, as the new one did not get ready"
    (other,) = compare({"web": web}, [row(web, state="ready", revision="old", refused="another")])
    assert not other.kept


def test_a_process_without_a_revision_is_not_of_an_old_one(workload, row):
    web = workload("web")
    assert compare({"web": web}, [row(web, state="starting", revision=None)]) == []


def test_a_changed_threshold_or_probe_is_no_other_revision(workload, row):
    old, new = workload("web"), workload("web", thresholds={"cpu": Threshold(above=80.0)})
    assert compare({"web": new}, [row(old)]) == []


@pytest.mark.parametrize("state", STATES)
def test_what_the_config_no_longer_names_is_undeclared_while_there_is_something_of_it(state, workload, row):
    found = kinds(compare({}, [row(workload("web"), state=state, declared=False)]))
    if state in UP or state in {"waiting", "backing_off"}:
        assert found == [("web", "undeclared", False)]
    elif state == "stopping":
        assert found == [("web", "undeclared", True)]
    else:
        assert found == []


def test_a_declared_row_that_is_not_desired_here_is_left_to_the_next_config(workload, row):
    assert compare({}, [row(workload("web"))]) == []


@pytest.mark.parametrize(("state", "expected"), [("ready", []), ("stopped", [("web", "vanished", False)])])
def test_a_workload_named_again_waits_until_the_process_manager_has_the_config(state, expected, workload, row):
    web = workload("web")
    assert kinds(compare({"web": web}, [row(web, declared=False, state=state)])) == expected


@pytest.mark.parametrize("state", STATES)
def test_a_left_over_process_counts_in_every_state_also_when_held_or_undeclared(state, workload, row):
    web = workload("web")
    for differs in ({}, {"held": True}):
        found = compare({"web": web}, [row(web, state=state, strays=[9, 8], **differs)])
        assert [one.pids for one in found if one.kind == "stray"] == [(8, 9)]
    assert "stray" in [one.kind for one in compare({}, [row(web, state=state, strays=[9], declared=False)])]


def test_a_hand_started_copy_counts_beside_what_is_wanted_only(workload, row):
    web, once = workload("web"), workload("once", autostart=False)
    found = compare({"web": web, "once": once}, [row(web, by_hand=[5]), row(once, by_hand=[6], wanted=False)])
    assert [(one.subject, one.kind, one.pids) for one in found] == [("web", "by_hand", (5,))]
    assert [one.subject for one in compare({"once": once}, [row(once, by_hand=[6], wanted=True)])] == ["once"]


def test_differences_come_in_config_order_then_what_is_not_in_it(workload, row):
    a, b, old = workload("a"), workload("b"), workload("old")
    rows = [row(old, declared=False), row(b, state="stopped"), row(a, state="stopped")]
    assert [one.subject for one in compare({"a": a, "b": b}, rows)] == ["a", "b", "old"]
