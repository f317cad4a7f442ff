"""`gyrostat config init`: a first config, made of a few answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.cli.exits import OK, Failed, complain
from actors.cli.options import yes_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.cli.config_draft import Draft


@click.argument("workloads", nargs=-1, metavar="[NAME=COMMAND]...")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    default="gyrostat.yaml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where it is written. Default: gyrostat.yaml.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@yes_option
def init(place: Place, *, workloads: tuple[str, ...], out: Path, force: bool) -> int:
    """Make a first config: asks what is to be kept alive, and writes a file with the reason beside each key.

    With --yes nothing is asked: the workloads are those that are named, or an example to be replaced.
    """
    from actors.cli.config_draft import Draft, draft_of, draft_text
    from actors.cli.paint import put
    from actors.settings.node import default_node_name

    if out.exists() and not force:
        raise Failed(f"{out} is there already; write over it with --force, or name another with --out")
    drafts = [draft_of(text) for text in workloads]
    name = default_node_name()
    if not place.yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to be asked; with --yes nothing is asked")
        name, drafts = _ask(name, drafts)
    text = draft_text(name, drafts or [Draft(name="example", command="sleep 86400")])
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise Failed(f"{out}: {error.strerror}") from None
    put(f"wrote {out}; look at it, then: gyrostat up" + ("" if out.name == "gyrostat.yaml" else f" -c {out}"))
    _check(out)
    return OK


def _ask(name: str, drafts: list[Draft]) -> tuple[str, list[Draft]]:
    """The node's name and its workloads, asked of a person."""
    from actors.cli.config_draft import draft_of

    name = click.prompt("Name of this node", default=name, err=True, value_proc=_name)
    if drafts:
        return name, drafts
    click.echo("What is to be kept alive? An empty name ends the list.", err=True)
    while True:
        called = _perhaps("  Name of a program", _name)
        if not called:
            return name, drafts
        command = click.prompt("    Its command", err=True)
        url = _perhaps("    URL that answers while it is well, or nothing", str)
        memory = _perhaps("    Memory it may take, such as 200MB, or nothing", _size)
        drafts.append(draft_of(f"{called}={command}", url=url, memory=memory))


def _name(text: str) -> str:
    """Raises: click.UsageError, upon which it is asked again."""
    from actors.settings.node import NAME_ALLOWED, is_name

    if not is_name(text):
        raise click.UsageError(f'"{text}" is no name; allowed: {NAME_ALLOWED}')
    return text


def _size(text: str) -> str:
    """Raises: click.UsageError, upon which it is asked again."""
    from actors.settings import Bytes

    try:
        Bytes.parse(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return text


def _perhaps(question: str, check: Callable[[str], str]) -> str:
    """The answer, checked; or nothing."""
    said = click.prompt(
        question, default="", show_default=False, err=True, value_proc=lambda text: check(text) if text else ""
    )
    return str(said)


def _check(out: Path) -> None:
    """Tell what this machine lacks for it, such as a program that is not there."""
    from actors.loading import load_settings
    from actors.settings import ConfigError

    try:
        load_settings(out, os.environ)
    except ConfigError as error:
        complain(*map(str, error.faults))
