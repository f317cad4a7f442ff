"""Messages of the ProcessManager: what repairs ask of it for one workload."""

from __future__ import annotations

from bus.message import Command, Done
from bus.messages.process_manager import HookResult


class OverrideProcess(Command, frozen=True, kw_only=True):
    """Start a workload from now on with these values instead of those of its config, as far as that allows it.

    values: env.NAME, limits.rlimits.NAME, limits.memory_max -> value; env_last_good -> true, for all its variables as
    they were while it was well. drop: keys that are as in the config again. What runs is not touched. A change of the
    workload's config ends them all.
    """

    target = "process_manager"
    verb = "override_process"
    reply = Done
    name: str
    values: dict[str, str] = {}
    drop: list[str] = []
    why: str = "asked"


class InstallModule(Command, frozen=True, kw_only=True):
    """Install a module as `repair.modules` of a workload says; answered when that has ended.

    module: as in the config. undo: instead, take back what it changed in the environment of its Python: NAME is
    uninstalled, NAME==VERSION put back.
    """

    target = "process_manager"
    verb = "install_module"
    reply = HookResult
    name: str
    module: str
    why: str = "asked"
    undo: list[str] = []


class RotateLog(Command, frozen=True, kw_only=True):
    """Compress the rotated files of a workload's log now, and rotate it when it is over its size.

    The newest rotated file stays as it is. Answered with what that gave.
    """

    target = "process_manager"
    verb = "rotate_log"
    reply = Done
    name: str
    why: str = "asked"
