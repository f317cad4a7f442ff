"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from actors.cli.place import Place

F = TypeVar("F", bound=Callable[..., Any])


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
    """--json, given to the command as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")(command)


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


class Command(click.Command):
    """A command with -c and examples; -h is help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "max_content_width": 100})
        super().__init__(*args, **kwargs)


def command(*lines: str, name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ours. lines: examples without the leading `gyrostat`."""

    def make(function: Callable[..., Any]) -> click.Command:
        made = click.command(name=name, cls=Command, epilog=examples(*lines))(click.pass_obj(function))
        return config_option(made)

    return make
