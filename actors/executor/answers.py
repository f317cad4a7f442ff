"""What is answered about one task, and about all. May raise StoreFailed."""

from __future__ import annotations

from collections.abc import Mapping

from actors.executor.flow import NoSuchTask, urgent_name
from actors.executor.layers import Known, layers
from actors.executor.model import Story
from actors.executor.reading import Reading
from actors.executor.room import Room
from actors.executor.store import TaskStore
from actors.executor.words import detailed
from actors.settings import TaskKind
from bus.messages import TaskCount, TaskDetail, TaskStats


def explained(task: int, kinds: Mapping[str, TaskKind], room: Room, store: TaskStore, reading: Reading) -> TaskDetail:
    """All that is known of a task. room: of this node. Raises: NoSuchTask."""
    row = reading.get(task)
    if row is None:
        msg = f"no task {task}; of those that ended only the newest are kept"
        raise NoSuchTask(msg)
    story = Story(row, tuple(reading.history(row.id)), tuple(reading.children(row.id)))
    kind = kinds.get(row.kind)
    return detailed(story, layers(_surrounded(story, kind, room, store, reading)) if kind is not None else ())


def stats(window_s: float, workers: int, store: TaskStore, reading: Reading) -> TaskStats:
    """The queue in numbers. window_s: of those that ended. workers: how many live."""
    waiting = [
        TaskCount(kind=kind, state=state, number=number, oldest_s=oldest_s)  # type: ignore[arg-type]
        for kind, state, number, oldest_s in reading.kinds()
    ]
    over = [
        TaskCount(kind=kind, state=outcome, number=number, mean_s=mean_s)  # type: ignore[arg-type]
        for kind, outcome, number, mean_s in reading.rates(window_s)
    ]
    return TaskStats(
        counts=reading.counts(),
        waiting=waiting,
        ended=over,
        window_s=window_s,
        workers=workers,
        paused=store.recall("paused"),
    )


def _surrounded(story: Story, kind: TaskKind, room: Room, store: TaskStore, reading: Reading) -> Known:
    """A task with its limits, and with what runs."""
    limit, running, now_s = reading.lane(kind=story.row.kind)
    return Known(
        row=story.row,
        kind=kind,
        happenings=story.happenings,
        limit=limit,
        running=running,
        here=reading.here(room.own),
        room=room,
        paused=store.recall("paused"),
        emergency=store.recall(urgent_name(room.own)) or "",
        now_s=now_s,
    )
