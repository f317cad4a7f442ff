import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.pushhttp import Posted, Rejected, answer, posted_in
from actors.monitor.statsd import Item

HOSTS = frozenset({"127.0.0.1:8125"})


def request(body=b"", *, line="POST /push/web HTTP/1.1", headers=("Host: 127.0.0.1:8125",), length=None):
    lines = [line, *headers, f"Content-Length: {len(body) if length is None else length}", "", ""]
    return "\r\n".join(lines).encode() + body


def status_of(raw):
    with pytest.raises(Rejected) as refused:
        posted_in(raw, HOSTS)
    return refused.value.status


def test_an_object_of_json_sets_values():
    assert posted_in(request(b'{"depth": 4, "share": 0.5}'), HOSTS) == Posted(
        "web", [Item("depth", "set", 4), Item("share", "set", 0.5)]
    )


def test_lines_of_statsd_are_taken_too():
    assert posted_in(request(b"jobs:1|c\n\ndepth:4|g\n"), HOSTS) == Posted(
        "web", [Item("jobs", "add", 1), Item("depth", "set", 4)]
    )


def test_there_is_more_to_come_until_the_body_is_whole():
    whole = request(b'{"depth": 4}')
    assert [posted_in(whole[:end], HOSTS) for end in range(len(whole))] == [None] * len(whole)
    assert posted_in(whole, HOSTS) is not None


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (request(line="GET /metrics HTTP/1.1"), 405),
        (request(line="POST /other HTTP/1.1"), 404),
        (request(line="POST /push/ HTTP/1.1"), 404),
        (request(line="POST /push/web"), 400),
        (request(line="\x16\x03\x01"), 400),
        (request(headers=("Host: evil.example",)), 403),
        (request(headers=()), 403),
        (request(headers=("Host: 127.0.0.1:8125", "Origin: http://evil.example")), 403),
        (request(headers=("Host: 127.0.0.1:8125", "Transfer-Encoding: chunked")), 411),
        (request(length=""), 411),
        (request(length="-1"), 411),
        (request(length="1e3"), 411),
        (request(length="70000"), 413),
        (request(length="9" * 5000), 413),
        (request(b"{"), 400),
        (request(b'{"depth": null}'), 400),
        (request(b'{"depth": NaN}'), 400),
        (request(b'{"depth": 1e999}'), 400),
        (request(b"[1]"), 400),
        (request(b"\xff\xfe"), 400),
        (b"x" * 9000, 431),
    ],
)
def test_what_is_no_such_question_is_refused(raw, status):
    assert status_of(raw) == status


def test_an_answer_is_whole():
    assert answer(404, "no such").startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer(404, "no such").endswith(b"Content-Length: 8\r\nConnection: close\r\n\r\nno such\n")


def read(raw):
    """What comes of a question: what was posted, None, or the status of its refusal."""
    try:
        return posted_in(raw, HOSTS)
    except Rejected as refused:
        return refused.status


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_wait(raw):
    assert read(raw) in (None, 400, 403, 404, 405, 411, 413)


@given(st.binary(max_size=200))
def test_any_body_is_taken_or_refused(body):
    found = read(request(body))
    assert found == 400 or isinstance(found, Posted)
