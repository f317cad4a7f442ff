"""Settings: what the operator says, as checked values. Reads one file, the environment and the flags; never writes."""

from actors.settings.checks import check_machine
from actors.settings.datasets import DatasetSettings
from actors.settings.faults import ConfigError, Fault
from actors.settings.load import load, peek_state_dir
from actors.settings.node import ActorSettings, ListenSettings, NodeSettings, Origin, PeerSettings, Settings, Workload
from actors.settings.plain import to_plain
from actors.settings.source import find_config
from actors.settings.tasks import BreakerRule, Param, Rate, Resources, RetryRule, TaskKind, TaskPriority
from actors.settings.units import Bytes, Level, Seconds, Share, format_duration, format_size
from actors.settings.workloads import (
    METRICS,
    Hook,
    Limits,
    LogPolicy,
    Metric,
    Mode,
    ModeOverride,
    Notify,
    Probe,
    Probes,
    RestartPolicy,
    RunMode,
    Schedule,
    StopPolicy,
    Threshold,
    Window,
    Windows,
    WorkloadSettings,
    revision,
    spec_hash,
)

__all__ = [
    "METRICS",
    "ActorSettings",
    "BreakerRule",
    "Bytes",
    "ConfigError",
    "DatasetSettings",
    "Fault",
    "Hook",
    "Level",
    "Limits",
    "ListenSettings",
    "LogPolicy",
    "Metric",
    "Mode",
    "ModeOverride",
    "NodeSettings",
    "Notify",
    "Origin",
    "Param",
    "PeerSettings",
    "Probe",
    "Probes",
    "Rate",
    "Resources",
    "RestartPolicy",
    "RetryRule",
    "RunMode",
    "Schedule",
    "Seconds",
    "Settings",
    "Share",
    "StopPolicy",
    "TaskKind",
    "TaskPriority",
    "Threshold",
    "Window",
    "Windows",
    "Workload",
    "WorkloadSettings",
    "check_machine",
    "find_config",
    "format_duration",
    "format_size",
    "load",
    "peek_state_dir",
    "revision",
    "spec_hash",
    "to_plain",
]
