from typing import Any

import msgspec
import pytest

from actors.cli.words import is_news, kind_of, say
from bus.messages import FACTS, ProcessExited, RestartScheduled
from tests.cli.samples import EVERY_FACT


def plain(fact):
    return msgspec.to_builtins(fact)


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.kind)
def test_every_shipped_fact_has_words_of_its_own(fact):
    said = say(fact.type_name(), plain(fact))
    assert not said.text.startswith(fact.kind)  # how an unknown one is shown
    assert "None" not in said.text


@pytest.mark.parametrize("kind", FACTS, ids=str)
def test_a_fact_without_the_fields_we_know_is_shown_by_those_it_has(kind):
    text = say(kind, {"subject": "x", "colour": "green"}).text
    assert text == f"{kind_of(kind)} colour=green" or "green" not in text


def test_an_unknown_fact_is_shown_by_its_fields():
    assert say("shop.sold.v2", {"subject": "till", "pieces": 3}).text == "shop.sold pieces=3"


def test_an_exit_says_how_and_the_last_line_of_the_log():
    fact = ProcessExited(
        subject="web",
        pid=1,
        incarnation=1,
        exit_code=1,
        signal=None,
        uptime_s=0.05,
        asked=False,
        expected=False,
        log_tail=["first", "KeyError: 'x'"],
    )
    said = say(fact.type_name(), plain(fact))
    assert said.text == "exited with code 1 after 50 ms; its last line: KeyError: 'x'"
    assert said.tone == "bad"


def test_an_end_by_a_signal_names_it():
    data: dict[str, Any] = {
        "signal": "KILL",
        "exit_code": None,
        "uptime_s": 2,
        "asked": False,
        "expected": False,
        "log_tail": [],
    }
    assert say("process.exited.v1", data).text == "ended by SIGKILL after 2 s"


def test_a_restart_at_once_and_a_later_one_read_differently():
    def text(delay_s):
        fact = RestartScheduled(subject="web", delay_s=delay_s, attempt=2, reason="it ended")
        return say(fact.type_name(), plain(fact)).text

    assert text(0.0) == "starts again at once (attempt 2)"
    assert text(0.2) == "starts again in 0.2 s (attempt 2)"


@pytest.mark.parametrize(
    ("kind", "data", "news"),
    [
        ("metrics.sampled.v1", {}, False),
        ("probe.measured.v1", {}, False),
        ("process.state_changed.v1", {"state": "ready"}, False),
        ("process.state_changed.v1", {"state": "waiting"}, True),
        ("actor.started.v1", {"restarts": 0}, False),
        ("actor.started.v1", {"restarts": 1}, True),
        ("health.changed.v1", {"level": "healthy", "before": "healthy"}, False),
        ("health.changed.v1", {"level": "healthy", "before": "failing"}, True),
        ("trend.changed.v1", {"trend": "stable"}, False),
        ("trend.changed.v1", {"trend": "degrading"}, True),
        ("process.exited.v1", {}, True),
    ],
)
def test_a_watcher_is_told_what_no_other_fact_tells(kind, data, news):
    assert is_news(kind, data) is news
