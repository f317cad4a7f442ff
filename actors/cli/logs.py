"""`gyrostat logs`: the logs of workloads, or of the node."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from actors.cli.exits import OK, Failed
from actors.cli.options import Number, command
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.chosen import Named
    from actors.cli.follow import Follower
    from actors.cli.forms import Form, Lines

LOOK_S: Final = 0.1
"""Seconds between two looks for more."""


@command(
    "logs web --tail 100         of all its instances, each line with its name",
    "logs web-2 --follow",
    "logs @jobs 'mail-*'",
    "logs --follow               the node's own log",
    "logs web --json | jq -r .line",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--tail", "lines", type=Number(min=0), default=20, show_default=True, help="Last lines of each.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each line.")
def logs(place: Place, *, names: tuple[str, ...], lines: int, follow: bool, as_json: bool) -> int:
    """Show the logs of workloads, or of the node. Needs no running node; follows through rotation.

    NAME may be a pattern ('web-*') or a tag (@TAG, while the node runs). Of several logs each line has the name of its
    workload before it, one log after the other; with --follow then as it comes.

    With --json each line is {"workload": NAME, "line": TEXT}, or with "fields" in the place of "line" when it is a JSON
    object itself.
    """
    import sys

    from actors.cli.follow import tail_and_on
    from actors.cli.forms import Lines

    paths = _paths(place, names) if names else {"node": _node_log(place)}
    shown = Lines(_form(several=len(paths) > 1, as_json=as_json))
    followers: dict[str, Follower] = {}
    try:
        for name, path in paths.items():
            last, followers[name] = tail_and_on(path, lines)
            sys.stdout.buffer.write(shown.take(name, last))
        sys.stdout.buffer.flush()
        if follow:
            _follow(followers, shown)
        sys.stdout.buffer.write(shown.rest())
    except KeyboardInterrupt:
        return OK
    finally:
        for follower in followers.values():
            follower.close()
    return OK


def _form(*, several: bool, as_json: bool) -> Form | None:
    from actors.cli.forms import as_object, named
    from actors.cli.paint import Paint

    return as_object if as_json else named(Paint()) if several else None


def _follow(followers: dict[str, Follower], shown: Lines) -> None:
    import sys
    import threading

    from actors.cli.events import see_reader

    stop = threading.Event()
    while True:
        for name, follower in followers.items():
            for block in follower.look():
                sys.stdout.buffer.write(shown.take(name, block))
        sys.stdout.buffer.flush()
        see_reader()
        stop.wait(LOOK_S)


def _node_log(place: Place) -> Path:
    path = place.state_dir / "node.log"
    if not path.exists():
        raise Failed(f"no node ever ran on {place.state_dir}: there is no {path.name}")
    return path


def _paths(place: Place, names: tuple[str, ...]) -> dict[str, Path]:
    """The logs that are meant, by name: of the workloads there are, or left by those there were.

    Raises: click.UsageError for an unknown name.
    """
    from actors.cli.chosen import chosen
    from bus.messages import ListProcesses

    try:
        rows = place.ask(ListProcesses()).processes
        return {row.name: Path(row.log_path) for row in chosen(names, rows)}
    except (Failed, click.UsageError) as error:
        left = {one.name.removesuffix(".log"): one for one in (place.state_dir / "logs").glob("*.log")}
        try:
            return {row.name: left[row.name] for row in chosen(names, _rows_of(left))}
        except click.UsageError as none:
            raise none if isinstance(error, Failed) else error from None


def _rows_of(names: Iterable[str]) -> list[Named]:
    """Who wrote logs of these names, in order: NAME-1 is an instance of NAME."""
    from actors.cli.chosen import Named

    rows = []
    for name in names:
        shared, _, number = name.rpartition("-")
        instance = int(number) if shared and number.isdecimal() else None
        rows.append(Named(name=name, instance=instance))
    return sorted(rows, key=lambda row: (row.name.removesuffix(f"-{row.instance}"), row.instance or 0))
