"""Has gaps filled: adds tasks for the first of them, and looks at the source when one has ended.

That a task is done says nothing of the key: it counts as filled once the source shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from actors.reconciler.course import Tried, due_s, failed, next_gaps, not_needed, tag, task_for, task_key
from actors.reconciler.gaps import Gap
from actors.reconciler.hands import Hands
from actors.reconciler.look import Ask, NotSeen, look_at
from actors.reconciler.store import ReconcilerStore
from actors.reconciler.tasks import Tasks
from actors.reconciler.watched import Ended, Watched, key_of
from actors.settings import format_duration
from actors.settings.datasets import Fill
from actors.timetable import opening, said_time
from actors.zones import zone
from bus.errors import CommandError
from bus.messages import GapFilled, GapUnfillable

LOOK_AFTER_S: Final = 1.0
"""Seconds from the end of a task to the look at a source that can only be looked at as a whole; ends share it."""

AGAIN_S: Final = 5.0
"""Seconds until something is asked again that could not be answered."""


class Lent(NamedTuple):
    """What the loop and its filling work with. host_busy: why no tasks are added now, or empty."""

    hands: Hands
    tasks: Tasks
    store: ReconcilerStore
    host_busy: Callable[[], str]


class Filling:
    """The tasks of all data sets. lent: what it works with. look_in: has a data set looked at."""

    def __init__(self, lent: Lent, watched: Mapping[str, Watched], look_in: Callable[[Watched, float], None]) -> None:
        self._hands = lent.hands
        self._tasks = lent.tasks
        self._store = lent.store
        self._host_busy = lent.host_busy
        self._watched = watched
        self._look_in = look_in

    def hindrance(self, one: Watched) -> str:
        """Why no tasks are added for a data set now, or empty."""
        if one.settings.fill is None:
            return "told only: it has no fill" if any(one.counts.values()) else ""
        if one.known.paused:
            return "paused"
        if not one.open or one.state not in {"gaps", "converged"}:
            return ""
        return self._closed(one) or self._few(one, one.settings.fill) or self._host_busy()

    def _closed(self, one: Watched) -> str:
        """Until when its windows keep it waiting, or empty."""
        if not one.settings.windows:
            return ""
        now_s = self._hands.clock.wall()
        seen = opening(one.settings.windows, now_s, zone)
        return "" if seen.open else f"waits for its window, from {said_time(seen.changes_s, zone(None), now_s)}"

    def _few(self, one: Watched, how: Fill) -> str:
        """Whether it waits for more gaps, or for a person; empty when it does not."""
        if how.when == "asked" and not one.known.asked:
            return f"waits for: gyrostat reconcile run {one.name}"
        if one.open < how.threshold and not one.in_flight:
            return f"waits: tasks are made from {how.threshold} gaps on"
        return ""

    # -- adding tasks

    def fill(self, one: Watched) -> None:
        """Add tasks for the gaps that are next, as far as there is room."""
        how = one.settings.fill
        if how is None or one.adding or one.state != "gaps" or self._watched.get(one.name) is not one:
            return
        now_s = self._hands.clock.wall()
        if self.hindrance(one):
            self._fill_in(one, AGAIN_S)
            return
        gaps = next_gaps(one.gaps.values(), one.tried, how, now_s)
        if gaps:
            one.adding = True
            kind = self._hands.node.tasks.get(how.task)
            wanted = [task_for(gap, (one.name, one.settings), how, kind) for gap in gaps]
            self._tasks.add(wanted, partial(self._added, one, gaps))
        else:
            later_s = due_s(one.tried.values(), now_s)
            if later_s is not None:
                self._fill_in(one, later_s - now_s)

    def _added(self, one: Watched, gaps: list[Gap], outcome: Sequence[int] | CommandError) -> None:
        one.adding = False
        if isinstance(outcome, CommandError):
            self._hands.log.warning("tasks.not_added", dataset=one.name, error=str(outcome))
            one.why = f"no tasks can be added: {outcome}"
            self._fill_in(one, AGAIN_S)
            return
        one.why = ""
        for gap, number in zip(gaps, outcome, strict=True):
            tried = one.tried.setdefault(gap.key, Tried(key=gap.key, gap=gap.kind))
            tried.task, tried.gap = number, gap.kind
        self._store.note(one.name, [one.tried[gap.key] for gap in gaps])
        early, one.early = one.early, {}
        for gap, number in zip(gaps, outcome, strict=True):
            if number in early:
                self._end(one, gap.key, early[number])
        self.fill(one)

    def _fill_in(self, one: Watched, delay_s: float) -> None:
        if one.next_fill is not None:
            one.next_fill.cancel()
        one.next_fill = self._hands.after(delay_s, self.fill, one)

    def try_again(self, one: Watched) -> None:
        """Forget how often the keys without a task were tried."""
        keys = [key for key, tried in one.tried.items() if tried.task is None]
        for key in keys:
            del one.tried[key]
        self._store.forget(one.name, keys)

    def drop(self, one: Watched, why: str) -> None:
        """Cancel every task of a data set."""
        self._tasks.cancel([tried.task for tried in one.tried.values() if tried.task is not None], why)

    # -- tasks that ended

    def ended(self, key: str, ended: Ended) -> None:
        """A task has ended, as a fact says. key: the task's."""
        found = key_of(key, self._watched)
        if found is None:
            return
        one, gap_key = found
        tried = one.tried.get(gap_key)
        if tried is not None and tried.task == ended.task:
            self._end(one, gap_key, ended)
        elif one.adding:
            one.early[ended.task] = ended

    def resync(self, one: Watched) -> None:
        """See which tasks have not ended: a fact may be lost, and the node may have died between two steps."""
        if one.settings.fill is not None:
            self._tasks.open_tasks(tag(one.name), partial(self._resynced, one))

    def _resynced(self, one: Watched, outcome: Mapping[str, int] | CommandError) -> None:
        if isinstance(outcome, CommandError) or one.adding or self._watched.get(one.name) is not one:
            return
        now_s = self._hands.clock.wall()
        for key, number in outcome.items():
            found = key_of(key, self._watched)
            if found is not None and found[1] not in one.tried:  # added, and the node died before it was noted
                one.tried[found[1]] = Tried(key=found[1], gap="missing", task=number)
        for key, tried in list(one.tried.items()):
            if tried.task is not None and task_key(one.name, key) not in outcome and key not in one.ended:
                self._end(one, key, Ended(tried.task, "unknown", "", now_s))

    def _end(self, one: Watched, key: str, ended: Ended) -> None:
        one.ended[key] = ended
        self._verify(one)

    def _verify(self, one: Watched) -> None:
        """Look at the keys whose task has ended, in a thread: a source may be slow."""
        if one.verifying or not one.ended:
            return
        one.verifying = True
        ended = dict(one.ended)
        models = {key: gap.model for key in ended if (gap := one.gaps.get(key)) is not None and gap.model is not None}
        ask = msgspec.structs.replace(self.ask(one), models=models)
        self._hands.run(partial(look_at, ask, list(ended)), partial(self._verified, one, ended))

    def _verified(
        self, one: Watched, ended: dict[str, Ended], outcome: dict[str, Gap | None] | Exception | None
    ) -> None:
        one.verifying = False
        if self._watched.get(one.name) is not one:
            return
        if isinstance(outcome, NotSeen):
            self._hands.after(AGAIN_S, self._verify, one)
            return
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None and one.settings.have.s3_inventory is None:
            self._look_in(one, LOOK_AFTER_S)
            return
        now_s = self._hands.clock.wall()
        for key, end in ended.items():
            if one.ended.pop(key, None) is None:
                continue
            if outcome is None:  # a report that comes once a day: until the next one, done has to do
                if end.outcome == "done":
                    self._store.note_filled(one.name, key, now_s)
                self._judge(one, key, end, None if end.outcome == "done" else one.gaps.get(key))
            else:
                self._judge(one, key, end, outcome[key])
        self._after_judging(one)

    def look_at(self, one: Watched, key: str, then: Callable[[str], None]) -> None:
        """Look at one key now, and say in words what is seen."""

        def looked(outcome: dict[str, Gap | None] | Exception | None) -> None:
            if isinstance(outcome, NotSeen):
                then(f"the source cannot be looked at now: {outcome}")
            elif isinstance(outcome, Exception):
                raise outcome
            elif outcome is None:
                then("the source can only be looked at as a whole")
            else:
                gap = outcome[key]
                then(
                    "the source shows it now as it should be" if gap is None else f"the source shows it now: {gap.kind}"
                )

        self._hands.run(partial(look_at, self.ask(one), [key]), looked)

    def ask(self, one: Watched, gaps_max: int = 0) -> Ask:
        """What is to be looked at."""
        node = self._hands.node
        folder = str(node.state_dir / "inventories")
        return Ask(
            dataset=one.name,
            datasets=dict(node.datasets),
            root=str(node.root),
            folder=folder,
            scratch=folder,
            now_s=self._hands.clock.wall(),
            filled=self._store.filled(one.name),
            should_before=one.known.should,
            given_up=[key for key, tried in one.tried.items() if tried.unfillable],
            gaps_max=gaps_max,
            partly=not one.answering,
            first_gap=one.known.first_gap,
        )

    def saw(self, one: Watched, began_s: float) -> None:
        """A whole look was taken in: judge what ended before it began, and cancel what is not needed any more."""
        for key, end in list(one.ended.items()):
            if end.at_s <= began_s:
                del one.ended[key]
                self._judge(one, key, end, one.gaps.get(key))
        if not one.complete:
            return
        done = not_needed(one.tried, one.gaps)
        numbers = [tried.task for tried in done if tried.task is not None and tried.key not in one.ended]
        if numbers:
            self._tasks.cancel(numbers, "its gap has closed")
        well = [key for key in one.tried if key not in one.gaps and key not in one.ended]
        for key in well:
            del one.tried[key]
        self._store.forget(one.name, well)

    def _judge(self, one: Watched, key: str, end: Ended, still: Gap | None) -> None:
        """A task for a key has ended, and the source was looked at since."""
        tried = one.tried.get(key)
        how = one.settings.fill
        if tried is None or how is None:
            return
        now_s = self._hands.clock.wall()
        if still is None:
            one.close(key, now_s)
            one.known.filled += 1
            self._store.forget(one.name, [key])
            self._hands.publish(GapFilled(subject=one.name, key=key, gap=tried.gap, attempts=tried.attempts + 1))
            return
        one.tried[key] = self._not_filled(one, tried, end, still, how)
        self._store.note(one.name, [one.tried[key]])

    def _not_filled(self, one: Watched, tried: Tried, end: Ended, still: Gap, how: Fill) -> Tried:
        now_s = self._hands.clock.wall()
        if end.outcome in {"cancelled", "expired", "unknown"}:  # it was not tried, or nobody knows
            tried.task, tried.due_s = None, now_s + how.backoff_first
            return tried
        seen = f"{still.kind}{f' ({still.why})' if still.why else ''}"
        why = f"the task {end.task} failed: {end.error}" if end.outcome != "done" else "the task ended well"
        after = failed(tried, f"{why}; still {seen}", how, now_s)
        if after.unfillable:
            self._hands.log.warning("gap.unfillable", dataset=one.name, key=tried.key, why=after.why)
            self._hands.publish(
                GapUnfillable(subject=one.name, key=tried.key, gap=still.kind, attempts=after.attempts, why=after.why)
            )
        return after

    def _after_judging(self, one: Watched) -> None:
        self._store.keep(one.name, one.known)
        if one.ended:
            self._verify(one)
        if not one.in_flight and not one.open and not one.ended:
            self._look_in(one, 0.0)  # all that could be done is done: see whether that is so
        else:
            self.fill(one)


def explained(one: Watched, key: str, now_s: float) -> list[str]:
    """What is known of a key, in words. now_s: wall seconds."""
    gap, tried = one.gaps.get(key), one.tried.get(key)
    lines = [f"{gap.kind}{f': {gap.why}' if gap.why else ''}; priority {gap.priority}" if gap is not None else "no gap"]
    if tried is None:
        return lines
    if tried.attempts:
        lines.append(f"tried {tried.attempts} times; {tried.why}")
    if tried.task is not None:
        lines.append(f"task {tried.task} is to fill it")
    elif tried.unfillable:
        lines.append("given up; tried again with: gyrostat reconcile run --again")
    elif tried.due_s > now_s:
        lines.append(f"tried again in {format_duration(round(tried.due_s - now_s))}")
    return lines
