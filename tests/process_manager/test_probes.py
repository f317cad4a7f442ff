import contextlib
import http.server
import queue
import socket
import ssl
import subprocess
import threading
from functools import partial

import pytest

from actors.process_manager.life import make_launch
from actors.process_manager.probes import BODY_BYTES_MAX, Answer, Prober, ask, unchunked
from actors.settings import Probe, Seconds
from actors.settings.probes import HttpGet


@pytest.fixture
def launch(workload, tmp_path, mark):
    env = {"PATH": "/usr/bin:/bin", "GYROSTAT_TEST_MARK": mark}
    return make_launch(workload("web", "true"), "alpha", env, str(tmp_path))


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url(listener, path="/health"):
    return f"http://127.0.0.1:{listener.getsockname()[1]}{path}"


def answer_with(listener, *parts: bytes, hold: threading.Event | None = None):
    """Accept one connection, read the request, send the parts; gives what was asked when done."""
    asked: list[bytes] = []

    def serve():
        link, _ = listener.accept()
        with link, contextlib.suppress(OSError):
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += link.recv(4096)
            asked.append(raw)
            for part in parts:
                link.sendall(part)
            if hold is not None:
                hold.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread, asked


def asked_http(launch, listener, *parts, timeout_s=5.0, hold=None):
    thread, asked = answer_with(listener, *parts, hold=hold)
    try:
        return ask(Probe(http=url(listener, "/a?b=c"), timeout=Seconds(timeout_s)), launch), asked
    finally:
        if hold is not None:
            hold.set()
        thread.join(20)


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (302, True), (399, True), (400, False), (404, False), (503, False)]
)
def test_a_status_from_200_to_399_is_well(launch, listener, status, ok):
    answer, asked = asked_http(
        launch, listener, b"HTTP/1.1 %d X\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nok" % status
    )
    assert (answer.ok, answer.detail) == (ok, f"status {status}" if ok else f"status {status}: ok")
    assert asked[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Connection: close\r\n" in asked[0]


def test_an_interim_status_is_passed_over(launch, listener):
    answer, _ = asked_http(launch, listener, b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n", b"\r\n")
    assert answer.ok


def test_a_body_without_end_is_read_up_to_its_bound_only(launch, listener):
    hold = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    assert asked_http(launch, listener, head, b"x" * BODY_BYTES_MAX, hold=hold)[0].ok


def test_a_target_that_accepts_and_says_nothing_times_out(launch, listener):
    answer, _ = asked_http(launch, listener, timeout_s=0.2, hold=threading.Event())
    assert (answer.ok, answer.detail) == (False, "no answer within 0.2 s")
    assert answer.latency_s >= 0.2


def test_a_target_that_drips_times_out_as_a_whole(launch, listener):
    stop = threading.Event()

    def drip():
        link, _ = listener.accept()
        with link, contextlib.suppress(OSError):
            link.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not stop.wait(0.02):
                link.sendall(b"y")

    thread = threading.Thread(target=drip)
    thread.start()
    answer = ask(Probe(http=url(listener), timeout=Seconds(0.3)), launch)
    stop.set()
    thread.join()
    assert (answer.ok, answer.detail) == (False, "no answer within 0.3 s")


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP: 'SSH-2.0-OpenSSH'"),
        (b"HTTP/1.1\r\n\r\n", "no HTTP: 'HTTP/1.1'"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "closed the connection after 2 of 5 bytes"),
        (b"x" * 70_000, "no end of its head within 65536 bytes"),
    ],
)
def test_what_is_no_whole_answer_is_not_well(launch, listener, said, detail):
    answer, _ = asked_http(launch, listener, said)
    assert (answer.ok, answer.detail) == (False, detail)


def test_nobody_there_is_not_well(launch, listener):
    target = listener.getsockname()
    listener.close()
    for probe in (Probe(http=f"http://127.0.0.1:{target[1]}"), Probe(tcp=f"127.0.0.1:{target[1]}")):
        answer = ask(probe, launch)
        assert (answer.ok, answer.detail) == (False, "Connection refused")


def test_a_tcp_target_that_accepts_is_well(launch, listener):
    assert ask(Probe(tcp=f"localhost:{listener.getsockname()[1]}"), launch).ok


def test_a_host_that_has_no_address_is_not_well(launch):
    answer = ask(Probe(tcp="no-such-host.invalid:80", timeout=Seconds(20)), launch)
    assert not answer.ok
    assert answer.detail


@pytest.mark.needs("openssl")
def test_https_is_asked_whatever_its_certificate(launch, tmp_path):
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subject = ["-subj", "/CN=other.example", "-days", "1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject],
        check=True,
        capture_output=True,
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert ask(Probe(http=f"https://127.0.0.1:{server.server_port}/"), launch).ok
        thread.join(20)


@pytest.mark.parametrize(
    ("script", "ok", "detail"),
    [
        ("true", True, ""),
        ("echo fine", True, "fine"),
        ("echo first; echo why; exit 2", False, "exit code 2: why"),
        ("exit 1", False, "exit code 1"),
        ("echo a; sleep 1000", False, "no answer within 0.5 s"),
    ],
)
def test_a_command_is_well_when_it_ends_with_0_in_time(launch, script, ok, detail):
    timeout = 0.5 if "sleep" in script else 20
    answer = ask(Probe(exec_=["sh", "-c", script], timeout=Seconds(timeout)), launch)
    assert (answer.ok, answer.detail) == (ok, detail)


def test_one_slow_question_delays_no_other():
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    slow = threading.Event()
    prober = Prober(32)

    def question(name, wait):
        if wait:
            slow.wait(20)
        return Answer(ok=True, latency_s=0.0, detail=name)

    def tell(answer):
        told.put(answer.detail)

    for number in range(31):
        prober.submit(partial(question, f"slow{number}", wait=True), tell)
    prober.submit(partial(question, "quick", wait=False), tell)
    assert told.get(timeout=20) == "quick"
    slow.set()
    assert {told.get(timeout=20) for _ in range(31)} == {f"slow{number}" for number in range(31)}
    prober.close()


def test_after_close_no_answer_is_told():
    told: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    begun, go_on = threading.Event(), threading.Event()
    prober = Prober(1)

    def question():
        begun.set()
        go_on.wait(20)
        return Answer(ok=True, latency_s=0.0, detail="")

    prober.submit(question, told.put)
    begun.wait(20)
    prober.close()
    go_on.set()
    prober.submit(question, told.put)
    for thread in threading.enumerate():
        if thread.name.startswith("probe"):
            thread.join(20)
    assert told.empty()


@pytest.mark.parametrize(
    ("probe", "answer", "detail"),
    [
        ({"status": ["401", "500-503"]}, b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n", "status 502"),
        ({"status": ["204"]}, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "!status 200"),
        ({"body": "^ok$"}, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "status 200"),
        ({"body": "well"}, b"HTTP/1.1 200 OK\r\n\r\nall is bad", "!nothing in the body matches 'well'"),
        (
            {"body": "one two"},
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\none \r\n3\r\ntwo\r\n0\r\n\r\n",
            "status 200",
        ),
        ({"answer_headers": {"X-State": "^up"}}, b"HTTP/1.1 200 OK\r\nx-state: up 3\r\n\r\n", "status 200"),
        (
            {"answer_headers": {"X-State": "^up"}},
            b"HTTP/1.1 200 OK\r\nX-STATE: down\r\n\r\n",
            "!header X-State is 'down', which does not match '^up'",
        ),
        ({"answer_headers": {"X-State": "."}}, b"HTTP/1.1 200 OK\r\n\r\n", "!no header X-State"),
    ],
    ids=["status", "other status", "body", "other body", "chunks", "header", "other header", "no header"],
)
def test_an_answer_is_held_against_what_the_probe_wants(launch, listener, probe, answer, detail):
    thread, _ = answer_with(listener, answer)
    got = ask(Probe(http=url(listener), timeout=Seconds(5), **probe), launch)
    thread.join()
    assert (got.ok, got.detail) == (not detail.startswith("!"), detail.removeprefix("!"))


def test_headers_of_a_probe_are_sent_and_win_over_its_own(launch, listener):
    thread, asked = answer_with(listener, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert ask(Probe(http=url(listener), headers={"host": "web.test", "Authorization": "Bearer x"}), launch).ok
    thread.join()
    lines = asked[0].decode().split("\r\n")
    assert {"host: web.test", "Authorization: Bearer x", "User-Agent: gyrostat"} <= set(lines)
    assert not any(line.startswith("Host:") for line in lines)


def test_chunks_that_are_torn_give_what_came():
    assert unchunked(b"3\r\nabc\r\n5\r\nde") == b"abcde"
    assert unchunked(b"zz\r\nabc") == unchunked(b"") == b""


def test_the_words_of_process_compose_mean_the_same():
    theirs = Probe(
        http_get=HttpGet(host="web", scheme="https", path="ready", port=8443, headers={"A": "b"}, status_code=204),
        period_seconds=7, timeout_seconds=3, initial_delay_seconds=0, success_threshold=2, failure_threshold=5,
    )  # fmt: skip
    assert theirs == Probe(
        http="https://web:8443/ready", headers={"A": "b"}, status=["204"], every=Seconds(7), timeout=Seconds(3),
        successes=2, failures=5,
    )  # fmt: skip
    assert Probe(http_get=HttpGet()).http == "http://127.0.0.1/"
