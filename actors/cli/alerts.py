"""`gyrostat alerts`: what people are told, who took it, and what a person says to that."""

from __future__ import annotations

from typing import Any, Final

import click

from actors.cli.metrics import seconds
from actors.cli.options import Number, command, config_option, examples, json_option, node_option, watch_option
from actors.cli.place import Place

PATIENCE_S: Final = 120.0
"""Seconds for a test of channels, each of which has its own time."""


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "alerts                                  what people are told of now, and channels that fail",
        "alerts test                             send a message to every channel",
        "alerts ack a3 --note 'on it'            no repeats, no escalation of that one",
        "alerts silence 'web-*' --for 2h         do not tell of these for a while",
        "alerts sent                             what was sent, and what waits",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def alerts(ctx: click.Context) -> None:
    """What people are told, and by which way. Without a further word: what they are told of now."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@click.option("-n", "--limit", type=Number(1, 10_000), default=50, help="At most so many. Default: 50.")
@json_option
@node_option
@watch_option
def _list(place: Place, *, limit: int = 50, as_json: bool = False) -> None:
    """Alerts that last, the critical and oldest first; silences; channels that take nothing."""
    from actors.cli.alert_lines import listed
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListAlerts

    found = place.ask(ListAlerts(limit=limit))
    if as_json:
        put_json(found)
    else:
        put(*listed(found, Paint()))


@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@json_option
@node_option
def _test(place: Place, *, channels: tuple[str, ...], as_json: bool) -> int:
    """Send a message to channels, all of them when none is named. Exit code 1 when one did not take it."""
    from actors.cli.alert_lines import tested
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import TryChannels

    found = place.ask(TryChannels(channels=list(channels)), PATIENCE_S)
    if as_json:
        put_json(found)
    else:
        put(*tested(found, Paint()))
    return int(any(one.error for one in found.tests))


@click.argument("alert", metavar="ID")
@click.option("--note", default="", metavar="TEXT", help="Who takes care of it, for the record.")
@json_option
@node_option
def _ack(place: Place, *, alert: str, note: str, as_json: bool) -> None:
    """Take care of an alert: it is not repeated and not escalated while it lasts. ID: its own, or that of its issue."""
    from bus.messages import AcknowledgeAlert

    _put_done(place.ask(AcknowledgeAlert(alert=alert, note=note)), as_json=as_json)


@click.argument("subjects", nargs=-1, metavar="[NAME]...")
@click.option("--for", "for_s", callback=seconds, default="1h", metavar="DURATION", help="How long: 30m, 2h, 7d. [1h]")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Of this type only; may be given again.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With this tag only; may be given again.")
@click.option("--all", "every", is_flag=True, help="Whatever it is.")
@click.option("--note", default="", metavar="TEXT", help="Why, for the record.")
@json_option
@node_option
def _silence(
    place: Place, *, subjects: tuple[str, ...], for_s: float, every: bool, as_json: bool, **fields: Any
) -> None:
    """Do not tell of some alerts for a while. NAME may be a pattern ('web-*'). They are seen to all the same."""
    from actors.cli.alert_lines import silenced
    from actors.cli.paint import put, put_json
    from bus.messages import SilenceAlerts

    types = [_known_type(each) for each in fields["types"]]
    if not (subjects or types or fields["tags"] or every):
        msg = "say what: a NAME, --type, --tag, or --all"
        raise click.UsageError(msg)
    asked = SilenceAlerts(
        for_s=for_s, subjects=list(subjects), types=types, tags=list(fields["tags"]), note=fields["note"]
    )
    made = place.ask(asked)
    if as_json:
        put_json(made)
    else:
        put(silenced(made))


@click.argument("silence", metavar="ID")
@json_option
@node_option
def _unsilence(place: Place, *, silence: str, as_json: bool) -> None:
    """End a silence now."""
    from bus.messages import EndSilence

    _put_done(place.ask(EndSilence(silence=silence)), as_json=as_json)


@click.option("-n", "--limit", type=Number(1, 10_000), default=50, help="At most so many. Default: 50.")
@json_option
@node_option
@watch_option
def _sent(place: Place, *, limit: int, as_json: bool) -> None:
    """Messages that wait, then those that were sent or given up, newest first."""
    from actors.cli.alert_lines import sent
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import ListNotices

    found = place.ask(ListNotices(limit=limit))
    if as_json:
        put_json(found)
    else:
        put(*sent(found, Paint()))


@click.argument("channel", required=False, metavar="[CHANNEL]")
@json_option
@node_option
def _retry(place: Place, *, channel: str | None, as_json: bool) -> None:
    """Try every message that waits now, of one channel or of all."""
    from bus.messages import RetryNotices

    _put_done(place.ask(RetryNotices(channel=channel or "")), as_json=as_json)


@click.option("--send", is_flag=True, help="Send it to the channels of alerts.summary, too.")
@json_option
@node_option
def _summary(place: Place, *, send: bool, as_json: bool) -> None:
    """How the last day was: what went wrong, what was repaired by itself, what is left."""
    from actors.cli.paint import put, put_json
    from bus.messages import GetSummary

    found = place.ask(GetSummary(send=send), 15.0)
    if as_json:
        put_json(found)
    else:
        put(found.title, found.text, *([f"sent to: {', '.join(found.to)}"] if send else []))


list_ = command("alerts list", "alerts list --json", name="list")(_list)
for _made in (
    list_,
    command("alerts test", "alerts test mail", name="test")(_test),
    command("alerts ack a3", "alerts ack i3f2a --note 'on it'", name="ack")(_ack),
    command("alerts silence 'web-*' --for 2h", "alerts silence --type forecast --for 7d", name="silence")(_silence),
    command("alerts unsilence s1", name="unsilence")(_unsilence),
    command("alerts sent", "alerts sent -n 10 --json", name="sent")(_sent),
    command("alerts retry", "alerts retry mail", name="retry")(_retry),
    command("alerts summary", "alerts summary --send", name="summary")(_summary),
):
    alerts.add_command(_made)


def _known_type(word: str) -> Any:
    """Raises: click.UsageError."""
    from typing import get_args

    from actors.cli.door import nearest
    from bus.messages import AlertType

    types = list(get_args(AlertType))
    if word not in types:
        raise click.UsageError(f'no type "{word}"; {nearest(word, types)}')
    return word


def _put_done(done: Any, *, as_json: bool) -> None:
    from actors.cli.paint import put, put_json

    if as_json:
        put_json(done)
    else:
        put(done.detail)
