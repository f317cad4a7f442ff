"""Which troubles have one cause: grouped by the graph of dependencies and by time. Pure.

A trouble belongs to the trouble of a dependency, however far down, when it lacks that dependency, or when it began soon
after. What has no such cause is the root of an incident; the rest are its symptoms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from actors.settings.units import Seconds

HOST: Final = "host"
"""What every workload stands on. Trouble of it explains none that began before, as workloads make the host's load."""


class IncidentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When troubles are one incident."""

    after: Seconds = Seconds(5)
    """Seconds a trouble has to last before an incident is opened; what is repaired sooner is an issue only."""

    window: Seconds = Seconds(300)
    """Seconds after news of a dependency within which a trouble of its dependants is put down to it."""

    slack: Seconds = Seconds(30)
    """Seconds by which a dependant may be seen to suffer before what it depends on is: probes and hold times differ."""

    settle: Seconds = Seconds(30)
    """Seconds for which everything has to be well before an incident is closed, so that one that flaps stays one."""

    keep: Seconds = Seconds(30 * 86_400)
    """Seconds that closed incidents are kept for `gyrostat incidents --all`."""


class Trouble(Struct, frozen=True, kw_only=True):
    """What is wrong with one subject now.

    what: the worst reason, in words. grave: enough for an incident by itself. critical: one of the places that make an
    emergency. lacks: dependencies that are not what it needs. issues: ids of its open ones.
    """

    what: str
    grave: bool = False
    critical: bool = False
    lacks: frozenset[str] = frozenset()
    issues: tuple[str, ...] = ()


class Symptom(Struct, kw_only=True):
    """One subject in an incident. because: what it is put down to; empty for a root.

    since_s: when it began to suffer. news_s: when it last did so anew or with another issue. over_s: when it was well
    again; None while it is not. Monotonic seconds. what: in words, of its gravest time. grave: now; was_grave: ever.
    """

    subject: str
    because: str = ""
    since_s: float
    news_s: float
    over_s: float | None = None
    what: str = ""
    grave: bool = False
    was_grave: bool = False
    issues: list[str] = []
    times: int = 1


class Incident(Struct, kw_only=True):
    """Troubles of one cause. opened_s: when the first began. well_s: since when none is left. told: it was opened."""

    incident: str
    root: str
    opened_s: float
    members: dict[str, Symptom]
    told: bool = False
    emergency: bool = False
    well_s: float | None = None

    @property
    def symptoms(self) -> list[Symptom]:
        """All but the root, in the order in which they began to suffer."""
        return [one for one in self.members.values() if one.subject != self.root]


class Change(Struct, frozen=True):
    """What became of an incident."""

    kind: Literal["opened", "changed", "closed"]
    incident: Incident
    what: str = ""


class Incidents:
    """The incidents that are open, and those that may become one. All times are monotonic seconds."""

    def __init__(self, settings: IncidentSettings, known: Iterable[Incident] = (), *, number: int = 0) -> None:
        """known: those that were open. number: the greatest so far."""
        self.settings = settings
        self.groups: list[Incident] = list(known)
        self.number = number
        self._place = {subject: group for group in self.groups for subject in group.members}

    @property
    def open(self) -> list[Incident]:
        """Those that were told, the oldest first."""
        return [one for one in self.groups if one.told]

    def of(self, subject: str) -> Incident | None:
        """The incident a subject is part of."""
        return self._place.get(subject)

    def next_s(self) -> float | None:
        """When to look again though nothing is heard; None when there is nothing to wait for."""
        due = [one.well_s + self.settings.settle for one in self.groups if one.well_s is not None]
        due += [one.opened_s + self.settings.after for one in self.groups if not one.told and _is_grave(one)]
        return min(due, default=None)

    def look(self, troubles: Mapping[str, Trouble], needs: Mapping[str, Collection[str]], now_s: float) -> list[Change]:
        """Take in what is wrong now; gives what became of the incidents that others know of.

        needs: subject -> what it directly depends on.
        """
        before = {id(one): _face(one) for one in self.groups}
        for group in self.groups:
            for member in group.members.values():
                _update(member, troubles.get(member.subject), now_s)
        for name, trouble in troubles.items():
            if name not in self._place:
                self._place[name] = _alone(name, trouble, now_s)
                self.groups.append(self._place[name])
        closed = self._join(troubles, needs)
        return [*closed, *self._settled(before, now_s)]

    def unite(self, subjects: Collection[str]) -> list[Change]:
        """Several places are critical at once: that is one incident, told at once, whatever each came from."""
        wanted = {id(self._place[subject]) for subject in subjects if subject in self._place}
        groups = [one for one in self.groups if id(one) in wanted]
        if not groups:
            return []
        first, closed = groups[0], []
        for other in groups[1:]:
            first, gone = self._merge(first, other)
            closed += gone
        first.emergency = True
        kind: Literal["opened", "changed"] = "changed" if first.told else "opened"
        self._tell(first)
        return [*closed, Change(kind, first, f"emergency: {', '.join(subjects)}")]

    # -- one cause

    def _join(self, troubles: Mapping[str, Trouble], needs: Mapping[str, Collection[str]]) -> list[Change]:
        """Put each group whose root has a cause in another one there, until each is where it belongs."""
        closed: list[Change] = []
        while (found := self._misplaced(troubles, needs)) is not None:
            group, there, cause = found
            group.members[group.root].because = cause.subject
            _, gone = self._merge(there, group)
            closed += gone
        return closed

    def _misplaced(
        self, troubles: Mapping[str, Trouble], needs: Mapping[str, Collection[str]]
    ) -> tuple[Incident, Incident, Symptom] | None:
        for group in self.groups:
            root = group.members[group.root]
            found = self._cause(root, troubles.get(root.subject), needs) if root.over_s is None else None
            if found is not None:
                return group, *found
        return None

    def _cause(
        self, root: Symptom, trouble: Trouble | None, needs: Mapping[str, Collection[str]]
    ) -> tuple[Incident, Symptom] | None:
        """The nearest dependency that explains a trouble, in another group."""
        lacks = trouble.lacks if trouble is not None else frozenset[str]()
        for name in _beneath(root.subject, needs):
            group = self.of(name)
            if group is None or root.subject in group.members:
                continue
            if self._explains(group.members[name], root, lacks):
                return group, group.members[name]
        return None

    def _explains(self, cause: Symptom, effect: Symptom, lacks: Collection[str]) -> bool:
        if cause.subject in lacks:
            return True
        slack_s = 0.0 if cause.subject == HOST else self.settings.slack
        latest_s = max(cause.news_s, cause.over_s or cause.news_s)
        return cause.since_s - slack_s <= effect.since_s <= latest_s + self.settings.window

    def _merge(self, into: Incident, other: Incident) -> tuple[Incident, list[Change]]:
        """Two are one: the root is that of `into`, the id that of the one told first."""
        members = sorted([*into.members.values(), *other.members.values()], key=lambda one: one.since_s)
        whole = Incident(
            incident=into.incident or other.incident,
            root=into.root,
            opened_s=min(into.opened_s, other.opened_s),
            members={one.subject: one for one in members},
            told=into.told or other.told,
            emergency=into.emergency or other.emergency,
        )
        gone = []
        if into.told and other.told:
            late = max(into, other, key=lambda one: _age(one.incident))
            whole.incident = min(into.incident, other.incident, key=_age)
            gone = [Change("closed", late, f"part of {whole.incident}")]
        at = min(index for index, one in enumerate(self.groups) if one is into or one is other)
        self.groups = [one for one in self.groups if one is not into and one is not other]
        self.groups.insert(at, whole)
        self._place |= dict.fromkeys(whole.members, whole)
        return whole, gone

    # -- open, close

    def _settled(self, before: Mapping[int, object], now_s: float) -> Iterator[Change]:
        for group in list(self.groups):
            left = any(one.over_s is None for one in group.members.values())
            group.well_s = None if left else group.well_s if group.well_s is not None else now_s
            if group.well_s is not None and now_s - group.well_s >= self.settings.settle:
                self.groups = [one for one in self.groups if one is not group]
                for subject in group.members:
                    del self._place[subject]
                if group.told:
                    yield Change("closed", group, "everything is well")
            elif not group.told and _is_grave(group) and now_s - group.opened_s >= self.settings.after:
                self._tell(group)
                yield Change("opened", group)
            elif group.told and _face(group) != before.get(id(group)):
                yield Change("changed", group, _said(group))

    def _tell(self, group: Incident) -> None:
        if not group.told:
            group.told = True
        if not group.incident:
            self.number += 1
            group.incident = f"n{self.number}"


def worst(incident: Incident) -> str:
    """What is wrong with its root, in words."""
    return incident.members[incident.root].what


def _alone(subject: str, trouble: Trouble, now_s: float) -> Incident:
    member = Symptom(subject=subject, since_s=now_s, news_s=now_s)
    _update(member, trouble, now_s)
    return Incident(incident="", root=subject, opened_s=now_s, members={subject: member})


def _update(member: Symptom, trouble: Trouble | None, now_s: float) -> None:
    if trouble is None:
        member.grave = False
        if member.over_s is None:
            member.over_s = now_s
        return
    fresh = [issue for issue in trouble.issues if issue not in member.issues]
    if member.over_s is not None:
        member.over_s, member.times = None, member.times + 1
        member.news_s = now_s
    elif fresh or (trouble.grave and not member.grave):
        member.news_s = now_s
    if trouble.grave or not member.was_grave:
        member.what = trouble.what
    member.grave = trouble.grave
    member.was_grave = member.was_grave or trouble.grave
    member.issues = [*member.issues, *fresh]


def _beneath(subject: str, needs: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Everything a subject depends on, the nearest first; the host last."""
    seen, waiting = {subject}, deque(needs.get(subject, ()))
    host = False
    while waiting:
        name = waiting.popleft()
        if name == HOST:
            host = True
        elif name not in seen:
            seen.add(name)
            yield name
            waiting.extend(needs.get(name, ()))
    if host:
        yield HOST


def _is_grave(group: Incident) -> bool:
    return any(one.grave for one in group.members.values())


def _face(group: Incident) -> object:
    """What somebody who follows an incident sees of it, but for its wording."""
    states = [(one.subject, one.because, one.over_s is None, tuple(one.issues)) for one in group.members.values()]
    return group.root, group.emergency, states


def _said(group: Incident) -> str:
    suffer = sum(one.over_s is None for one in group.members.values())
    return f"{suffer} of {len(group.members)} still not well"


def _age(incident: str) -> int:
    return int(incident[1:])


def copy_of(incident: Incident, offset_s: float) -> Incident:
    """The incident with its times moved, to keep it in Unix seconds and to take it up again."""

    def moved(at_s: float | None) -> float | None:
        return None if at_s is None else at_s + offset_s

    members = {
        name: msgspec.structs.replace(
            one, since_s=one.since_s + offset_s, news_s=one.news_s + offset_s, over_s=moved(one.over_s)
        )
        for name, one in incident.members.items()
    }
    return msgspec.structs.replace(
        incident, opened_s=incident.opened_s + offset_s, well_s=moved(incident.well_s), members=members
    )
