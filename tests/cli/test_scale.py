"""scale against a node that plays its part: what it waits for, asks, and says of each instance."""

import pytest

from bus.errors import Refused
from bus.message import Done
from bus.messages import ListProcesses, ScaleWorkload
from tests.cli import samples


def web(number, state="ready", **more):
    return samples.process(f"web-{number}", state, workload="web", instance=number, tags=["api"], **more)


def leaving(number):
    return web(number, "stopping", declared=False, scaled_away=True)


@pytest.fixture
def node(fake):
    """Answers with the first table, then after `scale` with one after the other, the last one for ever."""

    def play(before, *after):
        tables = [samples.table(*before), *(samples.table(*rows) for rows in after)]

        def scaled(command):
            fake.scaled = command
            tables.pop(0)
            return Done(detail="has so many already")

        fake.answers(ScaleWorkload, scaled)
        fake.answers(
            ListProcesses, lambda _: tables.pop(0) if len(tables) > 1 and hasattr(fake, "scaled") else tables[0]
        )
        return fake

    return play


def test_it_returns_when_those_that_go_are_down(node, gyrostat):
    node([web(1), web(2)], [web(1), leaving(2)], [web(1), leaving(2)], [web(1)])
    assert gyrostat("scale", "web", "1") == (0, "web: removed web-2\n", "")


def test_it_returns_when_those_that_come_are_started(node, gyrostat):
    fake = node([web(1)], [web(1), web(2, "stopped")], [web(1), web(2, "starting")], [web(1), web(2)])
    assert gyrostat("scale", "web", "2") == (0, "web: added web-2\n", "")
    assert (fake.scaled.name, fake.scaled.instances) == ("web", 2)


def test_one_that_comes_and_does_not_stay_up_is_told(node, gyrostat):
    node([web(1)], [web(1), web(2, "crash_loop")])
    code, out, err = gyrostat("scale", "web", "2")
    assert (code, out) == (0, "web: added web-2\n")
    assert err == "gyrostat: web-2 is crash loop; see gyrostat why web-2\n"


def test_one_that_does_not_end_in_time_is_told_as_it_is(node, gyrostat, monkeypatch):
    monkeypatch.setattr("actors.cli.names.PATIENCE_S", 0.2)
    node([web(1), web(2)], [web(1), leaving(2)])
    code, out, err = gyrostat("scale", "web", "1")
    assert (code, out) == (1, "")
    assert err == "gyrostat: web-2: is still stopping, and goes when it is down; see gyrostat why web-2\n"


def test_reset_asks_for_what_the_config_says(node, gyrostat):
    fake = node([web(1)], [web(1)])
    assert gyrostat("scale", "web", "--reset") == (0, "web: has so many already\n", "")
    assert fake.scaled.instances is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["web"], "say a number of instances, or --reset"),
        (["web", "3", "--reset"], "say a number of instances, or --reset"),
        (["web", "abc"], "'abc' is no whole number"),
        (["web", "--", "-1"], "-1 is not in the range 0 or more"),
        (["wbe", "1"], 'no workload "wbe" in the config; did you mean "web"?'),
        (["web-1", "1"], 'no workload "web-1" in the config; it is an instance of web'),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_code_2(node, gyrostat, wrong, said):
    node([web(1)])
    code, out, err = gyrostat("scale", *wrong)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_what_the_node_refuses_is_code_1(fake, gyrostat):
    fake.answers(ListProcesses, samples.table(samples.process("db", workload="db")))
    fake.answers(ScaleWorkload, Refused("db has no instances"))
    assert gyrostat("scale", "db", "2") == (1, "", "gyrostat: db has no instances\n")


def test_one_without_an_instance_can_be_named_again(node, gyrostat):
    fake = node([samples.process("db", workload="db")])
    fake.answers(ListProcesses, samples.table(samples.process("db", workload="db"), none=["web"]))
    assert gyrostat("scale", "web", "0")[:2] == (0, "web: has so many already\n")
    code, _, err = gyrostat("stop", "web")
    assert code == 2
    assert "web has no instances now; gyrostat scale web 1 gives it one" in err


@pytest.mark.parametrize(
    ("number", "question"),
    [
        ("1", "stop web-2, which is LIVE?"),
        ("0", "stop web-1, web-2, which are LIVE?"),
        ("--reset", "scale web as the config says, which may stop web-1, web-2, which are LIVE?"),
        ("3", ""),
    ],
)
def test_on_a_terminal_it_is_asked_before_live_instances_are_stopped(node, gyrostat, monkeypatch, number, question):
    other = samples.process("web-sandbox-1", workload="web", instance=1, mode="sandbox")
    fake = node([web(1), web(2), web(3, "held"), other], [web(1), web(2)])
    asked = []
    monkeypatch.setattr("actors.cli.consent.may_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text))
    assert gyrostat("scale", "web", number)[0] == (1 if question else 0)
    assert asked == ([question] if question else [])
    assert hasattr(fake, "scaled") == (not question)
