"""`gyrostat tasks`: work that is kept until it is done."""

from __future__ import annotations

import threading
from typing import Any, Final

import click

from actors.cli.options import command, config_option, examples, json_option, node_option, watch_option
from actors.cli.place import Place

LOOK_S: Final = 0.3
"""Seconds between two looks at a task that is waited for."""
PRIORITIES: Final = ("critical", "high", "medium", "low", "deferred")


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "tasks                                   those that run or wait",
        "tasks add fill_day day=2026-11-21       take one on; it is kept from then on",
        "tasks show 7                            what became of it, and why",
        "tasks dead && gyrostat tasks retry 7    what failed for good, and once more",
        "tasks drain                             take no further one; with --off: go on",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def tasks(ctx: click.Context) -> None:
    """Work that is kept until it is done, whatever is killed. Without a further word: those that run or wait."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@click.option("--kind", metavar="KIND", help="Of this kind only.")
@click.option("--tag", metavar="TAG", help="With this tag only.")
@click.option("--ended", is_flag=True, help="Those that ended, newest first.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, help="At most so many. Default: 50.")
@json_option
@node_option
@watch_option
def _list(
    place: Place,
    *,
    kind: str | None = None,
    tag: str | None = None,
    ended: bool = False,
    limit: int = 50,
    as_json: bool = False,
) -> None:
    """Running ones first, then those that wait, in the order in which they are taken."""
    from bus.messages import ListTasks

    _put_list(place.ask(ListTasks(kind=kind, tag=tag, ended=ended, limit=limit)), as_json=as_json)


@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, help="At most so many. Default: 50.")
@json_option
@node_option
def _dead(place: Place, *, limit: int, as_json: bool) -> None:
    """Tasks that failed for good, newest first; each can be retried."""
    from bus.messages import ListTasks

    _put_list(place.ask(ListTasks(ended=True, states=["dead"], limit=limit)), as_json=as_json)


@click.argument("task", type=int, metavar="ID")
@json_option
@node_option
def _show(place: Place, *, task: int, as_json: bool) -> None:
    """All that is known of one task: parameters, checkpoint, result, and what was out of the ordinary."""
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.task_lines import explained
    from bus.messages import ExplainTask

    detail = place.ask(ExplainTask(task=task))
    if as_json:
        put_json(detail)
    else:
        put(*explained(detail, Paint()))


@click.argument("kind", metavar="KIND")
@click.argument("params", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--priority", type=click.Choice(PRIORITIES), help="Default: that of its kind.")
@click.option("--key", metavar="TEXT", help="Not added while a task with this key has not ended.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word to find it by; may be given again.")
@click.option(
    "--after", multiple=True, type=int, metavar="ID", help="Not before that task is done; may be given again."
)
@click.option("--in", "delay", metavar="DURATION", help="Not before so long from now, such as 10m.")
@click.option("--within", metavar="DURATION", help="Dropped when it has not been started by then.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; exit code 1 unless it is done.")
@json_option
@node_option
def _add(place: Place, *, kind: str, params: tuple[str, ...], wait: bool, as_json: bool, **fields: Any) -> int:
    """Take a task on. It is committed when its number is printed."""
    import time

    from actors.cli.paint import put, put_json
    from bus.messages import AddTasks, TaskSpec

    now = time.time()  # noqa: TID251 - a deadline is a time of the day
    delay_s, within_s = _seconds(fields.pop("delay"), "--in"), _seconds(fields.pop("within"), "--within")
    spec = TaskSpec(
        kind=kind,
        params=_pairs(params),
        written=True,
        priority=fields["priority"],
        key=fields["key"],
        tags=list(fields["tags"]),
        after=list(fields["after"]),
        not_before=None if delay_s is None else now + delay_s,
        deadline=None if within_s is None else now + within_s,
    )
    added = place.ask(AddTasks(tasks=[spec]), 30.0)
    if as_json:
        put_json(added)
    else:
        put(f"task {added.tasks[0]}" + ("" if added.fresh else ", which was there already"))
    return _await(place, added.tasks[0]) if wait else 0


@click.argument("task", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--why", default="by hand", metavar="TEXT", help="For the record.")
@json_option
@node_option
def _cancel(place: Place, *, task: tuple[int, ...], why: str, as_json: bool) -> None:
    """Cancel tasks with their children; running ones are told to end, and killed if they do not."""
    from bus.messages import CancelTasks

    _put_done(place.ask(CancelTasks(tasks=list(task), why=why)), as_json=as_json)


@click.argument("task", type=int, nargs=-1, required=True, metavar="ID...")
@json_option
@node_option
def _retry(place: Place, *, task: tuple[int, ...], as_json: bool) -> None:
    """Run tasks again that ended without being done, each from its last checkpoint."""
    from bus.messages import RetryTasks

    _put_done(place.ask(RetryTasks(tasks=list(task))), as_json=as_json)


@json_option
@node_option
@watch_option
def _stats(place: Place, *, as_json: bool) -> None:
    """How many wait, run and ended, by kind."""
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.task_lines import counted
    from bus.messages import GetTaskStats

    found = place.ask(GetTaskStats())
    if as_json:
        put_json(found)
    else:
        put(*counted(found, Paint()))


@click.option("--off", is_flag=True, help="Take tasks again.")
@click.option("--why", default="by hand", metavar="TEXT", help="For the record.")
@json_option
@node_option
def _drain(place: Place, *, off: bool, why: str, as_json: bool) -> None:
    """Have no worker take a further task, on all nodes that share the queue; those in hand go on."""
    from bus.messages import PauseTasks

    _put_done(place.ask(PauseTasks(why=None if off else why)), as_json=as_json)


list_ = command("tasks list", "tasks list --tag=orders --json", name="list")(_list)
for _made in (
    list_,
    command("tasks show 7", "tasks show 7 --json", name="show")(_show),
    command("tasks add fill_day day=2026-11-21 --wait", "tasks add report --in 10m --key daily", name="add")(_add),
    command("tasks cancel 7 8 --why 'not needed'", name="cancel")(_cancel),
    command("tasks retry 7", name="retry")(_retry),
    command("tasks dead", "tasks dead --json", name="dead")(_dead),
    command("tasks stats", "tasks stats --json", name="stats")(_stats),
    command("tasks drain --why maintenance", "tasks drain --off", name="drain")(_drain),
):
    tasks.add_command(_made)


def _put_list(found: Any, *, as_json: bool) -> None:
    from actors.cli.paint import Paint, put, put_json
    from actors.cli.task_lines import listed

    if as_json:
        put_json(found)
    else:
        put(*listed(found, Paint()))


def _put_done(done: Any, *, as_json: bool) -> None:
    from actors.cli.paint import put, put_json

    if as_json:
        put_json(done)
    else:
        put(done.detail)


def _pairs(params: tuple[str, ...]) -> dict[str, str]:
    """Raises: click.UsageError."""
    found = {}
    for pair in params:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            msg = f'"{pair}" is no parameter; allowed: NAME=VALUE'
            raise click.UsageError(msg)
        found[name] = value
    return found


def _seconds(text: str | None, option: str) -> float | None:
    """Raises: click.UsageError."""
    from actors.settings import Seconds

    try:
        return None if text is None else Seconds.parse(text)
    except ValueError as error:
        msg = f"{option}: {error}"
        raise click.UsageError(msg) from None


def _await(place: Place, task: int) -> int:
    """Look until it has ended; the exit code."""
    from actors.cli.paint import Paint, put
    from actors.cli.task_lines import ended
    from bus.messages import ExplainTask

    pause = threading.Event()
    with place.client() as client:
        while True:
            row = client.ask(ExplainTask(task=task), 10.0).row
            if row.ended is not None:
                put(ended(row, Paint()))
                return 0 if row.state == "done" else 1
            pause.wait(LOOK_S)
