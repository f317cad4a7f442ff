"""`gyrostat top`: everything, live, in the whole terminal."""

from __future__ import annotations

import sys

from actors.cli.exits import OK, Failed
from actors.cli.options import command, node_option, yes_option
from actors.cli.place import Place


@command("top", "top --node beta", "top --yes                   restarts and stops ask nothing")
@node_option
@yes_option
def top(place: Place) -> int:
    """Watch the node in the whole terminal: workloads, issues, what needs you; restart, approve, read logs.

    ? shows the keys. Without colour when NO_COLOR is set. `gyrostat status --watch` does without a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed(f"top needs a terminal; without one: {place.told('status --watch')}")
    with place.client():
        pass  # what keeps one from asking is told as ever, and not in the middle of a screen
    from actors.cli.live.app import Top

    Top(place).run()
    return OK
