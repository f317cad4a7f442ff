"""The decisions about foreign peers: what is a key, who may come in where, who may ask what, what is told."""

import itertools

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85 as theirs

from bus.access import (
    DOORS,
    ROLES,
    AllowedKey,
    Caller,
    Knock,
    caller_of,
    doors_to_close,
    judge,
    may_ask,
    may_enter,
    read_knock,
)
from bus.errors import BusError
from bus.rejections import ADDRESSES_MAX, TOLD_MAX, WINDOW_S, Rejection, Rejections
from bus.z85 import check_key, decode, encode, fingerprint

MANUAL = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
"""Public key of the example in ZeroMQ's own manual."""
RAW = decode(MANUAL)


def entry(role, name="laptop", key=MANUAL):
    return AllowedKey(name=name, role=role, key=key)


# -- keys as text


@given(st.binary(min_size=32, max_size=32))
def test_a_key_and_its_text_are_the_same_thing(key):
    assert decode(encode(key)) == key
    assert encode(key).encode() == theirs.encode(key)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is no key: 0 characters; allowed: 40 characters, as gyrostat keys show prints"),
        (MANUAL[:-1], "39 characters"),
        (MANUAL + " ", "41 characters"),
        (MANUAL[:-1] + "~", "character 40, '~', is none of Z85"),
        ('"' + MANUAL[1:], "character 1, '\"', is none of Z85"),
        (MANUAL[:-1] + "é", "character 40, 'é', is none"),
        ("#####" + MANUAL[5:], "5 of its characters say more than 32 bits"),
    ],
)
def test_what_is_no_key_gives_one_clear_line(text, why):
    with pytest.raises(BusError) as caught:
        check_key(text)
    line = str(caught.value)
    assert why in line
    assert "\n" not in line
    assert not text or text not in line


def test_a_fingerprint_is_short_and_of_the_key():
    assert len(fingerprint(RAW)) == 12
    assert fingerprint(RAW) != fingerprint(bytes(32))


# -- who may come in where

MAY_ENTER = {
    ("observer", "facts"): True,
    ("observer", "commands"): False,
    ("observer", "replay"): True,
    ("operator", "facts"): True,
    ("operator", "commands"): True,
    ("operator", "replay"): True,
    ("node", "facts"): True,
    ("node", "commands"): True,
    ("node", "replay"): True,
}


def test_the_table_has_every_cell():
    assert set(MAY_ENTER) == set(itertools.product(ROLES, DOORS))


@pytest.mark.parametrize(("role", "door"), MAY_ENTER)
def test_a_role_enters_where_it_may_and_nowhere_else(role, door):
    assert may_enter(role, door) is MAY_ENTER[role, door]
    verdict = judge(Knock(b"1", door, "10.0.0.1", b"CURVE", [RAW]), {RAW: entry(role)})
    assert bool(verdict.user) is MAY_ENTER[role, door]
    assert verdict.user == (f"{role}:laptop" if MAY_ENTER[role, door] else "")
    assert bool(verdict.why) is not MAY_ENTER[role, door]


@pytest.mark.parametrize("role", ["", "king", "Node", "observer "])
def test_an_unknown_role_enters_nowhere_and_asks_nothing(role):
    assert not any(may_enter(role, door) for door in DOORS)
    assert not may_ask(role, "operator")
    assert not may_ask(role, "node")


@pytest.mark.parametrize(
    ("knock", "why"),
    [
        (Knock(b"1", "facts", "a", b"NULL", []), "mechanism NULL instead of CURVE"),
        (Knock(b"1", "facts", "a", b"PLAIN", [b"user", b"word"]), "mechanism PLAIN"),
        (Knock(b"1", "facts", "a", b"", [RAW]), "mechanism  instead"),
        (Knock(b"1", "facts", "a", b"CURVE", []), "credentials"),
        (Knock(b"1", "facts", "a", b"CURVE", [RAW, RAW]), "credentials"),
        (Knock(b"1", "facts", "a", b"CURVE", [RAW[:-1]]), "credentials"),
        (Knock(b"1", "facts", "a", b"CURVE", [MANUAL.encode()]), "credentials"),
        (Knock(b"1", "facts", "a", b"CURVE", [bytes(32)]), "the key is not allowed here"),
        (Knock(b"1", "", "a", b"CURVE", [RAW]), "no socket is called ''"),
        (Knock(b"1", "Facts", "a", b"CURVE", [RAW]), "no socket is called 'Facts'"),
        (Knock(b"1", "facts", "a", b"CURVE", [RAW], b"2.0"), "ZAP version b'2.0'"),
    ],
)
def test_whatever_is_not_expected_is_refused(knock, why):
    verdict = judge(knock, {RAW: entry("node")})
    assert verdict.user == ""
    assert why in verdict.why


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_a_request_of_any_bytes_is_read_or_passed_over_and_never_lets_in(frames):
    knock = read_knock(frames)
    assert knock is None or judge(knock, {}).user == ""


def test_a_request_is_read_as_the_rfc_has_it():
    knock = read_knock([b"", b"1.0", b"7", b"facts", b"10.0.0.1", b"", b"CURVE", RAW])
    assert knock == Knock(b"7", "facts", "10.0.0.1", b"CURVE", [RAW])
    assert read_knock([b"x", b"1.0", b"7", b"facts", b"10.0.0.1", b"", b"CURVE", RAW]) is None


# -- who may ask what

MAY_ASK = {
    ("observer", "operator"): False,
    ("observer", "node"): False,
    ("operator", "operator"): True,
    ("operator", "node"): False,
    ("node", "operator"): True,
    ("node", "node"): True,
}


@pytest.mark.parametrize(("role", "needed"), MAY_ASK)
def test_a_role_asks_what_it_may_and_nothing_else(role, needed):
    assert set(MAY_ASK) == set(itertools.product(ROLES, ("operator", "node")))
    assert may_ask(role, needed) is MAY_ASK[role, needed]


@pytest.mark.parametrize(
    ("user", "caller"),
    [
        ("operator:laptop", Caller("operator", "laptop")),
        ("node:beta", Caller("node", "beta")),
        ("king:laptop", None),
        ("operator:", None),
        ("operator", None),
        ("", None),
    ],
)
def test_a_user_id_of_ours_says_who_it_is(user, caller):
    assert caller_of(user) == caller


def test_the_source_begins_with_what_was_proven_whatever_the_command_says():
    assert Caller("operator", "laptop").source("cli") == "operator:laptop/cli"
    assert Caller("node", "beta").source("beta/healer") == "node:beta/healer"
    assert Caller("operator", "laptop").source("alpha/healer") == "operator:laptop/alpha/healer"
    assert len(Caller("operator", "laptop").source("x" * 1000)) == 256


# -- what a change of keys closes


@pytest.mark.parametrize(("was", "now"), list(itertools.product(ROLES, (None, *ROLES))))
def test_a_change_of_role_closes_the_doors_it_closes_to_the_key(was, now):
    closing = doors_to_close({RAW: entry(was)}, {RAW: entry(now)} if now else {})
    lost = {door for door in DOORS if MAY_ENTER[was, door] and not (now and MAY_ENTER[now, door])}
    assert lost <= closing
    # An operator that becomes a node goes on with the identity it came with, until it comes in anew.
    renamed = {"commands"} if now and was != now and MAY_ENTER[was, "commands"] else set()
    assert closing == lost | renamed


def test_another_key_for_a_name_closes_what_the_former_had_open_and_a_further_key_closes_nothing():
    other = encode(bytes(32))
    assert doors_to_close({RAW: entry("operator")}, {bytes(32): entry("operator", key=other)}) == set(DOORS)
    assert doors_to_close({}, {RAW: entry("node")}) == set()
    assert doors_to_close({RAW: entry("node")}, {RAW: entry("node"), bytes(32): entry("node", "b", other)}) == set()


def test_another_name_closes_commands_for_they_carry_it():
    assert doors_to_close({RAW: entry("operator")}, {RAW: entry("operator", "desk")}) == {"commands"}
    assert doors_to_close({RAW: entry("observer")}, {RAW: entry("observer", "wall")}) == set()


# -- what is told


def rejection(address="10.0.0.1", why="x"):
    return Rejection(address=address, key="", door="facts", why=why)


def test_ten_a_minute_of_an_address_are_told_and_the_rest_is_counted_and_told_with_the_next():
    audit = Rejections()
    told = [line for number in range(1000) for line in audit.note(rejection(why=str(number)), number / 1000)]
    assert [line.why for line in told] == [str(number) for number in range(TOLD_MAX)]
    assert not audit.due(WINDOW_S - 1)
    later = audit.due(WINDOW_S + 1)
    assert [(line.why, line.untold) for line in later] == [("999", 1000 - TOLD_MAX - 1)]
    assert len(told) + len(later) + sum(line.untold for line in later) == audit.total == 1000


def test_addresses_are_told_apart():
    audit = Rejections()
    for _ in range(50):
        audit.note(rejection("10.0.0.1"), 0.0)
    assert audit.note(rejection("10.0.0.2"), 0.0) == [rejection("10.0.0.2")]


def test_many_addresses_fill_neither_memory_nor_log():
    audit = Rejections()
    told = [line for number in range(ADDRESSES_MAX + 500) for line in audit.note(rejection(str(number)), 0.0)]
    assert len(told) == ADDRESSES_MAX + TOLD_MAX
    assert len(audit._windows) == ADDRESSES_MAX + 1
    audit.due(WINDOW_S)
    audit.due(3 * WINDOW_S)
    assert not audit._windows


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), max_size=200))
def test_no_rejection_is_ever_forgotten_and_no_address_is_told_more_than_ten_times_a_minute(steps):
    audit, now_s, lines = Rejections(), 0.0, []
    for address, pause_s in steps:
        now_s += pause_s
        lines += [(now_s, line) for line in audit.note(rejection(address), now_s)]
    lines += [(now_s + WINDOW_S, line) for line in audit.due(now_s + WINDOW_S)]
    assert len(lines) + sum(line.untold for _, line in lines) == audit.total == len(steps)
    for address in "abc":
        times = [at_s for at_s, line in lines if line.address == address]
        assert all(later - first >= WINDOW_S for first, later in zip(times, times[2 * TOLD_MAX :], strict=False))


def test_our_pairs_are_curve_pairs():
    public, secret = zmq.curve_keypair()
    assert check_key(public.decode()) == zmq.curve_public(secret).decode()
