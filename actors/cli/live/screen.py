"""The screen of `top` as lines of toned text, for a terminal of any size. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.cli.live.model import Model, Row
from actors.cli.live.rows import head_of, place_of, rows_of
from actors.cli.paint import measured, size, span
from actors.cli.status_lines import level_tone, queue_of

Piece = tuple[str, str]
"""Tone and text."""
Line = list[Piece]

STALE_S: Final = 5.0
"""Seconds without an answer after which what is shown is said to be old."""
GAP: Final = 2
LAST_MIN: Final = 20
"""Letters that the last column is to have, for which others go."""
CHOSEN: Final = "chosen"
"""Tone of the row that is chosen, beside those of paint.CODES."""
KEYS: Final = {
    "workloads": "enter log  r restart  s start  x stop  / filter  tab issues  ? help  q quit",
    "issues": "a approve  d reject  / filter  tab workloads  ? help  q quit",
    "log": "arrows scroll  q back",
    "help": "any key goes back",
}
HELP: Final = (
    "arrows, j k   choose a row; also page up and down, home, end",
    "enter, l      the end of its log",
    "r  s  x       restart, start, stop it; what is live is asked about",
    "tab, i, w     issues and what waits for you; workloads",
    "a  d          approve or reject the remedy that is asked for",
    "/             only rows that have this text; escape shows all",
    "q             end; nothing that runs is touched",
)


def lines_of(model: Model, width: int, height: int, now_s: float) -> list[Line]:
    """Exactly `height` lines, none longer than `width`. now_s: monotonic."""
    top = [_head(model, now_s), _second(model)]
    foot = [_detail(model), _foot(model)]
    room = max(0, height - len(top) - len(foot))
    body = {"log": _log, "help": _help}.get(model.view, _table)(model, width, room)
    body += [[] for _ in range(room - len(body))]
    return [_cut(line, width) for line in [*top, *body[:room], *foot]][:height]


def _head(model: Model, now_s: float) -> Line:
    look = model.look
    status = look.status
    if status is None:
        return [("bad" if look.trouble else "dim", look.trouble or "asking the node ...")]
    line: Line = []
    if status.node is not None:
        node = status.node
        mode = "LIVE" if node.mode == "live" else node.mode
        line += [("bold", f"{node.node} "), ("bold" if node.mode == "live" else "dim", f"{mode} ")]
        line += [
            ("plain", f"up {span(node.uptime_s)}  cpu {measured('cpu', node.cpu_percent)}  {size(node.memory_bytes)}  ")
        ]
    if status.health is not None:
        line.append((level_tone(status.health.whole.level), status.health.whole.level))
    age_s = now_s - look.at_s
    if look.trouble or age_s > STALE_S:
        line.append(("bad", f"  STALE for {span(age_s)}{': ' + look.trouble if look.trouble else ''}"))
    return line


def _second(model: Model) -> Line:
    status = model.look.status
    if status is None:
        return []
    parts: Line = []
    if status.approvals is not None and status.approvals.approvals:
        parts.append(("warn", f"{len(status.approvals.approvals)} need you (tab)  "))
    if status.issues is not None:
        number = len(status.issues.issues)
        parts.append(("warn" if number else "dim", f"{number} open issue{'' if number == 1 else 's'}  "))
    if status.goals is not None and status.goals.goals:
        parts.append(("plain", f"{len(status.goals.goals)} goals  "))
    if status.tasks is not None and (told := queue_of(status.tasks)):
        parts.append(("plain", told))
    if status.missing:
        parts.append(("bad", f"  no answer: {', '.join(status.missing)}"))
    return parts


def _detail(model: Model) -> Line:
    """The last column of the chosen row, which the table may have had to cut."""
    rows = rows_of(model) if model.view in {"workloads", "issues"} else []
    return [("dim", rows[place_of(model, rows)].cells[-1][0])] if rows else []


def _foot(model: Model) -> Line:
    if model.pending is not None:
        return [("bad", f"{model.pending.verb} {model.pending.name}, which is LIVE? y, or any other key")]
    if model.typing:
        return [("bold", f"/{model.filter}"), ("dim", "_  enter keeps it, escape shows all")]
    if model.message:
        return [("bold", model.message)]
    kept: Line = [("warn", f"/{model.filter}  ")] if model.filter and model.view in {"workloads", "issues"} else []
    return [*kept, ("dim", KEYS[model.view])]


def _table(model: Model, width: int, room: int) -> list[Line]:
    rows = rows_of(model)
    head = head_of(model)
    if not rows:
        said = "nothing is like this" if model.filter else "nothing to show"
        return [[("dim", said if model.look.status is not None else "")]]
    widths = [max(len(title), *(len(row.cells[at][0]) for row in rows)) for at, title in enumerate(head)]
    kept = _columns(head, rows, widths, width)
    lines = [[("dim", _padded([head[at] for at in kept], [widths[at] for at in kept]))]]
    place = place_of(model, rows)
    shown = max(1, room - 1)
    first = max(0, min(place - shown // 2, len(rows) - shown))
    for number, row in enumerate(rows[first : first + shown], first):
        lines.append(_row(row, kept, widths, width, chosen=number == place))
    return lines


def _columns(head: Sequence[str], rows: Sequence[Row], widths: Sequence[int], width: int) -> list[int]:
    """The columns that are shown: those go that say nothing, in a narrow terminal also those one can do without."""
    kept = [at for at in range(len(head)) if any(row.cells[at][0] not in {"", "-"} for row in rows) or at < GAP]
    for title in ("MODE", "PID", "RESTARTS", "KIND"):
        needed = sum(widths[at] + GAP for at in kept[:-1]) + min(widths[kept[-1]], LAST_MIN)
        if needed > width and title in head and (at := head.index(title)) in kept:
            kept.remove(at)
    return kept


def _row(row: Row, kept: Sequence[int], widths: Sequence[int], width: int, *, chosen: bool) -> Line:
    if chosen:
        text = _padded([row.cells[at][0] for at in kept], [widths[at] for at in kept])
        return [(CHOSEN, text[:width].ljust(width))]
    return [
        (tone, text.ljust(widths[at] + GAP) if at != kept[-1] else text)
        for at in kept
        for text, tone in (row.cells[at],)
    ]


def _padded(texts: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(text.ljust(wide) for text, wide in zip(texts, widths, strict=True)).rstrip()


def _log(model: Model, _: int, room: int) -> list[Line]:
    title: Line = [("bold", f"log of {model.log_of}")]
    if model.scroll:
        title.append(("dim", f"  {model.scroll} lines above its end"))
    lines = model.log[: len(model.log) - model.scroll] if model.scroll else model.log
    shown = lines[-max(1, room - 1) :]
    return [title, *([("plain", _plain(text))] for text in shown)] if shown else [title, [("dim", "no lines")]]


def _help(_: Model, __: int, ___: int) -> list[Line]:
    return [[("plain", text)] for text in HELP]


def _plain(text: str) -> str:
    """A line of a log with nothing in it that would speak to the terminal."""
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "?" for letter in text)


def _cut(line: Line, width: int) -> Line:
    out: Line = []
    left = width
    for tone, text in line:
        if left <= 0:
            break
        out.append((tone, _plain(text)[:left]))
        left -= len(text)
    return out


def text_of(lines: Sequence[Line]) -> list[str]:
    """The lines without their tones."""
    return ["".join(text for _, text in line).rstrip() for line in lines]
