import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.fingerprints import (
    LINE_MAX,
    error_line,
    fingerprint,
    normalised,
    says_address_in_use,
)
from actors.healer.ports import ports_in, probed_ports
from actors.healer.templates import TemplateMiner
from tests.healer.fakes import probes, workload

PYTHON = [
    "served 12 requests",
    "Traceback (most recent call last):",
    '  File "app.py", line 12, in <module>',
    "    run()",
    "KeyError: 'user_id'",
]
JAVA = [
    'Exception in thread "main" java.lang.IllegalStateException: pool is closed',
    "\tat com.acme.Pool.take(Pool.java:42)",
    "    at com.acme.Main.main(Main.java:7)",
    "\t... 12 more",
]
NODE = [
    "Error: connect ECONNREFUSED 127.0.0.1:5432",
    "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)",
]
GO = ["panic: runtime error: index out of range [3] with length 3", "goroutine 1 [running]:", "\t/src/main.go:9 +0x1d"]


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        (PYTHON, "KeyError: 'user_id'"),
        (JAVA, 'Exception in thread "main" java.lang.IllegalStateException: pool is closed'),
        (NODE, "Error: connect ECONNREFUSED 127.0.0.1:5432"),
        (GO, "panic: runtime error: index out of range [3] with length 3"),
        (["all is well", "served 12 requests"], ""),
        ([], ""),
        (["ERROR " + "x" * 900], ("ERROR " + "x" * 900)[:LINE_MAX]),
    ],
)
def test_the_error_line_is_the_last_that_names_an_error_and_is_no_frame(tail, line):
    assert error_line(tail) == line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("worker 4711 died with error", "worker 12 died with error"),
        ("2026-11-20 21:00:01,123 ERROR lost", "2026-11-21T08:30:00.5Z ERROR lost"),
        ("12:00:01 ERROR lost", "13:59:59.123 ERROR lost"),
        ("error at 0x7f00aa", "error at 0xdeadbeef"),
        ("error in job 3fa85f64-5717-4562-b3fc-2c963f66afa6", f"error in job {uuid.uuid4()}"),
        ("error: commit 9fceb02d0ae598e95dc9", "error: commit 1a2b3c4d5e6f7a8b9c0d"),
        ("\x1b[31merror\x1b[0m: x", "error: x"),
        ("error:   a\tb", "error: a b"),
        ("error: took 1.25 s", "error: took 10,5 s"),
        ("cannot read /srv/part-00991.csv", "cannot read /srv/part-00012.csv"),
        ("cannot read /tmp/abc/x.csv", "cannot read /tmp/def/x.csv"),
        ("error: user=alice was lost", "error: user=bob was lost"),
    ],
)
def test_pids_addresses_numbers_and_times_do_not_change_the_fingerprint(one, other):
    assert fingerprint("crash", "api", one) == fingerprint("crash", "api", other)


@pytest.mark.parametrize(
    "other",
    [("crash_loop", "api", "error: x"), ("crash", "web", "error: x"), ("crash", "api", "error: y")],
)
def test_kind_subject_and_words_change_the_fingerprint(other):
    assert fingerprint("crash", "api", "error: x") != fingerprint(*other)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_no_number_reaches_the_fingerprint(one, other):
    assert fingerprint("crash", "api", f"error {one}!") == fingerprint("crash", "api", f"error {other}!")


@given(st.text())
def test_any_text_has_a_fingerprint(text):
    assert len(fingerprint("crash", "api", text)) == 12
    assert len(normalised(text)) <= LINE_MAX


def test_another_file_is_another_failure():
    assert normalised("no such file: '/srv/spool/in'") != normalised("no such file: '/srv/spool/out'")


def test_the_words_of_a_line_are_masked_as_those_of_its_template_are():
    miner = TemplateMiner()
    line = "ERROR 2026-11-20 21:00:01,123 job 0x7f took 12 ms for 10.0.0.7:80"
    assert normalised(line) == miner.template(miner.add(line))


@given(st.lists(st.text()))
def test_any_log_tail_has_an_error_line_or_none(tail):
    assert len(error_line(tail)) <= LINE_MAX


def test_a_lone_surrogate_is_no_reason_to_fail():
    assert fingerprint("crash", "api", "error \udcff")


@pytest.mark.parametrize(
    ("line", "in_use"),
    [
        ("OSError: [Errno 98] Address already in use", True),
        ("Error: listen EADDRINUSE: address already in use :::8000", True),
        ("bind: address is already in use", True),
        ("Port 8000 is in use by another program", True),
        ("another instance is already running", False),
        ("pidfile /run/x.pid exists", False),
        ("database is locked", False),
        ("KeyError: 'port'", False),
    ],
)
def test_a_taken_address_is_told_by_the_log(line, in_use):
    assert says_address_in_use(["start", line]) is in_use


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("Error: listen EADDRINUSE: address already in use :::8000", [8000]),
        ("Error: listen EADDRINUSE: address already in use 127.0.0.1:8000", [8000]),
        (
            "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8001): address already in use",
            [8001],
        ),
        ("21:00:01 listen tcp [::1]:9000: bind: address already in use", [9000]),
        ("bind ('::1', 8002, 0, 0): address already in use", [8002]),
        ("Port 8080 is already in use", [8080]),
        ("OSError: [Errno 98] Address already in use", []),
        ("address already in use: port 99999", []),
        ("listening on :7000", []),
    ],
)
def test_the_port_is_read_from_the_line_about_the_address(line, ports):
    assert ports_in([line]) == ports


def test_the_newest_line_names_the_port_first():
    assert ports_in(["address already in use :1", "address already in use :2", "address already in use :1"]) == [1, 2]


def test_without_a_port_in_the_log_the_probes_name_it():
    asked = workload(
        probes=probes(
            liveness={"tcp": "127.0.0.1:8000"},
            readiness={"tcp": None, "http": "http://127.0.0.1:8001/ready"},
            work={"tcp": None, "http": "http://localhost/"},
            startup={"tcp": None, "exec_": ["true"]},
        )
    )
    assert probed_ports(asked) == [8000, 8001]
