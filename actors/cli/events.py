"""`gyrostat events`: facts as they happen, by the subscriber that any outside tool can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.exits import OK, complain, count
from actors.cli.options import command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.subscriber import Event, Subscriber

LOOK_S: Final = 0.5
"""Seconds of silence after which is looked whether anybody still reads."""


@command(
    "events",
    "events --topic issue --topic remedy",
    "events --topic process.exited.-.web       facts of one workload, on any node (-)",
    "events --all                                all nodes that this one is connected to",
    "events --samples --json | head -20",
)
@click.option("-t", "--topic", "topics", multiple=True, help="As in process, issue.raised or metrics.sampled.")
@click.option("--samples", is_flag=True, help="Also measurements; without it only when a --topic names them.")
@click.option("--all", "everywhere", is_flag=True, help="Also of the other nodes; over tcp with this node's keys.")
@json_option
def events(place: Place, *, topics: tuple[str, ...], samples: bool, everywhere: bool, as_json: bool) -> int:
    """What happens, as it happens, until Ctrl-C. Goes on when the node restarts.

    Without --topic everything is told but measurements. --json: one CloudEvents-like object per line.
    """
    from actors.cli.words import is_sample
    from bus.keys import FOLDER_NAME
    from bus.subscriber import Subscriber

    _doubt(topics)
    directory = place.state_dir / FOLDER_NAME
    try:
        subscriber = Subscriber(
            place.endpoints_file(), topics, keys=directory if everywhere and directory.is_dir() else None
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    write = _as_json() if as_json else _in_words(everywhere=everywhere)
    with subscriber:
        try:
            lost = 0
            while True:
                event = subscriber.next(LOOK_S)
                if event is None:
                    see_reader()
                elif samples or topics or not is_sample(event.type):
                    write(event)
                lost = _say_lost(subscriber, lost)
        except KeyboardInterrupt:
            return OK


def _doubt(topics: tuple[str, ...]) -> None:
    """Say which topics nothing of ours has; an actor of one's own may have it, so it is listened to all the same."""
    from actors.cli.door import nearest
    from actors.cli.words import KINDS

    for topic in topics:
        kind = ".".join(topic.split(".")[:2])
        if not any(f"{one}.".startswith(f"{kind}.") for one in KINDS):
            known = list(dict.fromkeys(one.partition(".")[0] for one in KINDS)) if "." not in kind else list(KINDS)
            complain(f'no fact of gyrostat itself is "{kind}"; {nearest(kind, known)}')


def _say_lost(subscriber: Subscriber, before: int) -> int:
    lost = subscriber.lost or 0
    if lost > before:
        complain(f"{count(lost - before, 'fact')} did not arrive")
    return lost


def see_reader() -> None:
    """Raises: BrokenPipeError when stdout is a pipe that nobody reads any more; writing would tell too late."""
    import select
    import sys

    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), select.POLLERR)
    except (OSError, ValueError):
        return
    if any(flags & select.POLLERR for _, flags in poll.poll(0)):
        raise BrokenPipeError


def _as_json() -> Callable[[Event], None]:
    import msgspec

    from actors.cli.paint import put

    def write(event: Event) -> None:
        put(msgspec.json.encode(event).decode())

    return write


def _in_words(*, everywhere: bool) -> Callable[[Event], None]:
    from actors.cli.paint import Paint, put
    from actors.cli.stream import Teller

    teller = Teller(Paint(), name_nodes=everywhere)

    def write(event: Any) -> None:
        put(teller.line(event, event.data))

    return write
