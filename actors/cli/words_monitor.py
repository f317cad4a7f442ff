"""What the facts of the Monitor say, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from actors.cli.paint import in_unit, measured, number, span, unit_of
from actors.cli.said import Data, Said, listed


def _metrics_of(data: Data) -> str:
    return f"metric {', '.join(data['metrics'])}"


def _with_limit(data: Data) -> tuple[str, str, str]:
    """The value, which side, and the limit."""
    unit = data.get("unit") or unit_of(data["metric"])
    side = "over" if data["direction"] == "above" else "under"
    return in_unit(data["value"], unit), side, in_unit(data["limit"], unit)


def _threshold(data: Data) -> Said:
    value, side, limit = _with_limit(data)
    tone = "bad" if data["severity"] == "critical" else "warn"
    return Said(f"{data['metric']} {value} is {side} its limit {limit} for {span(data['held_s'])}", tone)


def _cleared(data: Data) -> Said:
    if data.get("because") == "limit_removed":
        return Said(f"{data['metric']} has no limit any more", "plain")
    value, lasted = measured(data["metric"], data["value"]), span(data["lasted_s"])
    return Said(f"{data['metric']} is back at {value} after {lasted}", "good")


def _foreseen(data: Data) -> Said:
    value, side, limit = _with_limit(data)
    return Said(f"{data['metric']} {value} will be {side} its limit {limit} in {span(data['in_s'])}", "warn")


def _drifted(data: Data) -> Said:
    what = data["metric"] if data["what"] == "level" else f"spread of {data['metric']}"
    before, after = measured(data["metric"], data["before"]), measured(data["metric"], data["after"])
    return Said(f"{what} was {before} and is {after} since {span(data['since_s'])}", "warn")


def _health(data: Data) -> Said:
    tone = {"healthy": "good", "degraded": "warn"}.get(data["level"], "bad")
    why = "" if data["level"] == "healthy" else "; ".join(data["why"])
    return Said(f"health is {data['level']}, was {data['before']}", tone, why)


def _lines_read(data: Data) -> Said:
    skipped = f", {number(data['skipped_bytes'])} bytes more not read" if data["skipped_bytes"] else ""
    return Said(f"logged {data['lines']} lines, {data['errors']} of them error lines{skipped}", "dim")


def _sampled(data: Data) -> Said:
    return Said(", ".join(f"{name} {measured(name, value)}" for name, value in data["values"].items()), "dim")


def _incident(data: Data) -> Said:
    symptoms = f"; symptoms: {listed(data['symptoms'])}" if data["symptoms"] else ""
    return Said(f"incident {data['incident']}: {data['what']}{symptoms}", "bad")


def _emergency(data: Data) -> Said:
    shed = f"; may stop {listed(data['shed'])}" if data["shed"] else ""
    frozen = "; nothing is tried meanwhile" if data["freeze"] else ""
    return Said(f"EMERGENCY, incident {data['incident']}: critical are {listed(data['places'])}{shed}{frozen}", "bad")


def _shed(data: Data) -> Said:
    if data["ok"]:
        return Said(f"was stopped in emergency {data['incident']}, and is started again when it is over", "warn")
    return Said(f"could not be stopped in emergency {data['incident']}", "bad", data["error"])


def _restored(data: Data) -> Said:
    if data["ok"]:
        return Said(f"is started again: emergency {data['incident']} is over", "good")
    return Said(f"was stopped in emergency {data['incident']} and is not started again", "warn", data["error"])


def _alerted(data: Data) -> Said:
    code = data["exit_code"]
    how = "took too long and was ended" if code is None else f"exited with code {code}"
    tail = f": {data['output'][-1]}" if data["output"] and code else ""
    return Said(
        f"alert program ({data['event']}) {how} after {span(data['took_s'])}{tail}", "dim" if code == 0 else "bad"
    )


def _paced(data: Data) -> Said:
    text = f"reads every {span(data['interval_s'])}, before every {span(data['before_s'])}"
    return Said(f"{text} (asked for: {span(data['base_s'])})", "dim", data["why"])


WORDS: Final[Mapping[str, Callable[[Data], Said]]] = MappingProxyType(
    {
        "anomaly.detected": lambda d: Said(
            f"{d['metric']} {measured(d['metric'], d['value'])} is unlike any before (score {d['score']:.2f})", "dim"
        ),
        "emergency.alerted": _alerted,
        "emergency.declared": _emergency,
        "emergency.ended": lambda d: Said(
            f"emergency of incident {d['incident']} is over after {span(d['lasted_s'])}", "good"
        ),
        "emergency.load_restored": _restored,
        "emergency.load_shed": _shed,
        "forecast.cleared": lambda d: Said(f"the limit of {d['metric']} is not in sight any more", "good"),
        "forecast.raised": _foreseen,
        "health.changed": _health,
        "incident.changed": lambda d: Said(
            f"incident {d['incident']}: {d['what']}; {len(d['symptoms'])} symptoms", "warn"
        ),
        "incident.closed": lambda d: Said(
            f"incident {d['incident']} is closed after {span(d['lasted_s'])}: {d['why']}", "good"
        ),
        "incident.opened": _incident,
        "log.lines_read": _lines_read,
        "metric_source.failed": lambda d: Said(f"{_metrics_of(d)} cannot be read", "bad", d["error"]),
        "metric_source.recovered": lambda d: Said(
            f"{_metrics_of(d)} can be read again after {span(d['after_s'])}", "good"
        ),
        "metrics.sampled": _sampled,
        "sampling.pace_changed": _paced,
        "series.drifted": _drifted,
        "series.returned": lambda d: Said(f"{d['metric']} is back at {measured(d['metric'], d['now'])}", "good"),
        "threshold.cleared": _cleared,
        "threshold.crossed": _threshold,
        "trend.changed": lambda d: Said(f"trend of {d['metric']} is {d['trend']}, was {d['before']}"),
    }
)
"""Kind of fact -> its words."""
