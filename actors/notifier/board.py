"""What is to be told: alerts, groups and silences in memory, each kept in the store as it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import structs

from actors.notifier.found import Found, lacking
from actors.notifier.grouping import NEVER_S, Member, Say, look
from actors.notifier.heard import ISSUE, issue_key
from actors.notifier.model import RANK, Alert, Group, Over, Seen, Silence
from actors.notifier.routing import Way, group_key, silence_of, taken_by
from actors.notifier.store import AlertStore
from actors.settings import Workload
from actors.timetable import Zones

NUMBER: Final = "alerts"
"""The mark of the last number that an alert was given."""


class Board:
    """Alerts by key, and who was told of them. Times are Unix seconds."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store
        self.alerts: dict[str, Alert] = {alert.key: alert for alert in store.alerts()}
        self.groups: dict[str, Group] = store.groups()
        self.silences: dict[int, Silence] = {one.number: one for one in store.silences()}
        self._by_issue = {alert.issue: key for key, alert in self.alerts.items() if key.startswith(ISSUE)}
        self._number = int(store.mark(NUMBER) or 0)
        self._silences = store.last("silences")
        self._changed: set[str] = set()

    # -- what is heard

    def take(self, seen: Seen, workloads: Mapping[str, Workload], now_s: float) -> Alert | None:
        """Take in what is said of an alert; gives it when it is new or says something new."""
        key = self._key(seen)
        old = self.alerts.get(key)
        if old is not None and old.over is None:
            return self._renewed(old, seen, now_s)
        workload = workloads.get(seen.subject)
        self._number += old is None
        new = Alert(
            key=key,
            number=self._number if old is None else old.number,
            alert_type=seen.alert_type,
            severity=seen.severity,
            subject=seen.subject,
            summary=seen.summary,
            since=now_s if seen.since is None else seen.since,
            news=now_s,
            names=(seen.subject,) if workload is None else (seen.subject, workload.config_name),
            tags=() if workload is None else tuple(workload.spec.tags),
            issue=seen.issue,
            urgent=seen.urgent,
            once=seen.once,
        )
        self._put(new)
        return new

    def _key(self, seen: Seen) -> str:
        """That of the alert which its issue has already, as an issue may turn out to be of another kind."""
        if seen.key and not seen.key.startswith(ISSUE):
            return seen.key
        known = self._by_issue.get(seen.issue)
        return known or seen.key or issue_key(seen.subject, seen.issue)

    def _renewed(self, old: Alert, seen: Seen, now_s: float) -> Alert | None:
        """The same alert with what is known now; what a person was told is not taken back while it lasts."""
        worse = seen if RANK[seen.severity] >= RANK[old.severity] else old
        new = structs.replace(
            old,
            alert_type=worse.alert_type,
            severity=worse.severity,
            summary=old.summary if seen.urgent and seen.issue else seen.summary,
            issue=seen.issue or old.issue,
            urgent=old.urgent or seen.urgent,
        )
        if new == old:
            return None
        told_anew = new.token != old.token
        if told_anew:
            new = structs.replace(new, news=now_s)
        self._put(new)
        return new if told_anew else None

    def over(self, over: Over, now_s: float) -> Alert | None:
        """An alert has ended; gives it when it lasted until now."""
        key = over.key or self._by_issue.get(over.issue, "")
        alert = self.alerts.get(key)
        if alert is None or alert.over is not None or alert.once:
            return None
        ended = structs.replace(alert, over=now_s, unsaid=self._silent(alert, now_s))
        self._put(ended)
        return ended

    def found(self, found: Found, workloads: Mapping[str, Workload], asked_s: float, now_s: float) -> bool:
        """Take in all that lasts of one domain; tells whether anything changed."""
        known = {key: one.news for key, one in self.alerts.items() if one.over is None and not one.once}
        there = {self._key(seen) for seen in found.seen}
        gone = lacking(found, there, known, asked_s)
        changes: list[Alert | None] = [self.over(Over(key=key), now_s) for key in gone]
        changes += [self.take(seen, workloads, now_s) for seen in found.seen]
        return any(change is not None for change in changes)

    # -- what people say

    def acknowledge(self, name: str, note: str) -> Alert | None:
        """A person takes care of an alert. name: its own, or the id of its issue, or the beginning of that."""
        open_ones = [one for one in self.alerts.values() if one.over is None and not one.once]
        found = [one for one in open_ones if one.name == name]
        found = found or [one for one in open_ones if one.issue and one.issue.startswith(name)]
        if not found:
            return None
        for alert in found:
            self._put(structs.replace(alert, acknowledged=note))
        return found[0]

    def silence(self, silence: Silence) -> Silence:
        """Do not tell of some for a while."""
        self._silences += 1
        kept = structs.replace(silence, number=self._silences)
        self.silences[kept.number] = kept
        self._store.put_silence(kept)
        return kept

    def end_silence(self, number: int) -> bool:
        """End a silence; tells whether there was one."""
        self._store.end_silence(number)
        return self.silences.pop(number, None) is not None

    def ended_silences(self, now_s: float) -> list[Silence]:
        """Those whose time is over; they are forgotten."""
        ended = [one for one in self.silences.values() if one.until <= now_s]
        for one in ended:
            self.end_silence(one.number)
        return ended

    # -- what is to be told

    def look(self, ways: list[Way], now_s: float, zones: Zones, send: Callable[[Say, str], None]) -> float:
        """See what every group says, hand that to send, and keep all of it at once; gives when to look again."""
        members = self._members(ways, now_s)
        changed: dict[str, Group | None] = {key: None for key in self.groups if key not in members}
        next_s = min((one.until for one in self.silences.values()), default=NEVER_S)
        with self._store.at_once():
            for key, (way, each) in members.items():
                group = self.groups.get(key, Group(key=key, route=way.key))
                outcome = look(group, each, way.route, now_s, zones)
                for say in outcome.say:
                    send(say, key)
                next_s = min(next_s, outcome.next_s)
                if outcome.group != self.groups.get(key):
                    changed[key] = outcome.group
            self._settle(changed, members)
            self._save(changed)
        return next_s

    def _members(self, ways: list[Way], now_s: float) -> dict[str, tuple[Way, list[Member]]]:
        """The alerts of every group: those whose route leads there, and those it was told of."""
        by_route = {way.key: way for way in ways}
        members: dict[str, tuple[Way, list[Member]]] = {
            key: (by_route[group.route], []) for key, group in self.groups.items() if group.route in by_route
        }
        for alert in self.alerts.values():
            member = Member(alert, self._silent(alert, now_s))
            places = {group_key(way, alert): way for way in taken_by(alert, ways)}
            for key, way in places.items():
                members.setdefault(key, (way, []))[1].append(member)
        for key, (_, each) in members.items():
            there = {member.alert.key for member in each}
            for told in self.groups[key].told if key in self.groups else ():
                alert_or_none = self.alerts.get(told)
                if told not in there and alert_or_none is not None:
                    each.append(Member(alert_or_none, self._silent(alert_or_none, now_s)))
        return members

    def _silent(self, alert: Alert, now_s: float) -> bool:
        return alert.unsaid or silence_of(alert, self.silences.values(), now_s) is not None

    def _settle(self, changed: Mapping[str, Group | None], members: Mapping[str, tuple[Way, list[Member]]]) -> None:
        """Take over the groups; forget alerts that are over, and nobody has to be told of it."""
        for key, group in changed.items():
            if group is None:
                self.groups.pop(key, None)
            else:
                self.groups[key] = group
        owed = {told for group in self.groups.values() for told in group.told}
        unsaid = {
            member.alert.key
            for key, (_, each) in members.items()
            for member in each
            if member.alert.once and not member.silenced and member.alert.key not in self._told(key)
        }
        for key, alert in list(self.alerts.items()):
            if (alert.over is not None and key not in owed) or (alert.once and key not in unsaid):
                self._drop(alert)

    def _told(self, group: str) -> Iterable[str]:
        return self.groups[group].told if group in self.groups else ()

    def save(self) -> None:
        """Keep what was heard."""
        if self._changed:
            with self._store.at_once():
                self._save({})

    def _save(self, groups: Mapping[str, Group | None]) -> None:
        kept = [self.alerts[key] for key in self._changed if key in self.alerts]
        self._store.put_alerts(kept, [key for key in self._changed if key not in self.alerts])
        if groups:
            self._store.put_groups(groups)
        if self._changed:
            self._store.put_mark(NUMBER, self._number)
        self._changed.clear()

    def _put(self, alert: Alert) -> None:
        self.alerts[alert.key] = alert
        if alert.issue and alert.key.startswith(ISSUE):
            self._by_issue[alert.issue] = alert.key
        self._changed.add(alert.key)

    def _drop(self, alert: Alert) -> None:
        del self.alerts[alert.key]
        if self._by_issue.get(alert.issue) == alert.key:
            del self._by_issue[alert.issue]
        self._changed.add(alert.key)
