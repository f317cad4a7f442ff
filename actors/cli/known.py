"""What there is to name, for the completion of a shell: asked of the node when it runs, else read from the config.

Whatever goes wrong gives no completions, as a person in the middle of a line cannot be told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from actors.cli.exits import Failed
from actors.cli.place import Place

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PATIENCE_S: Final = 0.5
"""Seconds for the answer of a node; a person waits for it."""

Pair = tuple[str, str]
"""What can be written, and what is said of it."""


def known(kind: str, place: Place, begun: str) -> list[CompletionItem[str]]:
    """What there is of a kind that is begun so. kind: of KINDS."""
    from click.shell_completion import CompletionItem

    from actors.settings import ConfigError
    from bus.errors import BusError

    try:
        pairs = list(KINDS[kind](place))
    except (BusError, ConfigError, Failed, OSError):
        return []
    return [CompletionItem(text, help=said or None) for text, said in dict(pairs).items() if text.startswith(begun)]


def _workloads(place: Place) -> Iterator[Pair]:
    from bus.errors import BusError
    from bus.messages import ListProcesses

    try:
        table = place.ask(ListProcesses(), PATIENCE_S)
    except (BusError, Failed):
        yield from ((name, "") for name in _section(place, "workloads"))
        return
    for row in table.processes:
        yield row.name, row.state.replace("_", " ")
    several = {row.workload for row in table.processes if row.workload and row.workload != row.name}
    yield from ((name, "all of its instances") for name in sorted(several | {*table.none}))
    for tag in sorted({f"@{tag}" for row in table.processes for tag in row.tags}):
        yield tag, "all that have the tag"


def _issues(place: Place) -> Iterator[Pair]:
    from bus.messages import ListIssues

    for row in place.ask(ListIssues(open_only=False, limit=50), PATIENCE_S).issues:
        yield row.issue, f"{row.subject}, {row.state}: {row.summary}"


def _approvals(place: Place) -> Iterator[Pair]:
    from bus.messages import ListApprovals

    for row in place.ask(ListApprovals(), PATIENCE_S).approvals:
        yield row.issue, f"{row.subject}: {row.remedy}"


def _incidents(place: Place) -> Iterator[Pair]:
    from bus.messages import ListIncidents

    for row in place.ask(ListIncidents(), PATIENCE_S).incidents:
        yield row.incident, row.state


def _phases(place: Place) -> Iterator[Pair]:
    from actors.cli.trust import PHASES

    yield from ((phase, "") for phase in PHASES)
    yield from _workloads(place)


def _nodes(place: Place) -> Iterator[Pair]:
    from actors.settings.load import peek_node

    found = peek_node(place.config, os.environ)
    yield from ((name, "a peer") for name, peer in found.peers.items() if peer.commands)


def _section(place: Place, name: str) -> list[str]:
    """The names beneath a section of the config, without a look at what they hold."""
    from actors.settings.source import read_tree
    from actors.settings.tree import Table

    section = read_tree(place.config, {}, {}, []).entries.get(name)
    return list(section.entries) if isinstance(section, Table) else []


def _keys(place: Place) -> Iterator[Pair]:  # noqa: ARG001 - every kind is asked the same way
    from actors.cli.config_keys import keys_of_roster

    yield from ((key.path, key.words) for key in keys_of_roster())


KINDS: Final[dict[str, Any]] = {
    "workloads": _workloads,
    "issues": _issues,
    "approvals": _approvals,
    "incidents": _incidents,
    "phases": _phases,
    "nodes": _nodes,
    "datasets": lambda place: ((name, "") for name in _section(place, "datasets")),
    "kinds": lambda place: ((name, "") for name in _section(place, "tasks")),
    "keys": _keys,
    "nothing": lambda _: iter(()),
}
"""Kind -> what gives its pairs."""
