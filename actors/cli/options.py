"""Options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import click

from actors.cli.place import Place

F = TypeVar("F", bound=Callable[..., Any])

WATCH_S: Final = 2.0
"""Seconds between two rounds of --watch, as `watch` has it."""
WATCH_S_MIN: Final = 0.1

COMPLETED: Final[dict[tuple[str, str], str]] = {
    ("", "name"): "workloads",
    ("", "names"): "workloads",
    ("", "node"): "nodes",
    ("", "issue"): "issues",
    ("", "incident"): "incidents",
    ("approve", "issue"): "approvals",
    ("reject", "issue"): "approvals",
    ("phase", "words"): "phases",
    ("plan", "names"): "datasets",
    ("run", "names"): "datasets",
    ("pause", "names"): "datasets",
    ("resume", "names"): "datasets",
    ("status", "names"): "datasets",
    ("allow", "name"): "nothing",
    ("revoke", "name"): "nothing",
    ("add", "kind"): "kinds",
    ("", "dotted"): "keys",
}
"""(Command or empty for any, argument) -> what its values are."""


def _keep_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    place = ctx.ensure_object(Place)
    if value:
        place.given = value


def config_option(command: F) -> F:
    """-c/--config: before or after the command's name; the later one counts."""
    return click.option(
        "-c",
        "--config",
        metavar="FILE",
        type=click.Path(),
        expose_value=False,
        is_eager=True,
        callback=_keep_config,
        help="Config file. Default: $GYROSTAT_CONFIG, else ./gyrostat.yaml.",
    )(command)


def _keep_node(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.ensure_object(Place).other = value or None


def node_option(command: F) -> F:
    """--node: ask a peer of the config in place of our own node."""
    return click.option(
        "--node", metavar="NAME", expose_value=False, callback=_keep_node, help="Ask this peer, not our own node."
    )(command)


def _keep_yes(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    ctx.ensure_object(Place).yes = value


def yes_option(command: F) -> F:
    """--yes: ask nothing before something live is ended."""
    return click.option(
        "-y", "--yes", is_flag=True, expose_value=False, callback=_keep_yes, help="Ask nothing, also on a terminal."
    )(command)


def json_option(command: F) -> F:
    """--json, given to the command as `as_json`; docs/cli.md has the shape of each answer (actors.cli.shapes)."""
    return click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")(command)


def _keep_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    ctx.ensure_object(Place).as_json = value


def outcome_option(command: F) -> F:
    """--json of a command to workloads: what became of each of them, as actors.cli.names tells it."""
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_keep_json, help="What became of each, as JSON."
    )(command)


def watch_option(command: F) -> F:
    """--watch and --every: the command again and again. Put nearest to the function, whose other options it keeps."""

    @functools.wraps(command)
    def perhaps_again(*args: Any, watch: bool = False, every_s: float | None = None, **options: Any) -> Any:
        if not watch and every_s is None:
            return command(*args, **options)
        from actors.cli.watch import again

        return again(lambda: command(*args, **options), every_s or WATCH_S)

    seconds = click.FloatRange(WATCH_S_MIN, 86_400)
    every = click.option("--every", "every_s", metavar="SECONDS", type=seconds, help="The same, every so often.")
    watch = click.option("-w", "--watch", is_flag=True, help=f"Show it every {WATCH_S:g} s until Ctrl-C.")
    return cast("F", watch(every(perhaps_again)))


def examples(*lines: str) -> str:
    """The end of a help text."""
    return "\n".join(("\b", "Examples:", *(f"  gyrostat {line}" for line in lines)))


class Number(click.IntRange):
    """A whole number, and what is said of anything else."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number", param, ctx)
        return super().convert(number, param, ctx)

    def _describe_range(self) -> str:
        if self.max is None:
            return f"{self.min} or more"
        return f"{self.min} to {self.max}"


class Known(click.types.StringParamType):
    """A text; the shell completes it to what there is. kind: as in actors.cli.known."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """What there is of the kind, begun as written."""
        from actors.cli.known import known

        return known(self.kind, ctx.ensure_object(Place), incomplete)


class Command(click.Command):
    """A command with -c and examples; -h is help. Arguments of a known name are completed to what there is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "max_content_width": 100})
        super().__init__(*args, **kwargs)
        for param in self.params:
            kind = COMPLETED.get((self.name or "", param.name or "")) or COMPLETED.get(("", param.name or ""))
            if kind is not None and param.type is click.STRING:
                param.type = Known(kind)


def command(*lines: str, name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ours. lines: examples without the leading `gyrostat`."""

    def make(function: Callable[..., Any]) -> click.Command:
        made = click.command(name=name, cls=Command, epilog=examples(*lines))(click.pass_obj(function))
        return config_option(made)

    return make
