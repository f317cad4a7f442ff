"""`gyrostat schema`: the wire, for programs in any language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from actors.cli.options import command
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.schema import Vocabulary

FILES: Final = {"json": "schema.json", "asyncapi": "asyncapi.yaml"}


@command("schema > asyncapi.yaml", "schema --json | jq '.\"$defs\".ProcessExited'", "schema --out docs")
@click.option("--json", "form", flag_value="json", help="The JSON Schema of every message.")
@click.option("--asyncapi", "form", flag_value="asyncapi", help="The AsyncAPI 3.0 document, in YAML. The default.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write there instead: schema.json and asyncapi.yaml, or the one that is named.",
)
def schema(_: Place, *, form: str | None, out: Path | None) -> None:
    """Every fact, command and reply as AsyncAPI or JSON Schema, made from the types this version has."""
    from actors.cli.paint import put

    if out is None:
        put(text_of(form or "asyncapi").rstrip())
        return
    out.mkdir(parents=True, exist_ok=True)
    for each in [form] if form else FILES:
        (out / FILES[each]).write_text(text_of(each), "utf-8")
        put(str(out / FILES[each]))


def shipped() -> Vocabulary:
    """What this version sends and takes."""
    from bus.heartbeat import Heartbeat
    from bus.messages import COMMANDS, FACTS
    from bus.schema import Vocabulary

    return Vocabulary(facts=FACTS, commands=COMMANDS, others=(Heartbeat,))


def text_of(form: str) -> str:
    """A document as it is written into a file. form: json or asyncapi."""
    if form == "json":
        from bus.schema import json_schema

        return json.dumps(json_schema(shipped()), indent=1, ensure_ascii=False) + "\n"
    from importlib.metadata import version

    import yaml

    from bus.asyncapi import asyncapi

    document = asyncapi(shipped(), version("gyrostat"))
    head = "# Made by `bin/node schema --out docs` from the types. Do not edit.\n"
    return head + yaml.dump(document, Dumper=_plain_dumper(), sort_keys=False, allow_unicode=True, width=120)


def _plain_dumper() -> type:
    """No anchors and aliases: who reads the file is no YAML program."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's signature
            return True

    return Plain
