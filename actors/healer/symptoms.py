"""Which facts are symptoms, and of what. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from signal import Signals

from actors.healer import evidence
from actors.healer.evidence import Found, Log
from actors.healer.fingerprints import LINE_MAX, error_line, fingerprint, says_address_in_use
from actors.healer.issues import Cause, Symptom
from actors.settings.wording import duration, said
from bus.messages.healer import IssueKind
from bus.messages.monitor import AnomalyDetected, ForecastRaised, SeriesDrifted, ThresholdCrossed
from bus.messages.node import ActorFailed
from bus.messages.process_manager import (
    CrashLoopEntered,
    ProbeFailed,
    ProcessExited,
    ProcessRow,
    ProcessStartFailed,
)

KINDS_OF_METRICS: Mapping[str, IssueKind] = {
    "memory": "memory",
    "cpu": "cpu",
    "latency": "latency",
    "availability": "availability",
}
"""Any other metric is a resource."""

ERROR_LINES = "error_lines"
"""What is counted of a log: its error lines lately."""
_NO_LOG = Log()
_ATTEMPTS_BEFORE = 2
"""A retryable failure to spawn may be chance; the second one is not."""


def exit_text(exit_code: int | None, signal: str | None, cause: str = "") -> str:
    """How a process ended, in words. cause: why the kernel ended it, when that is known."""
    if signal:
        return f"ended by signal {signal}{f' ({cause})' if cause else ''}"
    return "ended, nobody knows how" if exit_code is None else f"exited with code {exit_code}"


def found_by(lines: Sequence[str], exit_code: int | None, signal: str | None) -> Found:
    """What an end was about, by the last lines of its log and its exit status."""
    code = -Signals[f"SIG{signal}"].value if signal and f"SIG{signal}" in Signals.__members__ else exit_code
    return evidence.of_end(lines, code or 0)


def of_exit(fact: ProcessExited, lines: Sequence[str] | None = None) -> Symptom | None:
    """An end that nobody asked for and its policy does not expect. lines: more of its log than the fact tells."""
    if fact.expected or fact.asked:
        return None
    lines = fact.log_tail if lines is None else lines
    how, error = exit_text(fact.exit_code, fact.signal, fact.cause), error_line(lines)
    found = found_by(lines, fact.exit_code, fact.signal)
    return Symptom(
        subject=fact.subject,
        kind="crash",
        fingerprint=fingerprint("crash", fact.subject, found.mark or how),
        text=f"{how} after {fact.uptime_s:.1f} s{': ' if error else ''}{error}",
        lines=tuple(lines),
        failure=found.failure,
        trace=found.trace,
    )


def of_crash_loop(fact: CrashLoopEntered, lines: Sequence[str] | None = None) -> Symptom:
    """Held after too many ends; a taken port is told from other reasons by the log. lines: as of_exit has them."""
    lines = fact.log_tail if lines is None else lines
    kind: IssueKind = "port_in_use" if says_address_in_use(lines) else "crash_loop"
    how, error = exit_text(fact.exit_code, fact.signal, fact.cause), error_line(lines)
    found = found_by(lines, fact.exit_code, fact.signal)
    text = f"{fact.starts} starts within {fact.window_s:g} s, the last {how}{': ' if error else ''}{error}"
    return Symptom(
        subject=fact.subject,
        kind=kind,
        fingerprint=fingerprint(kind, fact.subject, found.mark or how),
        text=text,
        lines=tuple(lines),
        weight="critical",
        failure=found.failure,
        trace=found.trace,
    )


def of_end(fact: ProcessExited | CrashLoopEntered, lines: Sequence[str] | None = None) -> Symptom | None:
    """Either of the two."""
    return of_exit(fact, lines) if isinstance(fact, ProcessExited) else of_crash_loop(fact, lines)


def of_start_failure(fact: ProcessStartFailed) -> Symptom | None:
    """A spawn that failed for the second time, or for good."""
    if fact.retryable and fact.attempt < _ATTEMPTS_BEFORE:
        return None
    return Symptom(
        subject=fact.subject,
        kind="start_failed",
        fingerprint=fingerprint("start_failed", fact.subject, fact.reason),
        text=f"could not be started: {fact.reason}",
        weight="critical",
        failure=evidence.of_text(fact.reason),
    )


def of_probe(fact: ProbeFailed, *, was_ready: bool, log: Log = _NO_LOG) -> Symptom | None:
    """A probe that fails. was_ready: this life of the process was ready once; before that, readiness may take long.

    log: what the workload wrote.
    """
    if fact.probe == "readiness" and not was_ready:
        return None
    kind: IssueKind = "unresponsive" if fact.probe == "liveness" else "not_working"
    found = evidence.of_probe(fact.detail, log)
    return Symptom(
        subject=fact.subject,
        kind=kind,
        fingerprint=fingerprint(kind, fact.subject, f"{fact.probe} {found.mark}"),
        text=f"{fact.probe} probe failed{f' {fact.failures} times in a row' * (fact.failures > 1)}: {fact.detail}",
        cause=Cause(probe=fact.probe),
        lines=tuple(found.trace.split("\n")) if found.trace else (),
        failure=found.failure,
        trace=found.trace,
    )


def of_threshold(fact: ThresholdCrossed, log: Log = _NO_LOG) -> Symptom:
    """A metric beyond its limit for its whole hold time. log: what the workload wrote."""
    found = evidence.of_threshold(fact.metric, log)
    kind = KINDS_OF_METRICS.get(fact.metric, "resource")
    side = "over" if fact.direction == "above" else "under"
    value, limit = said(fact.metric, fact.value, fact.unit), said(fact.metric, fact.limit, fact.unit)
    reading = f"{fact.metric} {value} {side} {limit}"
    return Symptom(
        subject=fact.subject,
        kind=kind,
        fingerprint=fingerprint(kind, fact.subject, f"{fact.scope} {fact.metric}"),
        text=f"{reading} for {duration(fact.held_s)}",
        cause=Cause(
            scope=fact.scope,
            metric=fact.metric,
            limit=fact.limit,
            direction=fact.direction,
            held_s=fact.held_s,
            value=fact.value,
            action=fact.action,
        ),
        lines=tuple(fact.evidence),
        weight=fact.severity,
        failure=found.failure,
        trace=found.trace,
    )


def of_errors(subject: str, count: int, over_s: float, quiet_s: float, log: Log = _NO_LOG) -> Symptom:
    """Error lines that go on. over_s, quiet_s: seconds since the first, and without one that end it."""
    found = evidence.of_log(log.fresh)
    newest = found.trace.rstrip().rpartition("\n")[2]
    return Symptom(
        subject=subject,
        kind="errors",
        fingerprint=fingerprint("errors", subject, found.mark or found.failure),
        text=f"{count} error lines within {duration(over_s)}, and no end{': ' if newest else ''}{newest[:LINE_MAX]}",
        cause=Cause(metric=ERROR_LINES, held_s=quiet_s),
        lines=tuple(found.trace.split("\n")) if found.trace else (),
        failure=found.failure,
        trace=found.trace,
    )


def of_forecast(fact: ForecastRaised) -> Symptom:
    """A metric that will reach its limit."""
    side = "over" if fact.direction == "above" else "under"
    reading, limit = said(fact.metric, fact.value, fact.unit), said(fact.metric, fact.limit, fact.unit)
    return Symptom(
        subject=fact.subject,
        kind="forecast",
        fingerprint=fingerprint("forecast", fact.subject, f"{fact.scope} {fact.metric}"),
        text=f"{fact.metric} {reading} will be {side} {limit} in {duration(fact.in_s)}",
        cause=Cause(scope=fact.scope, metric=fact.metric, limit=fact.limit, direction=fact.direction),
    )


def of_drift(fact: SeriesDrifted) -> Symptom:
    """A series that is not what it was."""
    what = fact.metric if fact.what == "level" else f"spread of {fact.metric}"
    before, after = said(fact.metric, fact.before), said(fact.metric, fact.after)
    return Symptom(
        subject=fact.subject,
        kind="drift",
        fingerprint=fingerprint("drift", fact.subject, f"{fact.scope} {fact.metric}"),
        text=f"{what} was {before} and is {after} since {duration(fact.since_s)}",
        cause=Cause(scope=fact.scope, metric=fact.metric),
    )


def anomaly_text(fact: AnomalyDetected) -> str:
    """What was strange, as evidence of an issue."""
    return f"strange: {fact.metric} {said(fact.metric, fact.value)} is unlike any before (score {fact.score:.2f})"


def of_actor(fact: ActorFailed) -> Symptom | None:
    """An actor that its supervisor gave up."""
    if not fact.given_up:
        return None
    return Symptom(
        subject=fact.subject,
        kind="actor",
        fingerprint=fingerprint("actor", fact.subject, fact.error),
        text=f"actor failed {fact.failures} times, the last with {fact.while_handling}: {fact.error}",
        cause=Cause(scope="actor"),
        weight="critical",
    )


def of_row(row: ProcessRow) -> Symptom | None:
    """What the process table shows and a lost fact would have told."""
    if row.state == "crash_loop":
        how = exit_text(row.exit_code, row.signal, row.cause)
        mark = fingerprint("crash_loop", row.name, how)
        return Symptom(
            subject=row.name,
            kind="crash_loop",
            fingerprint=mark,
            text=f"is held after a crash loop, the last {how}",
            weight="critical",
        )
    if row.state == "unhealthy":
        startup = "startup" in row.why
        told = ProbeFailed(subject=row.name, probe="startup" if startup else "liveness", failures=1, detail=row.why)
        return of_probe(told, was_ready=True)
    return None
