"""Who is there: every cell of state and what is heard, with the time given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.nodes.table import SILENT, Table, together
from bus.carrier import Peer, PeerState
from bus.messages import NodeGone, NodeReturned, NodeSeen, NodeStatus

BETA = Peer(node="beta", facts="ipc:///beta")


def beat(**changes: Any) -> PeerState:
    values = {"peer": BETA, "node": "beta", "epoch": 7, "heard": True, "alive": True, "age_s": 0.2}
    return PeerState(**{**values, **changes})


def silent(**changes: Any) -> PeerState:
    return beat(**{"alive": False, "age_s": 3.6, **changes})


NEVER = PeerState(peer=BETA, node="beta")


def table_in(state: str) -> Table:
    table = Table("alpha", 0.0)
    table.see([NEVER], 1.0)
    if state != "unheard":
        table.see([beat()], 2.0)
    if state in ("stopping", "left"):
        table.said_stopping("beta", "SIGTERM", 3.0)
    if state in ("gone", "left"):
        table.see([silent()], 4.0)
    assert row_of(table).state == state
    return table


def row_of(table: Table, now_s: float = 10.0) -> Any:
    return next(row for row in table.rows(now_s) if row.name == "beta")


CELLS = [
    # state, what is heard, state after, what is told
    ("unheard", NEVER, "unheard", []),
    ("unheard", beat(), "here", [NodeSeen(subject="beta", epoch=7, targets=[])]),
    ("here", beat(), "here", []),
    ("here", silent(), "gone", [NodeGone(subject="beta", said=False, why=SILENT, silent_s=3.6)]),
    ("here", beat(epoch=8), "here", [NodeReturned(subject="beta", away_s=0.0, restarted=True)]),
    ("stopping", beat(), "stopping", []),
    ("stopping", silent(), "left", [NodeGone(subject="beta", said=True, why="SIGTERM", silent_s=3.6)]),
    ("stopping", beat(epoch=8), "here", [NodeReturned(subject="beta", away_s=0.0, restarted=True)]),
    ("gone", silent(), "gone", []),
    ("gone", beat(), "here", [NodeReturned(subject="beta", away_s=6.0, restarted=False)]),
    ("gone", beat(epoch=8), "here", [NodeReturned(subject="beta", away_s=6.0, restarted=True)]),
    ("left", silent(), "left", []),
    ("left", beat(epoch=8), "here", [NodeReturned(subject="beta", away_s=6.0, restarted=True)]),
    ("left", beat(), "here", [NodeReturned(subject="beta", away_s=6.0, restarted=False)]),
]


@pytest.mark.parametrize(("state", "heard", "after", "told"), CELLS)
def test_every_state_and_what_is_heard_gives_the_next_state_and_what_is_told(state, heard, after, told):
    table = table_in(state)
    assert table.see([heard], 10.0) == told
    assert row_of(table).state == after
    assert table.see([heard], 11.0) == []  # told once


@pytest.mark.parametrize("state", ["unheard", "gone", "left", "stopping"])
def test_only_a_node_that_is_here_can_begin_to_stop(state):
    table = table_in(state)
    table.said_stopping("beta", "again", 9.0)
    assert row_of(table).state == state


def test_this_node_comes_first_and_is_never_gone():
    table = Table("middle", 0.0)
    states = [beat(peer=Peer(node=name), node=name, epoch=number) for number, name in enumerate(("zeta", "alpha"), 1)]
    table.see([*states, silent(node="middle", peer=Peer(node="middle"))], 1.0)
    table.said_stopping("middle", "SIGTERM", 2.0)
    rows = table.rows(3.0)
    assert [(row.name, row.own, row.state) for row in rows] == [
        ("middle", True, "here"),
        ("alpha", False, "here"),
        ("zeta", False, "here"),
    ]


def test_a_node_that_is_no_peer_any_more_is_forgotten():
    table = table_in("here")
    assert not table.alone
    assert table.see([], 5.0) == []
    assert table.alone


def test_a_node_of_several_processes_lives_while_one_of_them_does():
    main = beat(targets=frozenset({"monitor"}), lag={"facts": 2})
    part = beat(epoch=9, targets=frozenset({"healer"}), lag={"facts": 3, "state": 1}, age_s=0.7)
    both = together([main, part])["beta"]
    assert (both.alive, both.age_s, both.epochs) == (True, 0.2, frozenset({7, 9}))
    assert both.targets == {"monitor", "healer"}
    assert both.lag == {"facts": 5, "state": 1}
    one = together([main, silent(epoch=9, targets=frozenset({"healer"}))])["beta"]
    assert (one.alive, one.targets) == (True, frozenset({"monitor"}))
    table = Table("alpha", 0.0)
    table.see([main, part], 1.0)
    assert table.see([silent(), part], 2.0) == []  # nobody is told of a process of another node
    assert row_of(table).targets == ["healer"]


def test_draining_is_what_its_heartbeat_or_its_last_status_says():
    table = table_in("here")
    assert not row_of(table).draining
    table.see([beat(draining=True)], 5.0)
    assert row_of(table).draining
    table.see([beat()], 6.0)
    table.said_status(NodeStatus(subject="beta", draining=True), 7.0)
    assert row_of(table).draining


def test_the_last_status_is_kept_with_its_age_also_of_a_node_that_is_gone():
    table = table_in("here")
    status = NodeStatus(subject="beta", level="healthy")
    table.said_status(status, 6.0)
    table.said_status(NodeStatus(subject="stranger", level="healthy"), 6.0)
    table.see([silent()], 9.0)
    row = row_of(table, 12.0)
    assert (row.state, row.status, row.status_s, row.since_s) == ("gone", status, 6.0, 3.0)
    assert [row.name for row in table.rows(12.0)] == ["alpha", "beta"]


@given(st.lists(st.tuples(st.sampled_from(["beat", "anew", "silent", "says"]), st.floats(0.1, 9.0)), max_size=40))
def test_gone_and_returned_alternate_whatever_is_heard(steps):
    table, now_s, epoch, told = Table("alpha", 0.0), 0.0, 1, []
    table.see([NEVER], now_s)
    for step, wait_s in steps:
        now_s += wait_s
        epoch += step == "anew"
        if step == "says":
            table.said_stopping("beta", "x", now_s)
        elif step == "silent":
            known = row_of(table, now_s).state != "unheard"
            told += table.see([silent(epoch=epoch) if known else NEVER], now_s)
        else:
            told += table.see([beat(epoch=epoch)], now_s)
    here = False
    for fact in told:
        if isinstance(fact, NodeGone):
            assert here
            here = False
        else:
            assert not here or fact == NodeReturned(subject="beta", away_s=0.0, restarted=True)
            assert isinstance(fact, NodeSeen) == (fact is told[0])
            here = True
    assert here == (row_of(table, now_s).state in ("here", "stopping"))
