"""`gyrostat config explain` and `gyrostat config schema`: what the config may say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.options import json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.settings.catalog import Key
    from bus.messages import ConfigRow

SHOWN_MAX: Final = 20
"""Values in effect of one key that are shown."""
_WIDTH: Final = 100


@click.argument("dotted", metavar="KEY")
@json_option
def explain_key(place: Place, *, dotted: str, as_json: bool) -> None:
    """Say what a key means: its type, unit, default and reason; and what it is here, and where that was said.

    KEY is dotted, with real names or * in their place; its end is enough: restart.backoff_max
    """
    from actors.cli.config_keys import keys_of_roster
    from actors.cli.paint import Paint, put, put_json
    from actors.settings.catalog import find

    found, near = find(keys_of_roster(), dotted)
    if not found:
        raise click.UsageError(f'no key "{dotted}"; {near}')
    rows = _rows(place)
    values = [row for key in found for row in _values(rows, key, dotted)]
    if as_json:
        put_json({"keys": found, "values": values})
        return
    paint = Paint()
    for number, key in enumerate(found):
        put(*([""] if number else []), *_lines(key, paint))
    if values:
        put("", "Here:", *(_value_line(one, paint) for one in values[:SHOWN_MAX]))
    if len(values) > SHOWN_MAX:
        put(f"  and {len(values) - SHOWN_MAX} more; gyrostat config show --origins has all")


def _lines(key: Key, paint: Any) -> list[str]:
    import textwrap

    from actors.cli.config_keys import written

    default = "must be given" if key.required else "" if key.beneath else f"default: {written(key.default)}"
    lines = [paint(key.path, "bold"), f"  {'; '.join(filter(None, (key.words, default)))}"]
    lines += textwrap.wrap(key.said, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return [*lines, f"  allowed: {key.allowed}"] if key.allowed else lines


def _value_line(row: ConfigRow, paint: Any) -> str:
    from actors.cli.config_keys import written

    return f"  {row.key}: {written(row.value)}  {paint(row.where or row.origin, 'dim')}"


def _rows(place: Place) -> list[ConfigRow]:
    """What is in effect; nothing where there is no config, or one with faults."""
    from actors.loading import load_settings
    from actors.settings import ConfigError
    from actors.settings.effective import table_of

    try:
        return table_of(load_settings(place.config, os.environ)).rows
    except ConfigError:
        return []


def _values(rows: list[ConfigRow], key: Key, wanted: str) -> list[ConfigRow]:
    """The values in effect that a key stands for; only the one that is named, when it is."""
    from actors.settings.catalog import fits

    path = key.path.split(".")
    return [row for row in rows if row.key == wanted] or [row for row in rows if fits(path, row.key.split("."))]


@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead.")
def schema(place: Place, *, out: Path | None) -> None:
    """Print the JSON Schema of the config, for editors: completion, and faults as one types.

    With the YAML extension of VS Code, or any editor that has yaml-language-server, this line at the top of the config
    is enough:

    # yaml-language-server: $schema=gyrostat.schema.json
    """
    from actors.cli.paint import put

    text = schema_text(place)
    if out is None:
        put(text.rstrip())
    else:
        out.write_text(text, "utf-8")
        put(str(out))


def schema_text(place: Place | None = None) -> str:
    """The document as it is written into a file. place: whose plug-ins are in it too, when it has a config."""
    from actors.cli.config_keys import schema_of_roster
    from actors.settings import ConfigError

    root = None
    if place is not None:
        try:
            root = place.config.absolute().parent
        except ConfigError:
            root = None
    return json.dumps(schema_of_roster(root), indent=1, ensure_ascii=False) + "\n"
