"""What an operator says about healing. Types only; pure."""

from typing import Annotated

from msgspec import Meta, Struct

from actors.settings import Seconds


class HealerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How remedies are verified, how often they may be tried, and how long history is kept."""

    stable_for: Seconds = Seconds(2)
    """Seconds that a process has to be up, with no exit, before a remedy counts as verified."""

    verify_within: Seconds = Seconds(30)
    """Seconds after its action in which a remedy has to be verified, else it has failed. Longer by itself for slow
    probes, for thresholds (hold time and two samples) and for a restart that waits out its back-off."""

    check_every: Seconds = Seconds(0.5)
    """Seconds between two looks at the processes while a remedy is being verified."""

    resync: Seconds = Seconds(5)
    """Seconds between two looks at all processes, and before something that stood in a remedy's way is looked at
    again. Facts may be lost, so this one finds whatever was missed."""

    command_timeout: Seconds = Seconds(20)
    """Seconds that the ProcessManager may take for a command, beyond a stop grace or a hook's own time-out."""

    cool_down: Seconds = Seconds(5)
    """Seconds between two attempts of one remedy at one subject; doubles each time the same issue comes back. The
    first attempt never waits."""

    cool_down_max: Seconds = Seconds(300)
    """Seconds. The longest such wait."""

    repeat_window: Seconds = Seconds(3600)
    """Seconds for which attempts are remembered by the cool-down."""

    breaker_failures: Annotated[int, Meta(ge=1)] = 5
    """Failures in a row of one remedy at one subject that open its circuit breaker."""

    breaker_open: Seconds = Seconds(60)
    """Seconds until an open breaker lets one attempt through."""

    disruptive_per_minute: Annotated[int, Meta(ge=1)] = 20
    """Remedies that disturb a process (restart, signal, hook, end_strays), on the whole node in any minute: a fault
    in the Healer or in what feeds it must not restart everything."""

    second_hold: Seconds = Seconds(30)
    """Seconds for which a warning about latency, availability or another metric is only told; it is acted upon when
    it lasts longer than this and than the threshold's own hold time."""

    retry: Seconds = Seconds(60)
    """Seconds from the escalation of an issue to the next try of its plan; doubles each time."""

    retry_max: Seconds = Seconds(1800)
    """Seconds. The longest such wait."""

    evidence_max: Annotated[int, Meta(ge=2)] = 20
    """Pieces of evidence kept per issue: the first and the newest ones. All are counted."""

    keep: Seconds = Seconds(30 * 86400)
    """Seconds that resolved issues and their history are kept."""

    def __post_init__(self) -> None:
        """Refuse what would look without a pause, could never verify, or shrinks.

        Raises: ValueError.
        """
        for key in ("check_every", "resync", "command_timeout", "repeat_window", "breaker_open", "retry"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")
        if self.verify_within <= self.stable_for:
            raise ValueError("verify_within: has to be more than stable_for")
        if self.cool_down_max < self.cool_down:
            raise ValueError("cool_down_max: has to be at least cool_down")
        if self.retry_max < self.retry:
            raise ValueError("retry_max: has to be at least retry")
