# Made by `python -m tests.bus.verbs_stub` from the vocabulary. Do not edit.
# ruff: noqa: E501, PYI021
# fmt: off
from typing import Literal

from bus.message import Command, Done
from bus.messages import (
    AlertTable,
    ApprovalList,
    ChangeList,
    ChannelTests,
    ConfigTable,
    DatasetTable,
    DriftReport,
    ExperimentList,
    FamilyTable,
    FixesReport,
    GoalList,
    HealthReport,
    HealthStory,
    HookResult,
    IncidentList,
    IssueDetail,
    IssueList,
    KeyStory,
    LogPart,
    LorePart,
    MetricsHistory,
    MetricsTaken,
    NodeInfo,
    NodeTable,
    NoticeList,
    PhaseTable,
    ProcessStories,
    ProcessTable,
    ReloadResult,
    RuleDecision,
    SamplingInterval,
    Series,
    SeriesList,
    SilenceRow,
    SummaryText,
    TaskDetail,
    TaskList,
    TasksAdded,
    TaskSpec,
    TaskStats,
    WarningList,
)
from bus.status import Status

PATIENCE_S: float
STATUS_S: float

def by_verb() -> dict[str, type[Command]]: ...

class Verbs:
    """A method for each verb an operator may send, and `status`, which asks several."""

    def status(self, *, timeout_s: float = ...) -> Status: ...
    def acknowledge_alert(self, *, alert: str, note: str = ..., timeout_s: float = ...) -> Done:
        """Take care of an alert: it is not repeated and not escalated any more. alert: its id, or that of its issue."""
    def add_tasks(self, *, tasks: list[TaskSpec], lease: str = ..., token: int = ..., timeout_s: float = ...) -> TasksAdded:
        """Take tasks on, all or none. lease, token: refused once the lease has gone to another; empty: no lease."""
    def approve_remedy(self, *, issue: str, note: str = ..., timeout_s: float = ...) -> Done:
        """Let the remedy begin that is asked for. issue: an id or a prefix."""
    def cancel_tasks(self, *, tasks: list[int], why: str = ..., lease: str = ..., token: int = ..., timeout_s: float = ...) -> Done:
        """Cancel tasks with their children; running ones are told to end. Those that ended stay as they are."""
    def drain_node(self, *, why: str = ..., timeout_s: float = ...) -> Done:
        """Stop the node's workloads, dependants first, and start none; answered when all are down."""
    def end_silence(self, *, silence: str, timeout_s: float = ...) -> Done:
        """End a silence now."""
    def end_strays(self, *, name: str, by_hand: list[int] = ..., why: str = ..., timeout_s: float = ...) -> Done:
        """End processes of a workload that are not its present incarnation: left-over children that carry its token."""
    def explain_decision(self, *, issue: str, timeout_s: float = ...) -> RuleDecision:
        """Which rule decides about an issue, which were looked at and why not. issue: an id or a prefix."""
    def explain_health(self, *, name: str = ..., timeout_s: float = ...) -> HealthStory:
        """Why a subject has its level: which reading, since when, which rule. name: a workload, host, the node or whole."""
    def explain_issue(self, *, issue: str, timeout_s: float = ...) -> IssueDetail:
        """Everything known of one issue: evidence, why each remedy, how each was verified. issue: an id or a prefix."""
    def explain_key(self, *, key: str, dataset: str = ..., timeout_s: float = ...) -> KeyStory:
        """Why a key of a data set is as it is, and what is next. dataset: empty when one data set only knows the key."""
    def explain_process(self, *, name: str, timeout_s: float = ...) -> ProcessStories:
        """Why a workload is in its present state: the chain of causes."""
    def explain_task(self, *, task: int, timeout_s: float = ...) -> TaskDetail:
        """One task with its history."""
    def export_lore(self, *, part: int = ..., timeout_s: float = ...) -> LorePart:
        """What was learnt, for another node. part: from 0."""
    def fix_issue(self, *, issue: str, by: str, timeout_s: float = ...) -> Done:
        """A person says what fixed an issue; an open one is resolved by it."""
    def get_config(self, *, timeout_s: float = ...) -> ConfigTable:
        """The config in force, and where each value comes from."""
    def get_drift(self, *, timeout_s: float = ...) -> DriftReport:
        """The drift known now."""
    def get_health(self, *, timeout_s: float = ...) -> HealthReport:
        """The health of everything, with reasons."""
    def get_metrics(self, *, subjects: list[str] = ..., metrics: list[str] = ..., since_s: float = ..., points: int = ..., timeout_s: float = ...) -> MetricsHistory:
        """What was measured in the last since_s seconds, also before a restart; older readings by the minute or hour."""
    def get_node(self, *, timeout_s: float = ...) -> NodeInfo:
        """The node and its actors."""
    def get_series(self, *, subject: str, metric: str, since_s: float = ..., timeout_s: float = ...) -> Series:
        """The kept points of one metric of one subject since `since_s` seconds ago."""
    def get_summary(self, *, send: bool = ..., timeout_s: float = ...) -> SummaryText:
        """The summary of the last day as of now. send: queue it for its channels, too."""
    def get_task_stats(self, *, window_s: float = ..., timeout_s: float = ...) -> TaskStats:
        """The queue in numbers."""
    def import_lore(self, *, text: str, timeout_s: float = ...) -> Done:
        """Take over what another node learnt. text: a part, as exported."""
    def install_module(self, *, name: str, module: str, why: str = ..., undo: list[str] = ..., timeout_s: float = ...) -> HookResult:
        """Install a module as `repair.modules` of a workload says; answered when that has ended."""
    def list_alerts(self, *, limit: int = ..., timeout_s: float = ...) -> AlertTable:
        """What people are told of now."""
    def list_approvals(self, *, timeout_s: float = ...) -> ApprovalList:
        """What waits for a person's word."""
    def list_changes(self, *, subject: str = ..., limit: int = ..., timeout_s: float = ...) -> ChangeList:
        """What the system altered by itself, and what people took back. subject: of one workload only; empty: of all."""
    def list_datasets(self, *, names: list[str] = ..., timeout_s: float = ...) -> DatasetTable:
        """How the data sets are; all of them when none is named."""
    def list_experiments(self, *, limit: int = ..., timeout_s: float = ...) -> ExperimentList:
        """Experiments, newest first."""
    def list_families(self, *, names: list[str] = ..., timeout_s: float = ...) -> FamilyTable:
        """Every process of the workloads, as trees. names: only these; empty for all. Reads /proc."""
    def list_fixes(self, *, limit: int = ..., timeout_s: float = ...) -> FixesReport:
        """What was learnt. limit: fixes by people, signs and lessons, each."""
    def list_goals(self, *, open_only: bool = ..., timeout_s: float = ...) -> GoalList:
        """Goals that are open, or all."""
    def list_incidents(self, *, open_only: bool = ..., limit: int = ..., timeout_s: float = ...) -> IncidentList:
        """Incidents that are open; with open_only false, closed ones too."""
    def list_issues(self, *, open_only: bool = ..., limit: int = ..., timeout_s: float = ...) -> IssueList:
        """Issues by state; all of them when open_only is false."""
    def list_nodes(self, *, timeout_s: float = ...) -> NodeTable:
        """Every node this one knows, with the last status each has told."""
    def list_notices(self, *, limit: int = ..., timeout_s: float = ...) -> NoticeList:
        """What was sent, and what waits."""
    def list_phases(self, *, timeout_s: float = ...) -> PhaseTable:
        """How far healing goes, for the node and for each workload."""
    def list_processes(self, *, strays: bool = ..., timeout_s: float = ...) -> ProcessTable:
        """The table of workloads. strays: also look for left-over and hand-started processes (reads /proc; slower)."""
    def list_series(self, *, timeout_s: float = ...) -> SeriesList:
        """Which series there are, also of workloads that were removed lately."""
    def list_tasks(self, *, states: list[Literal["queued", "scheduled", "blocked", "running", "done", "dead", "cancelled", "expired"]] = ..., kind: str | None = ..., tag: str | None = ..., ended: bool = ..., limit: int = ..., timeout_s: float = ...) -> TaskList:
        """Tasks that have not ended, or those that have. Empty and None mean any."""
    def list_warnings(self, *, timeout_s: float = ...) -> WarningList:
        """The warnings that stand now, for who may have missed their end."""
    def override_process(self, *, name: str, values: dict[str, str] = ..., drop: list[str] = ..., why: str = ..., timeout_s: float = ...) -> Done:
        """Start a workload from now on with these values instead of those of its config, as far as that allows it."""
    def pause_datasets(self, *, names: list[str] = ..., timeout_s: float = ...) -> DatasetTable:
        """Make no more tasks for data sets, also after a restart of the node; they are still looked at."""
    def pause_tasks(self, *, why: str | None = ..., timeout_s: float = ...) -> Done:
        """Have no worker take a further task, on all nodes that share the queue; those in hand go on. None: take again."""
    def push_metrics(self, *, subject: str, values: dict[str, float] = ..., add: dict[str, float] = ..., timeout_s: float = ...) -> MetricsTaken:
        """Hand in values of metrics that are declared with `push: true`; refused as a whole when one is not."""
    def read_log(self, *, name: str, lines: int = ..., ended: bool = ..., timeout_s: float = ...) -> LogPart:
        """The last lines of a workload's present incarnation, or of the one that ended last."""
    def reconcile(self, *, why: str = ..., timeout_s: float = ...) -> DriftReport:
        """Compare now; answered with what was found."""
    def reject_remedy(self, *, issue: str, note: str = ..., timeout_s: float = ...) -> Done:
        """Do not let the remedy begin that is asked for; the next of the plan has its turn. issue: an id or a prefix."""
    def release_process(self, *, name: str, why: str = ..., timeout_s: float = ...) -> Done:
        """End the hold of a workload; it is started if it is one that starts with the node. Nothing else is changed."""
    def reload_config(self, *, dry_run: bool = ..., revision: str = ..., timeout_s: float = ...) -> ReloadResult:
        """Read the config file again; refused whole when it has a fault."""
    def resolve_issue(self, *, issue: str, note: str = ..., timeout_s: float = ...) -> Done:
        """A person says that an issue is dealt with; ends its escalation."""
    def restart_process(self, *, name: str, why: str = ..., timeout_s: float = ...) -> Done:
        """Stop and start a workload; answered when the new process is spawned."""
    def resume_datasets(self, *, names: list[str] = ..., timeout_s: float = ...) -> DatasetTable:
        """Make tasks again."""
    def retry_notices(self, *, channel: str = ..., timeout_s: float = ...) -> Done:
        """Try every waiting message now. channel: of one only; empty: of all."""
    def retry_tasks(self, *, tasks: list[int], timeout_s: float = ...) -> Done:
        """Run tasks again that ended without being done, each from its last checkpoint."""
    def roll_workload(self, *, name: str, mode: str = ..., keep_ready: int | None = ..., why: str = ..., timeout_s: float = ...) -> Done:
        """Restart the instances of a workload one after the other; answered when all are ready again, or it ended early."""
    def rotate_log(self, *, name: str, why: str = ..., timeout_s: float = ...) -> Done:
        """Compress the rotated files of a workload's log now, and rotate it when it is over its size."""
    def run_datasets(self, *, names: list[str] = ..., index: str = ..., believe: bool = ..., again: bool = ..., timeout_s: float = ...) -> DatasetTable:
        """Look at data sets now, and fill what is missing; answered when they have been looked at."""
    def run_hook(self, *, name: str, hook: str, why: str = ..., undo: bool = ..., timeout_s: float = ...) -> HookResult:
        """Run a hook command that the workload declares in its config; answered when it has ended."""
    def scale_workload(self, *, name: str, instances: int | None = ..., why: str = ..., timeout_s: float = ...) -> Done:
        """Run so many instances of a workload from now on, also after a restart of the node; answered when it is in force."""
    def set_phase(self, *, name: str = ..., phase: Literal["observe", "advise", "act", "autonomous"] | None = ..., by: str = ..., timeout_s: float = ...) -> Done:
        """Set how far healing goes from now on, also over restarts of the node."""
    def set_sampling_interval(self, *, interval_s: float, why: str = ..., timeout_s: float = ...) -> SamplingInterval:
        """Change how often the Monitor samples, within its configured bounds; refused outside them."""
    def signal_process(self, *, name: str, signal: str, why: str = ..., timeout_s: float = ...) -> Done:
        """Send a signal to the main process of a workload. signal: a name without SIG, as in HUP."""
    def silence_alerts(self, *, for_s: float, subjects: list[str] = ..., types: list[Literal["crash", "crash_loop", "start_failed", "unresponsive", "not_working", "memory", "cpu", "latency", "availability", "port_in_use", "resource", "forecast", "drift", "errors", "actor", "foreseen", "approval", "emergency", "task", "backlog", "node", "component", "channel"]] = ..., tags: list[str] = ..., note: str = ..., timeout_s: float = ...) -> SilenceRow:
        """Do not tell of some alerts for a while. subjects: shell patterns of names. for_s: seconds."""
    def start_process(self, *, name: str, why: str = ..., at_its_time: bool = ..., timeout_s: float = ...) -> Done:
        """Start a workload, its dependencies first; also ends a hold or a crash loop. Answered once it is asked for."""
    def stop_all(self, *, why: str = ..., timeout_s: float = ...) -> Done:
        """Stop every workload, dependants first, because the node ends; answered when all are down. They are not held."""
    def stop_node(self, *, keep_workloads: bool = ..., why: str = ..., timeout_s: float = ...) -> Done:
        """End the node. keep_workloads: leave them running for the next start to adopt."""
    def stop_process(self, *, name: str, why: str = ..., hold: bool = ..., timeout_s: float = ...) -> Done:
        """Stop a workload and its process group; answered when it is down. hold: it stays down, also over restarts."""
    def try_channels(self, *, channels: list[str] = ..., timeout_s: float = ...) -> ChannelTests:
        """Send a message to channels at once, past queue and silences. channels: empty for all."""
    def undo_issue(self, *, issue: str, note: str = ..., timeout_s: float = ...) -> Done:
        """Take back what the last remedy of an issue did, as far as it can be. issue: an id or a prefix."""
    def undrain_node(self, *, why: str = ..., timeout_s: float = ...) -> Done:
        """Take the workloads up again that the drain stopped, and those that start with the node."""
