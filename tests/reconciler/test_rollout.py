import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.reconciler.rollout import chains, kept_back, next_restarts, served, settled
from actors.settings import Seconds, revision
from actors.settings.instances import RollPolicy
from tests.reconciler.conftest import make_row, make_workload


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
    assert settled(row(workload("web"), **differs), {"new"}, waited_s, 30.0) is expected


def test_the_restart_of_what_is_gone_is_over():
    assert settled(None, {"new"}, 0.0, 30.0)


def instances(**roll):
    made = [make_workload(f"web-{number}", roll=RollPolicy(**roll)) for number in (1, 2, 3)]
    return [replace(one, config_name="web", instance=number) for number, one in enumerate(made, 1)]


def test_instances_of_one_workload_are_restarted_in_turn():
    wanted = {one.name: one for one in instances()}
    outdated = dict.fromkeys(wanted, 0)
    assert next_restarts(wanted, outdated, ()) == ["web-1"]
    assert next_restarts(wanted, outdated, ("web-2",)) == []


@pytest.mark.parametrize(
    ("keep", "ready", "kept"),
    [
        (None, ("web-1", "web-2", "web-3"), set()),
        (None, ("web-1", "web-2"), {"web-1", "web-2"}),
        (1, ("web-1", "web-2"), set()),
        (1, ("web-2",), {"web-2"}),
        (0, ("web-2",), set()),
        (9, ("web-1", "web-2", "web-3"), set()),
    ],
)
def test_an_instance_is_kept_while_too_few_others_are_ready(keep, ready, kept):
    wanted = {one.name: one for one in instances(keep_ready=keep)}
    assert kept_back(wanted, ready) == kept


def test_an_instance_counts_once_it_has_settled_and_later_when_it_ended_before():
    one = instances(settle=Seconds(2))[0]
    assert not served(make_row(one, uptime_s=1.9), one)
    assert served(make_row(one, uptime_s=2.0), one)
    assert not served(make_row(one, uptime_s=4.9, quick_exits=1), one)
    assert served(make_row(one, uptime_s=5.0, quick_exits=1), one)
    assert not served(make_row(one, state="running"), one)
    plain = make_workload("db")
    assert served(make_row(plain, uptime_s=0.0), plain)


def test_a_restart_is_over_when_the_new_one_has_settled():
    one = instances()[0]
    new = revision(one.spec)
    assert not settled(make_row(one, uptime_s=1.0), {new}, 1.0, 30.0, 2.0)
    assert settled(make_row(one, uptime_s=2.0), {new}, 1.0, 30.0, 2.0)
