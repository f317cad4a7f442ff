"""What a key does in `top`. Pure."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from actors.cli.live.model import Do, Model, Verb
from actors.cli.live.rows import place_of, rows_of

QUIT: Final = "quit"
LOG: Final = "log"
"""Wanted beside the new model: the end, or the log of the chosen workload."""
PAGE: Final = 10
MOVES: Final = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -PAGE, "pagedown": PAGE, "home": -(10**6), "end": 10**6}
VERBS: Final[dict[str, Verb]] = {"r": "restart", "s": "start", "x": "stop", "a": "approve", "d": "reject"}
OF_ISSUES: Final = frozenset(("approve", "reject"))
ENDING: Final = frozenset(("restart", "stop"))

Wanted = Do | str | None


def press(model: Model, key: str) -> tuple[Model, Wanted]:
    """Give the model after a key, and what is wanted of the world. key: a letter, or a name such as up or enter."""
    if key == "c-c":
        return model, QUIT
    if model.typing:
        return _typed(model, key), None
    if model.pending is not None:
        done = replace(model, pending=None, message="" if key == "y" else "nothing was done")
        return done, (model.pending if key == "y" else None)
    model = replace(model, message="")
    if model.view == "log":
        return _in_log(model, key)
    if model.view == "help":
        return replace(model, view=model.back), None
    return _in_list(model, key)


def _typed(model: Model, key: str) -> Model:
    if key == "enter":
        return replace(model, typing=False)
    if key == "escape":
        return replace(model, typing=False, filter="")
    if key == "backspace":
        return replace(model, filter=model.filter[:-1])
    return replace(model, filter=model.filter + key) if len(key) == 1 and key.isprintable() else model


def _in_log(model: Model, key: str) -> tuple[Model, Wanted]:
    if key in {"escape", "q", "l", "enter"}:
        return replace(model, view=model.back, log=(), scroll=0), None
    if key in MOVES:
        return replace(model, scroll=max(0, min(len(model.log) - 1, model.scroll - MOVES[key]))), None
    return model, None


def _in_list(model: Model, key: str) -> tuple[Model, Wanted]:  # noqa: PLR0911 - a line for each key
    rows = rows_of(model)
    if key in MOVES:
        place = max(0, min(len(rows) - 1, place_of(model, rows) + MOVES[key]))
        return (replace(model, chosen=rows[place].key) if rows else model), None
    if key == "q":
        return model, QUIT
    if key == "/":
        return replace(model, typing=True), None
    if key == "escape":
        return replace(model, filter=""), None
    if key in {"tab", "i", "w"}:
        other = "issues" if key == "i" or (key == "tab" and model.view == "workloads") else "workloads"
        return replace(model, view=other, chosen="", filter=""), None
    if key == "?":
        return replace(model, view="help", back=model.view), None
    if key in {"l", "enter"} and model.view == "workloads" and rows:
        name = rows[place_of(model, rows)].key
        return replace(model, view="log", back="workloads", log=(), log_of=name, scroll=0, chosen=name), LOG
    return _acted(model, VERBS[key]) if key in VERBS else (model, None)


def _acted(model: Model, verb: Verb) -> tuple[Model, Wanted]:
    """What is done to the chosen row, asked first when it ends something live."""
    rows = rows_of(model)
    if not rows or (verb in OF_ISSUES) != (model.view == "issues"):
        where = "among the issues (tab)" if verb in OF_ISSUES else "among the workloads (tab)"
        return replace(model, message=f"{verb}: choose one {where}"), None
    row = rows[place_of(model, rows)]
    if verb in OF_ISSUES and not row.waits:
        return replace(model, message=f"{row.key} waits for nobody's word"), None
    if verb in ENDING and row.live and not model.ask_nothing:
        return replace(model, pending=Do(verb=verb, name=row.key), chosen=row.key), None
    return replace(model, message=f"{verb} {row.key} ...", chosen=row.key), Do(verb=verb, name=row.key)
