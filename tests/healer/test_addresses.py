from pathlib import Path

import pytest

from actors.healer.addresses import addresses_in, is_own, others_of
from actors.settings import Probe, Probes, Workload, WorkloadSettings


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Error: connect ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap (node:net:1494:16)", [("127.0.0.1", 5432)]),
        ("dial tcp [::1]:6379: connect: connection refused", [("::1", 6379)]),
        ("dial tcp 10.0.0.1:6379: connect: connection refused", [("10.0.0.1", 6379)]),
        (
            'psycopg.OperationalError: connection to server at "db.local" (10.0.0.7), port 5432 failed: refused',
            [("db.local", 5432)],
        ),
        ("could not connect: connection to localhost port 8080 refused", [("localhost", 8080)]),
        ("urllib3 HTTPConnectionPool(host='127.0.0.1', port=8001): Max retries exceeded", [("127.0.0.1", 8001)]),
        ("connect to ('127.0.0.1', 9000) failed", [("127.0.0.1", 9000)]),
        ("cannot connect to postgres://me:secret@db/name", [("db", 5432)]),
        ("GET http://api:9000/x: connection refused", [("api", 9000)]),
        ("getaddrinfo ENOTFOUND db.internal", [("db.internal", 0)]),
        ("curl: (6) Could not resolve host: db.internal", [("db.internal", 0)]),
        ("2024-01-01 12:30:45 connection refused", []),
        ('  File "app.py", line 3, in connect\nat Main.connect(Main.java:25)\napp.py:25 connection refused', []),
        ("java.net.ConnectException: Connection refused", []),
        ("listening on 127.0.0.1:80", []),
        ("connect to host:99999 failed", []),
        ("refused by old:1000\nrefused by new:2000", [("new", 2000), ("old", 1000)]),
        ("http://bad:port/ connection refused", []),
    ],
)
def test_the_addresses_that_a_failure_names(text, addresses):
    assert addresses_in(text) == addresses


def test_the_addresses_that_a_config_names_but_for_its_own():
    probe = Probe(http="http://127.0.0.1:8000/work")
    spec = WorkloadSettings(command=["serve", "--db", "10.0.0.1:5432", "127.0.0.1:8000"], probes=Probes(work=probe))
    env = {"CACHE": "redis://cache", "LEVEL": "3"}
    here = Workload(name="api", config_name="api", mode="live", spec=spec, cwd=Path("/"), env=env)
    assert others_of(here) == [("10.0.0.1", 5432), ("cache", 6379)]
    assert is_own(("localhost", 8000), here)
    assert not is_own(("10.0.0.1", 8000), here)
