from pathlib import Path

import pytest

from actors.gateway.guard import Rules, check
from actors.gateway.problems import Problem
from actors.gateway.settings import GatewaySettings, TlsSettings, names_of

RULES = Rules(names_of(GatewaySettings()), "s3cret", frozenset({"https://ops.example"}))
HOST = (b"host", b"localhost:9321")
TOKEN = (b"authorization", b"Bearer s3cret")


def status(method, path, *headers, rules=RULES):
    try:
        check(method, path, headers, rules)
    except Problem as problem:
        return problem.status
    return 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"localhost", 200),
        (b"LOCALHOST.:80", 200),
        (b"127.0.0.1:9321", 200),
        (b"[::1]:9321", 200),
        (b"", 400),
        (b"localhost:99999999", 400),
        (b"user@localhost", 400),
        (b"localhost, evil", 400),
        (b"evil.example", 421),
        (b"127.0.0.2", 421),
        (b"localhost.evil.example", 421),
    ],
)
def test_it_is_asked_under_its_names_only(host, expected):
    assert status("GET", "/status", (b"host", host)) == expected


def test_no_host_and_two_hosts_are_none():
    assert status("GET", "/status") == 400
    assert status("GET", "/status", HOST, HOST) == 400


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), 200),
        (((b"origin", b"http://localhost:9321"),), 200),
        (((b"origin", b"http://localhost:1"),), 403),
        (((b"origin", b"http://127.0.0.1:9321"),), 403),
        (((b"origin", b"null"),), 403),
        (((b"origin", b"https://ops.example"), (b"sec-fetch-site", b"cross-site")), 200),
        (((b"sec-fetch-site", b"same-origin"),), 200),
        (((b"sec-fetch-site", b"none"),), 200),
        (((b"sec-fetch-site", b"same-site"),), 403),
        (((b"sec-fetch-site", b"cross-site"),), 403),
    ],
)
def test_pages_of_other_sites_do_not_act(headers, expected):
    assert status("POST", "/reconcile", HOST, TOKEN, *headers) == expected


@pytest.mark.parametrize("said", [b"", b"Bearer", b"Bearer s3cre", b"Bearer s3cret2", b"Basic s3cret", b"Bearer \xff"])
def test_only_the_token_opens(said):
    assert status("POST", "/reconcile", HOST, (b"authorization", said)) == 401


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "OPTIONS", "PATCH"])
def test_whatever_is_no_look_takes_the_token(method):
    assert status(method, "/status", HOST) == 401


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/status", 401), ("/events", 401), ("/livez", 200), ("/readyz", 200), ("/", 200), ("/static/a.js", 200)],
)
def test_all_guarded_leaves_balancers_and_the_page(path, expected):
    rules = Rules(RULES.names, RULES.token, all_guarded=True)
    assert status("GET", path, HOST, rules=rules) == expected
    assert status("HEAD", path, HOST, TOKEN, rules=rules) == 200


def test_a_loose_address_takes_tls_and_names():
    tls = TlsSettings(certificate=Path("a"), key=Path("b"))
    with pytest.raises(ValueError, match=r"^host: other machines"):
        GatewaySettings(host="192.0.2.1")
    with pytest.raises(ValueError, match=r"^hosts: "):
        GatewaySettings(host="0.0.0.0", tls=tls)
    assert "node1.example" in names_of(GatewaySettings(host="0.0.0.0", tls=tls, hosts=["Node1.Example"]))
    assert GatewaySettings(host="::1").host == "::1"


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""},
        {"host": "a b"},
        {"host": "[::1]"},
        {"origins": ["ops.example"]},
        {"origins": ["https://ops.example/path"]},
        {"idle": 0},
        {"retry": 0},
        {"request_within": 0},
    ],
)
def test_settings_that_cannot_be_are_refused_by_key(fields):
    with pytest.raises(ValueError, match=f"^{next(iter(fields))}: "):
        GatewaySettings(**fields)
