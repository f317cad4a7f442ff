"""What a service manager reads of a node: a unit of systemd, a property list of launchd. Text only, given everything.

The workloads outlive the node under both: `KillMode=process` and `AbandonProcessGroup` say so.
"""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Final

from msgspec import Struct

WATCHDOG_S: Final = 30
"""Seconds without a sign of life after which systemd ends the node and starts it again."""
STOP_MARGIN_S: Final = 15
"""Seconds beyond node.shutdown_grace until the service manager loses patience with a stop."""

UNIT: Final = """\
# Written by `gyrostat service install`; it writes it anew.
[Unit]
Description=gyrostat node {node}
After=network-online.target
Wants=network-online.target
# A node that cannot start is tried again for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={directory}
Environment={path}
{account}# Ends the node only. It stops its workloads itself when it is stopped, and leaves them running when it dies or
# is upgraded.
KillMode=process
Restart=on-failure
RestartSec=1
WatchdogSec={watchdog}
TimeoutStartSec=120
TimeoutStopSec={stop}
# The workloads live in the same control group, and the node makes groups of its own in it for their limits.
Delegate=yes
TasksMax=infinity

[Install]
WantedBy={target}
"""


class Service(Struct, frozen=True, kw_only=True):
    """One node as a service. argv: what runs it. path: the programs its workloads are looked for in. grace_s: seconds.

    account: whom it runs as, or None. system: for the whole machine, else for one person's session.
    """

    node: str
    argv: list[str]
    directory: Path
    path: str
    grace_s: float
    system: bool
    account: str | None = None
    out: Path | None = None

    @property
    def name(self) -> str:
        """Of the unit, without its ending."""
        return f"gyrostat-{self.node}"

    @property
    def label(self) -> str:
        """Of the property list."""
        return f"org.gyrostat.{self.node}"


def unit_of(service: Service) -> str:
    """Give the text of the unit."""
    return UNIT.format(
        node=service.node.replace("%", "%%"),
        command=" ".join(map(quoted, service.argv)),
        directory=str(service.directory).replace("%", "%%"),
        path=quoted(f"PATH={service.path}", dollars=False),
        account=f"User={service.account}\n" if service.account else "",
        watchdog=WATCHDOG_S,
        stop=round(service.grace_s) + STOP_MARGIN_S,
        target="multi-user.target" if service.system else "default.target",
    )


def quoted(text: str, *, dollars: bool = True) -> str:
    """Write one word as systemd reads it back. dollars: where it would put variables in. Source: systemd.service(5)."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    if dollars:
        safe = safe.replace("$", "$$")
    return f'"{safe}"' if safe != text or not text or any(one in text for one in " \t'") else text


def plist_of(service: Service) -> bytes:
    """Give the property list. Source: launchd.plist(5)."""
    out = str(service.out or service.directory / "node.out")
    content: dict[str, object] = {
        "Label": service.label,
        "ProgramArguments": service.argv,
        "WorkingDirectory": str(service.directory),
        "EnvironmentVariables": {"PATH": service.path},
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "AbandonProcessGroup": True,
        "ExitTimeOut": round(service.grace_s) + STOP_MARGIN_S,
        "ThrottleInterval": 1,
        "StandardOutPath": out,
        "StandardErrorPath": out,
    }
    if service.account:
        content["UserName"] = service.account
    return plistlib.dumps(content, sort_keys=False)
