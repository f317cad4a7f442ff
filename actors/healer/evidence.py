"""What a failure was about, and the whole of what was written about it: by a log, an exit status, a probe. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast

from msgspec import Struct

from actors.healer.causes import FRAME, LEVEL
from actors.healer.classify import UNKNOWN, classify
from actors.healer.fingerprints import error_line
from actors.healer.traces import GRAVE, Trace, traces_in
from actors.settings.repair import FailureClass

PLAIN_LINES: Final = 20
"""Last lines that are heard first when there is no traceback."""
AFTER_LINES: Final = 20
"""Lines behind a traceback that are kept with it."""
ERROR_LINES: Final = 10
"""Error lines of a running workload that are kept, the newest."""

TRACE_CHARS: Final = 32_000
"""Letters of a trace that are kept."""

SAYS_NOTHING: Final = frozenset({UNKNOWN, "killed"})
_SILENCE: Final = re.compile(r"^no answer within ")
_STATUS: Final = re.compile(r"^status (\d{3})(?:: (.*))?$", re.DOTALL)
_EXIT: Final = re.compile(r"^exit code (\d+)(?:: (.*))?$", re.DOTALL)
_BROKEN_OFF: Final = re.compile(r"closed the connection")
_NO_ANSWER_OF_ITS_KIND: Final = re.compile(r"^(?:no HTTP:|no header |header |nothing in the body matches)")
_REFUSED_ENTRY: Final = frozenset({401, 403, 407})
_METRICS: Final[dict[str, FailureClass]] = {"memory": "memory", "fds": "fd"}
"""Metrics that say by themselves what it is about."""
_SLOW: Final = frozenset({"latency"})


class Found(Struct, frozen=True):
    """failure: its class. trace: the whole text of it; empty when the workload itself said nothing of it.

    mark: what makes it the same failure when it comes again; empty when nothing does.
    """

    failure: FailureClass = "unknown"
    trace: str = ""
    mark: str = ""


class Log(Struct, frozen=True):
    """Lines of a running workload, oldest first. fresh: written since it was well last; older: before that."""

    fresh: tuple[str, ...] = ()
    older: tuple[str, ...] = ()


def _found(failure: str, text: str, mark: str) -> Found:
    """Of a text that is too long the beginning and the end are kept."""
    if len(text) > TRACE_CHARS:
        text = f"{text[: TRACE_CHARS // 2]}\n...\n{text[-TRACE_CHARS // 2 :]}"
    return Found(cast("FailureClass", failure), text, mark)


def of_end(lines: Sequence[str], exit_code: int) -> Found:
    """How a process ended. lines: its last ones. exit_code: negative for a signal."""
    traces = traces_in(lines)
    if not traces:
        text = "\n".join(lines[-PLAIN_LINES:])
        failure = classify(text, exit_code)
        if failure == UNKNOWN and len(lines) > PLAIN_LINES:
            failure = classify("\n".join(lines), exit_code)
        return _found(failure, text, error_line(lines))
    trace = max(traces, key=lambda one: one.last)
    after = lines[trace.last + 1 :]
    whole = "\n".join((trace.text, *after[:AFTER_LINES]))
    failure = _last_word(after, exit_code) or classify(whole, exit_code)
    return _found(failure, whole, mark_of(trace))


def _last_word(after: Sequence[str], exit_code: int) -> str:
    """What a program says is fatal after it dealt with an error; empty when it says nothing new."""
    for line in reversed(after):
        level = LEVEL.search(line)
        if level is not None and level.lastgroup == "fatal":
            failure = classify(line, exit_code)
            return "" if failure in SAYS_NOTHING else failure
    return ""


def of_log(lines: Sequence[str]) -> Found:
    """What a running workload says is wrong, the newest; nothing when no line tells of an error."""
    traces = traces_in(lines)
    newest = max(traces, key=lambda one: one.last) if traces else None
    inside = {number for one in traces for number in range(one.first, one.last + 1)}
    told = [(at, line) for at, line in enumerate(lines) if at not in inside and is_error(line)][-ERROR_LINES:]
    after = [line for at, line in told if newest is None or at > newest.last]
    if newest is not None:
        whole = "\n".join((newest.text, *after))
        failure = classify(newest.text, 0)
        if failure == UNKNOWN and after:
            failure = classify("\n".join(after), 0)
        return _found(failure, whole, mark_of(newest))
    if not after:
        return Found()
    text = "\n".join(after)
    return _found(classify(text, 0), text, after[-1])


def of_probe(detail: str, log: Log) -> Found:
    """Why a probe failed: by what the workload wrote since it was well, by its answer, by what it wrote before.

    At last by how the question itself failed; then there is no trace.
    """
    fresh, answer = of_log(log.fresh), of_answer(detail)
    older = Found()
    if not (fresh.trace or answer.trace):
        older = of_log(log.older)
    for found in (fresh, answer, older):
        if found.failure != UNKNOWN and found.trace:
            return found
    trace = fresh.trace or answer.trace or older.trace
    return Found(of_question(detail), trace, fresh.mark or answer.mark or older.mark)


def of_answer(detail: str) -> Found:
    """What the workload itself said in its answer to a probe."""
    found = _STATUS.match(detail) or _EXIT.match(detail)
    said = (found[2] or "").strip() if found else ""
    if not said:
        return Found()
    code = int(found[1]) if found and found.re is _EXIT else 0
    failure = classify(said, code)
    return _found(failure, said, said)


def of_question(detail: str) -> FailureClass:
    """How a probe failed, seen from outside."""
    if _SILENCE.match(detail):
        return "timeout"
    if _BROKEN_OFF.search(detail):
        return "connection"
    if status := _STATUS.match(detail):
        return "auth" if int(status[1]) in _REFUSED_ENTRY else "http"
    if _NO_ANSWER_OF_ITS_KIND.match(detail):
        return "http"
    ended = _EXIT.match(detail)
    return cast("FailureClass", classify("" if ended else detail, int(ended[1]) if ended else 0))


def of_threshold(metric: str, log: Log) -> Found:
    """What a metric beyond its limit is about."""
    found = of_log(log.fresh)
    own = _METRICS.get(metric)
    if own is not None:
        return Found(own, found.trace if found.failure == own else "", "")
    if found.failure == UNKNOWN and metric in _SLOW:
        return Found("timeout", found.trace, found.mark)
    return found


def of_text(text: str) -> FailureClass:
    """What one line is about."""
    return cast("FailureClass", classify(text, 0))


def mark_of(trace: Trace) -> str:
    """The root of its causes and where it was raised, without the number of the line."""
    chain, inner = trace.chain, trace.raised_at
    root = f"{chain[0].type}: {chain[0].message.partition(chr(10))[0]}" if chain else trace.lines[-1]
    if inner is None:
        return root
    return f"{root} in {inner.file.replace(chr(92), '/').rpartition('/')[2]} {inner.function}"


def is_error(line: str) -> bool:
    """Whether a line of a log tells of an error: by its level, or by its words when it has none."""
    if FRAME.match(line):
        return False
    level = LEVEL.search(line[:512])
    if level is None:
        return bool(error_line((line[:512],)))
    return level.lastgroup in GRAVE
