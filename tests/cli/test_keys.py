import json
import stat

import pytest

from bus.keys import KeyStore, make_pair
from bus.z85 import check_key

CONFIG = "node: {name: alpha}\nworkloads: {}\n"
OTHER = make_pair().public


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gyrostat.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def store(tmp_path, config):
    return KeyStore(tmp_path / "var" / "keys")


@pytest.mark.parametrize("name", ["new", "show", "allow", "list", "revoke", "rotate"])
def test_every_verb_has_help_with_examples(gyrostat, name):
    code, out, _ = gyrostat("keys", name, "--help")
    assert code == 0
    assert f"gyrostat keys {name}" in out
    assert "Examples:" in out


def test_new_makes_a_pair_once_and_says_what_to_do_elsewhere(gyrostat, store):
    code, out, _ = gyrostat("keys", "new")
    assert code == 0
    key = store.own().public
    assert f"gyrostat keys allow alpha '{key}' --role node" in out
    assert store.own().secret not in out
    assert stat.S_IMODE((store.directory / "own.json").stat().st_mode) == 0o600
    code, out, err = gyrostat("keys", "new")
    assert (code, out) == (1, "")
    assert err == (f"gyrostat: {store.directory}/own.json is there already; show it with: gyrostat keys show\n")
    assert gyrostat("keys", "new", "--force")[0] == 0
    assert store.own().public != key


def test_show_prints_the_public_key_alone(gyrostat, store):
    code, out, err = gyrostat("keys", "show")
    assert (code, out) == (1, "")
    assert err == f"gyrostat: no keys in {store.directory}; make them with: gyrostat keys new\n"
    key = store.new().public
    assert gyrostat("keys", "show") == (0, f"{key}\n", "")
    assert json.loads(gyrostat("keys", "show", "--json")[1]) == {"key": check_key(key)}


def test_a_key_is_allowed_listed_and_revoked(gyrostat, store):
    assert gyrostat("keys", "list")[1].startswith("no keys are allowed")
    code, out, _ = gyrostat("keys", "allow", "laptop", OTHER, "--role", "operator")
    assert (code, out) == (0, "laptop is allowed as operator; a running node has it in force within a second\n")
    code, out, _ = gyrostat("keys", "list")
    assert ("laptop" in out, "operator" in out, OTHER in out) == (True, True, True)
    assert json.loads(gyrostat("keys", "list", "--json")[1]) == {
        "allowed": [{"name": "laptop", "role": "operator", "key": OTHER}]
    }
    out = gyrostat("keys", "allow", "laptop", OTHER, "--role", "observer")[1]
    assert out.startswith("laptop is allowed as observer, no longer as operator; ")
    out = gyrostat("keys", "allow", "laptop", make_pair().public, "--role", "observer")[1]
    assert "its former key is let in no more" in out
    assert gyrostat("keys", "revoke", "laptop")[1].startswith("laptop is revoked; a running node has it in force")
    assert gyrostat("keys", "revoke", "laptop") == (1, "", "gyrostat: no key is called 'laptop'; there are: none\n")
    assert store.allowed() == {}


def test_revoking_a_node_says_that_the_config_still_names_it(gyrostat, store):
    store.allow("beta", OTHER, "node")
    assert "take beta out of node.peers in the config" in gyrostat("keys", "revoke", "beta")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("laptop", "short", "--role", "node"), 1, "this is no key: 5 characters; allowed: 40 characters"),
        (("laptop", OTHER[:-1] + "~", "--role", "node"), 1, "character 40, '~', is none of Z85"),
        (("Laptop", OTHER, "--role", "node"), 1, "'Laptop' is no name"),
        (("laptop", OTHER, "--role", "king"), 2, "'king' is not one of"),
        (("laptop", OTHER), 2, "missing option '--role'"),
    ],
)
def test_what_cannot_be_allowed_is_one_line(gyrostat, store, arguments, code, why):
    found, out, err = gyrostat("keys", "allow", *arguments)
    assert (found, out) == (code, "")
    assert why in err
    assert len(err.splitlines()) == 1
    assert store.allowed() == {}


def test_a_key_that_begins_with_a_dash_can_be_given_after_two(gyrostat, store):
    key = "-" + OTHER[1:]
    assert gyrostat("keys", "allow", "wall", "--role", "observer", "--", key)[0] == 0
    assert store.allowed()["wall"].key == key


def test_rotate_says_what_is_to_be_done_on_the_other_hosts(gyrostat, store):
    old = store.new().public
    code, out, _ = gyrostat("keys", "rotate")
    new = store.own().public
    assert code == 0
    assert new != old
    assert f"gyrostat keys allow alpha '{new}' --role node" in out
    assert f'node.peers.alpha.key: "{new}"' in out
    assert out.splitlines()[-1].endswith("gyrostat restart")
    found = json.loads(gyrostat("keys", "rotate", "--json")[1])
    assert found == {"key": store.own().public, "before": new}


def test_keys_can_be_made_where_there_is_no_config(gyrostat, tmp_path):
    place = tmp_path / "mine"
    code, out, _ = gyrostat("keys", "new", "--dir", str(place))
    assert code == 0
    assert f"gyrostat keys allow NAME '{KeyStore(place).own().public}' --role node" in out
    assert json.loads(gyrostat("keys", "new", "--dir", str(tmp_path / "other"), "--json")[1])["directory"] == str(
        tmp_path / "other"
    )
    assert gyrostat("keys", "show")[0] == 2


@pytest.mark.parametrize(
    "node",
    [
        "listen: {commands: 'tcp://127.0.0.1:7102'}",
        f"peers: {{beta: {{facts: 'tcp://127.0.0.1:1', key: \"{OTHER}\"}}}}",
    ],
)
def test_a_node_with_tcp_and_no_keys_does_not_start_and_says_how_to_make_them(gyrostat, config, tmp_path, node):
    config.write_text(f"node: {{name: alpha, {node}}}\nworkloads: {{}}\n")
    code, out, err = gyrostat("up", "--quiet")
    assert (code, out) == (1, "")
    assert err == (
        f"gyrostat: node.listen and node.peers with tcp need keys: no keys in {tmp_path}/var/keys; "
        "make them with: gyrostat keys new\n"
    )
    assert not (tmp_path / "var" / "run" / "endpoints.json").exists()
