"""The text of a first config. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

import click
from msgspec import Struct

_PLAIN = re.compile(r"[A-Za-z0-9_./-]*[A-Za-z_./][A-Za-z0-9_./-]*")
_WORDS = frozenset(("true", "false", "null", "~", "."))


class Draft(Struct, frozen=True, kw_only=True):
    """One workload. url: that answers while it is well, or empty. memory: a size that makes an issue, or empty."""

    name: str
    command: str
    url: str = ""
    memory: str = ""


def draft_of(text: str, *, url: str = "", memory: str = "") -> Draft:
    """A workload written as NAME=COMMAND. Raises: click.UsageError."""
    from actors.settings.node import NAME_ALLOWED, is_name

    name, equals, command = text.partition("=")
    if not equals or not command.strip():
        raise click.UsageError(f'"{text}" is no workload; allowed: NAME=COMMAND, such as web="python3 -m http.server"')
    if not is_name(name):
        raise click.UsageError(f'"{name}" is no name; allowed: {NAME_ALLOWED}')
    try:
        shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"{name}: the command cannot be split: {str(error).lower()}") from None
    return Draft(name=name, command=command, url=url, memory=memory)


def draft_text(node: str, drafts: Sequence[Draft]) -> str:
    """The whole file."""
    lines = [
        "# What gyrostat keeps alive here. `gyrostat config check` finds slips, `gyrostat config explain KEY` says",
        "# what a key means. For completion in an editor: gyrostat config schema > gyrostat.schema.json",
        "# yaml-language-server: $schema=gyrostat.schema.json",
        "",
        "node:",
        "  # Part of every message; another one for each machine.",
        f"  name: {_scalar(node)}",
        "  # Databases and logs, relative to this file.",
        "  state_dir: ./var",
        "",
        "workloads:",
        *(line for draft in drafts for line in _workload(draft)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _workload(draft: Draft) -> list[str]:
    words = ", ".join(_scalar(word) for word in shlex.split(draft.command))
    lines = [
        f"  {_scalar(draft.name)}:",
        "    # Program and arguments; no shell is run. It is started with the node, and again whenever it ends.",
        f"    command: [{words}]",
    ]
    if draft.url:
        lines += [
            "    probes:",
            "      # Restarted when this gives no good answer three times in a row.",
            f"      liveness: {{http: {_scalar(draft.url)}, every: 10s, timeout: 2s, failures: 3}}",
        ]
    else:
        lines += [
            "    # Restarted when this gives no good answer three times in a row; also tcp: HOST:PORT, or exec: [...].",
            "    # probes: {liveness: {http: http://127.0.0.1:8000/, every: 10s}}",
        ]
    if draft.memory:
        lines += [
            "    # An issue, and so a remedy, when it takes more for so long.",
            f"    thresholds: {{memory: {{above: {draft.memory}, for: 30s}}}}",
        ]
    else:
        lines += [
            "    # An issue, and so a remedy, when it takes more for so long.",
            "    # thresholds: {memory: {above: 500MB, for: 30s}}",
        ]
    return [*lines, ""]


def _scalar(text: str) -> str:
    """A text as YAML: bare where it can be taken for nothing else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.startswith("-"):
        return text
    return json.dumps(text, ensure_ascii=False)
