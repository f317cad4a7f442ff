"""Who is told what, and how: channels, routes, quiet hours, the daily summary. Types only; pure."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command, ConfigPath, Environment
from actors.settings.probes import check_headers, check_url
from actors.settings.schedules import Window, cron_fields
from actors.settings.units import Seconds

GroupBy = Literal["type", "severity", "subject"]


class Webhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that JSON is posted to. Exactly one of url and url_file."""

    hidden: ClassVar = frozenset({"url", "headers"})

    url: str | None = None
    """http or https. What is after the host is taken for a secret: no log and no command shows it."""

    url_file: ConfigPath | None = None
    """File that holds the URL; readable by its owner and group only."""

    token_file: ConfigPath | None = None
    """File that holds a token, sent as `Authorization: Bearer`. None: none is sent."""

    headers: Environment = msgspec.field(default_factory=dict)
    """Header -> value that is sent."""

    body: Literal["full", "text"] = "full"
    """full: every field (docs/alerts.md). text: {"text": ...} only, what Slack, Mattermost and others take."""

    def __post_init__(self) -> None:
        """Refuse what is no address, without repeating it.

        Raises: ValueError.
        """
        _exactly_one(self, "url", "url_file")
        if self.url is not None:
            _check_webhook(self.url)
        check_headers(self.headers)


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server, and who gets the mail."""

    host: str
    """Name or address of the server."""

    from_: str = msgspec.field(name="from")
    """Address it is from."""

    to: Annotated[list[str], Meta(min_length=1)]
    """Addresses it goes to."""

    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """Port. None: 587 with starttls, 465 with tls, 25 with none."""

    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is kept secret. none: not at all, for a server on this machine."""

    user: str | None = None
    """Name to log in with. None: no login."""

    password_file: ConfigPath | None = None
    """File that holds the password; readable by its owner and group only."""

    def __post_init__(self) -> None:
        """Refuse what is no address, and half a login.

        Raises: ValueError.
        """
        for key, addresses in (("from", [self.from_]), ("to", self.to)):
            for address in addresses:
                if "@" not in address or not address.isprintable() or any(each in address for each in " ,<>"):
                    raise ValueError(f'{key}: "{address}" is no address; allowed: NAME@HOST')
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        if self.user is not None and self.security == "none":
            raise ValueError("security: a password is not sent in the clear; allowed: starttls, tls")

    @property
    def port_used(self) -> int:
        """The port, or that of its security."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


class Apprise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any service that apprise knows. Exactly one of url and url_file."""

    hidden: ClassVar = frozenset({"url"})

    url: str | None = None
    """A URL of apprise, as in slack://TOKEN/#channel. It is a secret: no log and no command shows it."""

    url_file: ConfigPath | None = None
    """File that holds the URL; readable by its owner and group only."""

    def __post_init__(self) -> None:
        """Refuse what is no URL, without repeating it.

        Raises: ValueError.
        """
        _exactly_one(self, "url", "url_file")
        if self.url is not None and "://" not in self.url:
            raise ValueError("url: is no URL; allowed: SERVICE://..., as apprise has them")


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to reach people. Exactly one of webhook, mail, command and apprise."""

    webhook: Webhook | None = None
    """JSON is posted."""

    mail: Mail | None = None
    """A mail is sent."""

    command: Command | None = None
    """Program of the operator and its arguments, run in the config's directory with the message as JSON on its stdin.
    Exit code 0: it was delivered."""

    apprise: Apprise | None = None
    """A service that apprise knows. Needs gyrostat[alerts]."""

    within: Annotated[Seconds, Meta(gt=0)] = Seconds(20)
    """Seconds that one attempt may take."""

    def __post_init__(self) -> None:
        """Refuse none and two.

        Raises: ValueError.
        """
        _exactly_one(self, "webhook", "mail", "command", "apprise")
        if self.command is not None and not (self.command and self.command[0]):
            raise ValueError("command: is empty; allowed: a program and its arguments")

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(key for key in ("webhook", "mail", "command", "apprise") if getattr(self, key) is not None)

    def files(self) -> dict[str, str]:
        """Key beneath the channel -> file that holds a secret."""
        way = self.webhook or self.mail or self.apprise
        keys = ("url_file", "token_file", "password_file")
        found = {key: getattr(way, key, None) for key in keys}
        return {f"{self.kind}.{key}": path for key, path in found.items() if path is not None}


class Escalation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who else is told when nobody acknowledges."""

    after: Annotated[Seconds, Meta(gt=0)]
    """Seconds since it was told first."""

    to: Annotated[list[str], Meta(min_length=1)]
    """Channels."""


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts go where. An alert takes the first route that fits it; what is left out fits any."""

    to: list[str] = msgspec.field(default_factory=list)
    """Channels. None: nobody is told."""

    severity: Literal["warning", "critical"] = "warning"
    """The least severity: warning or critical."""

    types: list[str] = msgspec.field(default_factory=list)
    """Types, one of which it has to be: the kinds of issues, approval, emergency, task, backlog, node, component,
    channel."""

    subjects: list[str] = msgspec.field(default_factory=list)
    """Names of workloads, or shell patterns of them, one of which has to fit; also `host`, or the node's name."""

    tags: list[str] = msgspec.field(default_factory=list)
    """Tags that its workload has to have, all of them."""

    go_on: bool = msgspec.field(default=False, name="continue")
    """The routes after this one are looked at too."""

    group_by: list[GroupBy] = msgspec.field(default_factory=list)
    """What alerts of one message have in common: type, severity, subject. None: all of this route are in one."""

    wait: Seconds = Seconds(30)
    """Seconds from the first alert of a group to its message; what is repaired by then is not told."""

    interval: Seconds = Seconds(60)
    """Seconds at least between two messages of a group, whatever happens."""

    repeat: Seconds = Seconds(4 * 3600)
    """Seconds after which what lasts, and nobody acknowledged, is told again. 0: never."""

    resolved: bool = True
    """Also tell when what was told is over."""

    quiet: list[Window] = msgspec.field(default_factory=list)
    """Times in which nothing is told; it is told at their end if it still lasts."""

    quiet_for: Literal["warning", "all"] = "warning"
    """What quiet times hold back: a message without a critical alert, or every message."""

    escalate: list[Escalation] = msgspec.field(default_factory=list)
    """Who else is told when nobody acknowledges, in the order of their times."""


class Backlog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on waiting tasks are an alert."""

    tasks: Annotated[int, Meta(ge=1)] | None = None
    """Tasks that wait, of all kinds together. None: any number may."""

    age: Seconds | None = None
    """Seconds that the oldest one waits. None: it may wait for ever."""


class Summary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message on how the last day was."""

    at: str = "0 8 * * *"
    """When, in cron's five fields or a shorthand. A time that was missed is made up for within six hours."""

    to: Annotated[list[str], Meta(min_length=1)]
    """Channels."""

    timezone: str | None = None
    """Zone of `at`, as in Europe/Berlin. None: that of the machine."""

    def __post_init__(self) -> None:
        """Refuse a time that never comes.

        Raises: ValueError.
        """
        try:
            cron_fields(self.at)
        except ValueError as error:
            raise ValueError(f"at: {error}") from None


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about telling people."""

    channels: dict[str, Channel] = {}
    """Name -> way to reach people. None: nobody is told; `gyrostat alerts` shows what would be."""

    routes: list[Route] = []
    """Which alerts go where. None: all go to every channel."""

    backlog: Backlog = Backlog()
    """When waiting tasks are an alert."""

    summary: Summary | None = None
    """A message on the last day. None: none."""

    @property
    def routes_used(self) -> list[Route]:
        """The routes, or the one that stands for none."""
        return self.routes or [Route(to=list(self.channels))]

    def named(self) -> Iterator[tuple[str, str]]:
        """Give every channel that is named, with its key beneath `alerts`."""
        for place, route in enumerate(self.routes):
            for number, name in enumerate(route.to):
                yield f"routes[{place}].to[{number}]", name
            for step, escalation in enumerate(route.escalate):
                for number, name in enumerate(escalation.to):
                    yield f"routes[{place}].escalate[{step}].to[{number}]", name
        for number, name in enumerate(self.summary.to if self.summary is not None else []):
            yield f"summary.to[{number}]", name


def _check_webhook(url: str) -> None:
    """Refuse what is no URL of http or https, without repeating it: it may hold a secret.

    Raises: ValueError.
    """
    try:
        check_url(url, "url")
    except ValueError:
        raise ValueError("url: is no URL; allowed: http://host:port/path or https://...") from None


def _exactly_one(settings: Struct, *keys: str) -> None:
    """Raises: ValueError."""
    if sum(getattr(settings, key) is not None for key in keys) != 1:
        raise ValueError(f"exactly one of {', '.join(keys[:-1])} and {keys[-1]} is needed")
