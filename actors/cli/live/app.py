"""The terminal of `top`: prompt_toolkit reads the keys and draws the lines. Imported by nobody else."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Final

from msgspec.structs import replace
from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from actors.cli.live.feed import Feed
from actors.cli.live.keys import LOG, QUIT, press
from actors.cli.live.model import Do, Model
from actors.cli.live.screen import CHOSEN, lines_of
from actors.cli.place import Place

STYLE: Final = Style.from_dict(
    {
        "good": "ansigreen",
        "warn": "ansiyellow",
        "bad": "bold ansired",
        "dim": "ansibrightblack",
        "bold": "bold",
        "plain": "",
        CHOSEN: "reverse",
    }
)
NAMES: Final = {
    Keys.ControlM: "enter",
    Keys.ControlI: "tab",
    Keys.ControlH: "backspace",
    Keys.ControlC: "c-c",
    Keys.Escape: "escape",
    Keys.Up: "up",
    Keys.Down: "down",
    Keys.PageUp: "pageup",
    Keys.PageDown: "pagedown",
    Keys.Home: "home",
    Keys.End: "end",
}
REDRAW_S: Final = 1.0
"""Seconds after which it is drawn again though nothing came in: how old things are changes by itself."""


class Top:
    """One run of `top`."""

    def __init__(self, place: Place) -> None:
        self._model = Model(ask_nothing=place.yes)
        self._lock = threading.Lock()
        self._feed = Feed(place, self._hear)
        self._app: Application[None] = Application(
            layout=Layout(Window(FormattedTextControl(self._drawn, show_cursor=False))),
            key_bindings=self._bindings(),
            style=STYLE,
            full_screen=True,
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
            refresh_interval=REDRAW_S,
        )
        self._app.ttimeoutlen = 0.05  # seconds until a lone escape is one

    def run(self) -> None:
        """Show it until a person ends it."""
        self._feed.start()
        try:
            self._app.run()
        finally:
            self._feed.close()

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        def pressed(event: KeyPressEvent) -> None:
            key = event.key_sequence[0]
            self._press(NAMES.get(Keys(key.key), "") if isinstance(key.key, Keys) and key.key in NAMES else key.data)

        bindings.add(Keys.Any)(pressed)
        for key in NAMES:
            bindings.add(key, eager=key is Keys.Escape)(pressed)
        return bindings

    def _press(self, key: str) -> None:
        with self._lock:
            self._model, wanted = press(self._model, key)
            log_of = self._model.log_of if self._model.view == "log" else ""
        if wanted == QUIT:
            self._app.exit()
        elif wanted == LOG or not log_of:
            self._feed.show_log(log_of)
        if isinstance(wanted, Do):
            self._feed.do(wanted)

    def _hear(self, what: str, news: Any) -> None:
        """Take in what came; called by the threads of the feed."""
        with self._lock:
            if what == "look":
                self._model = replace(self._model, look=news)
            elif what == "message":
                self._model = replace(self._model, message=news)
            elif news[0] == self._model.log_of:
                self._model = replace(self._model, log=news[1])
        self._app.invalidate()

    def _drawn(self) -> StyleAndTextTuples:
        size = self._app.output.get_size()
        with self._lock:
            model = self._model
        pieces: StyleAndTextTuples = []
        for number, line in enumerate(lines_of(model, size.columns, size.rows, time.monotonic())):
            pieces += [("", "\n")] if number else []
            pieces += [(f"class:{tone}", text) for tone, text in line]
        return pieces
