"""One endpoint, read from real sockets that behave badly."""

import contextlib
import gc
import resource
import socket
import ssl
import subprocess
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.monitor.sources.openmetrics import LINES_MAX, OpenMetricsSource, Wanted, values_in
from actors.monitor.sources.reader import NotRead

UP = {"up": Wanted("up", {})}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


class Server:
    """A socket that gives each who connects the same treatment."""

    def __init__(self, treat, context=None):
        self._door = socket.create_server(("127.0.0.1", 0))
        self._treat, self._context = treat, context
        self.over = threading.Event()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._door.getsockname()[1]}/metrics"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._door.accept()
                with contextlib.suppress(OSError), link:
                    if self._context:
                        link = self._context.wrap_socket(link, server_side=True)
                    link.recv(65536)
                    self._treat(link, self.over)
                    link.close()

    def close(self):
        self.over.set()
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join()


@pytest.fixture
def serve():
    opened = []

    def open_one(treat, context=None):
        opened.append(Server(treat if callable(treat) else lambda link, _: link.sendall(treat), context))
        return opened[-1].url

    yield open_one
    for server in opened:
        server.close()


def why(url, within_s=0.3, wanted=UP):
    with pytest.raises(NotRead) as refused:
        OpenMetricsSource(url, wanted, within_s).read()
    return refused.value


# -- the text


def test_samples_with_their_labels_are_summed():
    body = (
        b"# HELP http_requests_total All.\n# TYPE http_requests_total counter\n"
        b'http_requests_total{code="200",method="get"} 100 1700000000000\n'
        b'http_requests_total{code="200",method="post"} 11\n'
        b'http_requests_total{code="500",method="get"} 3\n'
        b"http_requests_total_created 1.7e9\n"
        b'note{text="a \\"}\\" b"} 4e2\n'
        b" up\t1\n"
    )
    wanted = {
        "good": Wanted("http_requests_total", {"code": "200"}),
        "all": Wanted("http_requests_total", {}),
        "none": Wanted("http_requests_total", {"code": "404"}),
        "note": Wanted("note", {"text": 'a "}" b'}),
        "up": Wanted("up", {}),
    }
    assert values_in(body, wanted) == {"good": 111, "all": 114, "note": 400, "up": 1}


def test_openmetrics_with_exemplars_is_read():
    body = (
        b"# TYPE took histogram\n# UNIT took seconds\n"
        b'took_bucket{le="0.5"} 8 # {trace_id="a b"} 0.3 1520879607.789\n'
        b'took_bucket{le="+Inf"} 10\ntook_count 10\ntook_sum 3.5\n# EOF\n'
    )
    wanted = {"fast": Wanted("took_bucket", {"le": "0.5"}), "sum": Wanted("took_sum", {})}
    assert values_in(body, wanted) == {"fast": 8, "sum": 3.5}


def test_invalid_lines_of_other_names_do_no_harm_and_those_of_wanted_names_are_told():
    assert values_in(b"\xff\xfe{{{\nup 1\nother{a=} x\n", UP) == {"up": 1}
    for line in (b"up one", b'up{a="} 1', b"up{a=b} 1", b"up \xff"):
        with pytest.raises(NotRead, match="a wanted line is no"):
            values_in(line, UP)


def test_too_many_samples_are_not_parsed():
    with pytest.raises(NotRead, match="more than 10000 samples"):
        values_in(b'up{n="1"} 1\n' * (LINES_MAX + 1), UP)


@given(st.binary(max_size=200))
def test_any_bytes_give_numbers_or_a_reason(body):
    with contextlib.suppress(NotRead):
        assert all(isinstance(value, float) for value in values_in(b"up " + body, UP).values())


# -- the endpoint


def test_an_answer_in_chunks_is_put_together(serve):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nup \r\n2\r\n7\n\r\n0\r\n\r\n"
    assert OpenMetricsSource(serve(chunked), UP, 5.0).read() == {"up": 7}


@pytest.mark.needs("openssl")
def test_the_certificate_of_https_is_not_judged(serve, tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ("-subj", "/CN=localhost", "-days", "2", "-nodes")
    making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert, *subject]
    subprocess.run(making, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    assert OpenMetricsSource(serve(HEAD + b"up 3\n", context), UP, 10.0).read() == {"up": 3}


def test_one_that_accepts_and_says_nothing_is_late(serve):
    error = why(serve(lambda _link, over: over.wait(20)))
    assert error.late
    assert str(error) == "no whole answer within 0.3 s"


@pytest.mark.parametrize("part", [b"X", b"up 1\n"])
def test_one_that_trickles_is_late_however_often_something_comes(serve, part):
    def trickle(link, over):
        link.sendall(HEAD if part != b"X" else b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not over.wait(0.02):
            link.sendall(part)

    assert why(serve(trickle)).late


def test_a_hundred_megabytes_are_not_taken_in(serve):
    def flood(link, _over):
        link.sendall(HEAD)
        for _ in range(100):
            link.sendall(b"x" * 1_000_000)

    url = serve(flood)
    gc.collect()
    tracemalloc.start()
    try:
        assert "sends more than 8388608 bytes" in str(why(url, 20.0))
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "status 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "status 302"),
        (b"SSH-2.0-OpenSSH_9\r\n", "no answer of HTTP: BadStatusLine"),
        (b"", "no answer of HTTP: RemoteDisconnected"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "no answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "no answer of HTTP: LineTooLong"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nup 1\n", "closed the connection 95 bytes before the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no answer of HTTP: IncompleteRead"),
    ],
)
def test_what_is_no_answer_is_said(serve, answer, reason):
    assert reason in str(why(serve(answer), 5.0))


def test_nobody_there_is_said():
    assert str(why("http://127.0.0.1:1/metrics")) == "Connection refused"
    assert why("http://no-such-host.invalid/").late is False


def test_no_descriptor_is_left_behind(serve):
    url = serve(lambda _link, over: over.wait(0.01))
    source = OpenMetricsSource(url, UP, 0.5)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit
    for _ in range(20):
        with pytest.raises(NotRead):
            source.read()
    source.close()
