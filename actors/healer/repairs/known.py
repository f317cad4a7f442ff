"""Every repair there is, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.healer.repair import Repair
from actors.healer.repairs.clean_up import CleanUp
from actors.healer.repairs.degrade import Degrade
from actors.healer.repairs.file_holder import EndFileHolder
from actors.healer.repairs.fix_permission import FixPermission
from actors.healer.repairs.install_module import InstallModuleRepair
from actors.healer.repairs.make_directory import MakeDirectory
from actors.healer.repairs.port_owner import EndPortOwner
from actors.healer.repairs.propose_patch import ProposePatch
from actors.healer.repairs.put_back_config import PutBackConfig
from actors.healer.repairs.put_back_env import PutBackEnv
from actors.healer.repairs.quarantine_input import QuarantineInput
from actors.healer.repairs.raise_limits import RaiseMemory, RaiseOpenFiles
from actors.healer.repairs.restart_dependency import RestartDependency
from actors.healer.repairs.restore_file import RestoreFile
from actors.healer.repairs.rotate_logs import RotateLogs
from actors.healer.repairs.stale_lock import ClearLock
from actors.healer.repairs.tune import Tune
from actors.healer.repairs.use_utf8 import UseUtf8
from actors.healer.repairs.wait_port import WaitPort

_ALL: Final[tuple[Repair, ...]] = (
    PutBackConfig(),
    RestoreFile(),
    MakeDirectory(),
    FixPermission(),
    PutBackEnv(),
    UseUtf8(),
    RaiseOpenFiles(),
    RaiseMemory(),
    Tune("tune", "raise"),
    Tune("throttle", "lower"),
    InstallModuleRepair(),
    Degrade(),
    EndPortOwner(),
    EndFileHolder(),
    ClearLock(),
    CleanUp(),
    RotateLogs(),
    RestartDependency(),
    WaitPort(),
    ProposePatch(),
    QuarantineInput(),
)

KNOWN: Final[Mapping[str, Repair]] = MappingProxyType({repair.name: repair for repair in _ALL})
"""Name -> repair; the same names as repair_kinds.REPAIRS."""
