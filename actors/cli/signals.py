"""`gyrostat signal`: a signal to a workload."""

from __future__ import annotations

import click

from actors.cli.options import command, node_option, outcome_option, yes_option
from actors.cli.place import Place


@command("signal web HUP", "signal @jobs USR1")
@click.argument("name")
@click.argument("sig", metavar="SIGNAL")
@outcome_option
@node_option
@yes_option
def signal(place: Place, *, name: str, sig: str) -> int:
    """Send a signal to the main process of a workload; of each, for a pattern ('web-*') or a tag (@TAG).

    SIGNAL: a name, with or without SIG, or a number.
    """
    import signal as signals

    from actors.cli.door import nearest
    from actors.cli.names import ask_each
    from bus.messages import SignalProcess

    known = [one.name.removeprefix("SIG") for one in signals.Signals]
    numbers = {str(one.value): one.name.removeprefix("SIG") for one in signals.Signals}
    short = numbers.get(sig, sig.upper().removeprefix("SIG"))
    if short not in known:
        msg = f'no signal "{sig}"; {nearest(short, known)}'
        raise click.UsageError(msg)
    why = "asked on the command line"
    return ask_each(place, [name], lambda one: SignalProcess(name=one, signal=short, why=why), f"was sent {short}")
