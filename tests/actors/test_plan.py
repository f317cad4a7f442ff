"""What another config would change, told before it is done."""

import pytest

from actors.plan import changes, plan_reload
from actors.settings import load

BASE = """
node: {name: alpha}
workloads:
  web: {command: [serve, --port, 80], env: {A: 1, API_TOKEN: one}, stop: {grace: 5s}}
  db: {command: [db]}
  job: {command: [job], schedule: {cron: "@daily"}}
"""


@pytest.fixture
def settings_of(tmp_path):
    def read(text):
        (tmp_path / "gyrostat.yaml").write_text(text)
        return load(tmp_path / "gyrostat.yaml", actor_types={}, resolve=None, environ={})

    return read


@pytest.fixture
def plan(settings_of):
    def of(*pairs):
        text = BASE
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        return plan_reload(settings_of(BASE), settings_of(text))

    return of


def rows(result):
    return [(row.subject, row.action, [(one.key, one.before, one.after) for one in row.changes]) for row in result.plan]


def test_the_same_config_changes_nothing(plan):
    result = plan()
    assert (result.plan, result.untouched, result.changed) == ([], 3, [])


def test_what_a_process_depends_on_restarts_it_and_what_it_does_not_is_taken_over(plan):
    result = plan(("80", "81"), ("5s", "6s"))
    assert rows(result) == [
        (
            "web",
            "restart",
            [("command", '["serve", "--port", "80"]', '["serve", "--port", "81"]'), ("stop.grace", '"5s"', '"6s"')],
        )
    ]
    assert (result.untouched, result.changed, result.plan[0].mode) == (2, ["web"], "live")
    only = plan(("5s", "6s"))
    assert rows(only) == [("web", "take_over", [("stop.grace", '"5s"', '"6s"')])]
    assert only.plan[0].note == "nothing is restarted"


def test_new_ones_are_started_and_those_that_are_gone_are_stopped(plan):
    result = plan(("  db: {command: [db]}\n", "  mq: {command: [mq]}\n  by: {command: [by], autostart: false}\n"))
    assert rows(result) == [("mq", "start", []), ("by", "add", []), ("db", "stop", [])]
    assert result.plan[1].note == "is started by command only"


def test_a_secret_is_not_shown_and_that_it_differs_is(plan):
    result = plan(("one", "two"), ("A: 1", "A: 2"))
    assert rows(result)[0][2] == [("env.A", '"1"', '"2"'), ("env.API_TOKEN", "***", "*** (another value)")]
    assert "two" not in str(result)


def test_one_with_a_schedule_takes_it_over_at_its_next_run_and_one_with_a_window_in_it(plan):
    scheduled = plan(("[job]", "[job, -v]"))
    assert (scheduled.plan[0].action, scheduled.plan[0].note) == ("take_over", "from its next run on")
    window = '{command: [db, -v], windows: {maintenance: [{opens: "@daily", lasts: 1h}]}}'
    assert plan(("{command: [db]}", window)).plan[0].note == "within its maintenance window"


def test_what_only_a_restart_of_the_node_puts_in_force_is_said(plan):
    result = plan(("{name: alpha}", "{name: alpha, state_dir: ./other, shutdown_grace: 5s}"))
    assert [(row.subject, row.action, row.changes[0].key) for row in result.plan] == [
        ("node", "later", "node.state_dir"),
        ("node", "take_over", "node.shutdown_grace"),
    ]


def test_another_mode_changes_each_workload(plan):
    result = plan(("workloads:", "mode: sandbox\nworkloads:"))
    web = result.plan[0]
    assert (web.subject, web.action, web.mode) == ("web", "restart", "sandbox")
    assert ("mode", "live", "sandbox") in [(one.key, one.before, one.after) for one in web.changes]


def test_a_long_value_is_shortened_and_an_absent_one_is_a_dash():
    found = list(changes({"a": "x" * 500}, {"b": 1}))
    assert (found[0].key, found[0].after, len(found[0].before)) == ("a", "-", 200)
    assert (found[1].key, found[1].before, found[1].after) == ("b", "-", "1")
