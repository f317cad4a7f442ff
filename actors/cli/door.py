"""The group of commands. A command's module is imported when it is called, and not before."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any, Final

import click

from actors.cli.exits import Interrupted, code_of
from actors.cli.options import config_option

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("up", "Run a node here and show what happens and why."),
    "start": ("start", "Start workloads, or the node in the background."),
    "stop": ("stop", "Stop workloads, or the node with its workloads."),
    "restart": ("restart", "Restart workloads, or the node beneath them."),
    "upgrade": ("upgrade", "Begin the node anew; its workloads go on."),
    "service": ("service", "The node as a service of systemd or launchd."),
    "reload": ("reload", "Read the config again; touch only what changed."),
    "status": ("status", "Everything at a glance."),
    "nodes": ("nodes", "Every node known here, and how it is."),
    "drain": ("nodes", "Stop this node's workloads and start none."),
    "undrain": ("nodes", "Take up the workloads again after a drain."),
    "health": ("health", "How well everything is, with reasons."),
    "metrics": ("metrics", "What was measured, over time."),
    "logs": ("logs", "The log of a workload, or of the node."),
    "events": ("events", "What happens, as it happens."),
    "issues": ("issues", "What is wrong, and what was done about it."),
    "incidents": ("incidents", "Troubles of one cause, as one."),
    "alerts": ("alerts", "What people are told, and by which way."),
    "resolve": ("issues", "Say that an issue is dealt with."),
    "explain": ("explain", "Which rule decides about an issue."),
    "fixed": ("fixes", "Say what fixed an issue."),
    "fixes": ("fixes", "What helped against what, and what was learnt."),
    "phase": ("trust", "How far healing goes by itself."),
    "approve": ("trust", "Let a remedy begin that is asked for."),
    "reject": ("trust", "Do not let a remedy begin."),
    "changes": ("trust", "What the system altered by itself."),
    "undo": ("trust", "Take back what was done about an issue."),
    "goals": ("goals", "What is to become better, and how far it is."),
    "reconcile": ("reconcile", "Compare desired with observed now."),
    "tasks": ("tasks", "Work that is kept until it is done."),
    "signal": ("signals", "Send a signal to a workload."),
    "scale": ("scale", "How many instances of a workload run."),
    "hold": ("holds", "Keep workloads down until they are released."),
    "release": ("holds", "End a hold."),
    "ps": ("ps", "The processes of the workloads, as trees."),
    "why": ("why", "Why a workload is as it is."),
    "attach": ("attach", "The output of workloads, as it is written."),
    "import": ("importing", "Take over the config of another supervisor."),
    "schedule": ("schedules", "What runs when."),
    "config": ("config", "Make, check, explain or show the config."),
    "endpoints": ("endpoints", "Where the running node answers."),
    "schema": ("schema", "Every message as AsyncAPI or JSON Schema."),
    "keys": ("keys", "Keys for tcp: the node's own, and who is let in."),
    "top": ("top", "Everything, live, in the whole terminal."),
    "doctor": ("doctor", "What this machine lacks, and the cure."),
    "completion": ("completion", "The keys of the shell complete what one types."),
    "demo": ("demo", "Break real programs and watch them being healed."),
    "faults": ("faults", "Do real faults to real programs, and judge the repairs."),
}
"""Name -> module beneath actors.cli, and the help in one line; the function has the command's name."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Begin": ("demo", "config", "import", "doctor", "completion"),
    "The node": ("up", "start", "stop", "restart", "reload", "upgrade", "service", "nodes", "drain", "undrain"),
    "Look": ("status", "top", "health", "events", "logs", "attach", "metrics", "ps", "why"),
    "Workloads": ("scale", "hold", "release", "signal", "schedule"),
    "Healing": (
        *("issues", "incidents", "alerts", "explain", "approve", "reject", "resolve", "undo", "changes", "phase"),
        *("fixed", "fixes"),
    ),
    "Work and goals": ("tasks", "reconcile", "goals"),
    "For programs": ("endpoints", "schema", "keys", "faults"),
}
"""Heading of the help -> its commands; what stands in none comes last. start, stop and restart also take names."""

EXAMPLES: Final = """
\b
Examples:
  gyrostat demo                      see it work, nothing to set up
  gyrostat up                        run ./gyrostat.yaml in the foreground
  gyrostat start && gyrostat status  in the background, then look
  gyrostat -c prod.yaml issues       every command takes -c FILE, before or after its name

Exit codes: 0 ok, 1 failed, 2 usage or config, 3 no node runs.
"""


class Commands(click.Group):
    """Knows its commands by name; an unknown one is answered with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"actors.cli.{COMMANDS[cmd_name][0]}")
        found = getattr(module, cmd_name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        named = {name for names in GROUPS.values() for name in names}
        groups = {**GROUPS, "More": tuple(name for name in COMMANDS if name not in named)}
        width = max(map(len, COMMANDS))
        for heading, names in groups.items():
            rows = [(f"{name:<{width}}", COMMANDS[name][1]) for name in names if name in COMMANDS]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """The names with their line of help, without an import of the commands."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            ctx.fail(f'no command "{args[0]}"; {nearest(args[0], list(COMMANDS))}')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None  # click would write an empty line to stderr
        except BrokenPipeError as error:
            return code_of(error)  # click would make it a failure


def nearest(word: str, known: list[str]) -> str:
    """`did you mean "status"?`, or what there is."""
    import difflib

    begun = [name for name in known if word and name.startswith(word)]
    found = begun or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f'did you mean "{found[0]}"?' if found else f"there are: {', '.join(known) or 'none'}"


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"gyrostat {version('gyrostat')}")
    ctx.exit()


def _mend_streams() -> None:
    """Let what is said be written whatever the locale, and go nowhere when a stream was closed beforehand."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@click.group(
    cls=Commands,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    invoke_without_command=True,
)
@config_option
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Say which.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Keep long-running programs alive: see faults, decide, repair, and verify the repair."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(args: list[str] | None = None) -> Any:
    """Run one command; always ends in SystemExit."""
    _mend_streams()
    try:
        outcome = cli.main(args=args, prog_name="gyrostat", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the end of the line: a person gets a sentence, never a traceback
        sys.exit(code_of(error))
    sys.exit(outcome if isinstance(outcome, int) else 0)
