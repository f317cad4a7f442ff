"""Each way to reach people against a real server or program: taken, refused, too slow, cut short."""

import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from actors.notifier.channels.attempt import Cut
from actors.notifier.channels.send import send
from actors.notifier.model import Notice
from actors.notifier.scrub import scrubbed, secrets_of
from actors.notifier.wording import message_of
from actors.settings import Seconds
from actors.settings.alerts import Apprise, Channel, Webhook
from actors.zones import zone
from tests.notifier.conftest import Hooked, Posted, hooked, mailed

MESSAGE = message_of(Notice(reason="test", made=0.0, title="a test", text="some text"), 0, "alpha", 0.0, zone("UTC"))


@pytest.fixture
def cut():
    cut = Cut()
    yield cut
    cut.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) for 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def silent():
    """A server that takes connections and says nothing, or a letter at a time."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones = []
    drip = threading.Event()
    stop = threading.Event()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            while drip.is_set() and not stop.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    break

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1], drip
    stop.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for each in open_ones:
        each.close()


def written(path, text):
    path.write_text(text)
    return str(path)


def test_the_text_alone_goes_where_only_text_is_taken(hook, cut, tmp_path):
    channel = Channel(webhook=Webhook(url=hook.url, body="text"))
    assert send(channel, MESSAGE, tmp_path, cut).error == ""
    assert hook.took == [{"text": "[alpha] a test\nsome text"}]


def test_a_token_and_headers_are_sent_and_never_told(hook, cut, tmp_path):
    hook.answer = (401, {})
    webhook = Webhook(
        url_file=written(tmp_path / "url", f"{hook.url}\n"),
        token_file=written(tmp_path / "token", "SECRETTOKEN\n"),
        headers={"X-Team": "SECRETHEADER"},
    )
    attempt = send(Channel(webhook=webhook), MESSAGE, tmp_path, cut)
    assert (attempt.error, attempt.lasting) == ("answered 401 Unauthorized", True)
    path, headers, _ = hook.asked[0]
    assert path == "/hook/SECRETPATH?key=SECRETQUERY"
    assert (headers["Authorization"], headers["X-Team"]) == ("Bearer SECRETTOKEN", "SECRETHEADER")


@pytest.mark.parametrize("content", [None, "", "\xff"])
def test_a_secret_that_cannot_be_read_is_named_by_its_file(content, cut, tmp_path):
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    attempt = send(Channel(webhook=Webhook(url_file=str(path))), MESSAGE, tmp_path, cut)
    assert attempt.error.startswith(str(path))
    assert attempt.lasting


def test_no_redirect_is_followed(hook, cut, tmp_path):
    other = Hooked()
    try:
        hook.answer = (302, {"Location": other.url})
        assert send(hooked(hook.url), MESSAGE, tmp_path, cut).error.startswith("answered 302")
        assert other.asked == []
    finally:
        other.close()


@pytest.mark.parametrize(("way", "dripping"), [("webhook", False), ("webhook", True), ("mail", False)])
def test_a_server_that_is_too_slow_is_left_at_the_deadline(silent, cut, tmp_path, dripping, way):
    port, drip = silent
    if dripping:
        drip.set()
    channel = mailed(port) if way == "mail" else hooked(f"http://127.0.0.1:{port}/")
    channel = type(channel)(webhook=channel.webhook, mail=channel.mail, within=Seconds(0.5))
    assert send(channel, MESSAGE, tmp_path, cut).error in ("no answer within 0.5 s", "TimeoutError: timed out")


def test_stopping_cuts_every_attempt_short(silent, tmp_path):
    port, _ = silent
    cut = Cut()
    channels = [
        hooked(f"http://127.0.0.1:{port}/", within=Seconds(60)),
        Channel(command=["sleep", "600"], within=Seconds(600)),
    ]
    ended: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: ended.append(send(one, MESSAGE, tmp_path, cut).error))
        for one in channels
    ]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + 20
    while not cut._open and time.monotonic() < end_s:
        time.sleep(0.01)
    cut.stop()
    for thread in threads:
        thread.join(20)
    assert len(ended) == 2
    assert all(ended)


@pytest.mark.needs("openssl")
def test_https_is_checked_against_the_machines_certificates(certificate, cut, tmp_path, monkeypatch):
    server = Hooked()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    channel = hooked(server.url.replace("http:", "https:"), within=Seconds(10))
    try:
        attempt = send(channel, MESSAGE, tmp_path, cut)
        assert "CERTIFICATE_VERIFY_FAILED" in attempt.error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert send(channel, MESSAGE, tmp_path, cut).error == ""
    finally:
        server.close()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_goes_over_tls_only_and_is_never_told(certificate, cut, tmp_path, monkeypatch, security):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    if security == "tls":
        post = Posted(("ops", "SECRETWORD"), ssl_context=context, auth_require_tls=False, auth_required=False)
    else:
        post = Posted(("ops", "SECRETWORD"), tls_context=context, require_starttls=True)
    secret = tmp_path / "password"
    secret.write_text("SECRETWORD\n")
    try:
        channel = mailed(post.port, security=security, user="ops", password_file=str(secret))
        attempt = send(channel, MESSAGE, tmp_path, cut)
        assert attempt.error == ""
        assert post.logins == [("ops", "SECRETWORD")]
        secret.write_text("SECRETWRONG")
        attempt = send(channel, MESSAGE, tmp_path, cut)
        assert attempt.error.startswith("535 ")
        assert attempt.lasting
        assert "SECRET" not in attempt.error
    finally:
        post.close()


def test_a_mail_server_without_starttls_gets_nothing(post, cut, tmp_path):
    attempt = send(mailed(post.port, security="starttls"), MESSAGE, tmp_path, cut)
    assert "STARTTLS" in attempt.error
    assert attempt.lasting
    assert post.took == []


@pytest.mark.parametrize(("said", "lasting"), [("450 later", False), ("550 nobody of that name", True)])
def test_a_refused_recipient_is_told_with_the_servers_words(post, cut, tmp_path, said, lasting):
    post.refuse = said
    attempt = send(mailed(post.port), MESSAGE, tmp_path, cut)
    assert (attempt.error, attempt.lasting) == (f"every recipient is refused: {said}", lasting)


@pytest.mark.parametrize(
    ("command", "error", "lasting"),
    [
        (["sh", "-c", "echo no route >&2; exit 3"], "exit code 3: no route", False),
        (["./none"], "exit code 127: [Errno 2] No such file or directory: './none'", True),
        (["sleep", "600"], "not done within 0.3 s", False),
    ],
)
def test_a_program_that_fails_is_told_with_its_last_line(cut, tmp_path, command, error, lasting):
    attempt = send(Channel(command=command, within=Seconds(0.3)), MESSAGE, tmp_path, cut)
    assert (attempt.error, attempt.lasting) == (error, lasting)


def test_apprise_delivers_to_a_real_server(hook, cut, tmp_path):
    url = f"json://127.0.0.1:{hook.port}/SECRETPATH"
    attempt = send(Channel(apprise=Apprise(url=url), within=Seconds(60)), MESSAGE, tmp_path, cut)
    assert attempt.error == ""
    assert (hook.took[0]["title"], hook.took[0]["message"]) == ("[alpha] a test", "some text")


def test_what_apprise_cannot_send_is_told_without_its_url(hook, cut, tmp_path):
    hook.answer = (500, {})
    url = f"json://SECRETUSER:SECRETPASS@127.0.0.1:{hook.port}/SECRETPATH"
    attempt = send(Channel(apprise=Apprise(url=url), within=Seconds(60)), MESSAGE, tmp_path, cut)
    assert attempt.error.startswith("exit code 1")
    assert not attempt.lasting
    assert "SECRET" not in attempt.error
    attempt = send(Channel(apprise=Apprise(url="nosuch://SECRETHOST/x"), within=Seconds(60)), MESSAGE, tmp_path, cut)
    assert attempt.error == "exit code 3: apprise does not know this kind of URL"
    assert attempt.lasting


def test_a_node_never_loads_apprise_smtp_or_http_by_itself():
    code = (
        "import sys, actors.notifier.actor\n"
        "print([name for name in ('apprise', 'smtplib', 'http.client', 'email', 'ssl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/services/T00000000/B00000000/abcdefgh?token=tttttttt",
        "slack://tokenaaaa/tokenbbbb/tokencccc/#ops",
        "mailtos://user:passw%40rd@mail.example/?to=ops",
        "tgram://123456789:abcdefg_hij/12345678",
    ],
)
def test_no_part_of_an_address_that_could_be_a_secret_stays(url):
    secrets = secrets_of(url)
    assert scrubbed(f"failed: {url}!", secrets) == "failed: ***!"
    pieces = [part for part in url.replace("?", "/").replace("=", "/").split("/")[3:] if len(part) >= 8]
    for piece in pieces:
        assert piece not in scrubbed(f"failed at {piece} today", secrets)


def test_a_broken_address_is_hidden_whole():
    assert scrubbed("at http://[broken", secrets_of("http://[broken")) == "at ***"
