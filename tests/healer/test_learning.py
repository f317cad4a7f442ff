import random

from hypothesis import given
from hypothesis import strategies as st

from actors.healer.learning import PASSIVE, End, Tally, arranged, belief, leader, together

ENDS = ("verified", "returned", "failed")


def tally(*ends, at=0.0):
    made = Tally()
    for number, end in enumerate(ends):
        made = made.plus(end, at + number, 1.0)
    return made


def first_of(plan, own, like=None, seed=0):
    return arranged(plan, own, like or {}, random.Random(seed))[0]


def test_with_no_outcomes_a_plan_stays_as_it_is():
    assert arranged(("a", "b", "a"), {}, {}, random.Random(0)) == ("a", "b", "a")
    assert arranged(("a", "b"), {"c": tally("verified")}, {"c": tally("failed")}, random.Random(0)) == ("a", "b")


def test_what_worked_the_last_time_is_first():
    own = {"a": tally("failed"), "b": tally("verified", at=5.0)}
    assert all(first_of(("a", "b"), own, seed=seed) == "b" for seed in range(200))


def test_of_two_remedies_the_one_that_works_is_first_at_the_second_fault():
    for seed in range(200):
        chance, firsts = random.Random(seed), []
        own: dict[str, Tally] = {}
        for fault in range(6):
            for turn, name in enumerate(arranged(("useless", "good"), own, {}, chance)):
                firsts += [name] * (turn == 0)
                end: End = "verified" if name == "good" else "failed"
                own[name] = own.get(name, Tally()).plus(end, fault + turn / 10)
                if end == "verified":
                    break
        assert firsts == ["useless", *["good"] * 5]


def test_the_more_reliable_of_two_is_first_most_of_the_time_after_some_faults():
    works = {"a": 0.3, "b": 0.9}
    right = 0
    for seed in range(300):
        chance = random.Random(seed)
        own: dict[str, Tally] = {}
        for fault in range(12):
            for turn, name in enumerate(arranged(("a", "b"), own, {}, chance)):
                helped = chance.random() < works[name]
                own[name] = own.get(name, Tally()).plus("verified" if helped else "failed", fault + turn / 10)
                if helped:
                    break
        right += arranged(("a", "b"), own, {}, chance)[0] == "b"
    assert right > 240


def test_what_helped_and_did_not_last_is_not_first_for_it():
    own = {"b": tally("verified").relapsed(9.0)}
    assert leader(own) == ""
    firsts = [first_of(("a", "b"), own, seed=seed) for seed in range(400)]
    assert firsts.count("a") > 280


def test_failures_elsewhere_shift_a_plan_and_successes_elsewhere_alone_do_not():
    assert first_of(("a", "b"), {}, {"a": tally("failed", "failed")}) == "b"
    assert first_of(("a", "b", "c"), {}, {"c": tally(*["verified"] * 50)}) == "a"


def test_what_only_waits_stays_behind_what_was_not_tried_and_is_never_the_leader():
    own = {"await_restart": tally("verified", "verified")}
    assert arranged(("clear_lock", "await_restart"), own, {}, random.Random(0)) == ("clear_lock", "await_restart")
    failed = {"clear_lock": tally("failed")}
    assert arranged(("clear_lock", "await_restart"), failed, {}, random.Random(0)) == ("await_restart", "clear_lock")
    own = {"restart": tally("verified"), "a": tally("failed")}
    plan = arranged(("wait_dependency", "a", "restart"), own, {}, random.Random(0))
    assert plan[0] == "wait_dependency"


def test_a_remedy_that_stands_several_times_stays_together():
    own = {"restart": tally("verified")}
    assert arranged(("tune", "tune", "restart"), own, {}, random.Random(0)) == ("restart", "tune", "tune")


def test_old_outcomes_are_outweighed():
    alpha, beta = belief(0, tally(*["verified"] * 1000), None)
    assert alpha + beta < 25.0


def test_two_tallies_are_one_and_the_newer_says_how_it_ended():
    whole = together(tally("failed", at=9.0), tally("verified", "verified"))
    assert (whole.verified, whole.failed, whole.last, whole.took_s) == (2, 1, "failed", 2.0)


def test_only_what_was_verified_can_relapse():
    assert tally("failed").relapsed(3.0) == tally("failed")
    again = tally("verified", "verified").relapsed(3.0)
    assert (again.verified, again.returned, again.took_s, again.last) == (1, 1, 1.0, "returned")


TALLIES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "restart", "await_restart", "wait_dependency"]),
    st.lists(st.sampled_from(ENDS), max_size=6).map(lambda ends: tally(*ends)),
)
PLANS = st.lists(st.sampled_from(["a", "b", "c", "restart", "await_restart", "wait_dependency"]), max_size=6)


@given(PLANS, TALLIES, TALLIES, st.integers(0, 1000))
def test_arranging_loses_nothing_and_adds_nothing(plan, own, like, seed):
    found = arranged(plan, own, like, random.Random(seed))
    assert sorted(found) == sorted(plan)


@given(PLANS, TALLIES, st.integers(0, 1000))
def test_the_leader_is_first_of_what_acts(plan, own, seed):
    best = leader({name: own[name] for name in plan if name in own and own[name].tries})
    active = [name for name in arranged(plan, own, {}, random.Random(seed)) if name not in PASSIVE]
    assert not best or active[0] == best
