"""What a failure is about, by all that is known of it."""

import pytest

from actors.healer.evidence import TRACE_CHARS, Found, Log, of_end, of_log, of_probe, of_threshold
from tests.healer.test_traces import JAVA, PYTHON

TRACE = tuple(PYTHON.split("\n"))
REFUSED = ("ERROR cannot reach 10.0.0.1:5432: Connection refused",)


def test_an_end_with_a_traceback_keeps_it_whole_and_has_the_class_of_its_root():
    found = of_end(["INFO start", *TRACE, "bye"], 1)
    assert (found.failure, found.trace) == ("key", "\n".join((*TRACE, "bye")))


def test_the_newest_of_several_tracebacks_is_what_it_ended_of():
    assert of_end([*JAVA.split("\n"), "INFO went on", *TRACE], 1).failure == "key"


def test_what_a_program_calls_fatal_after_a_traceback_is_the_last_word():
    assert of_end([*TRACE, "INFO retried", "FATAL cannot bind: Address already in use"], 1).failure == "port"
    assert of_end([*TRACE, "CRITICAL shutting down"], 1).failure == "key"


def test_without_a_traceback_the_last_lines_and_the_exit_status_tell():
    assert of_end(["ERROR no space left on device"], 1).failure == "disk"
    assert of_end([], -9) == Found("killed", "", "")
    assert of_end(["ERROR no space left on device", *["bye"] * 30], 1).failure == "disk"


def test_the_mark_of_a_traceback_is_stable_through_line_numbers():
    moved = [line.replace("line 3", "line 77").replace("line 9", "line 80") for line in TRACE]
    assert of_end(TRACE, 1).mark == of_end(moved, 1).mark == "KeyError: 'host' in load.py load"


def test_a_log_without_errors_tells_nothing():
    assert of_log(["INFO ok", "GET /errors 200", "    at lunch"]) == Found()


def test_the_error_lines_after_a_traceback_belong_to_what_is_wrong():
    assert of_log([*REFUSED, *TRACE, *REFUSED]).trace == "\n".join((*TRACE, *REFUSED))
    assert of_log([*TRACE, "WARNING slow", *REFUSED]).failure == "key"


@pytest.mark.parametrize(
    ("detail", "log", "failure", "traced"),
    [
        ("status 500", Log(fresh=TRACE), "key", True),
        ("status 500: database is locked", Log(fresh=TRACE), "key", True),
        ("status 500: database is locked", Log(), "db_locked", True),
        ("status 500: database is locked", Log(older=TRACE), "db_locked", True),
        ("status 500: oops", Log(), "http", True),
        ("status 500", Log(older=REFUSED), "connection", True),
        ("status 500", Log(fresh=("INFO ok",)), "http", False),
        ("status 429", Log(), "http", False),
        ("status 403", Log(), "auth", False),
        ("no answer within 1 s", Log(), "timeout", False),
        ("no answer within 1 s", Log(fresh=REFUSED), "connection", True),
        ("Connection refused", Log(), "connection", False),
        ("closed the connection without an answer", Log(), "connection", False),
        ("no HTTP: 'hello'", Log(), "http", False),
        ("no header ok", Log(), "http", False),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired", Log(), "tls", False),
        ("Name or service not known", Log(), "dns", False),
        ("exit code 1: PermissionError: [Errno 13] Permission denied: '/x'", Log(), "permission", True),
        ("exit code 3", Log(), "unknown", False),
        ("exit code 127", Log(), "file_missing", False),
        ("", Log(), "unknown", False),
    ],
)
def test_a_probe_that_fails_is_about(detail, log, failure, traced):
    found = of_probe(detail, log)
    assert (found.failure, bool(found.trace)) == (failure, traced)


@pytest.mark.parametrize(
    ("metric", "log", "failure"),
    [
        ("memory", Log(fresh=TRACE), "memory"),
        ("memory", Log(fresh=("ERROR out of memory",)), "memory"),
        ("fds", Log(), "fd"),
        ("latency", Log(), "timeout"),
        ("latency", Log(fresh=REFUSED), "connection"),
        ("cpu", Log(), "unknown"),
        ("error_rate", Log(fresh=TRACE), "key"),
    ],
)
def test_a_metric_beyond_its_limit_is_about(metric, log, failure):
    assert of_threshold(metric, log).failure == failure


@pytest.mark.parametrize(
    "junk",
    [
        ["\x00\xff\ufffd" * 1000],
        ["\x1b[31mERROR \x1b[0m" * 500],
        ["x" * 10_000_000],
        [" at " * 100_000],
        ["Traceback (most recent call last):"] * 3000,
        ["ERROR " + "a" * 4000] * 400,
        ["{" * 50_000 + "\\n" + '"' * 50_000],
    ],
)
def test_binary_colours_and_endless_lines_are_taken_as_they_are(junk):
    for found in (of_end(junk, 1), of_log(junk), of_probe(junk[0], Log(fresh=tuple(junk)))):
        assert isinstance(found.failure, str)
        assert len(found.trace) <= TRACE_CHARS + 5
