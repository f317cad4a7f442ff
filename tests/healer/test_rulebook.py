import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.plans import names_of, plan_for
from actors.healer.remedies import parse
from actors.healer.rulebook import Rulebook
from actors.settings.conditions import NAMES, VALUES
from actors.settings.rules import REPAIRS, Placed, Rule, shipped_rules
from tests.healer.fakes import hook, workload
from tests.healer.test_plans import BOOK, an_issue

API = workload(hooks={"repair": hook()})


def placed(*rules):
    return [Placed(rule, f"mine.yaml:{number}") for number, rule in enumerate(rules)]


def rule(name, when=None, **fields):
    return Rule(rule=name, when=when, **({"do": ["restart"]} | fields))


def book(*rules, shipped=(), broken=print):
    return Rulebook(shipped, placed(*rules), broken)


def decided(found, issue=None):
    chosen = found.decide(names_of(issue or an_issue("crash"), API))
    return chosen.rule if chosen else None


def test_the_greatest_priority_decides_and_of_equal_ones_the_first():
    assert decided(book(rule("a"), rule("b", priority=200), rule("c", priority=200))) == "b"


def test_a_rule_whose_condition_does_not_hold_is_passed_over():
    assert decided(book(rule("a", 'kind == "memory"'), rule("b", "count > 5"), rule("c", "count == 1"))) == "c"
    assert decided(book(rule("a", 'kind == "memory"'))) is None


def test_a_rule_of_the_operator_takes_the_place_of_a_shipped_one_and_stands_before_equal_ones():
    shipped = [Placed(rule("a", priority=5), "s"), Placed(rule("b", priority=50), "s")]
    mine = book(rule("b", "count > 99"), rule("c", priority=5), shipped=shipped)
    assert decided(mine) == "c"


def test_a_condition_that_raises_is_told_and_the_next_rule_decides():
    told = []
    found = book(rule("a", "1 / (count - 1) > 0"), rule("b"), broken=lambda *what: told.append(what))
    assert decided(found) == "b"
    assert told == [("a", "ZeroDivisionError: division by zero")]
    assert "cannot be reckoned: ZeroDivisionError" in found.explain(names_of(an_issue("crash"), API))[0].why


def test_explain_says_of_each_rule_which_part_does_not_hold_and_what_it_asked_about():
    found = book(
        rule("a", 'kind == "crash" and "db" in tags'),
        rule("b", "count > 5 or critical"),
        rule("c", 'matches(text, "nothing")'),
        rule("d", 'kind == "crash"'),
        rule("e"),
    )
    looked = found.explain(names_of(an_issue("crash"), API))
    assert [(each.placed.rule.rule, each.why) for each in looked[:2] + looked[3:]] == [
        ("a", "'db' in tags does not hold: tags is []"),
        ("b", "count > 5 or critical does not hold: count is 1, critical is False"),
        ("d", ""),
    ]
    assert looked[2].why.startswith("matches(text, 'nothing') does not hold: text is ")
    assert looked[-1].placed.at == "mine.yaml:3"


CONDITIONS = st.sampled_from(
    [
        None,
        'kind == "crash"',
        'failure in ("import", "disk")',
        'kind in ["crash", "memory"] and failure == "disk"',
        'kind == "crash" and kind == "memory"',
        'kind == "crash" or count > 1',
        'not kind == "crash"',
        'kind != "crash" and count < 3',
        '"ash" in kind',
        'kind in "crash memory"',
        'matches(text, "exit") and severity == "critical"',
    ]
)


@given(st.lists(CONDITIONS, max_size=5), st.sampled_from(VALUES["kind"]), st.sampled_from(VALUES["failure"]))
def test_what_is_passed_over_unreckoned_would_not_have_held(conditions, kind, failure):
    rules = [rule(f"r{number}", when) for number, when in enumerate(conditions)]
    names = names_of(msgspec.structs.replace(an_issue("crash"), kind=kind, failure=failure), API)
    safe = {"__builtins__": {}, "matches": lambda text, pattern: pattern in text}
    expected = next(
        (each.rule for each in rules if each.when is None or eval(each.when, safe, dict(names))),
        None,
    )
    chosen = book(*rules).decide(names)
    assert (chosen.rule if chosen else None) == expected
    looked = book(*rules).explain(names)
    assert [each.placed.rule.rule for each in looked if not each.why] == ([expected] if expected else [])


def test_what_a_condition_may_ask_about_is_all_there():
    issue = an_issue("crash", text="exited with code 3 after 1.0 s")
    names = names_of(issue, API)
    assert names.keys() == NAMES.keys()
    assert (names["exit_code"], names["signal"]) == (3.0, "")
    names = names_of(an_issue("crash", text="ended by signal KILL after 1.0 s"), API)
    assert math.isnan(names["exit_code"])
    assert names["signal"] == "KILL"
    assert decided(book(rule("a", 'signal == "KILL"')), an_issue("crash", text="ended by signal KILL")) == "a"


@pytest.mark.parametrize("placed_rule", shipped_rules(), ids=lambda placed_rule: placed_rule.rule.rule)
def test_every_remedy_of_the_shipped_rules_exists(placed_rule):
    assert all(parse(name) for name in placed_rule.rule.do if name != REPAIRS)


def of(kind, failure, text="exited", **fields):
    return msgspec.structs.replace(an_issue(kind, text=text), failure=failure, **fields)


@pytest.mark.parametrize(
    ("issue", "name"),
    [
        (of("crash", "type_bug", "UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3"), "encoding"),
        (of("crash", "import"), "import"),
        (of("not_working", "db_locked"), "database-locked"),
        (of("crash_loop", "db_corrupt"), "database-corrupt"),
        (of("crash", "file_missing"), "paths"),
        (of("crash", "permission"), "paths"),
        (of("not_working", "http", "work probe failed: HTTP 429 Too Many Requests"), "rate-limit"),
        (of("not_working", "timeout"), "timeout"),
        (of("crash", "memory"), "memory"),
        (of("not_working", "tls", "ssl: certificate has expired"), "tls-expired"),
        (of("port_in_use", "port"), "port-in-use"),
        (of("crash", "unknown"), "crash"),
        (of("memory", "unknown"), "memory-limit"),
        (of("cpu", "unknown"), "otherwise"),
    ],
)
def test_the_shipped_rule_of_each_scenario(issue, name):
    chosen = BOOK.decide(names_of(issue, API))
    assert chosen is not None
    assert chosen.rule == name


def test_a_run_of_tests_that_fails_is_a_result_and_a_task_is_left_to_its_policy():
    tests = workload(tags=["tests"])
    plan = plan_for(of("crash", "assert"), tests, BOOK)
    assert (plan.rule, bool(plan.told_only)) == ("tests-failed", True)
    assert plan_for(of("crash", "disk"), workload(tags=["task"]), BOOK).remedies == ("rotate_logs", "await_restart")


def test_a_certificate_that_expired_is_for_a_person_at_once():
    plan = plan_for(of("not_working", "tls", "certificate has expired"), API, BOOK)
    assert (plan.rule, plan.remedies) == ("tls-expired", ())
    assert "renewed" in plan.told_only


def test_a_rule_that_has_nothing_for_a_workload_is_told():
    mine = book(rule("a", do=["hook:none", "clear_lock"]))
    assert (
        plan_for(of("cpu", "unknown"), API, mine).told_only
        == "nothing that rule a would do is in the workload's config"
    )
    assert plan_for(of("cpu", "unknown"), API, book()).told_only == "no rule says what to do"


def test_await_restart_is_for_crashes_and_restart_for_all_else():
    mine = book(rule("a", do=["hook:repair", "await_restart", "restart"]))
    assert plan_for(of("crash", "disk"), API, mine).remedies == ("hook:repair", "await_restart")
    assert plan_for(of("not_working", "disk"), API, mine).remedies == ("hook:repair", "restart")
