"""Ladders of degradation: pure, and on a real workload whose cache goes away and comes back."""

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.ladder import SOON_S, Ladder, back_s, next_step
from actors.healer.settings import DegradationSettings
from actors.settings import Share
from actors.settings.healing import DegradeStep
from actors.settings.repair import Tunable
from bus.messages import (
    DegradationChanged,
    ExplainIssue,
    IssueResolved,
    ListChanges,
    ListIssues,
    ListProcesses,
    ProcessStarted,
)
from tests.healer.fakes import quick, workload
from tests.healer.real import python

NEEDS_A_CACHE = """
import json, os, socket, time
source = json.load(open("app.json"))["source"]
if os.environ.get("CACHE", "on") == "on":
    socket.create_connection(("127.0.0.1", int(os.environ["CACHE_PORT"])))
print("works with", os.environ.get("CACHE"), source, os.environ.get("WORKERS"), flush=True)
time.sleep(1000)
"""


def step(name="no cache", *, loss=0.2, **fields):
    return DegradeStep(step=name, quality_loss=Share(loss), **({"env": {"CACHE": "off"}} | fields))


# -- the ladder


def test_the_first_step_against_the_failure_that_is_not_taken_yet_is_next():
    steps = [step("a", against=["memory"]), step("b"), step("c", against=["connection"])]

    def named(ladder, failure):
        found = next_step(steps, ladder, failure)
        return found.step if found is not None else None

    assert named(Ladder(), "connection") == "b"
    taken = Ladder().down(steps[1], {}, 0.0)
    assert named(taken, "connection") == "c"
    assert named(taken, "memory") == "a"
    assert next_step(steps, taken.down(steps[2], {}, 1.0), "connection") is None


@pytest.mark.parametrize(
    ("losses", "level"),
    [([], "full"), ([0.2], "minor"), ([0.2, 0.2], "moderate"), ([0.4, 0.3], "severe"), ([0.5, 0.5, 0.5], "minimal")],
)
def test_the_level_says_how_much_is_lost(losses, level):
    ladder = Ladder()
    for number, loss in enumerate(losses):
        ladder = ladder.down(step(str(number), loss=loss), {}, 0.0)
    assert ladder.level == level
    assert ladder.quality_loss <= 1.0


def test_a_return_that_did_not_last_makes_the_next_one_wait_for_twice_as_long():
    settings, ladder, waits = DegradationSettings(), Ladder(), []
    for number in range(4):
        ladder = ladder.down(step(), {}, number * 100.0)
        waits.append(back_s(ladder.rungs[-1], settings))
        ladder = ladder.up(number * 100.0 + 50)
    assert waits == [60.0, 120.0, 240.0, 480.0]
    later = ladder.down(step(), {}, 400.0 + SOON_S)
    assert back_s(later.rungs[-1], settings) == 60.0


@given(st.lists(st.sampled_from(["down", "up"]), max_size=20))
def test_a_ladder_is_never_left_at_its_lower_end(moves):
    ladder, steps = Ladder(), [step(str(number)) for number in range(3)]
    for move in moves:
        found = next_step(steps, ladder, "unknown")
        if move == "down" and found is not None:
            ladder = ladder.down(found, {}, 0.0)
        elif move == "up" and ladder.rungs:
            ladder = ladder.up(0.0)
    assert len({rung.step for rung in ladder.rungs}) == len(ladder.rungs) <= 3


# -- what is refused in a config


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"env": {}}, "changes nothing"),
        ({"step": " "}, "step: is empty"),
        ({"files": {"../a": "b"}}, r"no path in or beneath"),
        ({"until": "redis"}, "no address"),
        ({"until": "redis:99999"}, "no address"),
    ],
)
def test_a_step_that_cannot_be_is_refused(fields, why):
    with pytest.raises(ValueError, match=why):
        DegradeStep(**({"step": "a", "quality_loss": Share(0.1), "env": {"A": "b"}} | fields))


def test_steps_that_do_not_fit_the_workload_are_refused():
    with pytest.raises(ValueError, match="stands there twice"):
        workload(degrade=[step("a"), step("a")])
    with pytest.raises(ValueError, match="no tunable of it: n"):
        workload(degrade=[step("a", tunables={"n": 1})])
    with pytest.raises(ValueError, match="beyond its bounds"):
        workload(degrade=[step("a", tunables={"n": 9})], tunables={"n": Tunable(min=1, max=4, env="N")})


# -- a real one


@pytest.fixture
def cache():
    """An address, and what listens on it when asked to."""
    held = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]

    def listen():
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", number))
        server.listen()
        held.append(server)

    yield number, listen
    for server in held:
        server.close()


def test_a_workload_goes_on_without_its_cache_and_returns_by_itself_when_it_is_back(real_ward, tmp_path, cache):
    port, listen = cache
    (tmp_path / "app.json").write_text('{"source": "live"}')
    (tmp_path / "cached.json").write_text('{"source": "cached"}')
    less = step(
        "without its cache",
        against=["connection"],
        env={"CACHE": "off"},
        files={"app.json": "cached.json"},
        tunables={"workers": 1},
        until=f"127.0.0.1:{port}",
    )
    house = real_ward(
        python(NEEDS_A_CACHE),
        env={"CACHE_PORT": str(port), "WORKERS": "4"},
        tunables={"workers": Tunable(type="int", min=1, max=8, env="WORKERS")},
        degrade=[less],
        heal={"crash": ["degrade"], "crash_loop": ["degrade"]},
        healer=quick(stable_for=0.3, verify_within=10.0, command_timeout=20.0, degradation={"back_after": 0.3}),
    )
    resolved = house.wait_for(IssueResolved)
    assert resolved.by == "degrade"
    told = house.wait_for(DegradationChanged)
    assert (told.level, told.steps, told.quality_loss) == ("minor", ["without its cache"], 0.2)
    (row,) = house.ask(ListIssues()).degraded
    assert (row.name, row.level) == ("api", "minor")
    assert json.loads((tmp_path / "app.json").read_text()) == {"source": "cached"}
    (process,) = house.ask(ListProcesses()).processes
    assert process.overrides["env.CACHE"] == "off"
    assert house.ask(ExplainIssue(issue=resolved.issue)).attempts[-1].acted.startswith("go on with 20% less")
    starts = len(house.events(ProcessStarted))
    listen()
    back = house.wait_for(DegradationChanged, lambda fact: fact.level == "full")
    assert back.before == "minor"
    house.until(lambda: len(house.events(ProcessStarted)) > starts)
    assert json.loads((tmp_path / "app.json").read_text()) == {"source": "live"}
    (process,) = house.ask(ListProcesses()).processes
    assert process.overrides == {}
    assert house.ask(ListIssues()).degraded == []
    assert house.ask(ListChanges()).changes[0].change == "restored"
