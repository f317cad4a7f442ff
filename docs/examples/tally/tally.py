"""An actor of your own: counts how often each workload ended unasked, tells it on the bus, and answers for it.

Put it beside the config and name it there:

    actors:
      tally: {use: "tally:Tally", tell_every: 5}
"""

from typing import Annotated

import msgspec

from actors.base import Actor
from bus import Command, Fact, Reply
from bus.messages import ProcessExited


class TallyTold(Fact, frozen=True, kw_only=True):
    """A workload ended unasked once more, a round number of times by now."""

    kind = "tally.told"
    ended: int


class Counts(Reply, frozen=True, kw_only=True):
    """How often each workload ended unasked since this actor began."""

    ended: dict[str, int]


class GetCounts(Command, frozen=True, kw_only=True):
    """The counts so far."""

    target = "tally"
    verb = "get_counts"
    reply = Counts


class TallySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the tally."""

    tell_every: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Tell it on the bus each time this many more have ended."""


class Tally(Actor[TallySettings]):
    """Owns the counts."""

    name = "tally"
    listens = (ProcessExited,)
    answers = (GetCounts,)
    Settings = TallySettings

    def on_start(self) -> None:
        self._ended: dict[str, int] = {}

    def on_process_exited(self, fact: ProcessExited) -> None:
        if fact.asked:
            return
        count = self._ended[fact.subject] = self._ended.get(fact.subject, 0) + 1
        if count % self.settings.tell_every == 0:
            self.publish(TallyTold(subject=fact.subject, ended=count))

    def do_get_counts(self, _: GetCounts) -> Counts:
        return Counts(ended=dict(self._ended))
