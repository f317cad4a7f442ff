import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.process_manager.errorlines import HEAD_BYTES, ErrorLine, count_lines, is_error_line

ERRORS = [
    "2026-11-20 12:00:00 ERROR cannot reach the database",
    "ERROR:root:bad",
    "[ERROR] x",
    "12:00 FATAL:  role does not exist",
    "CRITICAL out of memory",
    "kernel: PANIC",
    "level=error msg=refused",
    '{"level":"error","msg":"refused"}',
    "severity: 'CRITICAL'",
    "lvl=crit x",
    "2026/11/20 12:00:00 [error] 12#0: *1 open() failed",
    "[Fri Nov 20] [core:error] [pid 3] x",
    "[emerg] bind() failed",
    "panic: runtime error: index out of range",
    "fatal error: all goroutines are asleep",
    "thread 'main' panicked at src/main.rs:3:5:",
    "thread 'main' (4711) panicked at src/main.rs:3:5:",
    "Traceback (most recent call last):",
    "  | Traceback (most recent call last):",
]
OTHERS = [
    "",
    "INFO all is well",
    "NO_ERROR",
    "ERRORS found",
    "errors: 3",
    "0 errors, 0 panics",
    "ERROR=0",
    "ERROR: 0",
    "--ERROR",
    "myapp/ERROR",
    "level=info msg='error corrected'",
    "levels: errors",
    "no panic: here",
    "alert",
    '  File "x.py", line 3, in <module>',
    "x" * HEAD_BYTES + " ERROR",
]


@pytest.mark.parametrize("line", ERRORS)
def test_a_line_that_names_a_level_of_trouble_is_an_error_line(line):
    assert is_error_line(line.encode())


@pytest.mark.parametrize("line", OTHERS)
def test_any_other_line_is_none(line):
    assert not is_error_line(line.encode())


def test_lines_and_errors_are_counted_and_the_newest_are_shown_with_their_place():
    text = b"INFO a\nERROR b\r\nTraceback (most recent call last):\nx err\nFATAL \xff\n"
    counted = count_lines(text, 2)
    assert (counted.lines, counted.errors) == (5, 3)
    assert counted.sample == [
        ErrorLine(text.index(b"Trace"), "Traceback (most recent call last):"),
        ErrorLine(text.index(b"FATAL"), "FATAL \N{REPLACEMENT CHARACTER}"),
    ]
    assert count_lines(text, 0).sample == []
    assert count_lines(text, 1, line_bytes=3).sample[0].text == "FAT"


@given(st.lists(st.sampled_from(ERRORS + OTHERS)))
def test_a_text_has_as_many_errors_as_its_lines_one_by_one(lines):
    text = "".join(f"{line}\n" for line in lines).encode()
    counted = count_lines(text, 20)
    assert (counted.lines, counted.errors) == (len(lines), sum(is_error_line(line.encode()) for line in lines))
    assert len(counted.sample) == min(20, counted.errors)
    assert all(is_error_line(text[one.at :].split(b"\n")[0]) for one in counted.sample)


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_counted(text):
    counted = count_lines(text, 5)
    ended = text.split(b"\n")
    assert counted.lines == len(ended) - 1
    assert counted.errors == sum(is_error_line(line) for line in ended)
