"""Reads on in the logs of all workloads, and tells what was added: lines, error lines, and the newest of these.

All sizes are looked at with every log_check, those of logs that grew again after log_read_every, in a thread; so are
those of workloads with a limit of their own for what their log says, so that a flood is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from actors.process_manager.errorlines import count_lines
from actors.process_manager.increments import Increment, Place, end_of, read_on
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.settings import ProcessManagerSettings
from bus.messages import LogErrorLine, LogLinesRead

SAMPLE_MAX: Final = 20
EVERY_S_MIN: Final = 0.05
TURN_PARTS: Final = 4
"""What is read of all logs in one turn is about so many times what is read of one at most: then each gets a share."""


OF_LOGS: Final = frozenset({"log_rate", "error_rate"})
"""Metrics that are reckoned from logs."""


class Places(Protocol):
    """Where the places are kept."""

    def log_places(self) -> dict[str, tuple[int, int, int, int]]:
        """By workload."""

    def put_log_places(self, places: Mapping[str, tuple[int, int, int, int]]) -> None:
        """Keep them, over a new node too."""


class Turn(Struct, frozen=True):
    """What one turn found. places: by workload, where they moved. faults: by workload."""

    places: dict[str, Place]
    facts: list[LogLinesRead]
    faults: dict[str, str]


class LogWatch:
    """Tells at most once in log_read_every of each workload, and nothing of one that writes nothing.

    lives: the present ones by name. log_read_max 0 turns it off.
    """

    def __init__(
        self,
        means: Means,
        lives: Callable[[], Mapping[str, Life]],
        store: Places,
        settings: Callable[[], ProcessManagerSettings],
    ) -> None:
        self._means = means
        self._lives = lives
        self._store = store
        self._settings = settings
        self._places = {name: Place(*values) for name, values in store.log_places().items()}
        self._since_s = means.clock()
        self._busy = self._waiting = False
        self._skips: set[str] = set()
        self._faults: dict[str, str] = {}
        self._read_s: dict[str, float] = {}
        self._looked_s: dict[str, float] = {}

    def meet(self) -> None:
        """Workloads of which nothing is known yet are read from the present end of their log on."""
        lives = self._lives()
        fresh = {name: end_of(life.launch.log_path) for name, life in lives.items() if name not in self._places}
        if fresh:
            self._keep(fresh)
            self._looked_s.update(dict.fromkeys(fresh, self._means.clock()))
        self._look_on()

    def look(self) -> None:
        """Look at all; called on a timer."""
        for name in self._places.keys() - self._lives().keys():
            del self._places[name]
            self._read_s.pop(name, None)
            self._looked_s.pop(name, None)
        self._turn(list(self._places))

    def _again(self) -> None:
        self._waiting = False
        self._turn([name for name in self._places if name in self._read_s or self._has_limit(name)])
        self._look_on()

    def _turn(self, names: list[str]) -> None:
        settings, lives, now_s = self._settings(), self._lives(), self._means.clock()
        before_s = now_s - settings.log_read_every * 0.9
        logs = {
            name: (lives[name].launch.log_path, self._places[name], lives[name].log_start)
            for name in names
            if name in lives and self._read_s.get(name, before_s) <= before_s
        }
        if self._busy or not logs or not settings.log_read_max:
            return
        self._busy = True
        self._means.run(partial(read_all, logs, settings.log_read_max), partial(self._was_read, list(logs)))

    def _was_read(self, names: list[str], outcome: Any) -> None:
        self._busy = False
        if isinstance(outcome, Exception):
            raise outcome
        now_s = self._means.clock()
        for name in names:
            self._read_s.pop(name, None)
        lives = self._lives()
        grown = {name: place for name, place in outcome.places.items() if name in lives}
        self._read_s.update(dict.fromkeys(grown, now_s))
        self._keep(grown)
        self._warn(names, outcome)
        for fact in outcome.facts:
            if fact.subject in grown:
                over_s = now_s - self._looked_s.get(fact.subject, self._since_s)
                self._means.publish(msgspec.structs.replace(fact, over_s=over_s))
        self._looked_s.update(dict.fromkeys(names, now_s))
        self._look_on()

    def _has_limit(self, name: str) -> bool:
        life = self._lives().get(name)
        return life is not None and not OF_LOGS.isdisjoint(life.workload.spec.thresholds)

    def _look_on(self) -> None:
        """Look again soon while a log grows or has a limit."""
        if not self._waiting and (self._read_s or any(map(self._has_limit, self._places))):
            self._waiting = True
            self._means.after(max(EVERY_S_MIN, float(self._settings().log_read_every)), self._again)

    def _keep(self, places: Mapping[str, Place]) -> None:
        """Before it is told: what was counted is not counted again, whatever happens to the node."""
        self._places.update(places)
        if places:
            rows = {name: (one.inode, one.at, one.total, one.size) for name, one in places.items()}
            self._store.put_log_places(rows)

    def _warn(self, names: list[str], turn: Turn) -> None:
        skipped = {fact.subject: fact for fact in turn.facts if fact.skipped_bytes}
        for name in skipped.keys() - self._skips:
            fact = skipped[name]
            self._means.log.warning(
                "log.sampled", workload=name, read=fact.read_bytes, skipped=fact.skipped_bytes,
                why="it writes more than log_read_max in log_read_every",
            )  # fmt: skip
        self._skips = (self._skips - set(names)) | skipped.keys()
        for name, text in turn.faults.items():
            if self._faults.get(name) != text:
                self._means.log.warning("log.not_read", workload=name, error=text)
        self._faults = {name: text for name, text in self._faults.items() if name not in names} | turn.faults


def read_all(logs: Mapping[str, tuple[str, Place, int]], bytes_max: int) -> Turn:
    """Read on in several logs, by name: path, place, and where the present life begins in the file.

    bytes_max: of one; see TURN_PARTS for all together.
    """
    turn = Turn({}, [], {})
    share = TURN_PARTS * bytes_max // max(TURN_PARTS, len(logs))
    left = TURN_PARTS * bytes_max
    for name, (path, place, log_start) in logs.items():
        try:
            found = read_on(path, place, min(bytes_max, max(share, left)))
        except OSError as error:
            turn.faults[name] = f"{error.strerror or error}: {path}"
            continue
        if found is None:
            continue
        left -= len(found.text)
        turn.places[name] = found.place
        if found.text or found.skipped:
            turn.facts.append(fact_of(name, found, log_start))
    return turn


def fact_of(name: str, found: Increment, log_start: int) -> LogLinesRead:
    """What is told of it. log_start: bytes of the file that were there before the present life."""
    counted = count_lines(found.text, SAMPLE_MAX)
    former = count_lines(found.text[: max(0, found.place.total + log_start - found.at)], 0)
    return LogLinesRead(
        subject=name,
        lines=counted.lines,
        errors=counted.errors,
        read_bytes=len(found.text),
        skipped_bytes=found.skipped,
        former_lines=former.lines,
        former_errors=former.errors,
        end=found.at + len(found.text),
        sample=[LogErrorLine(offset=found.at + line.at, text=line.text) for line in counted.sample],
    )
