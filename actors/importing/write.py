"""A draft as the text of gyrostat.yaml, and what has no equal here as comments. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from actors.importing.draft import Draft, Note

_WIDTH: Final = 120
_ORDER: Final = (
    "command", "cwd", "env", "env_files", "user", "group", "umask", "tags", "instances", "ports", "sockets",
    "autostart", "restart", "stop", "depends_on", "probes", "thresholds", "limits", "log",
)  # fmt: skip


def to_yaml(draft: Draft, source: str) -> str:
    """Write it. source: the file it came from."""
    lines = [
        f"# Made by gyrostat import from {source}. What has no equal here stands as a comment, with its line there."
    ]
    lines += ["", "workloads:"]
    for name, workload in draft.workloads.items():
        ordered = {key: workload[key] for key in _ORDER if key in workload}
        lines += ["", *_indented(_dump({name: ordered | workload}), 2)]
    if draft.notes:
        lines += ["", *_comments(draft.notes)]
    return "\n".join(lines) + "\n"


def _comments(notes: Iterable[Note]) -> list[str]:
    return ["# Not taken over:", *(f"# {note}" for note in notes)]


def _indented(text: str, by: int) -> list[str]:
    return [f"{' ' * by}{line}" if line else "" for line in text.splitlines()]


def _dump(value: dict[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - only where something is written

    class Dumper(yaml.SafeDumper):
        """Lists of plain values on one line; no aliases."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    def flat(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
        return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)

    Dumper.add_representer(list, flat)
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH))
