import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.reconciler.rollout import chains, next_restarts, settled
from tests.reconciler.conftest import make_workload


def house_of(workload, **needs):
    return {name: workload(name, depends_on=dict.fromkeys(on, "ready")) for name, on in needs.items()}


def test_chains_are_what_is_tied_together_in_either_direction(workload):
    desired = house_of(workload, web=["db"], alone=[], db=[], worker=["db"])
    assert chains(desired) == [["db", "web", "worker"], ["alone"]]


def test_one_of_each_chain_is_restarted_dependencies_first(workload):
    desired = house_of(workload, web=["db"], db=[], alone=[])
    outdated = {"web": 0, "db": 0, "alone": 0}
    assert next_restarts(desired, outdated, []) == ["db", "alone"]
    assert next_restarts(desired, outdated, ["db"]) == ["alone"]
    assert next_restarts(desired, {"web": 0}, ["alone"]) == ["web"]
    assert next_restarts(desired, {}, []) == []


def test_one_that_failed_lets_the_others_of_its_chain_go_first(workload):
    desired = house_of(workload, web=["db"], db=[])
    assert next_restarts(desired, {"db": 1, "web": 0}, []) == ["web"]
    assert next_restarts(desired, {"db": 1, "web": 1}, []) == ["db"]


def test_a_circle_or_a_need_that_is_not_there_is_survived(workload):
    desired = house_of(workload, a=["b"], b=["a"], c=["gone"])
    assert chains(desired) == [["a", "b"], ["c"]]


TIES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)))


@given(st.tuples(st.integers(1, 8), TIES))
def test_every_workload_is_in_one_chain_after_what_it_needs_and_a_rollout_reaches_all(drawn):
    count, ties = drawn
    needs = {n: [m for m in range(n) if (n, m) in ties] for n in range(count)}
    desired = {
        f"w{n}": make_workload(f"w{n}", depends_on=dict.fromkeys([f"w{m}" for m in needs[n]], "ready"))
        for n in sorted(range(count), key=lambda n: (n * 5) % 8)
    }
    found = chains(desired)
    assert sorted(name for chain in found for name in chain) == sorted(desired)
    for chain in found:
        for name in chain:
            assert all(chain.index(need) < chain.index(name) for need in desired[name].spec.depends_on)
    outdated = dict.fromkeys(desired, 0)
    for _ in range(count):
        for name in next_restarts(desired, outdated, []):
            del outdated[name]
    assert not outdated


@pytest.mark.parametrize(
    ("differs", "waited_s", "expected"),
    [
        ({"revision": "new"}, 1.0, True),
        ({"revision": "old"}, 1.0, False),
        ({"revision": "new", "state": "running"}, 1.0, False),
        ({"revision": "new", "state": "running"}, 30.0, True),
        ({"revision": None, "state": "crash_loop"}, 29.9, False),
    ],
)
def test_a_restart_is_over_when_the_new_revision_is_ready_or_its_time_is(differs, waited_s, expected, workload, row):
    assert settled(row(workload("web"), **differs), "new", waited_s, 30.0) is expected


def test_the_restart_of_what_is_gone_is_over():
    assert settled(None, "new", 0.0, 30.0)
