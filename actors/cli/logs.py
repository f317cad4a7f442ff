"""`gyrostat logs`: the log of a workload, or of the node."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.exits import OK, Failed, NotRunning
from actors.cli.options import command
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.follow import Follower


@command(
    "logs web --tail 100",
    "logs web --follow",
    "logs --follow             the node's own log",
    "logs web --json | jq -r .line",
)
@click.argument("name", required=False)
@click.option("-n", "--tail", "lines", type=click.IntRange(min=0), default=20, show_default=True, help="Last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each line.")
def logs(place: Place, *, name: str | None, lines: int, follow: bool, as_json: bool) -> int:
    """Show the log of a workload, or of the node. Needs no running node; follows through rotation.

    With --json each line is {"workload": NAME, "line": TEXT}, or with "fields" in the place of "line" when it is a JSON
    object itself.
    """
    import sys

    from actors.cli.follow import tail_and_on

    path = _path(place, name)
    shown = Objects(path.name.removesuffix(".log")) if as_json else None
    try:
        last, follower = tail_and_on(path, lines)
        sys.stdout.buffer.write(shown.take(last) if shown is not None else last)
        sys.stdout.buffer.flush()
        if follow:
            _follow(follower, shown)
        elif shown is not None:
            sys.stdout.buffer.write(shown.rest())
        follower.close()
    except KeyboardInterrupt:
        return OK
    return OK


class Objects:
    """Lines as JSON objects, from blocks that may end anywhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = b""

    def take(self, block: bytes) -> bytes:
        """The lines that are whole by now."""
        *whole, self._begun = (self._begun + block).split(b"\n")
        return b"".join(map(self._object, whole))

    def rest(self) -> bytes:
        """The last line, if it has no end."""
        begun, self._begun = self._begun, b""
        return self._object(begun) if begun else b""

    def _object(self, line: bytes) -> bytes:
        import json

        text = line.decode("utf-8", "replace")
        found: dict[str, object] = {"workload": self._name, "line": text}
        if text.startswith("{"):
            with contextlib.suppress(ValueError):  # begins like one, and is none
                found = {"workload": self._name, "fields": json.loads(text)}
        return json.dumps(found, ensure_ascii=False).encode() + b"\n"


def _follow(follower: Follower, shown: Objects | None) -> None:
    import sys
    import threading

    from actors.cli.events import see_reader

    stop = threading.Event()
    try:
        while True:
            for block in follower.look():
                sys.stdout.buffer.write(shown.take(block) if shown is not None else block)
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
