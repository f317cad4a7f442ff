"""Why a workload is as it is: its last changes, what it waits for, and the stories of that. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actors.process_manager.life import Life
from bus.messages import MoveRow, StoryRow

STORIES_MAX: Final = 50
"""Stories in one answer."""


def stories(name: str, lives: Mapping[str, Life], missing: Callable[[Life], list[str]], now_s: float) -> list[StoryRow]:
    """The story of a workload, then of every one it waits for, nearest first, each once.

    missing: what a life waits for, in words.
    """
    told: dict[str, StoryRow] = {}
    ahead = [name]
    while ahead and len(told) < STORIES_MAX:
        one = ahead.pop(0)
        if one in told or one not in lives:
            continue
        life = lives[one]
        unmet = missing(life) if life.state == "waiting" else []
        because_of = [need for need in life.workload.spec.depends_on if need in lives and _named(need, unmet)]
        told[one] = _story(life, unmet, because_of, now_s)
        ahead.extend(because_of)
    return list(told.values())


def _named(need: str, unmet: list[str]) -> bool:
    """Tell whether a dependency is among what is missing, which begins with its name."""
    return any(text.partition(" ")[0].rstrip(",") == need for text in unmet)


def _story(life: Life, unmet: list[str], because_of: list[str], now_s: float) -> StoryRow:
    return StoryRow(
        name=life.name,
        state=life.state,
        why=life.why,
        since_s=now_s - life.since_s,
        wanted=life.wanted,
        held=life.held,
        declared=life.declared,
        scaled_away=life.scaled_away,
        restarts=life.restarts,
        exit_code=life.exit_code,
        signal=life.signal,
        moves=[
            MoveRow(ago_s=max(0.0, now_s - one.at_s), before=one.before, state=one.state, why=one.why, pid=one.pid)
            for one in reversed(life.past)
        ],
        unmet=unmet,
        because_of=because_of,
        next_s=max(0.0, life.due_s - now_s) if life.state == "backing_off" and life.due_s is not None else None,
        log_tail=life.last_lines,
        overrides=dict(life.launch.overrides),
    )
