"""`gyrostat config`: make it, check it, explain it, or show what is in effect."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from actors.cli.config_explain import explain_key, schema
from actors.cli.config_init import init
from actors.cli.exits import OK, USAGE, complain, count
from actors.cli.options import command, config_option, examples, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.settings import Settings


@click.group(
    invoke_without_command=True,
    epilog=examples("config init", "config check -c prod.yaml", "config explain restart", "config show --origins"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def config(ctx: click.Context) -> None:
    """Make the config, check it, explain its keys, show what is in effect, or what a reload of it would do."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@json_option
def _check(place: Place, *, as_json: bool) -> int:
    """Say every fault at once: file, line, key, and what would be right. Exit code 2 when there is one."""
    from actors.cli.paint import put, put_json
    from actors.loading import load_settings
    from actors.settings import ConfigError

    try:
        settings = load_settings(place.config, os.environ)
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


@click.option("--origins", is_flag=True, help="One key a line, each with where it was said.")
@json_option
def _show(place: Place, *, origins: bool, as_json: bool) -> None:
    """Show what is in effect: the file, the environment and every default. Secrets are shown as ***.

    With --origins each value says where it comes from: file and line, a variable of the environment, or default.
    """
    from actors.cli.paint import put, put_json
    from actors.loading import load_settings
    from actors.settings import to_plain

    settings = load_settings(place.config, os.environ)
    if origins:
        _show_origins(settings, as_json=as_json)
        return
    plain = to_plain(settings)
    if as_json:
        put_json(plain)
        return
    import yaml

    put(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120).rstrip())


def _show_origins(settings: Settings, *, as_json: bool) -> None:
    from actors.cli.config_keys import written
    from actors.cli.paint import Paint, put, put_json, table
    from actors.settings.effective import table_of

    found = table_of(settings)
    if as_json:
        put_json(found)
        return
    tones = {"default": "dim", "file": "good"}
    rows = [
        ((row.where or row.origin, tones.get(row.origin, "warn")), row.key, written(row.value)) for row in found.rows
    ]
    put(*table(rows, Paint(), ("ORIGIN", "KEY", "VALUE")))


@json_option
def _diff(place: Place, *, as_json: bool) -> int:
    """Show what a reload would do now: which keys differ, and what is started, stopped, restarted or left alone."""
    from actors.cli.reload import ask_plan, show_plan

    return show_plan(ask_plan(place), as_json=as_json)


for _made in (
    command("config init", "config init --yes web='python3 -m http.server 8000'", name="init")(init),
    command("config check", "config check --json", name="check")(_check),
    command("config show", "config show --origins", "config show --json | jq .workloads", name="show")(_show),
    command(
        "config explain restart.backoff_max",
        "config explain workloads.web.probes.liveness --json",
        name="explain",
    )(explain_key),
    command("config schema > gyrostat.schema.json", name="schema")(schema),
    command("config diff", "config diff --json | jq .plan", name="diff")(_diff),
):
    config.add_command(_made)
