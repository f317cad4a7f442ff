"""The Notifier on real servers: what is told, once, and what happens when nobody takes it."""

import json
import sqlite3
import time
from typing import Any

import msgspec
import pytest

from actors.notifier.settings import SendRetry
from actors.settings import Seconds
from actors.settings.alerts import AlertSettings, Backlog, Channel, Escalation, Route, Summary
from bus.errors import Refused
from bus.messages import (
    AcknowledgeAlert,
    ActorFailed,
    ActorStarted,
    AlertAcknowledged,
    AlertSent,
    AlertsSilenced,
    AlertUnsent,
    ApprovalAnswered,
    ApprovalAsked,
    EmergencyDeclared,
    EmergencyEnded,
    EndSilence,
    GetSummary,
    IssueEscalated,
    IssueRow,
    ListNotices,
    RetryNotices,
    SilenceAlerts,
    SilenceEnded,
    TaskCount,
    TaskEnded,
    TaskStats,
    TryChannels,
)
from tests.notifier.conftest import Desk, Hooked, hooked, issue, mailed, over, routed, workload


def until(true, what="it happens", timeout_s=20.0):
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, f"not in time: {what}"
        time.sleep(0.01)


def test_an_issue_is_posted_once_and_its_end_too(desk, hook):
    desk.begin(routed({"team": hooked(hook.url)}), workload("web", tags=("shop",)))
    desk.publish(issue(), issue(), issue(summary="exited with code 1 again"))
    until(lambda: len(hook.took) == 1)
    (told,) = hook.took
    assert (told["reason"], told["firing"], told["ended"], told["more"]) == ("new", 1, 0, 0)
    assert told["title"] == "warning: web crash: exited with code 1" or "again" in told["title"]
    (alert,) = told["alerts"]
    assert (alert["alert"], alert["state"], alert["type"], alert["subject"]) == ("a1", "firing", "crash", "web")
    assert (alert["issue"], alert["tags"]) == ("i1", ["shop"])
    desk.publish(over())
    until(lambda: len(hook.took) == 2)
    assert (hook.took[1]["reason"], hook.took[1]["alerts"][0]["state"]) == ("over", "over")
    until(lambda: desk.rows() == [])
    assert [fact.subject for fact in desk.house.events(AlertSent)] == ["team", "team"]


def test_a_mail_says_it_in_words(desk, post):
    desk.begin(routed({"office": mailed(post.port)}))
    desk.publish(issue(severity="critical", summary="exited\nwith  code 1\x1b[31m"))
    until(lambda: post.took)
    (letter,) = post.took
    assert letter["Subject"] == "[alpha] critical: web crash: exited with code 1 [31m"
    assert (letter["From"], letter["To"]) == ("node@example.org", "ops@example.org")
    assert letter["Message-ID"] == "<alpha-1.gyrostat@example.org>"
    assert letter["Importance"] == "high"
    text = letter.get_content()
    assert "CRITICAL  web crash: exited with code 1" in text
    assert "gyrostat issues i1" in text
    assert "gyrostat alerts ack a1" in text


def test_a_program_gets_the_message_on_its_stdin(desk, tmp_path):
    page = Channel(command=["sh", "-c", 'cat > said; echo "$GYROSTAT_ALERT_TITLE" > title'])
    desk.begin(routed({"pager": page}))
    desk.publish(issue())
    desk.house.wait_for(AlertSent)
    assert json.loads((tmp_path / "said").read_text())["alerts"][0]["subject"] == "web"
    assert (tmp_path / "title").read_text() == "[alpha] warning: web crash: exited with code 1\n"


def test_what_is_repaired_before_its_message_is_never_told(still, hook):
    still.begin(routed({"team": hooked(hook.url)}, Route(to=["team"], wait=Seconds(30))))
    still.publish(issue())
    still.pass_time(20)
    still.publish(over())
    still.pass_time(3600)
    assert hook.asked == []
    assert still.rows() == []


def test_ten_thousand_issues_are_one_message(desk, hook):
    desk.begin(routed({"team": hooked(hook.url)}, Route(to=["team"], wait=Seconds(2))))
    desk.publish(*(issue(f"i{number}", f"web-{number}") for number in range(10_000)))
    desk.issues = [
        IssueRow(
            issue=f"i{number}", subject=f"web-{number}", issue_kind="crash", severity="warning", state="open",
            fingerprint=f"f-i{number}", summary="exited with code 1", count=1, first_seen=0.0, last_seen=0.0,
        )
        for number in range(10_000)
    ]  # fmt: skip
    until(lambda: hook.took, "one message", 60.0)
    (told,) = hook.took
    assert told["firing"] == 10_000
    assert (len(told["alerts"]), told["more"]) == (20, 9_980)
    assert "and 9,980 more" in told["text"]
    assert desk.alerts().total == 10_000
    assert len(hook.asked) == 1


def test_a_server_that_is_down_gets_one_message_with_all_of_it_when_it_is_back(desk):
    first = Hooked()
    port, url = first.port, first.url
    first.close()
    desk.begin(routed({"team": hooked(url)}))
    desk.publish(issue("i1", "web"))
    unsent = desk.house.wait_for(AlertUnsent)
    assert unsent.subject == "team"
    assert "refused" in unsent.error
    desk.publish(issue("i2", "db"), over("i1", "web"))
    until(lambda: sum(row.alerts for row in desk.house.ask(ListNotices()).notices) >= 2)
    back = Hooked(port)
    try:
        until(lambda: {("web", "over"), ("db", "firing")} <= _states(back))
        until(lambda: desk.alerts().channels[0].error == "")
    finally:
        back.close()


def test_a_channel_that_takes_nothing_for_long_is_told_to_the_others(desk, hook):
    dead = Hooked()
    dead.close()
    channels = {"dead": hooked(dead.url), "team": hooked(hook.url)}
    desk.begin(routed(channels), failing_after=Seconds(0.3))
    desk.publish(issue())
    until(lambda: any(told["alerts"][0]["type"] == "channel" for told in hook.took))
    told = next(told for told in hook.took if told["alerts"][0]["type"] == "channel")
    assert told["alerts"][0]["subject"] == "dead"
    assert not any("channel" in row.title for row in desk.house.ask(ListNotices()).notices if row.channel == "dead")


def test_what_a_channel_refuses_for_good_waits_for_the_longest_time(desk, hook):
    hook.answer = (404, {})
    desk.begin(routed({"team": hooked(hook.url)}), retry=SendRetry(first=Seconds(0.05), longest=Seconds(500)))
    desk.publish(issue())
    unsent = desk.house.wait_for(AlertUnsent)
    assert (unsent.error, unsent.retry_s) == ("answered 404 Not Found", 500.0)
    hook.answer = (204, {})
    assert desk.house.ask(RetryNotices(channel="team")).detail == "1 message tried now"
    until(lambda: hook.took)


def test_a_server_that_asks_to_wait_is_left_alone_for_so_long(desk, hook):
    hook.answer = (429, {"Retry-After": "300"})
    desk.begin(routed({"team": hooked(hook.url)}))
    desk.publish(issue())
    assert desk.house.wait_for(AlertUnsent).retry_s == 300.0


def test_after_the_last_attempt_a_message_is_given_up_and_that_is_told(desk, hook):
    hook.answer = (500, {})
    rule = SendRetry(attempts=3, first=Seconds(0.01), longest=Seconds(0.02))
    desk.begin(routed({"team": hooked(hook.url)}), retry=rule)
    desk.publish(issue())
    given_up = desk.house.wait_for(AlertUnsent, lambda fact: fact.retry_s is None)
    assert (given_up.attempts, len(hook.asked)) == (3, 3)
    (row,) = desk.house.ask(ListNotices()).notices
    assert (row.state, row.error) == ("given_up", "answered 500 Internal Server Error")


def test_what_waits_survives_the_node_and_is_sent_by_the_next(desk, hook):
    dead = Hooked()
    dead.close()
    desk.begin(routed({"team": hooked(dead.url)}))
    desk.publish(issue())
    desk.house.wait_for(AlertUnsent)
    desk.again(routed({"team": hooked(hook.url)}))
    until(lambda: hook.took)
    assert hook.took[0]["id"] == "alpha-1"


def test_what_was_told_is_not_told_again_by_the_next_node_but_its_end_is(desk, hook):
    alerts = routed({"team": hooked(hook.url)})
    desk.begin(alerts)
    desk.publish(issue())
    until(lambda: len(hook.took) == 1)
    desk.house.wait_for(AlertSent)
    desk.again(alerts)  # the Healer says that nothing is wrong any more
    until(lambda: len(hook.took) == 2)
    assert [told["reason"] for told in hook.took] == ["new", "over"]


def test_an_issue_that_nobody_told_of_is_found_by_asking(desk, hook):
    desk.issues = [
        IssueRow(
            issue="i9", subject="db", issue_kind="memory", severity="critical", state="escalated", fingerprint="f9",
            summary="memory over its limit", count=1, first_seen=time.time() - 60, last_seen=0.0,
        )
    ]  # fmt: skip
    desk.begin(routed({"team": hooked(hook.url)}))
    until(lambda: hook.took)
    (alert,) = hook.took[0]["alerts"]
    assert (alert["subject"], alert["severity"], alert["urgent"]) == ("db", "critical", "it is left to a person")


def test_an_issue_that_turns_into_another_kind_stays_one_alert(desk, hook):
    desk.begin(routed({"team": hooked(hook.url)}))
    desk.publish(issue())
    until(lambda: len(hook.took) == 1)
    desk.publish(issue(issue_kind="crash_loop", severity="critical", fingerprint="another"))
    until(lambda: len(hook.took) == 2)
    (row,) = desk.rows()
    assert (row.alert, row.alert_type, row.severity) == ("a1", "crash_loop", "critical")


def test_an_escalation_by_the_healer_is_news(desk, hook):
    desk.begin(routed({"team": hooked(hook.url)}))
    desk.publish(issue())
    until(lambda: len(hook.took) == 1)
    told = IssueEscalated(subject="web", issue="i1", issue_kind="crash", why="every remedy was tried")
    desk.publish(told, told)
    until(lambda: len(hook.took) == 2)
    (alert,) = hook.took[1]["alerts"]
    assert (alert["severity"], alert["urgent"]) == ("critical", "every remedy was tried")
    assert "a person is wanted: every remedy was tried" in hook.took[1]["text"]


def test_who_is_told_depends_on_severity_type_name_and_tag(desk, hook):
    other = Hooked()
    channels = {"team": hooked(hook.url), "shop": hooked(other.url)}
    quick: dict[str, Any] = {"wait": Seconds(0), "interval": Seconds(0)}
    routes = [
        Route(to=[], types=["forecast"], **quick),
        Route(to=["shop"], tags=["shop"], go_on=True, **quick),
        Route(to=["team"], severity="critical", subjects=["web*"], **quick),
    ]
    try:
        desk.begin(routed(channels, *routes), workload("web-1", config_name="web", tags=("shop",)), workload("db"))
        desk.publish(issue("i1", "web-1", issue_kind="forecast"))
        desk.publish(issue("i2", "db", severity="critical"))
        desk.publish(issue("i3", "web-1", severity="critical"))
        until(lambda: hook.took and other.took)
        assert {alert["issue"] for told in hook.took for alert in told["alerts"]} == {"i3"}
        assert {alert["issue"] for told in other.took for alert in told["alerts"]} == {"i3"}
        assert {row.issue: row.to for row in desk.rows()} == {"i1": [], "i2": [], "i3": ["shop", "team"]}
    finally:
        other.close()


def test_silences_are_kept_end_by_themselves_and_by_hand(still, hook):
    alerts = routed({"team": hooked(hook.url)})
    still.begin(alerts)
    made = still.house.ask(SilenceAlerts(for_s=600, subjects=["we*"], types=["crash"], note="moving"))
    assert (made.silence, made.subjects) == ("s1", ["we*"])
    assert still.house.wait_for(AlertsSilenced).what == "we*, type crash"
    still.issues = [_row()]
    still.publish(issue())
    still.pass_time(60)
    assert [row.silence for row in still.rows()] == ["s1"]
    assert hook.asked == []
    still.pass_time(600)
    until(lambda: len(hook.took) == 1)
    assert still.house.wait_for(SilenceEnded).by == "time"
    second = still.house.ask(SilenceAlerts(for_s=600, tags=["x"]))
    assert second.silence == "s2"
    still.house.ask(EndSilence(silence="s2"))
    assert still.alerts().silences == []
    with pytest.raises(Refused, match='no silence "s2"'):
        still.house.ask(EndSilence(silence="s2"))
    with pytest.raises(Refused, match="from a moment to a year"):
        still.house.ask(SilenceAlerts(for_s=0))


def test_what_ends_under_a_silence_is_not_told(still, hook):
    still.begin(routed({"team": hooked(hook.url)}))
    still.publish(issue())
    still.pass_time(1)
    until(lambda: len(hook.took) == 1)
    still.house.ask(SilenceAlerts(for_s=600))
    still.publish(over())
    still.pass_time(1000)
    assert len(hook.asked) == 1


def test_nobody_acknowledges_and_another_is_told(still, hook):
    boss = Hooked()
    channels = {"team": hooked(hook.url), "boss": hooked(boss.url)}
    route = Route(
        to=["team"], wait=Seconds(0), repeat=Seconds(3600), escalate=[Escalation(after=Seconds(900), to=["boss"])]
    )
    try:
        still.begin(routed(channels, route))
        still.publish(issue())
        still.pass_time(1)
        until(lambda: len(hook.took) == 1)
        still.issues = [_row()]
        still.pass_time(901)
        until(lambda: len(boss.took) == 1)
        assert boss.took[0]["reason"] == "escalated"
        assert boss.took[0]["title"].startswith("nobody acknowledged: warning: web crash")
        still.pass_time(3600)
        until(lambda: len(hook.took) == 2)
        assert hook.took[1]["reason"] == "repeat"
        assert len(boss.took) == 1
    finally:
        boss.close()


def test_what_somebody_takes_care_of_is_neither_escalated_nor_repeated(still, hook):
    route = Route(
        to=["team"], wait=Seconds(0), repeat=Seconds(60), escalate=[Escalation(after=Seconds(30), to=["team"])]
    )
    still.begin(routed({"team": hooked(hook.url)}, route))
    still.issues = [_row()]
    still.publish(issue())
    still.pass_time(1)
    until(lambda: len(hook.took) == 1)
    done = still.house.ask(AcknowledgeAlert(alert="i1", note="on it"))
    assert done.detail.startswith("a1, web")
    assert still.house.wait_for(AlertAcknowledged).note == "on it"
    still.pass_time(10_000)
    assert len(hook.asked) == 1
    still.issues = []
    still.publish(over())
    still.pass_time(61)
    until(lambda: len(hook.took) == 2)
    with pytest.raises(Refused, match='no alert "a1" lasts'):
        still.house.ask(AcknowledgeAlert(alert="a1"))


def _row():
    return IssueRow(
        issue="i1", subject="web", issue_kind="crash", severity="warning", state="open", fingerprint="f-i1",
        summary="exited with code 1", count=1, first_seen=1.0, last_seen=1.0,
    )  # fmt: skip


def test_questions_emergencies_tasks_and_a_dead_healer_are_told(desk, hook):
    desk.begin(routed({"team": hooked(hook.url)}))
    desk.publish(
        ApprovalAsked(
            subject="web", issue="i1", remedy="restart", why="first", confidence=0.4, until=0.0, otherwise="reject"
        ),
        EmergencyDeclared(subject="alpha", incident="n1", places=["db", "web"]),
        TaskEnded(subject="fill", task=7, outcome="dead", error="exit code 3"),
        TaskEnded(subject="fill", task=8, outcome="done"),
        ActorFailed(subject="healer", error="boom", while_handling="x", failures=9, given_up=True),
        ActorFailed(subject="monitor", error="boom", while_handling="x", failures=9, given_up=True),
    )
    until(lambda: sum(told["reason"] == "new" for told in hook.took) and len(_subjects(hook)) == 4)
    assert _subjects(hook) == {"web", "alpha", "fill", "healer"}
    texts = "\n".join(told["text"] for told in hook.took)
    assert "gyrostat approve i1" in texts
    assert "task 7 failed for good: exit code 3" in texts
    desk.publish(
        ApprovalAnswered(subject="web", issue="i1", remedy="restart", approved=True, by="person"),
        EmergencyEnded(subject="alpha", incident="n1", lasted_s=5.0),
        ActorStarted(subject="healer", restarts=1),
    )
    until(lambda: desk.rows() == [])  # also the task, which has no end to wait for


def _states(hook):
    return {(alert["subject"], alert["state"]) for told in hook.took for alert in told["alerts"]}


def _subjects(hook):
    return {alert["subject"] for told in hook.took for alert in told["alerts"]}


def test_a_backlog_of_tasks_is_told_and_its_end_too(desk, hook):
    waiting = [TaskCount(kind="fill", state="queued", number=12, oldest_s=30.0)]
    stats = TaskStats(counts={}, waiting=waiting, ended=[], window_s=300, workers=2, paused=None)
    desk.answers["get_task_stats"] = lambda: stats
    desk.begin(routed({"team": hooked(hook.url)}, backlog=Backlog(tasks=10)), resync_every=Seconds(0.1))
    until(lambda: hook.took)
    assert hook.took[0]["alerts"][0]["summary"] == "12 tasks wait, 10 may"
    stats = msgspec.structs.replace(stats, waiting=[])
    until(lambda: len(hook.took) == 2)
    assert hook.took[1]["alerts"][0]["state"] == "over"


def test_a_test_goes_to_every_channel_at_once_and_says_which_failed(desk, hook, post):
    dead = Hooked()
    dead.close()
    channels = {"team": hooked(hook.url), "office": mailed(post.port), "dead": hooked(dead.url)}
    desk.begin(AlertSettings(channels=channels))
    tests = desk.house.ask(TryChannels()).tests
    assert [(one.name, bool(one.error)) for one in tests] == [("team", False), ("office", False), ("dead", True)]
    assert hook.took[0]["title"] == "a test"
    assert post.took[0]["Subject"] == "[alpha] a test"
    with pytest.raises(Refused, match='no channel "tem"; there are: team, office, dead'):
        desk.house.ask(TryChannels(channels=["tem"]))


def test_the_summary_comes_at_its_time(still, hook):
    still.answers["get_task_stats"] = lambda: TaskStats(
        counts={}, waiting=[], ended=[], window_s=1, workers=0, paused=None
    )
    still.issues = [_row()]
    alerts = AlertSettings(
        channels={"team": hooked(hook.url)},
        routes=[Route(to=[])],
        summary=Summary(at="0 8 * * *", to=["team"], timezone="UTC"),
    )
    still.begin(alerts)
    asked = still.house.ask(GetSummary())
    assert "issues: none began" in asked.text  # this one is from 1970
    for _ in range(24 * 30):  # two minutes each
        still.pass_time(120)
    until(lambda: hook.took)
    assert [told["reason"] for told in hook.took] == ["summary"]
    assert hook.took[0]["title"].startswith("the last day: health unknown, 0 issues, 1 open")


def test_another_config_counts_at_once_and_what_waits_for_a_removed_channel_is_given_up(desk, hook):
    dead = Hooked()
    dead.close()
    desk.begin(routed({"old": hooked(dead.url)}))
    desk.publish(issue())
    desk.house.wait_for(AlertUnsent)
    desk.issues = [_row()]
    desk.house.view = msgspec.structs.replace(desk.house.view, alerts=routed({"team": hooked(hook.url)}))
    desk.house.reload({})
    gone = desk.house.wait_for(AlertUnsent, lambda fact: fact.retry_s is None)
    assert (gone.subject, gone.error) == ("old", "no such channel in the config any more")
    until(lambda: hook.took)


def test_a_channel_that_is_removed_while_it_is_sent_to_and_fails_is_forgotten(desk, hook):
    hook.held.clear()
    dead = Hooked()
    dead.close()
    desk.begin(routed({"old": hooked(hook.url), "dead": hooked(dead.url)}), failing_after=Seconds(0))
    desk.publish(issue())
    until(lambda: hook.asked and any(row.alert_type == "channel" for row in desk.rows()))
    desk.house.view = msgspec.structs.replace(desk.house.view, alerts=AlertSettings())
    desk.house.reload({})
    desk.house.wait_for(AlertUnsent, lambda fact: fact.subject == "old" and fact.retry_s is None)
    hook.held.set()
    until(lambda: not any(row.alert_type == "channel" and row.over is None for row in desk.rows()))
    assert desk.house.shells["notifier"].failures == 0


def test_no_secret_is_in_a_fact_an_answer_a_log_or_the_table(desk, hook, caplog):
    hook.answer = (500, {})
    caplog.set_level("DEBUG")
    channels = {
        "team": hooked(hook.url),
        "bad": hooked("http://127.0.0.1:9/hook/SECRETPATH"),
        "odd": hooked("http://127.0.0.1:9/a\u00e9/SECRETPATH"),
    }
    desk.begin(routed(channels))
    desk.publish(issue())
    until(lambda: {fact.subject for fact in desk.house.events(AlertUnsent)} == set(channels))
    asked = [desk.alerts(), desk.house.ask(TryChannels()), desk.house.ask(ListNotices()), *desk.house.events()]
    assert "SECRET" not in msgspec.json.encode(asked).decode()
    assert "SECRET" not in caplog.text
    with sqlite3.connect(desk.directory / "notifier.db") as table:
        assert "SECRET" not in "".join(table.iterdump())
    table.close()


def test_when_the_clock_was_set_back_messages_are_sent_all_the_same(still, hook):
    assert still.clock is not None
    still.begin(routed({"team": hooked(hook.url)}))
    still.publish(issue("i1"))
    still.pass_time(1)
    until(lambda: len(hook.took) == 1)
    still.clock._wall_offset_s -= 86_400
    still.publish(issue("i2", "db"))
    still.pass_time(1)
    until(lambda: len(hook.took) == 2)


def test_a_desk_can_be_begun_twice(tmp_path):
    desk = Desk(tmp_path)
    desk.begin(AlertSettings())
    desk.again(AlertSettings())
    assert desk.alerts().channels == []
    desk.house.stop()
