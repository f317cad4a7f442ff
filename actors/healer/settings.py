"""What an operator says about healing. Types only; pure."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from actors.settings import Seconds
from actors.settings.healing import Phase
from actors.settings.markers import ConfigPath
from actors.settings.repair import FailureClass

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


class ConfidenceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure the Healer has to be of a remedy in the phase act, from 0 to 1."""

    act: Probability = 0.9
    """Above it a remedy is begun."""

    watch: Probability = 0.7
    """Above it a remedy is begun too; its chance is lower, so that it is more often taken back."""

    ask: Probability = 0.5
    """Above it a remedy is begun if what it does can be taken back; at or under it a person is asked."""

    def __post_init__(self) -> None:
        """Refuse limits out of order.

        Raises: ValueError.
        """
        if not self.ask <= self.watch <= self.act:
            raise ValueError("has limits out of order; allowed: ask <= watch <= act")


class ApprovalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a remedy that a person is asked about."""

    timeout: Seconds = Seconds(900)
    """Seconds that a person has to answer."""

    otherwise: Literal["reject", "approve"] = "reject"
    """What no answer in that time counts as."""

    def __post_init__(self) -> None:
        """Refuse no time at all.

        Raises: ValueError.
        """
        if self.timeout <= 0:
            raise ValueError("timeout: has to be more than 0s")


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many errors of one class a workload may make before more is done about them than usual."""

    per_hour: Annotated[int, Meta(ge=1)] = 10
    """Errors an hour of one class of failure at one workload."""

    classes: dict[FailureClass, Annotated[int, Meta(ge=1)]] = {}
    """Class of failure -> errors an hour instead."""

    long: Seconds = Seconds(3600)
    """Seconds over which it shows that there are many errors."""

    short: Seconds = Seconds(300)
    """Seconds over which it shows that they have not ended."""

    degrade: Annotated[float, Meta(gt=1.0)] = 3.0
    """Times as fast as allowed, over both, from which on a workload that declares `degrade` goes on with less before
    anything else is tried."""

    stop: Annotated[float, Meta(gt=1.0)] = 10.0
    """Times as fast as allowed, over both, from which on a plan that was spent once is not begun again by itself."""

    systemic: Annotated[int, Meta(ge=2)] = 4
    """Workloads with the same class of failure within `short`, from which on those that run are restarted one at a
    time."""

    def __post_init__(self) -> None:
        """Refuse windows and limits out of order.

        Raises: ValueError.
        """
        if not 0 < self.short < self.long:
            raise ValueError("short: has to be more than 0s and less than long")
        if self.stop < self.degrade:
            raise ValueError("stop: has to be at least degrade")


class FlowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the node is in flow, so that remedies for mere warnings wait."""

    actions: Annotated[int, Meta(ge=1)] = 5
    """More runs and remedies than this within a minute ended well."""

    errors: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.1
    """Less than this share of all of them ended ill."""

    wait_max: Seconds = Seconds(600)
    """Seconds that a remedy waits for the end of it at most."""


class DegradationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a workload that goes on with less returns to full quality."""

    back_after: Seconds = Seconds(60)
    """Seconds for which it has to be well, and what it lacked there again, before a step is taken back; doubles each
    time the step was needed again within an hour."""

    back_after_max: Seconds = Seconds(3600)
    """Seconds. The longest such wait."""

    def __post_init__(self) -> None:
        """Refuse waits that shrink.

        Raises: ValueError.
        """
        if self.back_after_max < self.back_after:
            raise ValueError("back_after_max: has to be at least back_after")


class LearningSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is made of earlier outcomes. They are remembered in any case."""

    enabled: bool = True
    """false: the remedies of a plan are tried in its order, whatever came of them before, and a person's fix is only
    told."""

    returns_within: Seconds = Seconds(600)
    """Seconds after a remedy was verified in which the same issue counts as one that it did not end for good."""

    foresee: bool = True
    """true: when a sign is seen that came before the same failure twice, what helped against it twice is done
    beforehand. false: signs are only counted."""

    sign_window: Seconds = Seconds(300)
    """Seconds in which a failure has to follow a sign, to count as announced by it; a sign counts once in them."""

    sign_lead: Seconds = Seconds(2)
    """Seconds that a sign has to come ahead: what comes later is part of the failure."""

    def __post_init__(self) -> None:
        """Refuse a window in which nothing can be announced.

        Raises: ValueError.
        """
        if self.sign_window <= self.sign_lead:
            raise ValueError("sign_window: has to be more than sign_lead")


class ErrorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When error lines of a running workload, which no probe and no threshold speaks of, are an issue."""

    lines: Annotated[int, Meta(ge=1)] = 10
    """So many error lines at least."""

    lasting: Seconds = Seconds(30)
    """Seconds over which they have to come; a burst that ends sooner is none."""

    quiet: Seconds = Seconds(10)
    """Seconds without an error line that end it. More than log_check and log_read_every of the ProcessManager together,
    as lines are told that late."""

    def __post_init__(self) -> None:
        """Refuse no pause, which would end every burst at once.

        Raises: ValueError.
        """
        if self.quiet <= 0:
            raise ValueError("quiet: has to be more than 0s")


class HealerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How remedies are verified, how often they may be tried, and how long history is kept."""

    stable_for: Seconds = Seconds(2)
    """Seconds that a process has to be up, with no exit, before a remedy counts as verified."""

    start_grace: Seconds = Seconds(5)
    """Seconds from its start for which a process may leave liveness and work probes without an answer. Passed once, or
    answered wrongly, they count at once; 0s: always."""

    well_after: Seconds = Seconds(1)
    """Seconds for which a workload has to be up and ready, with no open issue, before the configuration that it was
    started with is kept as good."""

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

    errors: ErrorSettings = ErrorSettings()
    """When error lines of a running workload are an issue."""

    evidence_max: Annotated[int, Meta(ge=2)] = 20
    """Pieces of evidence kept per issue: the first and the newest ones. All are counted."""

    keep: Seconds = Seconds(30 * 86400)
    """Seconds that resolved issues and their history are kept."""

    phase: Phase = "act"
    """How far healing goes by itself: observe, advise, act or autonomous. A workload may have its own."""

    confidence: ConfidenceSettings = ConfidenceSettings()
    """How sure it has to be of a remedy."""

    approval: ApprovalSettings = ApprovalSettings()
    """What becomes of a remedy that a person is asked about."""

    budget: BudgetSettings = BudgetSettings()
    """How many errors are borne."""

    degradation: DegradationSettings = DegradationSettings()
    """When a workload that goes on with less returns."""

    flow: FlowSettings = FlowSettings()
    """When remedies for mere warnings wait."""

    rules: ConfigPath | None = None
    """File of rules, relative to the config file, that are looked at before the shipped ones. None: those only."""

    learning: LearningSettings = LearningSettings()
    """What is made of earlier outcomes."""

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
