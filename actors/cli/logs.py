"""`gyrostat logs`: the log of a workload, or of the node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.exits import OK, Failed, NotRunning
from actors.cli.options import command
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.follow import Follower


@command("logs web --tail 100", "logs web --follow", "logs --follow             the node's own log")
@click.argument("name", required=False)
@click.option("-n", "--tail", "lines", type=click.IntRange(min=0), default=20, show_default=True, help="Last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
def logs(place: Place, *, name: str | None, lines: int, follow: bool) -> int:
    """Show the log of a workload, or of the node. Needs no running node; follows through rotation."""
    import sys

    from actors.cli.follow import Follower, tail

    path = _path(place, name)
    start = path.stat().st_size if path.exists() else 0
    try:
        sys.stdout.buffer.write(tail(path, lines))
        sys.stdout.buffer.flush()
        if follow:
            _follow(Follower(path, start))
    except KeyboardInterrupt:
        return OK
    return OK


def _follow(follower: Follower) -> None:
    import sys
    import threading

    from actors.cli.events import see_reader

    stop = threading.Event()
    try:
        while True:
            for block in follower.look():
                sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
            see_reader()
            stop.wait(0.1)
    finally:
        follower.close()


def _path(place: Place, name: str | None) -> Path:
    """Where the log is. Raises: Failed when there is none; click.UsageError for an unknown name."""
    if name is None:
        path = place.state_dir / "node.log"
        if not path.exists():
            raise Failed(f"no node ever ran on {place.state_dir}: there is no {path.name}")
        return path
    from actors.cli.names import known_names

    try:
        found = _asked(place)
    except NotRunning:
        found = {one.name.removesuffix(".log"): one for one in (place.state_dir / "logs").glob("*.log")}
    names = known_names([name], list(found))
    if len(names) > 1:
        msg = f'"{name}" runs in both modes; say {names[0]} or {names[1]}'
        raise click.UsageError(msg)
    return found[names[0]]


def _asked(place: Place) -> dict[str, Path]:
    from bus.messages import ListProcesses

    return {row.name: Path(row.log_path) for row in place.ask(ListProcesses()).processes}
