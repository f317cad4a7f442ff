"""Sends one message over one channel, in a thread that may wait, and tells what came of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from actors.notifier.channels.attempt import Attempt, Cut, SendFailed, attempt_failed, read_secret
from actors.notifier.channels.by_apprise import LASTING, Order
from actors.notifier.scrub import secrets_of
from actors.notifier.wording import Message
from actors.program import NOT_FOUND, NOT_RUN, Ran, run_program
from actors.settings.alerts import Apprise, Channel, Mail, Webhook


def send(channel: Channel, message: Message, root: Path, cut: Cut) -> Attempt:
    """Send it. root: where a program runs. Whatever it raises is what came of it, with nothing secret in it."""
    began_s = time.monotonic()
    secrets: list[str] = []
    try:
        if channel.webhook is not None:
            _webhook(channel.webhook, message, (float(channel.within), cut), secrets)
        elif channel.mail is not None:
            _mail(channel.mail, message, (float(channel.within), cut), secrets)
        elif channel.apprise is not None:
            _apprise(channel.apprise, message, root, (float(channel.within), cut), secrets)
        else:
            _program(channel.command or [], message, root, (float(channel.within), cut))
    except Exception as error:  # noqa: BLE001 - libraries of others; what they raise is told, and it is tried again
        return attempt_failed(error, secrets, began_s)
    return Attempt(took_s=time.monotonic() - began_s)


def _webhook(hook: Webhook, message: Message, within: tuple[float, Cut], secrets: list[str]) -> None:
    from actors.notifier.channels.webhook import post  # noqa: PLC0415 - loaded when it is used

    url = hook.url if hook.url is not None else read_secret(hook.url_file or "")
    secrets += [*secrets_of(url), *hook.headers.values()]
    token = None if hook.token_file is None else read_secret(hook.token_file)
    secrets.append(token or "")
    post(hook, url, token, message, within)


def _mail(mail: Mail, message: Message, within: tuple[float, Cut], secrets: list[str]) -> None:
    from actors.notifier.channels.mail import deliver  # noqa: PLC0415 - as above

    password = None if mail.password_file is None else read_secret(mail.password_file)
    secrets.append(password or "")
    deliver(mail, password, message, within)


def _apprise(apprise: Apprise, message: Message, root: Path, within: tuple[float, Cut], secrets: list[str]) -> None:
    url = apprise.url if apprise.url is not None else read_secret(apprise.url_file or "")
    secrets += secrets_of(url)
    order = Order(url=url, title=message.title, body=message.text, critical=message.critical)
    argv = [sys.executable, "-P", "-m", "actors.notifier.channels.by_apprise"]
    ran = run_program(argv, msgspec.json.encode(order), {}, root, within[0], stop=within[1].stopped)
    _check(ran, within[0], lasting=LASTING)


def _program(argv: list[str], message: Message, root: Path, within: tuple[float, Cut]) -> None:
    about = {
        "GYROSTAT_ALERT_ID": message.id,
        "GYROSTAT_ALERT_TITLE": message.title,
        "GYROSTAT_ALERT_CRITICAL": "1" if message.critical else "0",
    }
    _check(run_program(argv, message.data, about, root, within[0], stop=within[1].stopped), within[0])


def _check(ran: Ran, within_s: float, lasting: int = NOT_FOUND) -> None:
    """Raises: SendFailed unless it ended with exit code 0. lasting: another exit code for what lasts."""
    if ran.exit_code == 0:
        return
    how = f"not done within {within_s:g} s" if ran.exit_code is None else f"exit code {ran.exit_code}"
    said = f": {ran.output[-1]}" if ran.output else ""
    raise SendFailed(f"{how}{said}", lasting=ran.exit_code in (lasting, NOT_FOUND, NOT_RUN))
