"""What is known of one workload while the node runs, and its row in the table. Pure."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, field

from actors.process_manager.lifecycle import UP
from actors.process_manager.order import Standing
from actors.process_manager.past import Past, new_past
from actors.process_manager.restart import Ended, succeeded
from actors.process_manager.stop import Ending
from actors.process_manager.tally import Checks
from actors.settings import Workload, revision
from bus.messages import ProcessRow, ProcessState

_OF_AN_INCARNATION: Final = frozenset(
    {
        "GYROSTAT_TOKEN", "GYROSTAT_INCARNATION", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "MAINPID",
        "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "GYROSTAT_PUSH", "GYROSTAT_STATSD",
    }
)  # fmt: skip
"""Variables of one process only: of the node itself when it runs under something of its kind."""

_OF_AN_ACCOUNT: Final = frozenset({"HOME", "USER", "LOGNAME", "MAIL"})
"""Variables of the node's own account, which another one does not inherit."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Launch(Struct, frozen=True, kw_only=True):
    """Everything a spawn needs, made ahead. env: complete but for what is new in each incarnation.

    plain: env holds as it stands. Else it is made at each start, of inherited (the node's), the workload's env files,
    env and secrets, and own (what the node says to the process). private: directory in the place of /tmp, or None.
    overrides: what it is started with instead of what its config says, for people. files: texts of its env files by
    path, when those are not to be read.
    """

    argv: list[str]
    argv_json: str
    cwd: str
    env: Mapping[str, str]
    user: str | None
    log_path: str
    log_size_max: int
    log_keep: int
    revision: str
    workload: Workload
    inherited: Mapping[str, str]
    own: Mapping[str, str]
    plain: bool
    private: str | None
    overrides: Mapping[str, str] = {}
    files: Mapping[str, str] | None = None


class Life(Struct, kw_only=True):
    """One workload; changed in place by the ProcessManager only.

    moves counts its changes of state: a timer that was set before one is out of date. started_s, since_s: monotonic
    seconds. log_start: bytes of the log file that were there before this incarnation. again: why it is to be started
    when it is down. to_stop, to_start: commands that wait until it is down, or spawned.
    """

    name: str
    workload: Workload
    launch: Launch
    declared: bool = True
    scaled_away: bool = False
    """It is not declared, and its workload still is, with fewer instances."""
    wanted: bool = False
    held: bool = False

    state: ProcessState = "stopped"
    since_s: float = 0.0
    why: str = ""
    moves: int = 0
    idle: bool = False
    """It waits for its time or window."""

    incarnation: int = 0
    token: str = ""
    pid: int | None = None
    revision: str | None = None
    refused: str = ""
    """Revision of the config that it did not get ready with; see setback.py."""
    adopted: bool = False
    started_s: float = 0.0
    log_start: int = 0
    restarts: int = 0
    exit_code: int | None = None
    signal: str | None = None
    cause: str = ""
    """Why the kernel ended its last run, when that is known."""
    checks: Checks = Checks()
    status: str = ""
    """What it says of itself (sd_notify STATUS)."""
    told_pid: int | None = None
    """Its main process as it says (sd_notify MAINPID), if that is another."""

    past: deque[Past] = field(default_factory=new_past)
    due_s: float | None = None
    """When it is started again while it backs off, monotonic seconds."""
    last_lines: list[str] = field(default_factory=list)
    """Of the log of its last ended run."""
    last_log: tuple[str, int, int | None] | None = None
    """Where the lines of that run are: file, first byte, and the byte behind the last, None for the file's end."""

    starts_s: list[float] = field(default_factory=list)
    quick_exits: int = 0
    failed_starts: int = 0
    failed_why: str = ""

    ending: Ending | None = None
    again: str | None = None
    to_stop: list[Any] = field(default_factory=list)
    to_start: list[Any] = field(default_factory=list)

    @property
    def up(self) -> bool:
        """Whether a process is there that is meant to run."""
        return self.state in UP

    @property
    def standing(self) -> Standing:
        """What those that depend on it see."""
        ended = Ended(exit_code=self.exit_code, signal=self.signal, uptime_s=0.0)
        done = succeeded(self.workload.spec.restart, ended)
        return Standing(self.state, done=done, held=self.held)

    def forgive(self) -> None:
        """Begin the window of starts and the count of quick exits afresh."""
        self.starts_s.clear()
        self.quick_exits = self.failed_starts = 0


def make_launch(
    workload: Workload, node: str, node_env: Mapping[str, str], log_dir: str, told: Mapping[str, str] = _NOTHING
) -> Launch:
    """Prepare what a spawn needs. node_env: the node's own environment. log_dir: absolute. told: variables besides."""
    own = {"GYROSTAT_WORKLOAD": workload.name, "GYROSTAT_NODE": node, "GYROSTAT_MODE": workload.mode, **told}
    left_out = _OF_AN_INCARNATION | (_OF_AN_ACCOUNT if workload.spec.user else frozenset())
    inherited = {key: value for key, value in node_env.items() if key not in left_out}
    return Launch(
        argv=workload.spec.command,
        argv_json=json.dumps(workload.spec.command),
        cwd=str(workload.cwd),
        env={**inherited, **workload.env, **own},
        user=workload.spec.user,
        log_path=f"{log_dir}/{workload.name}.log",
        log_size_max=workload.spec.log.max_size,
        log_keep=workload.spec.log.keep,
        revision=revision(workload.spec),
        workload=workload,
        inherited=inherited,
        own=own,
        plain=_is_plain(workload),
        private=f"{log_dir.rpartition('/')[0]}/private/{workload.name}" if workload.spec.private_tmp else None,
    )


def _is_plain(workload: Workload) -> bool:
    spec = workload.spec
    filled = any("${" in text for text in workload.env.values())
    return not (filled or spec.env_files or spec.secrets or spec.expand_command)


def parting(life: Life) -> str:
    """Why it is no longer declared."""
    return "scaled away" if life.scaled_away else "no longer in the config"


def row_of(life: Life, now_s: float, strays: list[int], by_hand: list[int]) -> ProcessRow:
    """Give its row in the table."""
    alive = life.up or life.ending is not None
    return ProcessRow(
        name=life.name,
        state=life.state,
        wanted=life.wanted,
        mode=life.workload.mode,
        critical=life.workload.spec.critical,
        pid=life.pid,
        incarnation=life.incarnation,
        restarts=life.restarts,
        uptime_s=now_s - life.started_s if life.pid is not None else None,
        since_s=now_s - life.since_s,
        revision=life.revision if alive else None,
        adopted=life.adopted,
        exit_code=life.exit_code,
        signal=life.signal,
        cause=life.cause,
        refused=life.refused,
        held=life.held,
        declared=life.declared,
        scaled_away=life.scaled_away,
        why=life.why,
        log_path=life.launch.log_path,
        status=life.status if life.pid is not None else "",
        told_pid=life.told_pid,
        strays=strays,
        by_hand=by_hand,
        workload=life.workload.config_name,
        instance=life.workload.instance,
        port=life.workload.port,
        tags=life.workload.spec.tags,
        quick_exits=life.quick_exits,
        idle=life.idle and life.state == "waiting",
        overrides=dict(life.launch.overrides),
    )
