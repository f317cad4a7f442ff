"""What is known of each repair without looking: its reach, what it is made for, and what has to be allowed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from actors.settings import WorkloadSettings
from actors.settings.repair import FailureClass

Blast = Literal["file", "process", "workload", "host"]
"""How far an action reaches: a file of the workload; a process that is no workload; the workload; the machine."""


class RepairKind(msgspec.Struct, frozen=True):
    """What is known of a repair without looking.

    failures: classes of failure that it is made for; empty: any. allowed(of): whether the config of a workload
    allows it anything. times: how often in a row it is worth a try, as it goes further each time. keeps: whether what
    it did is kept when the workload fails for another reason after it. stays: whether that is so also when nothing
    helps against that other reason, as it is a file that the workload needs.
    """

    blast: Blast
    failures: tuple[FailureClass, ...]
    allowed: Callable[[WorkloadSettings], bool]
    times: int = 1
    keeps: bool = True
    stays: bool = False


ROTATED_LEAST: Final = 2
"""Rotated files from which on some can be compressed: the newest stays as it is."""

REPAIRS: Final[Mapping[str, RepairKind]] = MappingProxyType(
    {
        "put_back_config": RepairKind("file", (), lambda of: bool(of.config_files), stays=True),
        "restore_file": RepairKind("file", (), lambda of: bool(of.repair.restore), stays=True),
        "make_directory": RepairKind("file", (), lambda of: bool(of.repair.directories), stays=True),
        "fix_permission": RepairKind("file", (), lambda of: bool(of.repair.permissions), stays=True),
        "put_back_env": RepairKind("workload", (), lambda of: of.env_last_good),
        "use_utf8": RepairKind("workload", (), lambda of: of.repair.encoding),
        "raise_open_files": RepairKind("workload", ("fd",), lambda of: of.repair.open_files_max is not None),
        "raise_memory": RepairKind("workload", ("memory",), lambda of: of.repair.memory_max is not None),
        "tune": RepairKind("workload", (), lambda of: bool(of.tunables), times=2),
        "throttle": RepairKind("workload", (), lambda of: bool(of.tunables), times=2),
        "install_module": RepairKind("workload", ("import", "unknown"), lambda of: bool(of.repair.modules), stays=True),
        "degrade": RepairKind("workload", (), lambda of: bool(of.degrade)),
        "end_port_owner": RepairKind("process", ("port",), lambda _: True),
        "end_file_holder": RepairKind(
            "process", ("db_locked", "lock", "timeout", "unknown"), lambda of: bool(of.repair.file_holders)
        ),
        "clear_lock": RepairKind("file", ("lock", "port", "unknown"), lambda of: bool(of.repair.stale_locks)),
        "clean_up": RepairKind("file", ("disk", "db_corrupt", "unknown"), lambda of: bool(of.repair.cleanup.paths)),
        "rotate_logs": RepairKind("file", ("disk",), lambda of: of.log.keep >= ROTATED_LEAST),
        "restart_dependency": RepairKind(
            "workload", ("connection", "timeout", "http", "unknown"), lambda of: bool(of.depends_on)
        ),
        "wait_port": RepairKind("workload", ("connection", "dns"), lambda _: True),
        "propose_patch": RepairKind(
            "file", ("key", "import", "type_bug", "unknown"), lambda of: bool(of.repair.sources), keeps=False
        ),
        "quarantine_input": RepairKind(
            "file", ("syntax", "type_bug", "key", "unknown"), lambda of: bool(of.repair.inputs.paths)
        ),
    }
)
"""Every repair (see repairs/) by name, in the order in which those for the same failure are tried."""
