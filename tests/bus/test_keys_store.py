import json
import stat
import subprocess
import sys

import pytest

from bus import keys
from bus.access import ROLES
from bus.curve import Keys, check_pair
from bus.errors import BusError
from bus.keys import KeyPair, KeyStore, NoKeys, make_pair
from bus.security import Security

OTHERS = [make_pair().public for _ in range(4)]


@pytest.fixture
def store(run_dir):
    return KeyStore(run_dir / "keys")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_pair_is_made_once_and_only_we_can_read_it(store):
    pair = store.new()
    assert store.own() == pair
    check_pair(pair)
    assert mode(store.directory) == 0o700
    assert {path.name: mode(path) for path in store.directory.iterdir()} == {"own.json": 0o600, "keys.lock": 0o600}
    with pytest.raises(BusError, match=r"own\.json is there already; show it with: gyrostat keys show"):
        store.new()
    assert store.own() == pair
    assert store.new(force=True) == store.own() != pair


def test_without_keys_one_line_says_how_to_make_them(store):
    for ask in (store.own, store.rotate, lambda: Security(store)):
        with pytest.raises(NoKeys, match=f"^no keys in {store.directory}; make them with: gyrostat keys new$"):
            ask()


def test_the_secret_half_is_not_shown_by_accident():
    pair = make_pair()
    assert pair.secret not in repr(pair)
    assert pair.public in repr(pair)


def test_a_public_key_never_looks_like_an_option(monkeypatch):
    made = iter([(b"-" + b"0" * 39, b"0" * 40), (b"0" * 40, b"1" * 40)])
    monkeypatch.setattr("zmq.curve_keypair", lambda: next(made))
    assert make_pair() == KeyPair(public="0" * 40, secret="1" * 40)


def test_rotating_gives_another_pair_and_says_the_former(store):
    first = store.new()
    old, pair = store.rotate()
    assert (old, store.own()) == (first.public, pair)
    assert pair.public != first.public


@pytest.mark.parametrize("role", ROLES)
def test_a_key_is_allowed_listed_and_revoked(store, role):
    assert store.allowed() == {}
    assert store.allow("laptop", OTHERS[0], role) is None
    assert [(each.name, each.role, each.key) for each in store.allowed().values()] == [("laptop", role, OTHERS[0])]
    assert mode(store.directory / "allowed.json") == 0o600
    assert store.revoke("laptop").key == OTHERS[0]
    assert store.allowed() == {}


def test_allowing_a_name_again_replaces_its_key_and_role(store):
    store.allow("laptop", OTHERS[0], "operator")
    store.allow("wall", OTHERS[1], "observer")
    before = store.allow("laptop", OTHERS[2], "observer")
    assert before is not None
    assert (before.key, before.role) == (OTHERS[0], "operator")
    assert [(each.name, each.key) for each in store.allowed().values()] == [("laptop", OTHERS[2]), ("wall", OTHERS[1])]


@pytest.mark.parametrize(
    ("name", "key", "role", "why"),
    [
        ("Laptop", OTHERS[0], "operator", "'Laptop' is no name"),
        ("", OTHERS[0], "operator", "'' is no name"),
        ("a/b", OTHERS[0], "operator", "is no name"),
        ("laptop", OTHERS[0][:-1], "operator", "39 characters"),
        ("laptop", OTHERS[0], "king", "'king' is no role; there are: observer, operator, node"),
        ("laptop", OTHERS[1], "operator", "this key is wall's already"),
    ],
)
def test_what_cannot_be_allowed_is_refused_in_one_line_and_changes_nothing(store, name, key, role, why):
    store.allow("wall", OTHERS[1], "observer")
    before = (store.directory / "allowed.json").read_bytes()
    with pytest.raises(BusError, match=why) as caught:
        store.allow(name, key, role)
    assert "\n" not in str(caught.value)
    assert (store.directory / "allowed.json").read_bytes() == before


def test_revoking_a_name_that_is_not_there_says_which_are(store):
    with pytest.raises(BusError, match="no key is called 'x'; there are: none"):
        store.revoke("x")
    store.allow("wall", OTHERS[1], "observer")
    with pytest.raises(BusError, match="there are: wall"):
        store.revoke("x")


def test_there_is_a_bound_on_how_many(store, monkeypatch):
    monkeypatch.setattr(keys, "ALLOWED_MAX", 1)
    store.allow("a", OTHERS[0], "node")
    with pytest.raises(BusError, match="1 keys are allowed already"):
        store.allow("b", OTHERS[1], "node")


@pytest.mark.parametrize("name", ["own.json", "allowed.json"])
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_not_used(store, name, bits):
    store.new()
    store.allow("wall", OTHERS[0], "observer")
    (store.directory / name).chmod(bits)
    with pytest.raises(BusError, match=f"has mode {bits:04o}, and others must not read keys; chmod it to 600"):
        store.own() if name == "own.json" else store.allowed()


def test_a_directory_that_others_can_enter_is_not_used(store):
    store.new()
    store.directory.chmod(0o755)
    for ask in (store.own, store.allowed, store.rotate, lambda: store.allow("a", OTHERS[0], "node")):
        with pytest.raises(BusError, match="has mode 0755, and others must not read keys; chmod it to 700"):
            ask()


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"allowed": 1}', '{"allowed": [{"name": "a", "role": "king", "key": "x"}]}', "\xff"],
)
def test_a_file_that_holds_no_keys_is_named_and_lets_nobody_in(store, text):
    store.new()
    store.allow("wall", OTHERS[0], "observer")
    security = Security(store)
    (store.directory / "allowed.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BusError, match=r"allowed\.json"):
        store.allowed()
    assert security.look() == {"facts", "replay"}
    assert security.allowed == {}


def test_entries_that_somebody_wrote_by_hand_are_checked(store):
    store.allow("wall", OTHERS[0], "observer")
    path = store.directory / "allowed.json"
    path.write_text(json.dumps({"allowed": [{"name": "wall", "role": "observer", "key": "short"}]}))
    with pytest.raises(BusError, match=r"allowed\.json: wall: this is no key: 5 characters"):
        store.allowed()


def test_a_pair_whose_halves_do_not_belong_together_is_refused(store):
    with pytest.raises(BusError, match="does not belong to the public one"):
        Keys(KeyPair(public=make_pair().public, secret=make_pair().secret))
    store.new(make=lambda: KeyPair(public=make_pair().public, secret=make_pair().secret))
    with pytest.raises(BusError, match="does not belong to the public one"):
        Security(store)
    store.new(force=True, make=lambda: KeyPair(public="short", secret=make_pair().secret))
    with pytest.raises(BusError, match=r"own\.json: this is no key: 5 characters"):
        store.own()


def test_a_directory_that_cannot_be_made_is_one_line(run_dir):
    (run_dir / "file").touch()
    with pytest.raises(BusError, match="cannot keep keys in"):
        KeyStore(run_dir / "file" / "keys").new()


def test_every_change_is_seen_and_nothing_else_is(store):
    store.new()
    store.allow("wall", OTHERS[0], "observer")
    security = Security(store)
    assert security.look() == set()
    store.allow("laptop", OTHERS[1], "operator")
    assert security.look() == set()
    assert len(security.allowed) == 2
    store.allow("laptop", OTHERS[1], "observer")
    assert security.look() == {"commands"}
    store.revoke("laptop")
    assert security.look() == {"facts", "replay"}
    assert security.look() == set()
    assert [each.name for each in security.allowed.values()] == ["wall"]


ALLOW_TEN = """
import sys
from bus.keys import KeyStore, make_pair
for number in range(10):
    KeyStore(sys.argv[1]).allow(f"key-{sys.argv[2]}{number}", make_pair().public, "observer")
"""


def test_two_processes_that_allow_at_once_lose_nothing(store):
    command = [sys.executable, "-c", ALLOW_TEN, str(store.directory)]
    for worker in [subprocess.Popen([*command, name]) for name in "ab"]:
        assert worker.wait(60) == 0
    assert set(store.allowed()) == {f"key-{name}{number}" for name in "ab" for number in range(10)}
