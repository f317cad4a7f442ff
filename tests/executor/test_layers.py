"""What each layer of a task's protection says of it."""

import msgspec
import pytest

from actors.executor.lanes import Limit
from actors.executor.layers import LAYERS, Known, layers
from actors.executor.model import Happening, Row
from actors.executor.room import Room, lacks
from actors.settings import BreakerRule, Bytes, Rate, Resources, RetryRule, Seconds, Share, TaskKind

NOW_S = 1000.0
ROW = Row(
    id=7,
    kind="call",
    state="queued",
    priority="medium",
    params="{}",
    key=None,
    tags=(),
    parent=None,
    added=NOW_S,
    due=None,
    deadline=None,
    attempt=0,
    failures=0,
    lost=0,
    started=None,
    run_s=0.0,
    worker=None,
    stop=None,
    checkpoint=None,
    progress=None,
    note="",
    error="",
)
PLAIN = TaskKind(module="m", timeout=None)
NEED = Resources(cpu=2, memory=Bytes(1 << 30))
KIND = TaskKind(
    module="m",
    breaker=BreakerRule(failures=3),
    concurrency=2,
    rate=Rate(starts=1),
    retry=RetryRule(attempts=4),
    retry_budget=Share(0.2),
    need=NEED,
    timeout=Seconds(60),
)
LIMIT = Limit(lane="call", trips=3, open_s=60.0, concurrency=2, per_s=1.0, share=0.2, at=NOW_S)
KNOWN = Known(
    row=ROW,
    kind=KIND,
    happenings=(),
    limit=LIMIT,
    running=1,
    here={},
    room=Room(own="alpha.", offers=Resources(cpu=4, memory=Bytes(2 << 30)), needs={"call": NEED}),
    paused=None,
    emergency="",
    now_s=NOW_S,
)


def known(*, row=None, limit=None, did=(), **fields):
    """KNOWN with other fields."""
    return msgspec.structs.replace(
        KNOWN,
        row=msgspec.structs.replace(ROW, **(row or {})),
        limit=msgspec.structs.replace(LIMIT, **(limit or {})),
        happenings=tuple(Happening(0.0, what, detail) for what, detail in did),
        **fields,
    )


def said(one, name):
    [layer] = [layer for layer in layers(one) if layer.name == name]
    return layer.state, layer.says


def test_a_task_that_meets_no_resistance_passes_all():
    assert [(layer.name, layer.state) for layer in layers(KNOWN)] == [
        ("degradation", "passes"),
        ("deadline", "off"),
        *((name, "passes") for name in ("breaker", "concurrency", "rate", "resources")),
        *((name, "passes") for name in ("time-out", "rescue", "back-off", "budget")),
    ]
    assert len(LAYERS) == 10


def test_a_kind_without_limits_has_them_off():
    plain = known(kind=PLAIN, limit={"trips": None, "concurrency": None, "per_s": None, "share": None})
    off = [layer.name for layer in layers(plain) if layer.state == "off"]
    assert off == ["deadline", "breaker", "concurrency", "rate", "resources", "time-out", "budget"]


@pytest.mark.parametrize(
    ("fields", "name", "says"),
    [
        ({"paused": "maintenance"}, "degradation", "no task is taken: maintenance"),
        ({"emergency": "inc-1"}, "degradation", "emergency inc-1: critical and high ones only"),
        ({"limit": {"failed": 3, "opened": 990.0}, "running": 0}, "breaker", "3 failed in a row, 50s more"),
        ({"limit": {"failed": 3, "opened": 900.0}}, "breaker", "3 failed in a row, one of them is tried"),
        ({"running": 2}, "concurrency", "2 run, 2 may"),
        ({"limit": {"tokens": 0.5}}, "rate", "as many were started as may be, 500ms more"),
        ({"here": {"call": 2}}, "resources", "too little here: cpu 2 of 4, 4 of it held; memory 1GiB of 2GiB, 2GiB"),
        (
            {"row": {"state": "scheduled", "failures": 2, "due": 1004.5}},
            "back-off",
            "2 failed, the next attempt in 4.5s",
        ),
    ],
)
def test_what_holds_a_task_says_why_and_for_how_long(fields, name, says):
    state, why = said(known(**fields), name)
    assert state == "holds"
    assert why.startswith(says)


@pytest.mark.parametrize(
    ("did", "name"),
    [
        ("late", "deadline"),
        ("expired", "deadline"),
        ("breaker", "breaker"),
        ("timeout", "time-out"),
        ("silent", "time-out"),
        ("rescued", "rescue"),
        ("failed", "back-off"),
        ("budget", "budget"),
    ],
)
def test_what_a_layer_did_stays_with_the_task(did, name):
    first, last = (did, "first"), (did, "last")
    state, says = said(known(did=[first, last], row={"state": "done", "failures": 2 * (did == "failed")}), name)
    assert state == "acted"
    assert says in {"last", "2 failed"}


@pytest.mark.parametrize("state", ["running", "done", "dead"])
def test_nothing_holds_what_has_started(state):
    one = known(row={"state": state}, paused="x", emergency="y", running=2, here={"call": 9}, limit={"tokens": 0.0})
    assert [layer.name for layer in layers(one) if layer.state == "holds"] == []


def test_urgent_tasks_pass_an_emergency():
    assert said(known(emergency="inc-1", row={"priority": "high"}), "degradation") == ("passes", "")


def test_time_is_left_to_a_deadline():
    assert said(known(row={"deadline": 1090.0}), "deadline") == ("passes", "1m30s left")
    assert said(known(row={"deadline": 900.0, "state": "running"}), "deadline") == ("passes", "")


def test_there_is_room_for_what_needs_nothing():
    assert lacks("other", KNOWN.room, {"call": 99}) == ""
    assert lacks("call", KNOWN.room, {"other": 99}) == ""
