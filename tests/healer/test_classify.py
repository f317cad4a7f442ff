import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.causes import chain_of
from actors.healer.classify import TEXT_CHARS_MAX, classify, message_class

CLASSES = {
    "import",
    "connection",
    "timeout",
    "dns",
    "key",
    "config",
    "port",
    "lock",
    "file_missing",
    "permission",
    "disk",
    "memory",
    "fd",
    "db_corrupt",
    "db_locked",
    "db_schema",
    "syntax",
    "type_bug",
    "tls",
    "http",
    "auth",
    "killed",
    "assert",
    "unknown",
}
FAILURES = pathlib.Path(__file__).parent / "failures"
HEAD = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    go()\n'
FROM = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def test_most_failures_of_each_set_are_told():
    paths = list(FAILURES.glob("*.json"))
    assert len(paths) == 8
    for path in paths:
        cases = json.loads(path.read_text())
        right = sum(classify(text, code) == kind for kind, _, text, code in cases)
        assert right / len(cases) >= 0.95, path.name


def test_the_root_of_a_python_chain_speaks_first():
    text = HEAD + "FileNotFoundError: [Errno 2] No such file or directory: 'x'\n" + FROM + HEAD + "TimeoutError: late\n"
    assert classify(text, 1) == "file_missing"


def test_a_recovery_that_failed_is_no_wrapper():
    text = HEAD + "KeyError: 'a'\n" + DURING + HEAD + "ConnectionRefusedError: [Errno 111] Connection refused\n"
    assert classify(text, 1) == "connection"


def test_a_slip_told_as_a_setting_is_one():
    assert classify(HEAD + "KeyError: 'a'\n" + FROM + HEAD + "app.ConfigError: no a\n", 1) == "config"


def test_the_last_of_two_tracebacks_counts():
    assert classify(HEAD + "KeyError: 'a'\n" + HEAD + "ZeroDivisionError: division by zero\n", 1) == "type_bug"


def test_a_key_of_the_environment_is_a_setting():
    text = HEAD.replace("go()", "url = os.environ['URL']") + "KeyError: 'URL'\n"
    assert classify(text, 1) == "config"


def test_the_last_caused_by_is_the_root():
    text = 'Exception in thread "main" a.B: x\n\tat a.B(C.java:1)\nCaused by: java.net.BindException: Address in use\n'
    assert chain_of(text.split("\n"))[0].startswith("java.net.BindException")
    assert classify(text, 1) == "port"


def test_numbered_causes_and_kinds_of_rust_are_read():
    assert (
        classify("Error: no\n\nCaused by:\n    0: first\n    1: Permission denied (os error 13)\n", 1) == "permission"
    )
    assert classify('Error: Os { code: 0, kind: ConnectionReset, message: "x" }', 1) == "connection"


def test_lines_of_a_log_are_read_by_their_level():
    assert classify("INFO timeout of 3 s is set\nFATAL disk full\nINFO connection closed\n", 1) == "disk"
    assert classify('{"level":"error","msg":"no","err":"x509: unknown authority"}', 1) == "tls"


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("", 137, "killed"),
        ("", -9, "killed"),
        ("Out of memory: Killed process 3", -9, "memory"),
        ("", -11, "killed"),
        ("", 124, "timeout"),
        ("", 126, "permission"),
        ("", 127, "file_missing"),
        ("", 78, "config"),
        ("", 1, "unknown"),
        ("", 0, "unknown"),
    ],
)
def test_the_exit_status_speaks_when_the_text_does_not(text, code, kind):
    assert classify(text, code) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (HEAD + "TimeoutError: Lock wait exceeded in transaction\n", "db_locked"),
        (HEAD + "TimeoutError: lock x not free\n", "lock"),
        (HEAD + "urllib.error.HTTPError: HTTP Error 403: Forbidden\n", "auth"),
        (HEAD + "json.decoder.JSONDecodeError: Expecting value in app/settings.json\n", "config"),
        (HEAD + "ssl.SSLError: The handshake operation timed out\n", "timeout"),
        ("Error: listen EADDRINUSE: permission denied\n", "permission"),
    ],
)
def test_a_message_may_say_better_than_its_type(text, kind):
    assert classify(text, 1) == kind


def test_names_made_of_words_are_read_as_words():
    assert classify(HEAD + "acme.DiskFullError: sorry\n", 1) == "disk"


def test_the_last_part_of_a_message_speaks_first():
    assert message_class("could not load config: open /x: permission denied") == "permission"


def test_long_texts_keep_beginning_and_end():
    assert classify("x\n" * TEXT_CHARS_MAX + "FATAL disk full\n", 1) == "disk"


@given(st.text(), st.integers(-64, 255))
def test_any_text_has_one_of_the_classes(text, code):
    assert classify(text, code) in CLASSES


@given(
    st.lists(
        st.sampled_from([HEAD, FROM, DURING, "KeyError: 'x'\n", "Caused by:\n", "  1: a\n", "Error: b\n", "  | X\n"])
    )
)
def test_any_pieces_of_chains_have_one_of_the_classes(pieces):
    assert classify("".join(pieces), 1) in CLASSES
