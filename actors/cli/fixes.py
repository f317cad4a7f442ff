"""`gyrostat fixed` and `gyrostat fixes`: what a person did about an issue, and what was learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from actors.cli.options import command, config_option, examples, json_option, node_option
from actors.cli.place import Place


@command("fixed 3f2a --by hook:repair", "fixed 3f2a --by 'made room on /data'")
@click.argument("issue", metavar="ID")
@click.option("--by", required=True, help="A remedy (restart, signal:HUP, hook:NAME, a repair), or what was done.")
@json_option
@node_option
def fixed(place: Place, *, issue: str, by: str, as_json: bool) -> None:
    """Say what fixed an issue; an open one is resolved by it.

    A remedy is tried first when the issue comes back; anything else is told then. A restart or a changed config while
    an issue is open is noted without this.
    """
    from actors.cli.paint import put, put_json
    from bus.messages import FixIssue

    done = place.ask(FixIssue(issue=issue, by=by))
    if as_json:
        put_json(done)
    else:
        put(done.detail)


@click.group(
    invoke_without_command=True,
    epilog=examples("fixes", "fixes --json | jq .success_rate", "fixes export lore.json", "fixes import lore.json"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-n", "limit", default=20, metavar="COUNT", help="Fixes by people, signs and lessons, each.")
@json_option
@config_option
@node_option
@click.pass_context
def fixes(ctx: click.Context, *, limit: int, as_json: bool) -> None:
    """Show what came of all remedies, what people fixed, and what was learnt; or hand it on."""
    if ctx.invoked_subcommand is not None:
        return
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListFixes

    found = ctx.ensure_object(Place).ask(ListFixes(limit=limit))
    if as_json:
        put_json(found)
    else:
        put(*_lines(found, Paint()))


@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@node_option
def _export(place: Place, *, file: Path) -> None:
    """Write what was learnt into FILE, for `fixes import` at another node."""
    import time

    import msgspec

    from actors.cli.exits import Failed, count
    from actors.cli.paint import put
    from actors.healer.lore import Lore, LoreFile, joined
    from bus.messages import ExportLore, GetNode

    with place.client() as client:
        node = client.ask(GetNode()).node
        part = client.ask(ExportLore())
        texts = [part.text, *(client.ask(ExportLore(part=number)).text for number in range(1, part.parts))]
    lore = joined(msgspec.json.decode(text, type=Lore) for text in texts)
    made = LoreFile(format="gyrostat-lore-1", node=node, time=time.time(), lore=lore)  # noqa: TID251 - for people
    try:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from None
    parts = (
        count(len(lore.outcomes), "outcome"),
        count(len(lore.fixes), "fix by people"),
        count(len(lore.omens), "sign"),
    )
    put(f"{file}: {', '.join(parts)}")


@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@node_option
def _import(place: Place, *, file: Path) -> None:
    """Take over what another node wrote with `fixes export`. The same file again changes nothing."""
    import msgspec

    from actors.cli.exits import Failed
    from actors.cli.paint import put
    from actors.healer.lore import LoreFile, split
    from bus.messages import ImportLore

    try:
        lore = msgspec.json.decode(file.read_bytes(), type=LoreFile).lore
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed(f"{file}: is not what gyrostat fixes export writes: {error}") from None
    with place.client() as client:
        for part in split(lore, 1000):
            put(client.ask(ImportLore(text=msgspec.json.encode(part).decode())).detail)


for _name, _function in (("export", _export), ("import", _import)):
    fixes.add_command(command(f"fixes {_name} lore.json", name=_name)(_function))


def _lines(found: Any, paint: Any) -> list[str]:
    from actors.cli.paint import span, table

    total = found.total
    tries = total.verified + total.returned + total.failed
    if not (tries or found.fixes or found.omens):
        return ["nothing was learnt yet"]
    rate = f"{found.success_rate:.0%} helped" if found.success_rate is not None else "none was judged"
    took = f", in {span(total.mean_s)} in the mean" if total.mean_s is not None else ""
    lines = [paint(f"{tries} attempts; {rate}{took}", "bold")]
    for title, rows in (("FAILURE", found.by_failure), ("ISSUE", found.by_kind), ("REMEDY", found.by_remedy)):
        head = (title, "HELPED", "CAME BACK", "FAILED", "RATE", "MEAN TIME")
        if rows:
            lines += ["", *table([_tally(row) for row in rows], paint, head)]
    if found.fixes:
        cells = [
            (_at(row.time), row.subject, f"{row.issue_kind}, {row.failure}", row.how, row.remedy or "-", row.text)
            for row in found.fixes
        ]
        lines += ["", *table(cells, paint, ("BY PEOPLE", "SUBJECT", "ISSUE", "HOW", "REMEDY", "WHAT"))]
    if found.omens:
        signs = ("SIGN BEFORE", "SUBJECT", "FAILURE", "SEEN", "FOLLOWED", "PREVENTED", "NOT PREVENTED", "AHEAD BY")
        lines += ["", *table([_omen(row) for row in found.omens], paint, signs)]
    if found.lessons:
        lines += [
            "",
            *table([(_at(row.time), row.subject, row.text) for row in found.lessons], paint, ("LEARNT", "", "")),
        ]
    return lines


def _tally(row: Any) -> tuple[str, ...]:
    from actors.cli.paint import span

    tries = row.verified + row.returned + row.failed
    rate = f"{row.verified / tries:.0%}" if tries else "-"
    took = span(row.mean_s) if row.mean_s is not None else "-"
    return (row.name, str(row.verified), str(row.returned), str(row.failed), rate, took)


def _omen(row: Any) -> tuple[str, ...]:
    from actors.cli.paint import span
    from actors.cli.status_lines import shortened

    counts = (row.seen, row.preceded, row.prevented, row.missed)
    return (shortened(row.sign), row.subject, row.before, *map(str, counts), span(row.lead_s))


def _at(time: float) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(time).astimezone():%m-%d %H:%M:%S}"
