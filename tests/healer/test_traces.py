"""Tracebacks out of lines: whole, each by itself, whatever is written in between."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.healer.traces import FIRST_LINES, LAST_LINES, LINE_CHARS, OPEN_MAX, Assembler, is_cut, traces_in

PYTHON = """Traceback (most recent call last):
  File "/app/load.py", line 3, in load
    return table[key]
           ~~~~~^^^^^
KeyError: 'host'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    main()
RuntimeError: cannot load"""
DURING = PYTHON.replace(
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
SYNTAX = """  File "/app/x.py", line 3
    def f(:
          ^
SyntaxError: invalid syntax"""
JAVA = """java.lang.IllegalStateException: outer
\tat com.x.Foo.bar(Foo.java:12)
\tat com.x.Main.main(Main.java:3)
\tSuppressed: java.io.IOException: closing
\t\tat com.x.Foo.close(Foo.java:20)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.connect(Native Method)
\t... 2 more"""
THREAD = 'Exception in thread "main" ' + JAVA
NODE = """Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16)
    at async run (/app/x.js:3:5) {
  errno: -111,
  code: 'ECONNREFUSED',
  [cause]: Error: refused
      at /app/y.js:1:2
}"""
GO = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47a1b2]

goroutine 1 [running]:
main.(*server).work(0x0, {0xc000012345, 0x5})
\t/app/main.go:12 +0x1d
created by main.main in goroutine 7
\t/app/main.go:5 +0x1d
exit status 2"""
RUST = """thread 'main' panicked at src/main.rs:4:10:
called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: "No such file or directory" }
stack backtrace:
   0: rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:645:5
   1: app::main
             at ./src/main.rs:4:10
note: run with `RUST_BACKTRACE=full` for a verbose backtrace."""
OLD_RUST = "thread 'worker' panicked at 'index out of bounds: the len is 3 but the index is 5', src/lib.rs:7:9"
ANYHOW = """Error: cannot start

Caused by:
    0: cannot read config
    1: No such file or directory (os error 2)"""
ALL = {
    "python": PYTHON,
    "during": DURING,
    "syntax": SYNTAX,
    "java": JAVA,
    "thread": THREAD,
    "node": NODE,
    "go": GO,
    "rust": RUST,
    "old rust": OLD_RUST,
    "anyhow": ANYHOW,
}
OTHERS = ["2026-11-21 10:00:00,123 INFO served /work in 3 ms", '{"level":"info","msg":"ok"}', "[info] tick"]


def only(text):
    found = traces_in(text.split("\n"))
    assert len(found) == 1
    return found[0]


def errors(trace):
    return [(link.type, link.message.partition("\n")[0]) for link in trace.chain]


@pytest.mark.parametrize("name", ALL)
def test_a_traceback_among_other_lines_is_found_whole(name):
    text = ALL[name]
    trace = only("\n".join([OTHERS[0], text, *OTHERS]))
    assert trace.text == text
    assert (trace.first, trace.last) == (1, text.count("\n") + 1)
    assert not trace.headless


@pytest.mark.parametrize(
    ("name", "language", "chain", "inner"),
    [
        ("python", "python", [("KeyError", "'host'"), ("RuntimeError", "cannot load")], ("/app/load.py", 3, "load")),
        ("during", "python", [("KeyError", "'host'"), ("RuntimeError", "cannot load")], ("/app/load.py", 3, "load")),
        ("syntax", "python", [("SyntaxError", "invalid syntax")], ("/app/x.py", 3, "")),
        (
            "go",
            "go",
            [("", "runtime error: invalid memory address or nil pointer dereference")],
            ("/app/main.go", 12, ""),
        ),
        ("old rust", "rust", [("", "index out of bounds: the len is 3 but the index is 5")], ("src/lib.rs", 7, "")),
    ],
)
def test_it_is_read_to_types_messages_causes_and_frames(name, language, chain, inner):
    trace = only(ALL[name])
    first = trace.frames[0]
    assert (trace.language, errors(trace), (first.file, first.line, first.function)) == (language, chain, inner)


def test_the_chain_of_java_begins_with_its_root():
    trace = only(JAVA)
    assert trace.language == "java"
    assert errors(trace)[0] == ("java.net.ConnectException", "Connection refused")
    assert errors(trace)[-1] == ("java.lang.IllegalStateException", "outer")
    assert trace.frames[0].function == "com.x.Foo.bar"


def test_an_error_of_node_keeps_its_fields_and_cause():
    trace = only(NODE)
    assert trace.language == "node"
    assert "code: 'ECONNREFUSED'" in trace.chain[-1].message
    assert trace.frames[1].file == "/app/x.js"


def test_a_group_of_python_is_one_traceback_with_all_its_errors():
    program = """
def f():
    try:
        raise ValueError("a")
    except ValueError as e:
        raise ExceptionGroup("two", [KeyError("x"), OSError(28, "No space left on device")]) from e
f()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    trace = only(ran.stderr.rstrip("\n"))
    assert trace.text == ran.stderr.rstrip("\n")
    assert {link.type for link in trace.chain} >= {"ValueError", "KeyError", "OSError"}


@pytest.mark.parametrize("name", ["python", "during", "go"])
def test_lines_of_another_writer_in_between_are_left_out(name):
    lines = ALL[name].split("\n")
    mixed = [lines[0], OTHERS[0], *lines[1:3], *OTHERS, *lines[3:]]
    trace = only("\n".join(mixed))
    assert trace.text == ALL[name]


def test_two_tracebacks_written_at_the_same_time_by_two_services_are_two():
    one = [f"web-1  | {line}".rstrip() for line in PYTHON.split("\n")]
    two = [f"db-1   | {line}" for line in JAVA.split("\n")]
    mixed = [line for pair in zip(one, two, strict=False) for line in pair] + one[len(two) :]
    found = {trace.language: trace.text for trace in traces_in(mixed)}
    assert found == {"python": PYTHON, "java": JAVA}


def test_two_threads_of_one_program_that_fail_at_the_same_time_are_both_seen():
    one = PYTHON.split("\n")[:5]
    two = [line.replace("KeyError: 'host'", "OSError: [Errno 24] Too many open files") for line in one]
    found = traces_in([one[0], two[0], one[1], two[1], one[2], two[2], one[4], two[4]])
    assert {trace.chain[0].type for trace in found} == {"KeyError", "OSError"}


def test_marks_that_a_collector_puts_before_each_line_are_taken_away():
    lines = PYTHON.split("\n")[:5]
    marked = [f"2026-11-21T10:00:{number:02}Z worker[7] {line}" for number, line in enumerate(lines)]
    assert only("\n".join(marked)).lines == tuple(lines)


@pytest.mark.parametrize("field", ["exc_info", "stack"])
def test_a_traceback_in_a_field_of_a_json_line_is_found(field):
    text = PYTHON if field == "exc_info" else NODE
    escaped = text.replace("\n", "\\n").replace('"', '\\"')
    trace = only(f'{{"level":"error","{field}":"{escaped}","msg":"x"}}')
    assert trace.text == text
    assert (trace.first, trace.last) == (0, 0)


def test_colours_are_taken_away():
    assert only("\n".join(f"\x1b[31m{line}\x1b[0m" for line in PYTHON.split("\n"))).text == PYTHON


def test_what_follows_a_traceback_is_none_of_it():
    trace = only(PYTHON + "\nbye\n  indented\nbye")
    assert trace.text == PYTHON


def test_a_message_of_several_lines_is_kept():
    text = 'Traceback (most recent call last):\n  File "a", line 1, in x\n'
    text += "pydantic.ValidationError: 1 validation error for A\nport\n  Input should be a valid integer"
    assert only(text).text == text


def test_a_log_without_errors_has_none():
    assert traces_in(OTHERS * 50) == []


@pytest.mark.parametrize("cut", range(1, 9))
def test_lines_that_begin_within_a_traceback_are_told_from_whole_ones(cut):
    lines = PYTHON.split("\n")
    assert is_cut(lines[cut:])
    assert not is_cut(["2026-11-21 10:00:00 INFO start", "2026-11-21 10:00:01 INFO go", *lines])


def test_a_traceback_without_end_is_kept_in_bounds():
    head = "Traceback (most recent call last):"
    trace = only("\n".join([head, *(f'  File "a", line {n}, in f' for n in range(5000)), "KeyError: 1"]))
    assert len(trace.lines) == FIRST_LINES + LAST_LINES
    assert trace.cut
    assert (trace.lines[0], trace.lines[-1]) == (head, "KeyError: 1")


def test_many_that_never_end_are_closed_one_after_the_other():
    head = ["Traceback (most recent call last):", '  File "a", line 1, in f']
    assembler = Assembler()
    closed = [trace for line in head * 50 for trace in assembler.add(line)]
    assert len(closed) == 50 - OPEN_MAX
    assert len(assembler.close()) == OPEN_MAX


def test_a_line_of_ten_megabytes_is_cut():
    trace = only("Traceback (most recent call last):\n" + '  File "a", line 1, in f\nValueError: ' + "x" * 10_000_000)
    assert max(map(len, trace.lines)) == LINE_CHARS


@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from("\n".join(ALL.values()).split("\n"))), max_size=80))
def test_whatever_the_lines_are_nothing_is_found_twice_and_nothing_fails(lines):
    for trace in traces_in(lines):
        assert 0 <= trace.first <= trace.last < max(1, len(lines))
        assert trace.lines
        assert isinstance(trace.chain, tuple)
        assert isinstance(trace.frames, tuple)
    is_cut(lines)
