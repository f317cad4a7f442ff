"""Which processes belong to a workload. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def members(main: int, children: Mapping[int, Sequence[int]], sessions: Mapping[int, Sequence[int]]) -> list[int]:
    """The main process, the members of the session it leads, and all their descendants; the main process first.

    children: parent -> pids. sessions: session -> pids. A child whose parent ended is found by the session, one that
    opened a session of its own by its parent.
    """
    session = sessions.get(main, ())
    if main not in children and all(pid == main for pid in session):
        return [main]
    return descendants([main, *session], children)


def descendants(roots: Iterable[int], children: Mapping[int, Sequence[int]]) -> list[int]:
    """The roots and everything below them, each once, however the pids may be linked."""
    found: dict[int, None] = {}
    waiting = list(reversed(list(roots)))
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = None
            waiting.extend(reversed(children.get(pid, ())))
    return list(found)
