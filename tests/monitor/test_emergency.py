import pytest

from actors.monitor.emergency import CALM, EmergencySettings, Step, next_s, step
from actors.settings import Seconds

SETTINGS = EmergencySettings(
    places=2, after=Seconds(5), calm=Seconds(60), shed=["batch", "reports"], shed_every=Seconds(10)
)
ORDER = ["batch", "reports"]


def run(*looks, order=ORDER, settings=SETTINGS):
    """Every step by the time at which it comes. looks: (seconds, critical subjects)."""
    state, steps = CALM, []
    for now_s, critical in looks:
        state, found = step(state, critical, order, settings, now_s)
        steps += [(now_s, one.do, one.subject) for one in found]
    return state, steps


def test_one_critical_place_or_none_is_no_emergency():
    assert run((0.0, ["db"]), (100.0, ["db"]), (200.0, [])) == (CALM, [])


def test_several_have_to_stay_critical_for_a_while():
    assert run((0.0, ["db", "web"]), (4.0, ["db"]), (5.0, ["db", "web"]), (9.0, ["db", "web"]))[1] == []
    state, steps = run((0.0, ["db", "web"]), (5.0, ["db", "web"]))
    assert steps == [(5.0, "declare", "")]
    assert (state.phase, state.places) == ("declared", ("db", "web"))


def test_load_is_shed_in_the_declared_order_one_at_a_time_while_it_is_as_bad():
    bad = ["db", "web"]
    looks = [(now_s, bad) for now_s in (0.0, 5.0, 5.1, 9.0, 15.0, 15.1, 25.2, 40.0)]
    assert run(*looks)[1] == [(5.0, "declare", ""), (5.1, "shed", "batch"), (15.1, "shed", "reports")]


def test_nothing_more_is_shed_once_it_is_better_and_it_is_over_after_the_calm():
    looks = [(0.0, ["a", "b"]), (5.0, ["a", "b"]), (6.0, ["a", "b"]), (20.0, ["a"]), (79.0, ["a"]), (80.0, [])]
    assert run(*looks)[1] == [(5.0, "declare", ""), (6.0, "shed", "batch"), (80.0, "end", "")]
    assert run(*looks)[0] == CALM


def test_a_relapse_within_the_calm_goes_on_with_the_same_emergency():
    looks = [(0.0, ["a", "b"]), (5.0, ["a", "b"]), (6.0, ["a", "b"]), (20.0, []), (70.0, ["b", "c"]), (131.0, [])]
    state, steps = run(*looks)
    assert [one[1] for one in steps] == ["declare", "shed", "shed"]
    assert state.places == ("a", "b", "c")
    assert state.better_s == 131.0


def test_zero_places_is_never():
    assert run((0.0, ["a", "b", "c"]), (9.0, ["a", "b", "c"]), settings=EmergencySettings(places=0)) == (CALM, [])


def test_it_says_when_to_look_again():
    assert next_s(CALM, ORDER, SETTINGS) is None
    pending, _ = run((1.0, ["a", "b"]))
    assert next_s(pending, ORDER, SETTINGS) == 6.0
    shed, _ = run((1.0, ["a", "b"]), (6.0, ["a", "b"]), (7.0, ["a", "b"]))
    assert next_s(shed, ORDER, SETTINGS) == 17.0
    assert next_s(shed, ["batch"], SETTINGS) is None
    better, _ = step(shed, [], ORDER, SETTINGS, 20.0)
    assert next_s(better, ORDER, SETTINGS) == 80.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"places": 1}, "places: 1 is an incident as any other; allowed: 2 or more, 0 for never"),
        ({"shed": ["a", "a"]}, "shed: names a workload twice; allowed: each once"),
        ({"alert": [""]}, "alert: is empty; allowed: a program and its arguments"),
        ({"alert_within": Seconds(0)}, "alert_within: has to be more than 0s"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        EmergencySettings(**given)


def test_steps_are_plain_values():
    assert Step("end") == Step("end", "")
