"""`gyrostat config`: check it, or show what is in effect."""

from __future__ import annotations

import os

import click

from actors.cli.exits import OK, USAGE, complain, count
from actors.cli.options import command, config_option, examples, json_option
from actors.cli.place import Place


@click.group(
    invoke_without_command=True,
    epilog=examples("config check", "config check -c prod.yaml", "config show", "config diff"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def config(ctx: click.Context) -> None:
    """Check or show the config, or what a reload of it would do."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@json_option
def _check(place: Place, *, as_json: bool) -> int:
    """Say every fault at once: file, line, key, and what would be right. Exit code 2 when there is one."""
    from actors.cli.paint import put, put_json
    from actors.node import load_node
    from actors.settings import ConfigError

    try:
        settings, _ = load_node(place.config, os.environ)
    except ConfigError as error:
        if as_json:
            put_json({"faults": error.faults})
        else:
            complain(*map(str, error.faults), count(len(error.faults), "fault"))
        return USAGE
    if as_json:
        put_json({"faults": []})
        return OK
    left_out = f" ({', '.join(settings.left_out)} not in mode {settings.mode})" if settings.left_out else ""
    actors = sum(actor.enabled for actor in settings.actors.values())
    put(
        f"{settings.path}: no faults; mode {settings.mode}, {count(len(settings.workloads), 'workload')}{left_out},"
        f" {count(actors, 'actor')}"
    )
    return OK


@json_option
def _show(place: Place, *, as_json: bool) -> None:
    """Show what is in effect: the file, the environment and every default. Secrets are shown as ***."""
    from actors.cli.paint import put, put_json
    from actors.node import load_node
    from actors.settings import to_plain

    settings, _ = load_node(place.config, os.environ)
    plain = to_plain(settings)
    if as_json:
        put_json(plain)
        return
    import yaml

    put(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120).rstrip())


@json_option
def _diff(place: Place, *, as_json: bool) -> int:
    """Show what a reload would do now: which keys differ, and what is started, stopped, restarted or left alone."""
    from actors.cli.reload import ask_plan, show_plan

    return show_plan(ask_plan(place), as_json=as_json)


config.add_command(command("config diff", "config diff --json | jq .plan", name="diff")(_diff))
config.add_command(command("config check", "config check --json", name="check")(_check))
config.add_command(command("config show", "config show --json | jq .workloads", name="show")(_show))
