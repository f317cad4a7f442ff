import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.breaker import Breaker
from actors.healer.protection import Protection, retry_s
from actors.healer.settings import HealerSettings
from actors.settings import Seconds

SETTINGS = HealerSettings()
OPEN_S = 60.0
FAILURES = 5


def started(protection, at_s, *, remedy="restart", subject="api", mark="f"):
    protection.started(remedy, subject, mark, at_s)


def hold(protection, at_s, *, remedy="restart", subject="api", mark="f"):
    found = protection.hold(remedy, subject, mark, at_s)
    return found.for_s if found else 0.0


def reason(protection):
    found = protection.hold("restart", "api", "f", 0.0)
    return found.why if found else ""


# -- cool-down


def test_the_first_attempt_never_waits():
    assert Protection(SETTINGS).hold("restart", "api", "f", 0.0) is None


def test_the_cool_down_doubles_with_every_repeat_up_to_its_maximum():
    protection, at_s, waits = Protection(SETTINGS), 0.0, []
    for _ in range(9):
        started(protection, at_s)
        protection.helped("restart", "api")
        waits.append(hold(protection, at_s))
        at_s += waits[-1]
        assert hold(protection, at_s) == 0.0
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_another_issue_of_the_subject_waits_the_first_cool_down_only():
    protection = Protection(SETTINGS)
    for at_s in (0.0, 100.0, 200.0):
        started(protection, at_s)
    assert hold(protection, 200.0, mark="f") == 20.0
    assert hold(protection, 200.0, mark="other") == 5.0


def test_another_remedy_or_subject_does_not_wait():
    protection = Protection(SETTINGS)
    started(protection, 0.0)
    assert hold(protection, 0.0, remedy="hook:repair") == 0.0
    assert hold(protection, 0.0, subject="web") == 0.0


def test_after_an_hour_a_repeat_is_forgotten():
    protection = Protection(SETTINGS)
    for at_s in (0.0, 100.0, 3701.0):
        started(protection, at_s)
    assert hold(protection, 3701.0) == 5.0


# -- the breaker


def test_the_breaker_opens_after_five_failures_and_lets_one_attempt_through_after_a_minute():
    breaker = Breaker()
    for number in range(FAILURES):
        assert breaker.state(float(number), OPEN_S) == "closed"
        breaker.started(float(number), OPEN_S)
        breaker.failed(float(number), FAILURES)
    assert breaker.state(5.0, OPEN_S) == "open"
    assert breaker.left_s(5.0, OPEN_S) == 59.0
    assert breaker.state(64.0, OPEN_S) == "half-open"
    breaker.started(64.0, OPEN_S)
    assert breaker.left_s(64.0, OPEN_S) == OPEN_S, "only one attempt while half-open"
    breaker.failed(70.0, FAILURES)
    assert breaker.left_s(70.0, OPEN_S) == OPEN_S


def test_a_half_open_attempt_that_helps_closes_the_breaker():
    protection = Protection(SETTINGS)
    for _ in range(FAILURES):
        protection.failed("restart", "api", 0.0)
    assert hold(protection, 1.0) == 59.0
    started(protection, 60.0)
    protection.helped("restart", "api")
    assert hold(protection, 65.0) == 0.0


def test_an_attempt_without_a_verdict_leaves_the_breaker_half_open():
    protection = Protection(SETTINGS)
    for _ in range(FAILURES):
        protection.failed("restart", "api", 0.0)
    started(protection, 60.0)
    protection.dropped("restart", "api")
    protection.dropped("restart", "web")
    assert hold(protection, 65.0) == 0.0


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against a model that keeps the whole history."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker()
        self.now_s = 0.0
        self.failures = 0
        self.opened_s = None
        self.running = False

    def passes(self):
        if self.opened_s is None:
            return True
        return self.now_s - self.opened_s >= OPEN_S and not self.running

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 59.0, 60.0, 600.0]))
    def time_goes_by(self, seconds):
        self.now_s += seconds

    @rule()
    def an_attempt_begins_when_it_may(self):
        if not self.running and self.passes():
            self.breaker.started(self.now_s, OPEN_S)
            self.running = True

    @rule(outcome=st.sampled_from(["failed", "helped", "dropped"]))
    def an_attempt_ends(self, outcome):
        if not self.running:
            return
        self.running = False
        if outcome == "failed":
            self.breaker.failed(self.now_s, FAILURES)
            self.failures += 1
            self.opened_s = self.now_s if self.failures >= FAILURES else self.opened_s
        elif outcome == "helped":
            self.breaker.helped()
            self.failures, self.opened_s = 0, None
        else:
            self.breaker.dropped()

    @invariant()
    def what_passes_is_what_the_history_says(self):
        half_open = self.opened_s is not None and self.now_s - self.opened_s >= OPEN_S
        expected = "closed" if self.opened_s is None else "half-open" if half_open else "open"
        assert self.breaker.state(self.now_s, OPEN_S) == expected
        if not self.running:
            assert (self.breaker.left_s(self.now_s, OPEN_S) == 0.0) is self.passes()
        assert self.breaker.failures == self.failures


TestBreaker = BreakerMachine.TestCase


# -- the node's limit


def test_no_more_than_so_many_remedies_start_on_the_node_within_any_minute():
    settings = HealerSettings(disruptive_per_minute=3)
    protection = Protection(settings)
    for number in range(3):
        assert hold(protection, float(number), subject=f"w{number}") == 0.0
        started(protection, float(number), subject=f"w{number}")
    assert hold(protection, 3.0, subject="w3") == 57.0
    assert hold(protection, 60.0, subject="w3") == 0.0


@pytest.mark.parametrize("seed_gap", [0.0, 0.1, 1.0, 2.9, 7.0])
def test_a_stream_of_attempts_never_passes_the_limit_in_any_minute(seed_gap):
    protection, at_s, begun = Protection(SETTINGS), 0.0, []
    for number in range(100):
        at_s += seed_gap + hold(protection, at_s + seed_gap, subject=f"w{number}")
        started(protection, at_s, subject=f"w{number}")
        begun.append(at_s)
    for first in begun:
        assert sum(first <= each < first + 60.0 for each in begun) <= 20


def test_the_reason_given_is_the_longest_wait():
    protection = Protection(SETTINGS)
    started(protection, 0.0)
    assert reason(protection) == "cool-down of restart"
    for _ in range(FAILURES):
        protection.failed("restart", "api", 0.0)
    assert reason(protection) == "circuit breaker of restart is open"


# -- escalation and settings


def test_an_escalated_issue_is_tried_again_at_growing_intervals():
    waits = [retry_s(rounds, SETTINGS) for rounds in range(8)]
    assert waits == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert retry_s(10_000, SETTINGS) == 1800


@pytest.mark.parametrize(
    "wrong",
    [
        {"check_every": Seconds(0)},
        {"resync": Seconds(0)},
        {"verify_within": Seconds(2)},
        {"cool_down_max": Seconds(1)},
        {"retry_max": Seconds(1)},
        {"breaker_open": Seconds(0)},
    ],
)
def test_settings_that_could_never_work_are_refused(wrong):
    (key,) = wrong
    with pytest.raises(ValueError, match=key):
        HealerSettings(**wrong)
