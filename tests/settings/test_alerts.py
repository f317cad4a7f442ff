"""What an operator may say about alerts; secrets in it stay out of every fault, plan and listing."""

import json

import msgspec
import pytest

from actors.plan import plan_reload
from actors.settings import ConfigError, Settings, load, to_plain


def read(folder, text) -> Settings:
    path = folder / "gyrostat.yaml"
    path.write_text(text)
    return load(path, actor_types={}, resolve=None, environ={})


def with_channel(channel, routes="[]"):
    return f"alerts: {{channels: {{team: {channel}}}, routes: {routes}}}\n"


@pytest.mark.parametrize(
    ("channel", "fault"),
    [
        ("{}", "alerts.channels.team: exactly one of webhook, mail, command and apprise is needed"),
        ("{webhook: {}}", "alerts.channels.team.webhook: exactly one of url and url_file is needed"),
        ("{webhook: {url: ftp://h/SECRET}}", "alerts.channels.team.webhook.url: is no URL"),
        ('{webhook: {url: http://h, headers: {"a b": SECRET}}}', "alerts.channels.team.webhook.headers: "),
        ("{apprise: {url: SECRET}}", "alerts.channels.team.apprise.url: is no URL"),
        ("{command: []}", "alerts.channels.team.command: is empty"),
        ("{mail: {host: h, from: a, to: [b@c]}}", 'alerts.channels.team.mail.from: "a" is no address'),
        ("{mail: {host: h, from: a@b, to: []}}", "alerts.channels.team.mail.to: a length of 0 is not allowed"),
        ("{mail: {host: h, from: a@b, to: [b@c], user: u}}", "user and password_file go together"),
        (
            "{mail: {host: h, from: a@b, to: [b@c], user: u, password_file: f, security: none}}",
            "alerts.channels.team.mail.security: a password is not sent in the clear",
        ),
    ],
)
def test_a_channel_that_cannot_be_is_refused_without_its_secret(tmp_path, channel, fault):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, with_channel(channel))
    (said,) = map(str, refused.value.faults)
    assert said.startswith("gyrostat.yaml:1: ") or "gyrostat.yaml:1: " in said
    assert fault in said
    assert "SECRET" not in said


@pytest.mark.parametrize(
    ("routes", "fault"),
    [
        ("[{to: [tem]}]", 'alerts.routes[0].to[0]: no channel "tem"; did you mean "team"?'),
        ("[{types: [crsh]}]", 'alerts.routes[0].types[0]: unknown type "crsh"; did you mean "crash"?'),
        ("[{quiet: [{opens: soon, lasts: 1h}]}]", "alerts.routes[0].quiet[0].opens: "),
        ("[{escalate: [{after: 1h, to: [no]}]}]", 'alerts.routes[0].escalate[0].to[0]: no channel "no"'),
    ],
)
def test_a_route_that_leads_nowhere_is_refused_with_its_place(tmp_path, routes, fault):
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, with_channel("{command: [page]}", routes))
    assert fault in str(refused.value)


def test_without_routes_all_goes_to_every_channel_and_ports_follow_security(tmp_path):
    settings = read(tmp_path, with_channel("{mail: {host: h, from: a@b, to: [b@c]}}"))
    (route,) = settings.alerts.routes_used
    assert (route.to, route.severity, float(route.wait)) == (["team"], "warning", 30.0)
    mail = settings.alerts.channels["team"].mail
    assert mail is not None
    assert mail.port_used == 587
    assert msgspec.structs.replace(mail, security="tls").port_used == 465
    assert msgspec.structs.replace(mail, security="none").port_used == 25


def test_a_plan_and_a_listing_show_that_a_secret_changed_and_not_to_what(tmp_path):
    before = read(tmp_path, with_channel("{webhook: {url: http://h/SECRET1, headers: {X: SECRET2}}}"))
    after = read(tmp_path, with_channel("{webhook: {url: http://h/SECRET3, headers: {X: SECRET2}}}"))
    (row,) = plan_reload(before, after).plan
    assert (row.subject, row.action, row.changes, row.note) == ("alerts", "take_over", [], "a secret")
    shown = json.dumps(to_plain(after)["alerts"])
    assert "SECRET" not in shown
    assert '"url": "***"' in shown
    assert before.revision != after.revision


def test_a_config_without_alerts_keeps_its_revision(tmp_path):
    assert read(tmp_path, "alerts: {}\n").revision == read(tmp_path, "\n").revision
