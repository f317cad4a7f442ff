"""Sends a message as a mail."""

from __future__ import annotations

import contextlib
import hashlib
import smtplib
import socket
import time
from email.message import EmailMessage
from email.utils import formatdate

from actors.notifier.channels.attempt import Cut, SendFailed
from actors.notifier.wording import Message
from actors.settings.alerts import Mail


def deliver(mail: Mail, password: str | None, message: Message, within: tuple[float, Cut]) -> None:
    """Hand it to the server. within: as of webhook.post. Raises: SendFailed; OSError."""
    within_s, cut = within
    end_s = time.monotonic() + within_s
    server: smtplib.SMTP | None = None
    try:
        server = _server(mail, within_s)
        if mail.security == "starttls":
            with cut.within(_socket(server), end_s - time.monotonic()):
                _start_tls(server)
        with cut.within(_socket(server), end_s - time.monotonic()):  # that of TLS is another one
            _hand_over(server, mail, password, message)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise SendFailed(f"every recipient is refused: {code} {_text(said)}", lasting=_lasts(code)) from None
    except smtplib.SMTPResponseException as error:
        raise SendFailed(f"{error.smtp_code} {_text(error.smtp_error)}", lasting=_lasts(error.smtp_code)) from None
    except (OSError, smtplib.SMTPException) as error:
        if time.monotonic() >= end_s:
            raise SendFailed(f"no answer within {within_s:g} s") from None
        if isinstance(error, smtplib.SMTPNotSupportedError):
            raise SendFailed(str(error), lasting=True) from None
        raise
    finally:
        if server is not None:
            server.close()


def _server(mail: Mail, within_s: float) -> smtplib.SMTP:
    """Connected, and greeted."""
    name = socket.gethostname()  # not its full name, which may have to be asked for
    if mail.security != "tls":
        return smtplib.SMTP(mail.host, mail.port_used, local_hostname=name, timeout=within_s)
    import ssl  # noqa: PLC0415 - loads OpenSSL

    context = ssl.create_default_context()
    return smtplib.SMTP_SSL(mail.host, mail.port_used, local_hostname=name, timeout=within_s, context=context)


def _socket(server: smtplib.SMTP) -> socket.socket:
    if server.sock is None:
        raise SendFailed("the connection was closed")
    return server.sock


def _start_tls(server: smtplib.SMTP) -> None:
    import ssl  # noqa: PLC0415 - loads OpenSSL

    server.ehlo()
    server.starttls(context=ssl.create_default_context())


def _hand_over(server: smtplib.SMTP, mail: Mail, password: str | None, message: Message) -> None:
    if mail.user is not None and password is not None:
        server.login(mail.user, password)
    server.send_message(_letter(mail, message))
    with contextlib.suppress(smtplib.SMTPException, OSError):
        server.quit()  # it was taken, whatever is said to this


def _letter(mail: Mail, message: Message) -> EmailMessage:
    domain = mail.from_.rpartition("@")[2]
    letter = EmailMessage()
    letter["Subject"] = message.title
    letter["From"] = mail.from_
    letter["To"] = ", ".join(mail.to)
    letter["Date"] = formatdate(localtime=True)
    letter["Message-ID"] = f"<{message.id}.gyrostat@{domain}>"  # the same at every attempt
    letter["Auto-Submitted"] = "auto-generated"
    if message.thread:
        thread = hashlib.sha256(message.thread.encode()).hexdigest()[:16]
        letter["References"] = f"<{thread}.gyrostat@{domain}>"
    if message.critical:
        letter["Importance"] = "high"
    letter.set_content(f"{message.text or message.title}\n")
    return letter


def _lasts(code: int) -> bool:
    return code >= 500  # noqa: PLR2004 - the server's word for: not again


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
