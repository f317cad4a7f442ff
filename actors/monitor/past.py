"""What was measured, kept beyond memory: written every few minutes, brought back at the start, told when asked for."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from actors.monitor.archive import HOUR, MINUTE, Archive, ArchiveFailed, Found, Kept, Key
from actors.monitor.board import Board
from actors.monitor.hands import Hands
from actors.monitor.history import History, Stretch
from actors.monitor.lookback import ANSWER_POINTS_MAX, Archived, Fresh, Nature, Window, look_back
from actors.monitor.rollup import Band, joined, rolled_up
from actors.monitor.settings import HOST_METRICS
from actors.monitor.subject import Subject
from actors.settings import METRICS
from actors.settings.metrics import declared_unit
from bus.errors import CommandError, HandlerFailed, Refused
from bus.hub import Request
from bus.messages import GetMetrics, HistoryRow, ListSeries, MetricsHistory, SeriesList, SeriesRow

LATE_S: Final = 5.0
"""Seconds that a reading may be on its way; what is younger waits for the next write, so that none is left out."""
NOTHING: Final = Archived(MINUTE, {}, 0.0)


class Asked(Struct, frozen=True):
    """One subject of a question.

    fresh: its points in memory that are not from the archive, by metric. reaches: whether they begin with what is asked
    for. metrics: all that it has now.
    """

    key: Key
    fresh: dict[str, Fresh]
    natures: dict[str, Nature]
    reaches: bool
    metrics: list[str]


class Answer(Struct):
    """An answer in the making. note: why what is older is missing."""

    rows: list[HistoryRow]
    note: str = ""


class Past:
    """Owns the archive. Writes and questions run in threads, on copies of the points they need."""

    def __init__(self, hands: Hands, board: Board) -> None:
        self._hands = hands
        self._board = board
        self._begun_s = hands.clock()
        self._tidied_s = -math.inf
        self._busy = False
        self._archive = self._opened()
        archive, capacity, step_s = self._archive, hands.settings.history_points, float(hands.settings.history_step)
        if archive is not None:
            offset_s, begun_s = hands.clock.wall() - self._begun_s, self._begun_s
            from_s = begun_s + offset_s - capacity * step_s
            hands.run(
                lambda: {
                    key: remembered(bands, History(capacity, step_s), offset_s, begun_s)
                    for key, bands in archive.recent(from_s)
                },
                self._recalled,
            )

    @property
    def write_every_s(self) -> float:
        """Seconds between two writes: as set, and not so long that points leave the memory unwritten."""
        settings = self._hands.settings
        return min(float(settings.archive.write_every), settings.history_points * settings.history_step / 2)

    def close(self) -> None:
        """Write what is left and let go of the file."""
        archive, self._archive = self._archive, None
        if archive is None:
            return
        until_s, offset_s = math.inf, self._hands.clock.wall() - self._hands.clock()
        try:
            archive.write(lambda after_s: in_minutes(self._stretches(after_s, until_s), offset_s), until_s)
        except ArchiveFailed as error:
            self._hands.log.warning("history.failed", error=str(error))
        archive.close()

    # -- writing

    def write(self, late_s: float = LATE_S) -> None:
        """Begin to write what was read since the last time; called on a timer, and before subjects are removed.

        late_s: seconds; what is younger waits for the next time.
        """
        archive = self._archive = self._archive or self._opened()
        hands, now_s, wall_s = self._hands, self._hands.clock(), self._hands.clock.wall()
        until_s = now_s - late_s
        if archive is None or self._busy or until_s <= archive.written_s:
            return
        stretches = self._stretches(archive.written_s, until_s)
        limits, known = hands.settings.archive, [key_of(subject) for subject in self._board]
        kept = Kept(limits.minutes_kept, limits.hours_kept, limits.removed_kept, limits.size_max)
        tidy = now_s - self._tidied_s >= HOUR
        if tidy:
            self._tidied_s = now_s

        def work() -> None:
            archive.write(lambda _: in_minutes(stretches, wall_s - now_s), until_s)
            if tidy:
                archive.tidy(known, kept, wall_s)

        self._busy = True
        hands.run(work, self._written)

    def _written(self, outcome: object) -> None:
        self._busy = False
        self._took(outcome)

    def _took(self, outcome: object) -> None:
        """The archive was used: a failure is a trouble of the node as long as it lasts."""
        if isinstance(outcome, ArchiveFailed):
            self._trouble(outcome)
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            self._board.troubles.pop("history", None)
        archive = self._archive
        if archive is not None and archive.set_aside is not None:
            self._hands.log.warning("history.set_aside", file=str(archive.set_aside))
            archive.set_aside = None

    def _trouble(self, error: ArchiveFailed) -> None:
        text = f"history is not kept: {error}"
        if self._board.troubles.get("history") != text:
            self._hands.log.warning("history.failed", error=str(error))
            self._board.troubles["history"] = text

    def _opened(self) -> Archive | None:
        clock = self._hands.clock
        try:
            return Archive(self._hands.node.state_dir / "history.db", clock.wall, self._begun_s)
        except ArchiveFailed as error:
            self._trouble(error)
            return None

    def _stretches(self, after_s: float, until_s: float) -> dict[Key, list[Stretch]]:
        found = ((key_of(subject), list(subject.history.after(after_s, until_s))) for subject in self._board)
        return {key: stretches for key, stretches in found if stretches}

    # -- at the start

    def _recalled(self, outcome: Mapping[Key, History] | Exception) -> None:
        """What was read before this start goes in front of what was read since."""
        self._took(outcome)
        if isinstance(outcome, Mapping):
            for subject in self._board:
                history = outcome.get(key_of(subject))
                if history is not None:
                    history.follow(subject.history)
                    subject.history = history

    # -- questions

    def tell(self, command: GetMetrics, request: Request) -> None:
        """Answer the request later. Raises: Refused."""
        if not (command.since_s > 0 and command.points > 0):
            raise Refused("since_s and points have to be more than 0")
        now_s, wall_s = self._hands.clock(), self._hands.clock.wall()
        change = self._hands.settings.trend_change
        window = Window(wall_s - command.since_s, wall_s, min(command.points, ANSWER_POINTS_MAX), change)
        asked = self._asked(command, window, wall_s - now_s)
        archive = self._archive

        def done(outcome: Answer | Exception) -> None:
            if isinstance(outcome, CommandError):
                request.answer(outcome)
            elif isinstance(outcome, Exception):
                request.answer(HandlerFailed(f"monitor failed: {outcome}"))
                raise outcome
            else:
                request.answer(MetricsHistory(since=window.since, until=wall_s, rows=outcome.rows, note=outcome.note))

        self._hands.run(lambda: answered(command, asked, archive, window, wall_s - now_s), done)

    def _asked(self, command: GetMetrics, window: Window, offset_s: float) -> list[Asked]:
        named = {name: self._find(name) for name in dict.fromkeys(command.subjects)}
        subjects = named.items() if named else ((one.name, one) for one in self._board if one.history.metrics)
        return [
            Asked(Key("workload", name), {}, {}, reaches=False, metrics=[])
            if subject is None
            else self._points(subject, command.metrics, window, offset_s)
            for name, subject in subjects
        ]

    def _find(self, name: str) -> Subject | None:
        """By name, or by what it is: `node` and `host`."""
        by_scope = (one for one in self._board if one.scope == name)
        return self._board.find(name) or next(by_scope, None)

    def _points(self, subject: Subject, metrics: Sequence[str], window: Window, offset_s: float) -> Asked:
        history = subject.history
        since_s, oldest_s = window.since - offset_s, history.oldest_s
        after_s = max(since_s, math.nextafter(self._begun_s, math.inf))
        fresh = {}
        for metric in metrics or history.metrics:
            if metric in history.metrics:
                times, values = history.since(metric, after_s)
                fresh[metric] = Fresh(array("d", (at_s + offset_s for at_s in times)), values)
        slack_s = 1.5 * self._hands.settings.history_step
        reaches = oldest_s is not None and max(oldest_s, self._begun_s) <= since_s + slack_s
        natures = {metric: Nature(subject.bad_way(metric), self._unit(subject, metric)) for metric in history.metrics}
        return Asked(key_of(subject), fresh, natures, reaches=reaches, metrics=history.metrics)

    def _unit(self, subject: Subject, metric: str) -> str:
        member = self._board.members.get(subject.name) if subject.scope == "workload" else None
        declared = member.workload.spec.metrics if member is not None else self._hands.settings.metrics
        measured: Mapping[str, str] = METRICS if member is not None else HOST_METRICS
        return measured.get(metric) or declared_unit(declared, metric) or ""

    def list(self, _command: ListSeries, request: Request) -> None:
        """Answer the request later with what there is."""
        now_s, wall_s = self._hands.clock(), self._hands.clock.wall()
        live = {key_of(one): (one.history.metrics, one.history.oldest_s) for one in self._board}
        archive = self._archive

        def done(outcome: list[SeriesRow] | Exception) -> None:
            rows = listed(live, None, now_s, wall_s) if isinstance(outcome, Exception) else outcome
            request.answer(SeriesList(rows=rows))
            self._took(outcome)

        self._hands.run(lambda: listed(live, archive, now_s, wall_s), done)


def key_of(subject: Subject) -> Key:
    """What the archive knows a subject by."""
    return Key(subject.scope, subject.name)


def in_minutes(stretches: Mapping[Key, Iterable[Stretch]], offset_s: float) -> Iterator[tuple[Key, dict[str, Band]]]:
    """Readings by the minute. offset_s: Unix seconds at monotonic 0."""
    for key, parts in stretches.items():
        bands: dict[str, Band] = {}
        for part in parts:
            times = array("d", (at_s + offset_s for at_s in part.times))
            for metric, band in rolled_up(times, part.values, MINUTE).items():
                bands[metric] = joined([bands[metric], band]) if metric in bands else band
        yield key, bands


def remembered(bands: Mapping[str, Band], history: History, offset_s: float, before_s: float) -> History:
    """A history with the mean of each minute, at its middle, before a monotonic time."""
    past = {}
    for metric, band in bands.items():
        part = band.before(math.ceil((before_s + offset_s - MINUTE / 2) / MINUTE))
        if len(part):
            times = array("d", ((number + 0.5) * MINUTE - offset_s for number in part.numbers))
            past[metric] = (times, part.means)
    history.recall(past)
    return history


def answered(
    command: GetMetrics, asked: Iterable[Asked], archive: Archive | None, window: Window, offset_s: float
) -> Answer:
    """The rows of everything that is asked for. Raises: Refused."""
    answer = Answer([])
    for one in asked:
        kept, known = NOTHING, set(one.metrics)
        if archive is None:
            answer.note = "" if one.reaches else "history.db cannot be opened"
        elif not one.reaches:
            try:
                wanted = command.metrics or None
                grain, bands, written_s = archive.read(one.key, wanted, window.since, window.step_s)
                kept = Archived(grain, bands, written_s + offset_s)
                known |= archive.metrics(one.key) if not bands else bands.keys()
            except ArchiveFailed as error:
                answer.note = str(error)
        rows = look_back((one.key.name, one.key.scope), one.fresh, kept, window, one.natures)
        if command.subjects and not rows:
            check_known(one.key.name, known, command.metrics)
        answer.rows += rows
    total = sum(len(row.times) for row in answer.rows)
    if total > ANSWER_POINTS_MAX:
        raise Refused(
            f"{len(answer.rows)} series with {total} points are more than one answer holds ({ANSWER_POINTS_MAX});"
            " name subjects or metrics, or ask for fewer points of each"
        )
    return answer


def check_known(name: str, known: Iterable[str], metrics: Sequence[str]) -> None:
    """Refuse what nobody measures. Raises: Refused, naming what there is."""
    there = sorted(known)
    if not there:
        raise Refused(f"nothing called {name!r} is measured; ListSeries names what is")
    unknown = [metric for metric in metrics if metric not in there]
    if unknown and len(unknown) == len(metrics):
        raise Refused(f"{name} has no series {unknown[0]!r}; there are: {', '.join(there)}")


def listed(
    live: Mapping[Key, tuple[Sequence[str], float | None]], archive: Archive | None, now_s: float, wall_s: float
) -> list[SeriesRow]:
    """What is measured now, then what was; wall_s: Unix seconds at now_s. Raises: ArchiveFailed."""
    kept: dict[Key, Found] = {one.key: one for one in archive.subjects()} if archive is not None else {}
    rows = []
    for key in [*live, *(key for key in kept if key not in live)]:
        metrics, oldest_s = live.get(key, ([], None))
        found = kept.get(key)
        if archive is not None and not metrics:
            metrics = list(archive.metrics(key))
        if metrics:
            begins = [found.since if found else None, None if oldest_s is None else oldest_s + wall_s - now_s]
            since = min((one for one in begins if one is not None), default=None)
            left = None if key in live else wall_s if found is None or found.gone is None else found.gone
            rows.append(SeriesRow(subject=key.name, scope=key.scope, metrics=sorted(metrics), since=since, gone=left))
    return rows
