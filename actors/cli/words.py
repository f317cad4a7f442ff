"""What a fact says, in plain words. Pure: plain values in, text out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.cli.paint import measured, number, span
from actors.cli.said import Data, Said, listed
from actors.cli.words_alerts import WORDS as ALERTS
from actors.cli.words_monitor import WORDS
from actors.cli.words_work import WORDS as WORK


def say(kind: str, data: Data) -> Said:
    """What a fact says. kind: `process.exited`, with or without `.v1`; one not known here is shown by its fields."""
    name = kind_of(kind)
    words = _WORDS.get(name)
    if words is not None:
        try:
            return words(data)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # of a newer or foreign publisher: its fields speak for themselves
    pairs = " ".join(f"{key}={value}" for key, value in data.items() if key != "subject")
    return Said(f"{name} {pairs}".rstrip())


def kind_of(type_name: str) -> str:
    """`process.exited.v1` -> `process.exited`."""
    name, dot, version = type_name.rpartition(".")
    return name if dot and version[:1] == "v" and version[1:].isdigit() else type_name


def is_sample(kind: str) -> bool:
    """Whether a fact is a measurement or a standing report: there are many, and each alone says little."""
    return kind_of(kind) in {"log.lines_read", "metrics.sampled", "node.status", "probe.measured"}


def is_news(kind: str, data: Data) -> bool:
    """Whether a fact is worth a line to somebody who watches; the others are told by another fact as well."""
    name = kind_of(kind)
    if is_sample(name) or name == "anomaly.detected":
        return False
    if name == "process.state_changed":
        return data.get("state") in {"waiting", "unhealthy", "exited"}
    if name == "actor.started":
        return bool(data.get("restarts"))
    if name == "health.changed":
        return data.get("level") != data.get("before")
    if name == "trend.changed":
        return data.get("trend") == "degrading"
    return True


def ending(data: Data) -> str:
    """How a process ended."""
    if data.get("signal"):
        cause = f" ({data['cause']})" if data.get("cause") else ""
        return f"ended by SIG{str(data['signal']).removeprefix('SIG')}{cause}"
    if data.get("exit_code") is None:
        return "ended, unseen by any node"
    return f"exited with code {data['exit_code']}"


def _exited(data: Data) -> Said:
    text = f"{ending(data)} after {span(data['uptime_s'])}"
    if data["asked"]:
        return Said(f"{text}, as asked", "dim")
    tail = [line for line in data["log_tail"] if line.strip()]
    last = f"; its last line: {tail[-1].strip()[:160]}" if tail and data.get("exit_code") else ""
    return Said(text + (", which its policy counts as success" if data["expected"] else last), _tone(data["expected"]))


def _tone(good: bool) -> str:  # noqa: FBT001 - a plain choice
    return "plain" if good else "bad"


def _started(data: Data) -> Said:
    again = f", restart {data['restarts']}" if data.get("restarts") else ""
    return Said(f"started, pid {data['pid']}{again}", "plain", data["reason"])


def _state(data: Data) -> Said:
    tone = {"unhealthy": "bad", "crash_loop": "bad", "waiting": "warn", "ready": "good"}.get(data["state"], "plain")
    return Said(f"is {data['state'].replace('_', ' ')}, was {data['before'].replace('_', ' ')}", tone, _reason(data))


def _reason(data: Data) -> str:
    return "" if data["why"] == data["state"] else str(data["why"])


def _in_a_row(times: int) -> str:
    return f" {times} times in a row" if times > 1 else ""


def _when(delay_s: float) -> str:
    return f"in {span(delay_s)}" if delay_s else "at once"


def _crash_loop(data: Data) -> Said:
    text = f"is held: {data['starts']} starts within {span(data['window_s'])}, the last one {ending(data)}"
    tail = [line for line in data["log_tail"] if line.strip()]
    return Said(text, "bad", tail[-1].strip()[:160] if tail else "")


def _start_failed(data: Data) -> Said:
    again = "tried again later" if data["retryable"] else "will not work until something is changed"
    return Said(f"could not be started (attempt {data['attempt']}, {again})", "bad", data["reason"])


def _raised(data: Data) -> Said:
    text = f"issue {data['issue']} ({data['issue_kind'].replace('_', ' ')}, {data['severity']}): {data['summary']}"
    return Said(text, "bad")


def _escalated(data: Data) -> Said:
    tried = f"; tried: {', '.join(data['tried'])}" if data["tried"] else ""
    again = f"; tries again in {span(data['retry_s'])}" if data["retry_s"] is not None else ""
    return Said(f"issue {data['issue']} needs a person{tried}{again}", "bad", data["why"])


def _remedy_failed(data: Data) -> Said:
    undone = f"; undone: {data['undone']}" if data["undone"] else ""
    return Said(f"remedy {data['remedy']} of issue {data['issue']} did not help{undone}", "warn", data["why"])


def _asked(data: Data) -> Said:
    text = f"asks whether {data['remedy']} may begin for issue {data['issue']} (gyrostat approve or reject it)"
    return Said(text, "warn", data["why"])


def _answered(data: Data) -> Said:
    word = "approved" if data["approved"] else "rejected"
    return Said(f"remedy {data['remedy']} of issue {data['issue']} was {word} by {data['by']}", "plain", data["note"])


def _degraded(data: Data) -> Said:
    if not data["steps"]:
        return Said(f"is back at full quality, was {data['before']}", "good")
    text = f"goes on with {data['quality_loss']:.0%} less ({data['level']}): {listed(data['steps'])}"
    return Said(text, "warn")


def _stand_in(data: Data) -> Said:
    if data["active"]:
        return Said(f"is replaced by {data['standby']}, which stands in for it", "warn", data["why"])
    return Said(f"is back; {data['standby']} does not stand in for it any more", "good", data["why"])


def _actor_failed(data: Data) -> Said:
    then = f"given up, tried again in {span(data['retry_s'] or 0)}" if data["given_up"] else "made anew"
    return Said(f"actor failed while handling {data['while_handling']}; {then}", "bad", data["error"])


def _reloaded(data: Data) -> Said:
    parts = [f"{what} {listed(data[what])}" for what in ("added", "removed", "changed") if data[what]]
    return Said(f"config reloaded, revision {data['revision']}: {'; '.join(parts) or 'no workload differs'}")


def _rejected(data: Data) -> Said:
    more = f" and {len(data['faults']) - 1} more" if len(data["faults"]) > 1 else ""
    return Said(f"new config refused, the old one stays: {data['faults'][0]}{more}", "bad")


def _drift(data: Data) -> Said:
    action = f"; asks for: {data['action']}" if data["action"] else "; told only"
    text = f"drift ({data['drift'].replace('_', ' ')}): wanted {data['desired']}, found {data['observed']}{action}"
    return Said(text, "warn")


def _goal(data: Data) -> Said:
    side = data["direction"].replace("_", " ")
    target, now = measured(data["metric"], data["target"]), measured(data["metric"], data["baseline"])
    return Said(f"goal {data['goal']}: {data['metric']} {side} {target}, now {now}", "plain", data["why"])


def _experiment_ended(data: Data, verdict: str, tone: str) -> Said:
    after = number(data["after"]) if data["after"] is not None else "not measured"
    text = f"experiment {data['experiment']}: {data['parameter']} {verdict} {number(data['value'])}"
    return Said(f"{text}; objective {number(data['before'])} -> {after}", tone, data.get("why", ""))


def _notified(data: Data) -> Said:
    pid = f" (main pid {data['told_pid']})" if data.get("told_pid") else ""
    return Said(f"says: {data['status']}{pid}", "plain")


def _hook(data: Data) -> Said:
    code = data["exit_code"]
    how = "took too long and was ended" if code is None else f"exited with code {code}"
    tail = f": {data['output'][-1]}" if data["output"] else ""
    return Said(f"hook {data['hook']} {how} after {span(data['took_s'])}{tail}", "plain" if code == 0 else "warn")


def _stopping(data: Data) -> Said:
    fate = "its workloads go on" if data["keeps_workloads"] else "its workloads are stopped, dependants first"
    return Said(f"node is stopping; {fate}", "bold", data["why"])


def _rolled(data: Data) -> Said:
    if data["ok"]:
        return Said(f"all {len(data['restarted'])} instances were restarted in turn in {span(data['took_s'])}", "good")
    left = f"; not touched: {listed(data['left'])}" if data["left"] else ""
    left = f"; set back to the former config: {listed(data['set_back'])}{left}" if data.get("set_back") else left
    return Said(f"the restart in turn ended after {span(data['took_s'])}{left}", "bad", data["why"])


def _set_back(data: Data) -> Said:
    done = f"; {listed(data['done'])} got ready and keep it" if data["done"] else ""
    left = f"; not touched: {listed(data['left'])}" if data["left"] else ""
    text = f"the changed config is not in force: {listed(data['instances'])} set back to the former one{done}{left}"
    return Said(text, "bad", data["why"])


def _peer_rejected(data: Data) -> Said:
    who = data["address"] or "somebody"
    key = f" with key {data['key']}" if data["key"] else ""
    more = f" ({data['untold']} more before)" if data["untold"] else ""
    return Said(f"{who}{key} was not let in at {data['door']}: {data['why']}{more}", "bad")


def _lost(data: Data) -> Said:
    missing = data["last_seq"] - data["first_seq"] + 1
    return Said(f"{missing} facts of {data['publisher']} ({data['stream_name']}) were lost on the way", "warn")


_WORDS: Final[dict[str, Callable[[Data], Said]]] = {
    **WORDS,
    **ALERTS,
    **WORK,
    "actor.failed": _actor_failed,
    "actor.started": lambda d: Said("actor works" + (f" again, restart {d['restarts']}" if d["restarts"] else "")),
    "approval.answered": _answered,
    "approval.asked": _asked,
    "bus.events_lost": _lost,
    "config.rejected": _rejected,
    "config.reloaded": _reloaded,
    "degradation.changed": _degraded,
    "stand_in.changed": _stand_in,
    "drift.closed": lambda d: Said(f"drift ({d['drift'].replace('_', ' ')}) gone after {span(d['took_s'])}", "good"),
    "drift.detected": _drift,
    "experiment.kept": lambda d: _experiment_ended(d, "stays at", "good"),
    "experiment.started": lambda d: Said(
        f"experiment {d['experiment']}: {d['parameter']} {number(d['baseline'])} -> {number(d['candidate'])}"
        f" for {d['objective']}",
        "plain",
        d["why"],
    ),
    "experiment.undone": lambda d: _experiment_ended(d, "is back at", "warn"),
    "flow.entered": lambda d: Said(
        f"in flow: {d['done']} ended well and {d['failed']} ill within a minute; what can wait, waits", "good"
    ),
    "flow.left": lambda d: Said(f"not in flow: {d['done']} ended well and {d['failed']} ill within a minute", "dim"),
    "goal.completed": lambda d: Said(
        f"goal {d['goal']} met: {d['metric']} {measured(d['metric'], d['value'])} after {span(d['took_s'])}", "good"
    ),
    "goal.ended": lambda d: Said(f"goal {d['goal']} {d['state']}", "warn", d["why"]),
    "goal.set": _goal,
    "issue.escalated": _escalated,
    "issue.raised": _raised,
    "issue.resolved": lambda d: Said(
        f"issue {d['issue']} resolved by {d['by']} in {span(d['time_to_repair_s'])}; verified: {d['verified']}", "good"
    ),
    "node.draining": lambda d: Said("node is drained: its workloads are stopped, none is started", "warn", d["why"]),
    "node.gone": lambda d: Said(
        "has left" if d["said"] else f"is gone, silent for {span(d['silent_s'])}",
        "warn" if d["said"] else "bad",
        d["why"],
    ),
    "node.returned": lambda d: Said(
        f"is back after {span(d['away_s'])}" + (", started anew" if d["restarted"] else ""), "good"
    ),
    "node.seen": lambda d: Said(f"is there, with {len(d['targets'])} actors", "good"),
    "node.status": lambda d: Said(f"{d['level'] or 'health not known'}, {len(d['workloads'])} workloads", "dim"),
    "node.undrained": lambda d: Said("node takes up its workloads again", "good", d["why"]),
    "node.started": lambda d: Said(f"node started, pid {d['pid']}, release {d['release']}", "bold"),
    "node.peer_rejected": _peer_rejected,
    "node.stopping": _stopping,
    "phase.changed": lambda d: Said(f"phase of healing is {d['phase']}, was {d['before']}", "warn", f"by {d['by']}"),
    "probe.failed": lambda d: Said(f"{d['probe']} probe failed{_in_a_row(d['failures'])}: {d['detail']}", "bad"),
    "probe.measured": lambda d: Said(
        f"{d['probe']} probe {'passed' if d['ok'] else 'failed'} in {span(d['latency_s'])} {d['detail']}".rstrip(),
        "dim",
    ),
    "probe.recovered": lambda d: Said(f"{d['probe']} probe passes again after {span(d['after_s'])}", "good"),
    "process.adopted": lambda d: Said(f"adopted untouched, pid {d['pid']}, {span(d['age_s'])} old", "good"),
    "process.crash_loop_entered": _crash_loop,
    "process.exited": _exited,
    "process.hook_ended": _hook,
    "process.notified": _notified,
    "process.ready": lambda d: Said(f"ready after {span(d['after_s'])}, pid {d['pid']}", "good"),
    "process.restart_scheduled": lambda d: Said(
        f"starts again {_when(d['delay_s'])} (attempt {d['attempt']})", "plain", d["reason"]
    ),
    "process.start_failed": _start_failed,
    "process.started": _started,
    "process.state_changed": _state,
    "process.stopped": lambda d: Said(
        f"stopped in {span(d['took_s'])}" + (", had to be killed" if d["killed"] else ""),
        "warn" if d["killed"] else "plain",
        d["reason"],
    ),
    "reconcile.converged": lambda d: Said(f"desired and observed agree: {d['checked']} compared", "good"),
    "remedy.deferred": lambda d: Said(f"remedy {d['remedy']} waits {span(d['for_s'])}", "warn", d["why"]),
    "remedy.failed": _remedy_failed,
    "remedy.started": lambda d: Said(
        f"remedy {d['remedy']} for issue {d['issue']}, attempt {d['attempt']}", "bold", d["why"]
    ),
    "remedy.verified": lambda d: Said(f"remedy {d['remedy']} helped after {span(d['after_s'])}: {d['check']}", "good"),
    "roll.started": lambda d: Said(
        f"{len(d['instances'])} instances are restarted in turn, {d['keep_ready']} stay ready", "plain", d["why"]
    ),
    "roll.ended": _rolled,
    "config.set_back": _set_back,
    "schedule.skipped": lambda d: Said("a time of its schedule passed without a run", "warn", d["why"]),
}
"""Kind of fact -> its words."""

KINDS: Final = tuple(_WORDS)
"""Kinds of facts that have words here."""
