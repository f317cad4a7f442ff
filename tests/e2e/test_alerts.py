"""A real node, a workload that breaks, a real web server: what people are told survives kill -9, and the commands."""

import json
import os
import signal

import pytest

from tests.e2e.conftest import PATIENCE_S, read_until, until
from tests.notifier.conftest import Hooked

CONFIG = """
node: {{name: alpha, state_dir: ./var}}
workloads:
  worker:
    command: [sh, -c, "echo no such table >&2; exit 3"]
    restart: {{start_limit: 2, backoff_max: 100ms}}
    tags: [jobs]
alerts:
  channels:
    team: {{webhook: {{url_file: ./team.url}}}}
  routes:
    - {{to: [team], wait: 500ms, interval: 1s}}
actors:
  notifier: {{retry: {{first: 200ms, longest: 1s}}}}
  gateway: {{enabled: false}}
"""


@pytest.fixture
def hook():
    server = Hooked()
    yield server
    server.close()


@pytest.fixture
def node(site, hook):
    site.write(CONFIG.format())
    secret = site.directory / "team.url"
    secret.write_text(f"{hook.url}\n")
    secret.chmod(0o600)
    return site.up("-q")


def asked(site, *words):
    code, out, err = site.call("alerts", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def told(hook):
    return {alert["subject"] for message in hook.took for alert in message["alerts"]}


def test_a_message_that_was_queued_when_the_node_was_killed_is_sent_by_the_next(site, hook, node):
    hook.held.clear()  # the server takes the connection, and says nothing
    until(lambda: hook.asked, "the node is sending")
    first = hook.asked[0][1]["Idempotency-Key"]
    node.kill()
    node.wait(PATIENCE_S)
    hook.held.set()
    until(lambda: hook.took, "the server is done with it, though nobody hears its answer")
    hook.asked.clear()
    hook.took.clear()
    site.up("-q")
    until(lambda: "worker" in told(hook), "it is told")
    assert first in {headers["Idempotency-Key"] for _, headers, _ in hook.asked}


def test_a_node_ends_soon_though_a_message_is_on_its_way(site, hook, node):
    hook.held.clear()
    until(lambda: hook.asked, "the node is sending")
    node.send_signal(signal.SIGINT)
    assert node.wait(10) == 0
    assert hook.took == []


def test_people_see_acknowledge_silence_and_test(site, hook, node):
    until(lambda: "worker" in told(hook), "it is told")
    (row,) = [row for row in asked(site, "list")["alerts"] if row["subject"] == "worker"][:1]
    assert (row["to"], row["tags"]) == (["team"], ["jobs"])
    code, out, _ = site.call("alerts")
    assert code == 0
    assert out.splitlines()[0].split() == ["ID", "SEVERITY", "SUBJECT", "TYPE", "SINCE", "TO", "SUMMARY"]
    assert site.call("alerts", "ack", row["alert"], "--note", "on it")[0] == 0
    assert "acknowledged: on it" in site.call("alerts")[1]
    code, out, _ = site.call("alerts", "silence", "work*", "--for", "2h", "--type", "crash_loop")
    assert code == 0
    assert out.startswith("silence s1: work*, type crash_loop, until ")
    assert site.call("alerts", "unsilence", "s1")[1] == "silence s1 is over\n"
    assert site.call("alerts", "unsilence", "s1")[0] == 1
    code, out, _ = site.call("alerts", "test")
    assert code == 0
    assert out.startswith("team  took it in ")
    assert hook.took[-1]["reason"] == "test"
    assert asked(site, "sent")["notices"][0]["channel"] == "team"
    assert site.call("alerts", "retry")[1] == "nothing waits\n"
    assert asked(site, "summary")["title"].startswith("the last day: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["silence"], "say what: a NAME, --type, --tag, or --all"),
        (["silence", "--type", "crsh"], 'no type "crsh"; did you mean "crash"?'),
        (["silence", "web", "--for", "soon"], '"soon" is not a duration'),
    ],
)
def test_slips_are_answered_in_one_line(site, words, said):
    site.write(CONFIG.format())
    code, _, err = site.call("alerts", *words)
    assert code == 2
    assert said in err


def test_faults_of_the_config_are_named_with_their_line_and_no_secret(site):
    site.write(
        "node: {name: alpha}\nworkloads: {}\nalerts:\n  channels:\n"
        "    a: {webhook: {url: 'htp://SECRET'}}\n    b: {command: [nope-nope]}\n"
    )
    code, _, err = site.call("config", "check")
    assert code == 2
    assert "gyrostat.yaml:5: alerts.channels.a.webhook.url: is no URL" in err
    site.write(
        "node: {name: alpha}\nworkloads: {}\nalerts:\n  channels:\n"
        "    a: {webhook: {url: 'http://h/SECRET', headers: {X: SECRET}}}\n    b: {command: [nope-nope]}\n"
        "    c: {webhook: {url_file: ./none}}\n"
        "  routes:\n    - {to: [a]}\n    - {to: [z]}\n"
        "    - {to: [a], escalate: [{after: 1h, to: [a]}, {after: 1m, to: [a]}]}\n"
    )
    code, _, err = site.call("config", "check")
    assert code == 2
    assert 'gyrostat.yaml:10: alerts.routes[1].to[0]: no channel "z"' in err
    assert "gyrostat.yaml:11: alerts.routes[2].escalate: a later step comes sooner" in err
    site.write(site.config.read_text().partition("  routes:")[0])
    code, out, err = site.call("config", "check")
    assert code == 2
    assert 'gyrostat.yaml:6: alerts.channels.b.command: no program "nope-nope"' in err
    assert "gyrostat.yaml:7: alerts.channels.c.webhook.url_file: no file " in err
    assert "SECRET" not in out + err + site.call("config", "show")[1]


def test_the_stream_of_the_node_says_what_was_sent(site, hook):
    site.write(CONFIG.format())
    secret = site.directory / "team.url"
    secret.write_text(hook.url)
    secret.chmod(0o600)
    node = site.up()
    lines = read_until(node.stdout, " sent in ")
    assert "message 1 sent in" in lines[-1]
    assert "SECRET" not in "\n".join(lines)
    os.kill(node.pid, signal.SIGINT)
