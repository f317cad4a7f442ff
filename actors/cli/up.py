"""`gyrostat up`: a node in this process, and a live stream of what it does and why."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.exits import FAILED, complain, count, refusal
from actors.cli.options import command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.node import Node
    from actors.settings import Settings

BACKLOG_MAX: Final = 20_000
"""Facts that wait for a terminal that does not take them; more are not shown, and that is said."""
FLUSH_S: Final = 1.0
"""Seconds for what is left to say when the node ends."""


class Stream:
    """Prints facts from its own thread, so that a slow or closed terminal never holds the node."""

    def __init__(self, greeting: str = "", *, as_json: bool) -> None:
        """greeting: written before the first fact, so that a node that does not start says only why."""
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._greeting = greeting
        self._as_json = as_json
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self._thread.start()

    def hear(self, envelope: Any) -> None:
        """From any thread: one fact."""
        if self._queue.qsize() >= BACKLOG_MAX:
            self._left_out += 1
        else:
            self._queue.put(envelope)

    def close(self) -> None:
        """Print what waits, as far as that is possible in a second."""
        self._queue.put(None)
        self._thread.join(FLUSH_S)

    def _run(self) -> None:
        write = self._json if self._as_json else self._words()
        while (envelope := self._queue.get()) is not None:
            try:
                self._greet()
                write(envelope)
                self._say_left_out()
            except (OSError, ValueError):
                return self._drain()  # the terminal is gone; the node goes on, its logs tell the rest
        return None

    def _greet(self) -> None:
        if self._greeting:
            sys.stdout.write(self._greeting)
            self._greeting = ""

    def _drain(self) -> None:
        while self._queue.get() is not None:
            pass

    def _say_left_out(self) -> None:
        if self._left_out and self._queue.qsize() == 0:
            missing, self._left_out = self._left_out, 0
            complain(f"{count(missing, 'fact')} not shown: the terminal was too slow; see node.log and changes.log")

    def _json(self, envelope: Any) -> None:
        import msgspec

        from bus.codec import plain

        sys.stdout.write(msgspec.json.encode(envelope, enc_hook=plain).decode() + "\n")
        sys.stdout.flush()

    def _words(self) -> Any:
        import msgspec

        from actors.cli.paint import Paint
        from actors.cli.stream import Teller
        from actors.cli.words import is_news, is_sample
        from bus.codec import plain

        teller = Teller(Paint())

        def write(envelope: Any) -> None:
            if is_sample(envelope.type):
                return
            data = msgspec.to_builtins(envelope.data, enc_hook=plain)
            if not is_news(envelope.type, data):
                teller.note(envelope, data=data)
                return
            sys.stdout.write(teller.line(envelope, data) + "\n")
            if self._queue.empty():
                sys.stdout.flush()

        return write


def _stand_guard(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    """Become the guard, whose child does the rest of this command line; returns only where there is no guard."""
    if not value or ctx.resilient_parsing or sys.platform != "linux":
        return
    from actors.cli.background import guarded

    rest = [argument for argument in sys.argv[1:] if argument != "--guard"]
    argv = guarded(ctx.ensure_object(Place), [sys.executable, "-P", "-m", "actors.cli", *rest])
    os.execv(argv[0], argv)  # noqa: S606


@command(
    "up",
    "up -c prod.yaml --set mode=sandbox",
    "up --json | jq -c 'select(.type == \"issue.raised.v1\")'",
    "up --detach                 in the background, as `gyrostat start` does",
    "up --actors monitor,healer  these here, the others in another process of the node",
    "up --guard                  what a service manager runs; see `gyrostat service`",
)
@click.option("-d", "--detach", is_flag=True, help="Run in the background; return when the node answers.")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Another value for a key of the config.")
@click.option("--actors", metavar="NAME,...", help="Only these actors, beside the node's other processes.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors.")
@click.option(
    "--guard",
    is_flag=True,
    expose_value=False,
    callback=_stand_guard,
    help="Beneath a guard, which starts the node again when it dies.",
)
@json_option
def up(place: Place, *, detach: bool, pairs: tuple[str, ...], actors: str | None, quiet: bool, as_json: bool) -> int:
    """Run a node here and show what happens and why.

    Starts every workload, keeps them alive, and prints one line for each thing that happens. Ctrl-C or SIGTERM stops
    the workloads in reverse order and ends the node. SIGHUP reads the config again. When the node is killed the
    workloads go on, and the next start adopts them.

    With --actors this process runs these actors only; others of the same node may run the rest, each actor once. The
    first process stands for the node: when it is stopped, all are.
    """
    overrides = parse_pairs(pairs)
    if detach and actors:
        msg = "--detach goes with the whole node, not with --actors"
        raise click.UsageError(msg)
    if detach:
        from actors.cli.background import start_node

        return start_node(place, overrides)
    wanted = [name.strip() for name in actors.split(",")] if actors else None
    return _serve(place, overrides, wanted, as_json=as_json, quiet=quiet)


def parse_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    """`key=value` texts by key. Raises: click.UsageError."""
    for pair in pairs:
        if "=" not in pair or pair.startswith("="):
            msg = f'--set "{pair}" is no KEY=VALUE, as in mode=sandbox'
            raise click.UsageError(msg)
    return dict(pair.split("=", 1) for pair in pairs)


def _check_names(wanted: list[str], settings: Settings) -> None:
    """Raises: click.UsageError with the nearest name there is."""
    able = [name for name, actor in settings.actors.items() if actor.enabled]
    for name in wanted:
        if name not in able:
            from actors.cli.door import nearest

            msg = f'no actor "{name}" is enabled; {nearest(name, able)}'
            raise click.UsageError(msg)


def _serve(place: Place, overrides: dict[str, str], actors: list[str] | None, *, as_json: bool, quiet: bool) -> int:
    from actors.node import Node, load_node
    from actors.settings import ConfigError

    try:
        path = place.config
        settings, roster = load_node(path, os.environ, overrides)
    except ConfigError as error:
        raise refusal(error) from None
    if actors is not None:
        _check_names(actors, settings)
    stream = None if quiet else Stream("" if as_json else _greeting(settings), as_json=as_json)
    node = Node(settings, roster, load=lambda: load_node(path, os.environ, overrides), actors=actors)
    try:
        with _stops(node), node:
            node.start(stream.hear if stream is not None else None)
            code = node.run()
    finally:
        if stream is not None:
            stream.close()
    if stream is not None and not as_json:
        _part(code)
    return code


@contextmanager
def _stops(node: Node) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop the workloads also when they come before the node serves, or again while it ends."""
    import signal

    def stop(number: int, _: object) -> None:
        node.stop(keep_workloads=False, why=signal.Signals(number).name)

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _greeting(settings: Settings) -> str:
    from actors.cli.paint import Paint

    paint = Paint()
    left_out = f" (not in this mode: {', '.join(settings.left_out)})" if settings.left_out else ""
    head = (
        f"gyrostat {settings.node.name} | {settings.mode} | {count(len(settings.workloads), 'workload')}{left_out}"
        f" | {_near(settings.path)} | state in {_near(settings.state_dir)}"
    )
    return f"{paint(head, 'bold')}\n{paint('Ctrl-C stops everything, dependants first.', 'dim')}\n"


def _near(path: Path | None) -> str:
    """The path as one would type it here."""
    if path is None:
        return "no config file"
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _part(code: int) -> None:
    if code != FAILED:
        _write("gyrostat: node ended\n")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        return  # nobody reads any more
