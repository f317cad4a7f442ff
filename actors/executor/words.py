"""Between the queue and the messages of the bus. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.executor.database import StoreFailed
from actors.executor.lanes import Limit
from actors.executor.layers import Layer
from actors.executor.model import Cancelled, NewTask, Row, Story
from actors.executor.params import BadParameters, checked, read
from actors.executor.room import Room, lacks
from actors.settings import TaskKind
from bus.errors import ActorUnavailable, CommandError, Refused
from bus.messages import TaskDetail, TaskEnded, TaskHappening, TaskLayer, TaskRow, TaskSpec


def new_task(spec: TaskSpec, kinds: Mapping[str, TaskKind], room: Room | None) -> NewTask:
    """A task as it was asked for, checked. room: of the only node that could run it, if it is. Raises: Refused."""
    kind = kinds.get(spec.kind)
    if kind is None:
        msg = f'no kind of task "{spec.kind}"; there are: {", ".join(kinds) or "none in the config"}'
        raise Refused(msg)
    if room is not None and (short := lacks(spec.kind, room, {})):
        msg = f"{spec.kind}: can never be started: {short}; allowed: what actors.executor.offers says"
        raise Refused(msg)
    for tag in spec.tags:
        if not tag or tag.split() != [tag] or "%" in tag:
            msg = f'"{tag}" is no tag; allowed: one word without %'
            raise Refused(msg)
    try:
        params = checked(kind, read(kind, spec.params) if spec.written else spec.params)
    except BadParameters as error:
        msg = f"{spec.kind}: {error}"
        raise Refused(msg) from None
    return NewTask(
        kind=spec.kind,
        params=params,
        priority=spec.priority or kind.priority,
        key=spec.key,
        tags=tuple(spec.tags),
        not_before=spec.not_before,
        deadline=spec.deadline,
        late=spec.late,
        after=tuple(spec.after),
        parent=spec.parent,
    )


def limits_of(kinds: Mapping[str, TaskKind]) -> list[Limit]:
    """The limits of those kinds that have one."""
    found = []
    for name, kind in kinds.items():
        if any(each is not None for each in (kind.concurrency, kind.rate, kind.breaker, kind.retry_budget, kind.need)):
            per_s = kind.rate.starts / kind.rate.per if kind.rate is not None else None
            burst = float(kind.rate.burst) if kind.rate is not None else 1.0
            limit = Limit(
                lane=name,
                concurrency=kind.concurrency,
                per_s=per_s,
                burst=burst,
                tokens=burst,
                trips=kind.breaker.failures if kind.breaker is not None else None,
                open_s=kind.breaker.open if kind.breaker is not None else 0.0,
                share=kind.retry_budget,
            )
            found.append(limit)
    return found


def shown(row: Row) -> TaskRow:
    """A task as it is told."""
    return TaskRow(
        task=row.id,
        kind=row.kind,
        state=row.state,  # type: ignore[arg-type]
        priority=row.priority,
        key=row.key,
        tags=list(row.tags),
        added=row.added,
        due=row.due,
        started=row.started,
        ended=row.ended,
        attempt=row.attempt,
        failures=row.failures,
        run_s=row.run_s,
        worker=row.worker,
        progress=row.progress,
        note=row.note,
        error=row.error,
        waits_for=list(row.waits_for),
        stop=row.stop,
    )


def detailed(story: Story, layers: Sequence[Layer] = ()) -> TaskDetail:
    """A task with all that is known of it."""
    row = story.row
    return TaskDetail(
        row=shown(row),
        params=row.params,
        result=row.result,
        checkpoint=row.checkpoint,
        deadline=row.deadline,
        parent=row.parent,
        children=list(story.children),
        lost=row.lost,
        happenings=[TaskHappening(time=one.at, what=one.what, detail=one.detail) for one in story.happenings],
        layers=[TaskLayer(name=one.name, state=one.state, says=one.says) for one in layers],
    )


def ended(row: Row) -> TaskEnded:
    """The fact of its end."""
    return TaskEnded(
        subject=row.kind,
        task=row.id,
        outcome=row.state,  # type: ignore[arg-type]
        key=row.key,
        tags=list(row.tags),
        attempts=row.attempt,
        run_s=row.run_s,
        error=row.error if row.state != "done" else "",
    )


def refusal(error: Exception) -> CommandError:
    """What is answered when the queue did not do it."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, StoreFailed) and error.again:
        return ActorUnavailable(f"the queue does not answer: {error}")
    return Refused(str(error))


def cancelled(tasks: list[int], done: list[Cancelled]) -> str:
    """What a cancel came to, in words."""
    over, stopping = sum(len(one.ended) for one in done), sum(len(one.stopping) for one in done)
    had_ended = [str(task) for task, one in zip(tasks, done, strict=True) if not (one.ended or one.stopping)]
    parts = [f"{over} cancelled"] if over else []
    parts += [f"{stopping} told to end"] if stopping else []
    parts += [f"had ended already: {', '.join(had_ended)}"] if had_ended else []
    return "; ".join(parts) or "nothing to cancel"
