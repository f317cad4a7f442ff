import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.confidence import Calibration, Factors, Past, brier, calibrated, faded, weigh
from actors.healer.factors import clarity, factors_of, past_of, was_rejected
from actors.healer.phases import NODE, gate, phase_of
from actors.healer.records import Outcome, Word
from actors.healer.remedies import Planned, Remedy, Seen, parse
from actors.healer.settings import ConfidenceSettings
from actors.settings.healing import PHASES
from actors.settings.repair import Repair
from tests.healer.fakes import hook, row, workload
from tests.healer.test_plans import an_issue

DAY_S = 86400.0
SHARES = st.floats(0.0, 1.0)
WEIGHTS = st.floats(0.0, 50.0)


def sure(*, clear=0.7, reversible=0.5, impact=0.5, **past):
    return weigh(Factors(clarity=clear, past=Past(**past), reversible=reversible, impact=impact))


# -- the formula


def test_without_any_past_the_chance_is_the_clarity():
    assert sure(clear=0.7).chance == pytest.approx(0.7)


def test_with_a_harm_of_one_half_the_confidence_is_the_chance():
    assert sure(clear=0.8, impact=0.5, reversible=0.0).value == pytest.approx(0.8)


@given(SHARES, SHARES, SHARES, WEIGHTS, WEIGHTS)
def test_every_confidence_is_a_probability(clear, reversible, impact, helped, failed):
    found = weigh(Factors(clarity=clear, past=Past(helped, failed), reversible=reversible, impact=impact))
    assert 0.0 < found.chance < 1.0
    assert 0.0 < found.value < 1.0


ROUNDING = 1e-12


@given(WEIGHTS, WEIGHTS, SHARES, SHARES)
def test_each_factor_moves_it_in_its_own_direction(helped, failed, reversible, impact):
    base = sure(reversible=reversible, impact=impact, helped=helped, failed=failed).value
    more = {"reversible": reversible, "impact": impact, "helped": helped, "failed": failed}
    assert sure(**more, approved=1.0).value >= base >= sure(**more, rejected=1.0).value
    assert sure(**more, clear=0.9).value >= base >= sure(**more, clear=0.4).value
    assert sure(**(more | {"reversible": 1.0})).value >= base - ROUNDING
    assert base >= sure(**(more | {"impact": 1.0})).value - ROUNDING


@given(st.floats(0.0, 15.0))
def test_what_helped_counts_for_it_and_what_failed_against_it(weight):
    assert sure(helped=weight).value >= sure().value >= sure(failed=weight).value


def test_a_thousand_failures_are_outweighed_by_what_came_since():
    assert sure(failed=1000.0).chance == pytest.approx(sure(failed=20.0).chance)


def test_an_outcome_counts_for_half_after_a_week():
    assert faded(0.0) == 1.0
    assert faded(7 * DAY_S) == 0.5


def test_it_says_every_factor():
    said = sure(helped=2.0, failed=1.0, approved=1.0).says()
    for word in ("chance", "clarity", "helped 2.0", "failed 1.0", "1.0 yes", "reversible", "impact"):
        assert word in said


# -- calibration


def test_without_outcomes_nothing_is_corrected():
    assert calibrated([]) == Calibration()


def test_chances_that_promised_too_much_are_corrected_down():
    pairs = [(0.9, number % 2 == 0) for number in range(100)]
    learnt = calibrated(pairs)
    assert 0.4 < learnt.of(0.9) < 0.65
    assert brier((learnt.of(chance), helped) for chance, helped in pairs) < brier(pairs)


def test_three_outcomes_correct_little():
    assert calibrated([(0.9, False)] * 3).of(0.9) > 0.7


@given(st.lists(st.tuples(SHARES, st.booleans()), max_size=60))
def test_a_higher_chance_stays_the_higher_one_whatever_was_learnt(pairs):
    learnt = calibrated(pairs)
    assert learnt.slope > 0
    assert learnt.of(0.8) > learnt.of(0.2)


def test_brier_of_nothing_is_no_number():
    assert math.isnan(brier([]))
    assert brier([(1.0, True), (0.5, False)]) == pytest.approx(0.125)


# -- the factors


def outcome(*, helped=True, **fields):
    base = {
        "issue": "i0",
        "attempt": 1,
        "subject": "api",
        "remedy": "restart",
        "fingerprint": "f",
        "kind": "crash_loop",
    }
    return Outcome(**({**base, "failure": "unknown", "ended_at": 1000.0, "helped": helped} | fields))


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({}, 1.0),
        ({"fingerprint": "g"}, 0.6),
        ({"fingerprint": "g", "subject": "web"}, 0.3),
        ({"fingerprint": "g", "failure": "disk"}, 0.1),
        ({"fingerprint": "g", "kind": "memory"}, 0.1),
        ({"remedy": "hook:repair"}, 0.0),
    ],
)
def test_an_outcome_counts_by_its_likeness(fields, weight):
    issue = an_issue("crash_loop")
    assert past_of(Remedy("restart"), issue, [outcome(**fields)], [], 1000.0).helped == pytest.approx(weight)
    assert past_of(Remedy("restart"), issue, [outcome(helped=False, **fields)], [], 1000.0).failed == weight


def word(*, approved, subject="api", fingerprint="f"):
    return Word(time=1000.0, subject=subject, fingerprint=fingerprint, remedy="restart", approved=approved)


def test_what_people_said_counts_for_that_workload_alone():
    issue = an_issue("crash_loop")
    words = [word(approved=True), word(approved=False, fingerprint="g"), word(approved=True, subject="web")]
    past = past_of(Remedy("restart"), issue, [], words, 1000.0)
    assert (past.approved, past.rejected) == (1.0, 0.5)


def test_the_last_word_on_this_very_failure_is_what_counts():
    issue, restart = an_issue("crash_loop"), Remedy("restart")
    assert not was_rejected(restart, issue, [])
    assert was_rejected(restart, issue, [word(approved=False), word(approved=True)])
    assert not was_rejected(restart, issue, [word(approved=True), word(approved=False)])
    assert not was_rejected(restart, issue, [word(approved=False, fingerprint="g")])


def test_a_plan_of_the_operator_is_clearer_than_a_restart_for_what_no_restart_cures():
    issue = msgspec.structs.replace(an_issue("crash_loop"), failure="import")
    own = workload(heal={"crash_loop": ["restart"]})
    assert clarity(Remedy("restart"), issue, own) > 0.8
    assert clarity(Remedy("restart"), issue, workload()) < 0.4


def test_a_repair_made_for_the_failure_is_clearer_than_one_for_any():
    lock = msgspec.structs.replace(an_issue("crash_loop"), failure="lock")
    key = msgspec.structs.replace(an_issue("crash_loop"), failure="key")
    unknown = an_issue("crash_loop")
    of = workload(repair=Repair(stale_locks=["a.lock"]))
    found = [clarity(Remedy("repair", "clear_lock"), issue, of) for issue in (lock, key, unknown)]
    assert found == sorted(found, reverse=True)


def named(name):
    remedy = parse(name)
    assert remedy is not None
    return remedy


def factors(name, kind, seen, of=None):
    return factors_of(named(name), an_issue(kind), of or workload(), seen, Past())


def test_what_is_down_has_nothing_to_lose():
    down = factors("restart", "crash_loop", Seen(row=row(state="crash_loop")))
    hanging = factors("restart", "unresponsive", Seen(row=row()))
    well = factors("restart", "memory", Seen(row=row()))
    grave = factors("restart", "memory", Seen(row=row()), workload(critical=True))
    assert down.impact < hanging.impact < well.impact < grave.impact


def test_a_repair_of_a_file_reaches_less_than_one_that_ends_a_process():
    file = Seen(row=row(), planned={"clear_lock": Planned(says="", undo={"a": "b"})})
    ends = Seen(row=row(), planned={"clear_lock": Planned(says="", undo={"a": "b"}, restarts=True)})
    assert factors("clear_lock", "not_working", file).impact < factors("clear_lock", "not_working", ends).impact
    assert factors("clear_lock", "not_working", file).reversible == 1.0
    bare = Seen(row=row(), planned={"clear_lock": Planned(says="")})
    assert factors("clear_lock", "not_working", bare).reversible < 1.0


def test_a_hook_with_an_undo_can_be_taken_back():
    with_undo = workload(hooks={"repair": hook(undo=["true"])})
    without = workload(hooks={"repair": hook()})
    seen = Seen(row=row())
    assert factors("hook:repair", "memory", seen, with_undo).reversible == 1.0
    assert factors("hook:repair", "memory", seen, without).reversible < 0.5


# -- phases


@pytest.mark.parametrize(
    ("node", "own", "set_now", "holds"),
    [
        ("act", None, {}, "act"),
        ("act", "advise", {}, "advise"),
        ("act", "advise", {"api": "autonomous"}, "autonomous"),
        ("act", None, {NODE: "observe"}, "observe"),
        ("act", "autonomous", {NODE: "observe"}, "observe"),
        ("act", "observe", {NODE: "autonomous"}, "observe"),
        ("act", None, {NODE: "autonomous"}, "autonomous"),
        ("act", None, {NODE: "advise", "api": "act"}, "advise"),
        ("observe", None, {"web": "act"}, "observe"),
    ],
)
def test_what_is_set_for_the_node_by_hand_is_the_most_that_a_workload_may_do(node, own, set_now, holds):
    assert phase_of(workload(phase=own), node, set_now) == holds


VALUES = {"act": 0.95, "watch": 0.8, "unsure": 0.6, "low": 0.4}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("reversible", [True, False])
@pytest.mark.parametrize("rejected", [True, False])
def test_every_cell_of_phase_and_confidence(phase, value, reversible, rejected):
    confidence = msgspec.structs.replace(sure(reversible=0.9 if reversible else 0.1), value=VALUES[value])
    found = gate(phase, confidence, ConfidenceSettings(), rejected=rejected)
    if phase == "observe":
        assert found == "tell"
    elif phase == "advise" or rejected:
        assert found == "ask"
    elif phase == "autonomous":
        assert found == "act"
    else:
        unsure = "watch" if reversible else "ask"
        assert found == {"act": "act", "watch": "watch", "unsure": unsure, "low": "ask"}[value]


def test_limits_out_of_order_are_refused():
    with pytest.raises(ValueError, match="ask <= watch <= act"):
        ConfidenceSettings(ask=0.8)
