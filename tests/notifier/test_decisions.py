"""The pure decisions: which route, when a group speaks, what several messages are as one, what is said."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.notifier.digest import summed
from actors.notifier.found import Found, backlog, lacking
from actors.notifier.grouping import NEVER_S, Member, Say, look
from actors.notifier.heard import HEARD, meaning
from actors.notifier.model import Alert, Group, Line, Notice, Over, Seen, Silence
from actors.notifier.notices import notice_of, united, without_channel
from actors.notifier.routing import fits, group_key, silence_of, taken_by, ways, words_of
from actors.notifier.wording import message_of, title_of
from actors.settings import Seconds
from actors.settings.alerts import Backlog, Escalation, Route
from actors.settings.schedules import Window
from actors.zones import zone
from bus.errors import UnknownTarget
from bus.messages import TaskCount, TaskStats
from tests.cli.samples import filled

NOW_S = 1_700_000_000.0


def alert(number=1, **changes):
    said = {
        "key": f"issue:web:{number}",
        "number": number,
        "alert_type": "crash",
        "severity": "warning",
        "subject": "web",
        "summary": "exited",
        "since": NOW_S,
        "news": NOW_S,
        "names": ("web-1", "web"),
    }
    return Alert(**{**said, **changes})


def route(**changes):
    return Route(**{"to": ["team"], "wait": Seconds(30), "interval": Seconds(60), **changes})


def step(group, members, at_s, **changes):
    return look(group, [Member(one) for one in members], route(**changes), NOW_S + at_s, zone)


EMPTY = Group(key="g", route="r")

# -- routes


@pytest.mark.parametrize(
    ("changes", "fit"),
    [
        ({}, True),
        ({"severity": "critical"}, False),
        ({"types": ["crash", "memory"]}, True),
        ({"types": ["memory"]}, False),
        ({"subjects": ["web"]}, True),
        ({"subjects": ["web-*"]}, True),
        ({"subjects": ["db", "api-?"]}, False),
        ({"tags": ["a"]}, True),
        ({"tags": ["a", "c"]}, False),
    ],
)
def test_a_route_is_for_an_alert_when_everything_it_says_fits(changes, fit):
    assert fits(Route(**changes), alert(tags=("a", "b"))) is fit


def test_the_first_route_that_fits_is_taken_and_more_only_by_continue():
    routes = [Route(severity="critical"), Route(to=["a"], go_on=True), Route(to=["b"]), Route(to=["c"])]
    assert [way.route.to for way in taken_by(alert(), ways(routes))] == [["a"], ["b"]]


def test_two_routes_that_are_the_same_are_told_apart_and_times_change_no_key():
    first, second = ways([Route(to=["a"]), Route(to=["a"])])
    assert first.key != second.key
    assert ways([Route(to=["a"], wait=Seconds(9))])[0].key == first.key


def test_alerts_are_grouped_by_what_the_route_says():
    (way,) = ways([Route(group_by=["subject", "type"])])
    assert group_key(way, alert(1)) == group_key(way, alert(2, severity="critical"))
    assert group_key(way, alert(1)) != group_key(way, alert(2, subject="db"))


def test_a_silence_covers_what_it_names_until_its_end():
    silence = Silence(number=1, until=NOW_S, made=0.0, subjects=("web*",), types=("crash",))
    assert silence_of(alert(), [silence], NOW_S - 1) is silence
    assert silence_of(alert(), [silence], NOW_S) is None
    assert silence_of(alert(alert_type="memory"), [silence], 0.0) is None
    assert words_of(silence) == "web*, type crash"
    assert words_of(Silence(number=1, until=0.0, made=0.0)) == "everything"


# -- when a group speaks


def test_a_group_waits_then_speaks_once_then_waits_for_the_repeat():
    first = step(EMPTY, [alert()], 0)
    assert (first.say, first.next_s) == ((), NOW_S + 30)
    second = step(first.group or EMPTY, [alert()], 30)
    assert [say.reason for say in second.say] == ["new"]
    assert second.group is not None
    assert second.next_s == NOW_S + 30 + 4 * 3600
    third = step(second.group, [alert()], 31)
    assert (third.say, third.next_s) == ((), second.next_s)
    assert [say.reason for say in step(second.group, [alert()], 30 + 4 * 3600).say] == ["repeat"]
    assert step(second.group, [alert()], 90_000, repeat=Seconds(0)).say == ()
    assert step(second.group, [alert(acknowledged="on it")], 90_000).say == ()


def test_news_of_a_group_keeps_the_interval():
    told = step(EMPTY, [alert()], 30).group
    assert told is not None
    late = [alert(), alert(2, news=NOW_S + 31)]
    assert step(told, late, 62).next_s == NOW_S + 90
    (say,) = step(told, late, 90).say
    assert ([one.number for one in say.alerts], say.fresh) == ([2, 1], {"issue:web:2"})


def test_an_end_is_told_when_the_route_wants_it_and_the_group_is_forgotten_after_its_interval():
    told = step(EMPTY, [alert()], 30).group
    assert told is not None
    ended = [alert(over=NOW_S + 40)]
    outcome = step(told, ended, 90)
    assert [say.reason for say in outcome.say] == ["over"]
    assert outcome.group is not None
    assert outcome.group.told == {}
    assert step(outcome.group, [], 150).group is None
    assert step(told, ended, 90, resolved=False).say == ()


def test_what_comes_back_before_its_end_was_told_changes_nothing():
    told = step(EMPTY, [alert()], 30).group
    assert told is not None
    assert step(told, [alert(news=NOW_S + 50)], 200).say == ()


def test_what_gets_worse_is_news_and_keeps_the_time_of_its_first_word():
    told = step(EMPTY, [alert()], 30).group
    assert told is not None
    outcome = step(told, [alert(severity="critical", news=NOW_S + 60)], 90)
    assert [say.reason for say in outcome.say] == ["new"]
    assert outcome.group is not None
    assert outcome.group.told["issue:web:1"].at == NOW_S + 30


def test_what_happened_once_is_told_once_and_has_no_end():
    once = alert(once=True)
    outcome = step(EMPTY, [once], 30)
    assert [say.reason for say in outcome.say] == ["new"]
    assert outcome.group is not None
    assert outcome.next_s == NEVER_S
    assert step(outcome.group, [once], 90_000).say == ()
    assert step(outcome.group, [], 90_000).group is None


def test_what_is_silenced_says_nothing_and_its_end_neither():
    quiet = [Member(alert(), silenced=True)]
    assert look(EMPTY, quiet, route(), NOW_S + 100, zone).group is None
    told = step(EMPTY, [alert()], 30).group
    assert told is not None
    outcome = look(told, [Member(alert(over=NOW_S + 40), silenced=True)], route(), NOW_S + 200, zone)
    assert (outcome.say, outcome.group) == ((), None)


NIGHT = Window(opens="0 22 * * *", lasts=Seconds(8 * 3600), timezone="UTC")  # NOW_S is 22:13:20


def test_quiet_times_hold_back_warnings_to_their_end_and_let_the_critical_through():
    outcome = step(EMPTY, [alert()], 60, quiet=[NIGHT])
    end_s = NOW_S - 800 + 8 * 3600
    assert (outcome.say, outcome.next_s) == ((), end_s)
    assert step(EMPTY, [alert()], end_s - NOW_S, quiet=[NIGHT]).say
    critical = alert(2, severity="critical")
    assert step(EMPTY, [alert(), critical], 60, quiet=[NIGHT]).say
    assert step(EMPTY, [critical], 60, quiet=[NIGHT], quiet_for="all").say == ()


def test_each_step_of_an_escalation_is_taken_once_and_in_its_time():
    steps = [Escalation(after=Seconds(100), to=["lead"]), Escalation(after=Seconds(300), to=["boss"])]
    told = step(EMPTY, [alert()], 30, escalate=steps)
    assert told.group is not None
    assert told.next_s == NOW_S + 130
    first = step(told.group, [alert()], 130, escalate=steps)
    assert [(say.reason, say.to) for say in first.say] == [("escalated", ("lead",))]
    assert first.group is not None
    second = step(first.group, [alert()], 330, escalate=steps)
    assert [say.to for say in second.say] == [("boss",)]
    assert second.group is not None
    assert step(second.group, [alert()], 1000, escalate=steps).say == ()
    assert step(told.group, [alert(acknowledged="on it")], 1000, escalate=steps).say == ()


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.floats(0.1, 200)), max_size=40))
def test_whatever_happens_two_messages_of_a_group_keep_the_interval_and_nothing_is_said_twice(happenings):
    """happenings: (which alert, whether it begins or ends, seconds until the next)."""
    group, at_s = EMPTY, 0.0
    alerts: dict[int, Alert] = {}
    sent: list[float] = []
    for number, begins, seconds in happenings:
        known = alerts.get(number)
        if begins and (known is None or known.over is not None):
            alerts[number] = alert(number, news=NOW_S + at_s)
        elif not begins and known is not None and known.over is None:
            alerts[number] = msgspec.structs.replace(known, over=NOW_S + at_s)
        at_s += seconds
        outcome = step(group, list(alerts.values()), at_s, repeat=Seconds(0))
        before, group = group, outcome.group or EMPTY
        for say in outcome.say:
            sent.append(at_s)
            assert say.fresh
            assert all(one.key not in before.told or one.over is not None for one in say.alerts if one.key in say.fresh)
        open_ones = {one.key for one in alerts.values() if one.over is None}
        if outcome.next_s == NEVER_S:
            assert group.told.keys() == open_ones
        alerts = {key: one for key, one in alerts.items() if one.over is None or one.key in group.told}
    assert all(later - sooner >= 59.999 for sooner, later in pairwise(sent))


# -- messages


def said(*alerts_, fresh=(), reason="new"):
    keys = frozenset(one.key for one in fresh or alerts_)
    return Say(reason=reason, to=("team",), alerts=alerts_, fresh=keys)


def test_a_message_lists_so_many_and_counts_the_rest():
    notice = notice_of(said(*(alert(number) for number in range(50))), "g", NOW_S, 20)
    assert (notice.firing, notice.ended, len(notice.lines)) == (50, 0, 20)
    message = message_of(notice, 7, "alpha", NOW_S + 60, zone("UTC"))
    assert (message.id, message.title) == ("alpha-7", "[alpha] warning: web crash, and 49 more")
    assert "and 30 more: gyrostat alerts" in message.text
    assert msgspec.json.decode(message.data)["more"] == 30


def test_two_messages_of_a_group_become_one_with_each_alert_as_it_is_now():
    older = notice_of(said(alert(1), alert(2)), "g", NOW_S, 20)
    newer = notice_of(said(alert(3), alert(2), alert(1, over=NOW_S + 9), fresh=[alert(3)]), "g", NOW_S + 60, 20)
    both = united(older, newer, 20)
    assert [(line.alert, line.over, line.fresh) for line in both.lines] == [
        ("a2", None, True),
        ("a3", None, True),
        ("a1", NOW_S + 9, True),
    ]
    assert (both.firing, both.ended, both.reason, both.made) == (2, 1, "new", NOW_S)


def test_a_channel_is_not_told_of_itself():
    own = alert(1, alert_type="channel", subject="team")
    assert without_channel(said(own), "team") is None
    left = without_channel(said(own, alert(2)), "team")
    assert left is not None
    assert [one.number for one in left.alerts] == [2]
    assert without_channel(said(own), "mail") == said(own)


def line(**changes):
    shown = {"alert": "a1", "alert_type": "crash_loop", "severity": "critical", "subject": "web", "summary": "down"}
    return Line(**{**shown, "since": NOW_S, **changes})


@pytest.mark.parametrize(
    ("notice", "title"),
    [
        (Notice(reason="new", made=0.0, firing=1, lines=(line(),)), "critical: web crash loop: down"),
        (Notice(reason="repeat", made=0.0, firing=2, lines=(line(),)), "still critical: web crash loop, and 1 more"),
        (Notice(reason="over", made=0.0, ended=1, lines=(line(over=NOW_S + 9),)), "over: web crash loop: down"),
        (Notice(reason="escalated", made=0.0, firing=1, lines=(line(),)), "nobody acknowledged: critical: web crash loop: down"),  # noqa: E501
        (Notice(reason="test", made=0.0, title="a\ntest\x00"), "a test"),
        (Notice(reason="test", made=0.0), "test"),
    ],
)  # fmt: skip
def test_a_title_says_the_worst_first_in_one_line(notice, title):
    assert title_of(notice) == title


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_text_breaks_a_title_or_adds_a_line_to_the_words(summary, subject):
    notice = Notice(reason="new", made=NOW_S, firing=1, lines=(line(summary=summary, subject=subject),))
    message = message_of(notice, 1, "alpha", NOW_S, zone("UTC"))
    assert message.title.isprintable()
    assert len(message.title) <= 170
    assert len(message.text.splitlines()) == 4


def test_an_end_tells_how_long_it_was():
    notice = Notice(reason="over", made=NOW_S, ended=1, lines=(line(over=NOW_S + 243.2, issue="i7"),))
    text = message_of(notice, 1, "alpha", NOW_S + 300, zone("UTC")).text
    assert text == "OVER      web crash loop: down\n          from 22:13:20, for 4m3s; gyrostat issues i7"


# -- what facts and answers mean


@pytest.mark.parametrize("kind", HEARD, ids=lambda kind: kind.kind)
def test_every_fact_that_is_heard_means_something_or_nothing(kind):
    meant = meaning(filled(kind))
    assert meant is None or isinstance(meant, Seen | Over)
    if isinstance(meant, Seen):
        assert meant.summary
        assert meant.key or meant.issue


def test_a_backlog_is_too_many_or_too_old():
    def stats(number, oldest_s):
        waiting = [
            TaskCount(kind="a", state="queued", number=number, oldest_s=oldest_s),
            TaskCount(kind="a", state="scheduled", number=999, oldest_s=9e9),
        ]
        return TaskStats(counts={}, waiting=waiting, ended=[], window_s=1, workers=1, paused=None)

    limit = Backlog(tasks=10, age=Seconds(60))
    assert backlog(stats(10, 60.0), limit, "alpha").seen == ()
    (both,) = backlog(stats(11, 61.0), limit, "alpha").seen
    assert both.summary == "11 tasks wait, 10 may; one waits for 1m1s, 1m is allowed"


def test_only_a_whole_answer_ends_what_it_does_not_name_and_nothing_newer_than_the_question():
    known = {"issue:a": 5.0, "issue:b": 5.0, "issue:c": 50.0, "node:x": 5.0}
    assert lacking(Found("issue:", ()), {"issue:a"}, known, 10.0) == ["issue:b"]
    assert lacking(Found("issue:", (), whole=False), set(), known, 10.0) == []


def test_a_summary_without_answers_says_who_gave_none():
    made = summed({"issues": UnknownTarget("x"), "health": UnknownTarget("x")}, {}, NOW_S)
    assert made.title == "the last day: health unknown, 0 issues, 0 open"
    assert "the healer gives no answer" in made.text
    assert "messages: none" in made.text
    assert summed({}, Counter({"team": 2}), NOW_S).text.endswith("messages: 2 team")
