"""`gyrostat completion`: what a shell needs to complete a command line of ours."""

from __future__ import annotations

from typing import Final

import click

from actors.cli.options import command
from actors.cli.place import Place

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_GYROSTAT_COMPLETE"
"""Set by the script when it asks; click looks for it by this name."""


@command(
    "completion bash > ~/.local/share/bash-completion/completions/gyrostat",
    "completion zsh > ~/.zfunc/_gyrostat     in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    "completion fish > ~/.config/fish/completions/gyrostat.fish",
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(_: Place, *, shell: str) -> None:
    """Print the script that lets a shell complete `gyrostat`: commands, options, and the names that are there.

    Names of workloads, issues and tasks are asked of the running node, or read from the config. The command has to be
    on PATH by the name gyrostat; of a checkout: ln -s "$PWD/bin/node" ~/.local/bin/gyrostat
    """
    from click.shell_completion import get_completion_class

    from actors.cli.door import cli
    from actors.cli.paint import put

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    put((made.source_template % made(cli, {}, "gyrostat", VARIABLE).source_vars()).rstrip())
