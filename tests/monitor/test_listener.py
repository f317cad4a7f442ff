"""Values that are handed in over real sockets."""

import contextlib
import socket
import threading

import pytest

from actors.monitor.sources import listener as module
from actors.monitor.sources.intake import REFUSED_KEPT, Intake, Unknown
from actors.monitor.sources.listener import CLIENTS_MAX, Listener
from actors.monitor.statsd import Item
from actors.settings.push import PushSettings


@pytest.fixture
def intake():
    made = Intake(lambda: None)
    made.declare({"web": frozenset({"jobs", "depth"})})
    return made


@pytest.fixture
def listener(intake):
    opened = open_listener(intake)
    yield opened
    opened.close()


def open_listener(intake):
    """One on free ports; the settings allow none of 0, so that they are found first."""
    with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        http, statsd = one.getsockname()[1], two.getsockname()[1]
    return Listener(PushSettings(http=f"127.0.0.1:{http}", statsd=f"127.0.0.1:{statsd}"), intake)


def send(listener, raw):
    with socket.create_connection(("127.0.0.1", listener.http_port), timeout=20) as link:
        link.sendall(raw)
        return b"".join(iter(lambda: link.recv(4096), b"")).decode()


def post(listener, body):
    head = f"POST /push/web HTTP/1.1\r\nHost: localhost:{listener.http_port}\r\nContent-Length: {len(body)}\r\n\r\n"
    return send(listener, head.encode() + body)


def test_what_is_posted_is_taken_and_answered(listener, intake):
    assert post(listener, b'{"depth": 4}').startswith("HTTP/1.1 200 OK")
    assert intake.take("web") == {"depth": 4}
    assert "there are: depth, jobs" in post(listener, b'{"width": 4}')
    assert send(listener, b"GET / HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 405")


def test_datagrams_of_many_lines_are_taken_and_bad_ones_counted_and_told_once(listener, intake, until):
    with socket.socket(type=socket.SOCK_DGRAM) as link:
        for data in (
            b"web.jobs:1|c\nweb.jobs:2|c\n\n",
            b"\xff\xfe",
            b"web.other:1|c",
            b"web.other:1|c",
            b"db.x:1|c",
            b"x:1|c",
            b"web.jobs:9|q",
        ):
            link.sendto(data, ("127.0.0.1", listener.statsd_port))
    until(lambda: intake.refused == 6)
    assert intake.take("web") == {"jobs": 3}
    subjects, untold = intake.heard()
    assert subjects == []
    assert len(untold) == 5, "the same one once"
    assert intake.heard() == ([], [])


def test_one_who_is_slow_holds_nobody_up_and_is_let_go(listener, intake, monkeypatch):
    monkeypatch.setattr(module, "CLIENT_S", 0.3)
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", listener.http_port), timeout=20))
            for _ in range(CLIENTS_MAX + 10)
        ]
        for link in slow:
            link.sendall(b"POST /push/web HTTP/1.1\r\n")
        assert "200 OK" in post(listener, b'{"depth": 1}')
        assert [link.recv(100) for link in slow] == [b""] * len(slow)


def test_one_who_leaves_in_the_middle_or_never_reads_does_no_harm(listener):
    for raw in (b"", b"POST", b"POST /push/web HTTP/1.1\r\nContent-Length: 10\r\n\r\n12"):
        with socket.create_connection(("127.0.0.1", listener.http_port), timeout=20) as link:
            link.sendall(raw)
    assert "200 OK" in post(listener, b'{"depth": 1}')


def test_a_flood_of_datagrams_holds_no_post_up(listener, intake):
    over = threading.Event()

    def flood():
        with socket.socket(type=socket.SOCK_DGRAM) as link:
            while not over.is_set():
                link.sendto(b"web.jobs:1|c", ("127.0.0.1", listener.statsd_port))

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(20):
            assert "200 OK" in post(listener, b'{"depth": 1}')
    finally:
        over.set()
        thread.join()
    assert intake.take("web")["jobs"] > 0


def test_an_address_that_is_taken_is_named_and_nothing_stays_open(intake):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match=f"{address}: Address already in use"):
            Listener(PushSettings(http=address), intake)


def test_after_the_end_the_addresses_are_free(intake):
    opened = open_listener(intake)
    port = opened.http_port
    opened.close()
    opened.close()
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind(("127.0.0.1", port))


# -- the intake


def test_news_of_a_subject_are_told_once_until_they_are_taken():
    told = []
    intake = Intake(lambda: told.append(1))
    intake.declare({"web": frozenset({"jobs"})})
    for _ in range(3):
        intake.add("web", [Item("jobs", "add", 1)])
    assert told == [1]
    assert intake.heard() == (["web"], [])
    intake.add("web", [Item("jobs", "add", 1)])
    assert told == [1]
    assert intake.take("web") == {"jobs": 4}
    assert intake.waits("web")
    assert intake.heard() == ([], [])
    intake.add("web", [Item("jobs", "add", 1)])
    assert told == [1, 1]


def test_each_sentence_about_what_was_refused_is_told_once():
    told = []
    intake = Intake(lambda: told.append(1))
    for _ in range(3):
        intake.refuse("nonsense")
    assert told == [1]
    assert intake.heard() == ([], ["nonsense"])
    assert intake.heard() == ([], [])


def test_all_or_nothing_of_one_post_is_taken(intake):
    with pytest.raises(Unknown):
        intake.add("web", [Item("jobs", "add", 1), Item("other", "add", 1)])
    assert intake.take("web") == {}


def test_what_is_declared_no_more_is_forgotten_and_the_rest_is_kept(intake):
    intake.declare({"web": frozenset({"jobs", "depth"}), "db": frozenset({"size"})})
    intake.add("web", [Item("jobs", "add", 1)])
    intake.add("db", [Item("size", "set", 1)])
    intake.declare({"web": frozenset({"jobs", "depth"})})
    assert intake.take("web") == {"jobs": 1}
    assert intake.take("db") == {}


def test_sentences_about_what_was_refused_are_bounded(intake):
    for number in range(REFUSED_KEPT + 50):
        intake.refuse(f"nonsense {number}")
    assert intake.refused == REFUSED_KEPT + 50
    assert len(intake.heard()[1]) == REFUSED_KEPT
