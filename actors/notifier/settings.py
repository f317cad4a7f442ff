"""What an operator says about how messages are kept and sent. Types only; pure."""

from typing import Annotated

from msgspec import Meta, Struct

from actors.settings import RetryRule, Seconds


class SendRetry(RetryRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a message that a channel did not take is tried again; as it is, for about a day."""

    attempts: Annotated[int, Meta(ge=1)] = 150
    """Attempts in all; then it is given up."""

    first: Seconds = Seconds(5)
    """Seconds before the second attempt."""

    longest: Seconds = Seconds(600)
    """Seconds: the longest wait, and the first one after a refusal that only a person can change."""


class NotifierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patience and limits; who is told what stands in `alerts`."""

    retry: SendRetry = SendRetry()
    """How a message that a channel did not take is tried again."""

    failing_after: Seconds = Seconds(300)
    """Seconds for which a channel has to take nothing before the others are told."""

    resync_every: Annotated[Seconds, Meta(gt=0)] = Seconds(60)
    """Seconds between two questions to the other actors about what is wrong, should a fact be lost."""

    listed_max: Annotated[int, Meta(ge=1, le=1000)] = 20
    """Alerts that one message tells one by one, the newest and most severe; the others are counted."""

    keep: Annotated[int, Meta(ge=1)] = 1000
    """Messages that were sent or given up and are kept to look at, the newest."""
