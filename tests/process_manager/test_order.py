import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.order import Standing, start_order, stoppable, unmet, with_dependencies

STATES = [
    "stopped", "waiting", "starting", "running", "ready", "unhealthy", "stopping", "backing_off", "exited",
    "crash_loop",
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_ready_is_met_by_a_ready_workload_only(state):
    assert (unmet({"db": "ready"}, {"db": Standing(state, done=True)}) == []) is (state == "ready")


@pytest.mark.parametrize("state", STATES)
def test_started_is_met_by_one_that_is_up(state):
    met = unmet({"db": "started"}, {"db": Standing(state)}) == []
    assert met is (state in {"starting", "running", "ready", "unhealthy"})


def test_started_is_met_by_one_that_did_its_work():
    assert unmet({"migrate": "started"}, {"migrate": Standing("exited", done=True)}) == []
    assert unmet({"migrate": "started"}, {"migrate": Standing("exited")}) == ["migrate (exited, not started)"]


def test_what_is_missing_reads_well():
    standings = {"db": Standing("crash_loop"), "mq": Standing("stopped", held=True)}
    assert unmet({"db": "ready", "mq": "started", "x": "ready"}, standings) == [
        "db (crash loop, not ready)",
        "mq (held, not started)",
        "x, which is not in the config",
    ]


def test_dependencies_are_started_first_and_else_the_order_is_kept():
    needs = {"web": ["app"], "app": ["db", "mq"], "cron": [], "db": [], "mq": []}
    assert start_order(needs) == ["cron", "db", "mq", "app", "web"]


def test_a_circle_is_placed_last_and_loses_nobody():
    assert start_order({"a": ["b"], "b": ["a"], "c": []}) == ["c", "a", "b"]


def test_all_dependencies_of_one_are_named_nearest_last():
    needs = {"web": ["app"], "app": ["db"], "db": [], "other": ["db"]}
    assert with_dependencies("web", needs) == ["db", "app"]
    assert with_dependencies("db", needs) == []
    assert with_dependencies("a", {"a": ["b", "gone"], "b": ["a"]}) == ["b"]


def test_what_nothing_that_is_up_depends_on_may_be_stopped_last_first():
    needs = {"db": [], "app": ["db"], "web": ["app"], "cron": ["db"]}
    assert stoppable(["db", "app", "web", "cron"], needs) == ["cron", "web"]
    assert stoppable(["db", "app"], needs) == ["app"]
    assert stoppable(["db"], needs) == ["db"]
    assert stoppable([], needs) == []


def test_a_circle_is_stopped_together():
    assert set(stoppable(["a", "b"], {"a": ["b"], "b": ["a"]})) == {"a", "b"}


names = st.sampled_from("abcdefgh")
graphs = st.dictionaries(names, st.lists(names, max_size=4))


@given(graphs)
def test_every_name_is_started_once_and_after_what_it_needs(needs):
    order = start_order(needs)
    assert sorted(order) == sorted(needs)
    reaches = {name: {one for one in needs[name] if one in needs} for name in needs}
    for _ in needs:
        reaches = {name: found.union(*(reaches[one] for one in found)) for name, found in reaches.items()}
    for name in order:
        if not any(one in reaches[one] for one in {name, *reaches[name]}):
            assert all(order.index(one) < order.index(name) for one in needs[name] if one in needs)


@given(graphs)
def test_stopping_round_after_round_ends_with_all_down(needs):
    up = list(needs)
    while up:
        batch = stoppable(up, needs)
        assert batch
        up = [name for name in up if name not in batch]
