"""The chain of causes of a workload's state as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from actors.cli.paint import Cell, Paint, span, table
from actors.cli.status_lines import STATE_TONES, overrides_of, parting, shortened

if TYPE_CHECKING:
    from bus.messages import ProcessStories, StoryRow

MOVES_SHOWN: Final = 8
LINES_SHOWN: Final = 6
WHY_MAX: Final = 160


def lines_of(tale: ProcessStories, known: Mapping[str, Any], paint: Paint) -> list[str]:
    """The story of a workload, then of each it waits for. known: answers of other actors, None where there is none."""
    lines: list[str] = []
    for number, story in enumerate(tale.stories):
        lines += ["", paint("because of that:", "dim")] if number == 1 else []
        lines += _of_one(story, paint)
        lines += _of_others(story.name, known, paint)
    if tale.draining:
        lines.append(paint("the node is drained: it starts nothing until gyrostat undrain", "warn"))
    return lines


def _of_one(story: StoryRow, paint: Paint) -> Iterator[str]:
    state = paint(story.state.replace("_", " "), STATE_TONES.get(story.state, "plain"))
    because = f": {story.why}" if story.why and story.why != story.state else ""
    yield f"{paint(story.name, 'bold')} is {state}, for {span(story.since_s)}{because}"
    yield from (f"  {text}" for text in _notes(story))
    if story.moves:
        yield "  what happened, the latest first:"
        yield from table([_move(one) for one in story.moves[:MOVES_SHOWN]], paint)
        if len(story.moves) > MOVES_SHOWN:
            yield f"    and {len(story.moves) - MOVES_SHOWN} before that"
    if story.log_tail:
        yield "  last lines of the run that ended last:"
        yield from (f"    | {shortened(line, WHY_MAX)}" for line in story.log_tail[-LINES_SHOWN:])


def _notes(story: StoryRow) -> Iterator[str]:
    if not story.declared:
        yield f"it is {parting(story)}"
    if story.held and story.why.startswith("shed in emergency"):
        yield "the emergency protocol stopped it, and starts it again when the emergency is over"
    elif story.held:
        yield f"a person holds it: only gyrostat release {story.name} and gyrostat start {story.name} end that"
    elif not story.wanted and story.declared and not story.moves:
        yield f"it is not started with the node (autostart: false); start it with gyrostat start {story.name}"
    yield from (f"waits for {text}" for text in story.unmet if text not in story.why)
    if story.next_s is not None:
        yield f"is started again in {span(story.next_s)}"
    if story.overrides:
        yield f"is started with {overrides_of(story.overrides)} instead of what its config says"
    if story.restarts:
        yield f"was restarted {story.restarts} time{'s' if story.restarts != 1 else ''} without being asked"
    if story.state == "crash_loop":
        yield f"is left alone until a remedy or a person starts it: gyrostat start {story.name}"


def _move(move: Any) -> list[str | Cell]:
    return [
        f"    {span(move.ago_s)} ago",
        (move.state.replace("_", " "), STATE_TONES.get(move.state, "plain")),
        f"pid {move.pid}" if move.pid is not None else "",
        shortened(move.why, WHY_MAX) if move.why != move.state else "",
    ]


def _of_others(name: str, known: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """What the Healer, the Reconciler and the Monitor say of it."""
    for row in known["issues"].issues if known.get("issues") is not None else ():
        if row.subject == name:
            tried = f"; tried: {', '.join(row.remedies)}" if row.remedies else ""
            kind = row.issue_kind.replace("_", " ")
            text = (
                f"  issue {row.issue} ({kind}, {row.severity}, {row.state}): {shortened(row.summary, WHY_MAX)}{tried}"
            )
            yield paint(text, "bad")
    for incident in known["incidents"].incidents if known.get("incidents") is not None else ():
        for symptom in incident.symptoms:
            if symptom.subject == name and symptom.because:
                yield f"  part of incident {incident.incident}, because of {symptom.because}"
    for row in known["drift"].drifts if known.get("drift") is not None else ():
        if row.subject == name:
            yield paint(f"  drift: wanted {row.desired}, found {row.observed}; {row.action}", "warn")
    for row in known["health"].workloads if known.get("health") is not None else ():
        if row.subject == name and row.level != "healthy":
            yield paint(f"  health is {row.level}, for {span(row.since_s)}: {'; '.join(row.why)}", "warn")
