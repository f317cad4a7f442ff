"""Makes docs/cli.md, docs/config.md and docs/config.schema.json: `python -m tests.cli.pages`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from actors.cli.config_explain import schema_text
from actors.cli.config_keys import keys_of_roster, written
from actors.cli.door import COMMANDS, GROUPS, cli
from actors.cli.shapes import SHAPES, components
from actors.settings.catalog import ANY, Key

DOCS = Path(__file__).parents[2] / "docs"
MADE = "<!-- Made by `python -m tests.cli.pages` from the program itself. Do not edit. -->"
CLI_HEAD = f"""\
{MADE}
# The command line

- `-h` of each command has examples. `-c FILE` stands before or after a command's name; without, the config is
  `$GYROSTAT_CONFIG`, else `./gyrostat.yaml`. `--node NAME` asks a peer of the config.
- Exit codes: 0 ok, 1 failed, 2 usage or config, 3 no node runs. Every error is one line on stderr.
- `--json` prints what is described below; a field that is added later is no change of shape, one is never taken away.
  Nothing is paged. Colour only on a terminal, and not when `NO_COLOR` is set or `TERM` is dumb.
- `--watch` shows an answer again every 2 s, `--every SECONDS` as often as one likes, until Ctrl-C.
- `gyrostat completion bash|zsh|fish` prints what a shell needs to complete commands, options, and the names of
  workloads, issues and tasks.
"""
CONFIG_HEAD = f"""\
{MADE}
# Every key of the config

`gyrostat config init` asks and writes a first one, `config check` finds every fault at once, `config explain KEY` says
what stands here about a key and what it is just now, `config show --origins` where each value comes from (file and
line, environment, or default). [config.schema.json](config.schema.json) (`gyrostat config schema`) is for editors:

```yaml
# yaml-language-server: $schema=gyrostat.schema.json
```

Values: a *duration* is 500ms, 30s, 5m, 2h, 1d or 1m30s, a bare number is seconds; a *size* is 200MB (10^6) or 64KiB
(2^10), a bare number is bytes; a *share* is 80% or 0.8; a *level* is any of these or a number. `*` in a key stands for
a name you give, or a place in a list. A SIGHUP, or `gyrostat reload`, brings a changed file in; in the environment
`GYROSTAT_NODE__NAME=beta` is `node.name: beta`. The same with an example for each key:
[config/default.yaml](../config/default.yaml).
"""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command and those beneath it, in the order of the help."""
    top = click.Context(cli, info_name="gyrostat", terminal_width=100)
    grouped = [name for names in GROUPS.values() for name in names if name in COMMANDS]
    for name in [*grouped, *(name for name in COMMANDS if name not in grouped)]:
        found = cli.get_command(top, name)
        assert found is not None
        context = _context(found, top, name)
        yield name, found, context
        if isinstance(found, click.Group):
            for under in found.list_commands(context):
                inner = found.get_command(context, under)
                assert inner is not None
                yield f"{name} {under}", inner, _context(inner, context, under)


def _context(found: click.Command, parent: click.Context, name: str) -> click.Context:
    return click.Context(found, parent=parent, info_name=name, terminal_width=100, **found.context_settings)


def cli_page() -> str:
    lines = [CLI_HEAD]
    schemas, types = components()
    for name, found, context in commands():
        lines += [f"## gyrostat {name}", "", "```text", _help(found, context), "```", ""]
        if name in SHAPES:
            lines += [f"With `--json`: {' or '.join(_said(each) for each in schemas[name])}.", ""]
    lines += ["# Shapes", ""]
    for name, schema in sorted(types.items()):
        lines += [f"## {name}", "", schema.get("description", ""), ""]
        rows = [
            f"| {key} | {_said(each)} | {_cell(each.get('description', ''))} |"
            for key, each in schema.get("properties", {}).items()
        ]
        lines += ["| field | type | |", "|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _help(found: click.Command, context: click.Context) -> str:
    text = found.get_help(context)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _said(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - a line for each kind of schema
    """A JSON Schema in a few words, with links to the shapes."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    if "allOf" in schema:
        return _said(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(_said(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_said(schema.get('items') or {})}"
    if schema.get("type") == "object" and schema.get("additionalProperties"):
        return f"object of {_said(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))


def config_page() -> str:
    keys = keys_of_roster(once=True)
    places: dict[str, str] = {}
    groups: dict[str, list[Key]] = {}
    for key in keys:
        places.setdefault(key.within, _above(key.path))
        groups.setdefault(_above(key.path) or key.path, []).append(key)
    lines = [CONFIG_HEAD]
    for above, members in groups.items():
        rows = [_row(key, places) for key in members if "." in key.path or key.path == "mode"]
        if rows:
            lines += [f"## {above}", "", "| key | type | default | |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(key: Key, places: dict[str, str]) -> str:
    default = "must be given" if key.required else "" if key.beneath else f"`{written(key.default)}`"
    if key.path == "node.name":
        default = "the short host name"
    said = [key.said]
    if key.beneath:
        said.append(f"Its keys: [{places[key.beneath]}](#{_anchor(places[key.beneath])}).")
    bounds = re.sub(r"^(500ms|200MB|0% to|a number, a percentage)[^;]*;[^;]*;?\s*", "", f"{key.allowed}; ").strip("; ")
    if bounds and key.words.split()[0] not in {"duration", "size", "share", "level"}:
        said.append(f"Allowed: {bounds}.")
    name = key.path.rpartition(".")[2]
    return f"| {name} | {_cell(key.words)} | {_cell(default)} | {_cell(' '.join(filter(None, said)))} |"


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _anchor(path: str) -> str:
    return path.lower().replace(".", "").replace(ANY, "").replace(" ", "-")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


PAGES = {
    "cli.md": cli_page,
    "config.md": config_page,
    "config.schema.json": schema_text,
}

if __name__ == "__main__":
    for _name, _text in PAGES.items():
        (DOCS / _name).write_text(_text(), "utf-8")
