"""The pure decisions: retry, limits, order, parameters, when to end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.executor.ageing import offset_s
from actors.executor.commands import Said, parse
from actors.executor.lanes import COMMON, Limit, filled, is_open, open_lanes
from actors.executor.model import PRIORITIES
from actors.executor.params import BadParameters, argv, checked, read
from actors.executor.retry import Again, Never, after_failure
from actors.executor.watch import Running, has_to_end
from actors.settings import Param, Rate, RetryRule, Seconds, Share, TaskKind

CHANCES = st.floats(0, 1)
KIND = TaskKind(module="m", retry=RetryRule(attempts=3))

# -- retry


@pytest.mark.parametrize(
    ("wait", "delays"),
    [("fixed", [2, 2, 2, 2]), ("linear", [2, 4, 6, 8]), ("exponential", [2, 4, 8, 10]), ("random", [6, 6, 6, 6])],
)
def test_the_wait_grows_as_the_rule_says(wait, delays):
    rule = RetryRule(wait=wait, first=Seconds(2), longest=Seconds(10))
    assert [rule.delay_s(failures, 0.5) for failures in (1, 2, 3, 4)] == delays


@given(st.sampled_from(["fixed", "linear", "exponential", "random"]), st.integers(1, 10_000), CHANCES, CHANCES)
def test_no_wait_is_longer_than_the_longest_or_below_zero(wait, failures, jitter, chance):
    rule = RetryRule(wait=wait, first=Seconds(1), longest=Seconds(300), jitter=Share(jitter))
    assert 0 <= rule.delay_s(failures, chance) <= 300


def test_the_most_particular_name_decides():
    rules = {
        "OSError": RetryRule(attempts=9),
        "ConnectionError": RetryRule(attempts=1),
        "exit:3": RetryRule(attempts=7),
    }
    kind = msgspec.structs.replace(KIND, retry_on=rules)
    names = ("ConnectionResetError", "ConnectionError", "OSError", "Exception")
    assert after_failure(kind, names, 1, 0.0, 0.5) == Never("is not tried again for ConnectionError")
    assert isinstance(after_failure(kind, ("exit:3", "exit"), 6, 0.0, 0.5), Again)
    assert after_failure(kind, ("exit:3", "exit"), 7, 0.0, 0.5) == Never("failed 7 times for exit:3")
    assert after_failure(kind, ("exit:4", "exit"), 3, 0.0, 0.5) == Never("failed 3 times")


def test_what_ran_long_enough_in_all_is_not_tried_again():
    kind = msgspec.structs.replace(KIND, run_max=Seconds(60))
    assert isinstance(after_failure(kind, (), 1, 59.0, 0.5), Again)
    assert after_failure(kind, (), 1, 60.0, 0.5) == Never("ran 1m in all, run_max is 1m")


# -- order and limits


@given(st.floats(0.1, 1e5), st.floats(0, 1e9), st.floats(0, 1e9))
def test_ageing_is_strict_within_a_step_and_bounded_beyond(step_s, first_s, second_s):
    ranks = {name: first_s + offset_s(name, step_s) for name in PRIORITIES}
    assert list(ranks) == sorted(ranks, key=ranks.__getitem__)
    assert first_s + offset_s("critical", step_s) < second_s + offset_s("high", step_s)
    later_s = first_s + 3 * step_s * 1.001 + 1e-3
    assert ranks["deferred"] < later_s + offset_s("high", step_s)


@pytest.mark.parametrize(
    ("limit", "running", "now_s", "open_"),
    [
        (Limit(lane=COMMON), 99, 0.0, True),
        (Limit(lane="a", concurrency=2), 1, 0.0, True),
        (Limit(lane="a", concurrency=2), 2, 0.0, False),
        (Limit(lane="a", per_s=2.0, tokens=0.0), 0, 0.4, False),
        (Limit(lane="a", per_s=2.0, tokens=0.0), 0, 0.5, True),
        (Limit(lane="a", per_s=2.0, tokens=1.0, at=9.0), 0, 0.0, True),
    ],
)
def test_a_lane_is_open_while_it_has_room_and_a_token(limit, running, now_s, open_):
    assert is_open(limit, running, now_s) is open_
    assert open_lanes([limit], {limit.lane: running}, now_s) == ([limit.lane] if open_ else [])


@given(st.floats(0.01, 100), st.integers(1, 20), st.lists(st.floats(0, 10), max_size=60))
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(per_s, burst, pauses):
    limit, now_s, given_out = Limit(lane="a", per_s=per_s, burst=burst, tokens=burst), 0.0, 0
    for pause in pauses:
        now_s += pause
        if is_open(limit, 0, now_s):
            limit = msgspec.structs.replace(limit, tokens=filled(limit, now_s) - 1, at=now_s)
            given_out += 1
    assert given_out <= burst + per_s * now_s + 1e-6


# -- parameters


def test_each_argument_stays_one():
    assert argv(["p", "--day=${day}", "${n}", "${on}"], {"day": "a b; c", "n": 3, "on": True}) == [
        "p",
        "--day=a b; c",
        "3",
        "true",
    ]


@pytest.mark.parametrize(
    ("param", "value", "problem"),
    [
        (Param(), "-rf", "would be an option"),
        (Param(), "a\0b", "zero byte"),
        (Param(pattern="[a-z]+"), "a1", "does not match"),
        (Param(choices=["a", "b"]), "c", "none of the choices; allowed: a, b"),
        (Param(type="int"), True, "true is no int"),
        (Param(type="int"), "3", '"3" is no int'),
        (Param(type="int", least=1), 0, "too small"),
        (Param(type="float", most=2), 2.5, "too large"),
        (Param(type="bool"), 1, "1 is no bool"),
        (Param(), None, "is missing"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_with_what_would(param, value, problem):
    kind = TaskKind(command=["p", "${x}"], params={"x": param})
    with pytest.raises(BadParameters, match=problem):
        checked(kind, {"x": value})


def test_texts_of_a_person_become_what_the_kind_names():
    params = {"n": Param(type="int"), "day": Param(), "on": Param(type="bool")}
    kind = TaskKind(command=["p", "${n}"], params=params)
    assert read(kind, {"n": "3", "day": "20261121", "on": "true"}) == {"n": 3, "day": "20261121", "on": True}
    assert read(KIND, {"n": "3", "day": "2026-11-21"}) == {"n": 3, "day": "2026-11-21"}
    assert checked(kind, {"n": 1, "day": "x", "on": False}) == {"n": 1, "day": "x", "on": False}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "exactly one of command and module"),
        ({"command": ["p"], "module": "m"}, "exactly one of command and module"),
        ({"command": []}, "is empty"),
        ({"command": ["${x}"], "params": {"x": Param()}}, "its program is a parameter"),
        ({"command": ["p", "${y}"], "params": {"x": Param()}}, "is no parameter; there are: x"),
        ({"module": "m", "params": {"X": Param()}}, "is no name"),
        ({"module": "m", "retry_on": {"exit:": RetryRule()}}, "is no error"),
        ({"module": "m", "timeout": Seconds(0)}, "more than 0s"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(fields, problem):
    with pytest.raises(ValueError, match=problem):
        TaskKind(**fields)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Param(pattern="("), "no regular expression"),
        (lambda: Param(type="int", pattern="x"), "has no pattern"),
        (lambda: Param(least=1), "has no least"),
        (lambda: Param(type="int", default="x"), "default"),
        (lambda: RetryRule(first=Seconds(9), longest=Seconds(1)), "longer than longest"),
        (lambda: Rate(starts=1, per=Seconds(0)), "more than 0s"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()


# -- when to end


@pytest.mark.parametrize(
    ("fields", "now_s", "reason"),
    [
        ({}, 99.0, None),
        ({}, 100.0, "timeout"),
        ({"sign_s": 60.0}, 89.9, None),
        ({"sign_s": 60.0}, 90.0, "silent"),
        ({"stop": "by hand"}, 0.0, "cancelled"),
        ({"owned": False, "stop": "by hand"}, 0.0, "lost"),
        ({"drain_s": 5.0}, 9.9, None),
        ({"drain_s": 5.0}, 10.0, "stopping"),
    ],
)
def test_a_task_has_to_end_for_one_reason(fields, now_s, reason):
    silence = Seconds(30) if "sign_s" in fields else None
    kind = TaskKind(module="m", timeout=Seconds(100), silence=silence)
    end = has_to_end(Running(**{"kind": kind, "started_s": 0.0, "sign_s": 0.0, **fields}), 5.0, now_s)
    assert (end.reason if end is not None else None) == reason


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"progress 0.5 half way", Said(progress=0.5, note="half way")),
        (b"progress 7", Said(progress=1.0)),
        (b"progress x", Said()),
        (b'checkpoint {"at": 1}', Said(checkpoint='{"at": 1}')),
        (b"checkpoint {", Said()),
        (b"result 3", Said(result="3")),
        (b"\xff\xfe", Said()),
        (b"", Said()),
    ],
)
def test_what_a_command_says_is_understood_or_a_sign_of_life(line, said):
    assert parse(line) == said
